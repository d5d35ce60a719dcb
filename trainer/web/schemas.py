"""What the API is asked and what it answers: models that check an answer, and of which its document is made."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from typing_extensions import TypedDict

from collector.storage.racing import Kind
from collector.web.server import answers
from collector.web.server.answers import means
from trainer.dataset.examples import Side
from trainer.evaluation.verdict import Verdict
from trainer.models.answers import COVERAGE

Share = Annotated[float, Field(ge=0, le=1)]
Reviews = Annotated[int, Field(ge=0)]
Run = Annotated[str, means("The run that answers.")]
Data = Annotated[str, means("The data set version that it has learnt from.")]
Skill = Annotated[
    Literal[Verdict.SKILL, Verdict.NO_SKILL, Verdict.CONSTANT] | None,
    means("What `trainer evaluate` says of it on horses it had never seen."),
]


class Known(answers.Answer):
    """What the data set says of a horse that it shows."""

    horse_id: str
    horse_name: str
    photo: str = means("Issue and number.")
    value: Share = means("What reviewers think: 0 short to 1 long.")
    reviews: Reviews | None = means("How many.")
    side: Side = means("Of the data set; training has seen `train`.")
    page_url: str = means("Where the photo is published.")
    picture: Annotated[str, BeforeValidator(lambda row: f"/horses/{row}.jpg")] = means(
        "Where this server shows it, small.", "row"
    )


class Similar(Known):
    """A horse of the data set that looks like the one on the photo."""

    distance: Annotated[float, AfterValidator(lambda distance: round(distance, 3))] = means(
        "In the run's feature space.", ge=0
    )


class Answer(answers.Answer):
    """What a run says of a photo, and which run that is."""

    score: Share = means("The same as `value`, under the name it had in 2017.", "value")
    value: Share = means("Distance aptitude: 0 short to 1 long.")
    low: Share = means("Lower end of the interval.")
    high: Share = means("Upper end of the interval.")
    coverage: Share = means("Share of horses whose label lies within the interval.", default=COVERAGE)
    kind: Kind
    looks_like_a_horse: bool | None = means("null: this run cannot tell.")
    known: Known | None
    similar: list[Similar]
    run: Run
    data: Data
    verdict: Skill


class Horse(answers.Answer):
    """A horse of the collection."""

    horse_id: str
    name: str
    url: str = means(column="source_url")
    score: Share | None = means("null: nobody has reviewed it, or nobody has asked.", "value")
    reviews: Reviews | None
    observed_at: dt.datetime | None


class Found(answers.Answer):
    """The horses of a name."""

    name: str = means("As it was asked for.")
    url: str | None = means("Of the first horse; null: there is none of that name.")
    score: Share | None = means("Of the first horse.")
    horses: list[Horse]


class Health(answers.Answer):
    """Whether the server answers, and with which run."""

    status: Literal["ok"] = "ok"
    run: Run
    data: Data
    verdict: Skill


class GivenPhoto(TypedDict, total=False):
    """A photo that an address or a form names."""

    url: Annotated[str, means("Address of a photo.")]
    data: Annotated[str, means("The photo as a data: URI, or base64.")]
    photo: Annotated[str, means("Id of a photo of the collection.")]


class SentPhoto(GivenPhoto, total=False):
    """A photo that is sent along."""

    file: Annotated[
        str, Field(description="The photo.", json_schema_extra={"contentMediaType": "application/octet-stream"})
    ]


class GivenName(TypedDict):
    """A horse's name, or part of it."""

    name: str
