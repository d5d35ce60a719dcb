"""Models of the API's requests and answers. They validate the answers, and the OpenAPI document is built from them."""

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
Data = Annotated[str, means("The data set version that it was trained on.")]
Label = Annotated[str, means("The label that the run has learnt: definition/axis.")]
Skill = Annotated[
    Literal[
        Verdict.BEYOND_PEDIGREE_AND_RACE,
        Verdict.SKILL,
        Verdict.UNDECIDED,
        Verdict.NO_SKILL,
        Verdict.WORSE,
        Verdict.CONSTANT,
    ]
    | None,
    means("The verdict of `trainer evaluate` on horses that the run has not seen."),
]


class Known(answers.Answer):
    """A photo of the data set, with its horse and label."""

    horse_id: str
    horse_name: str
    photo: str = means("Issue and number.")
    value: Share = means("The label: 0 short to 1 long.")
    reviews: Reviews | None = means("The number of reviews, or of starts, behind the label.")
    side: Side = means("Side of the data set; the run was trained on `train`.")
    page_url: str = means("The page on which the photo was published.")
    picture: Annotated[str, BeforeValidator(lambda row: f"/horses/{row}.jpg")] = means(
        "Address of a thumbnail on this server.", "row"
    )


class Similar(Known):
    """A horse of the data set that looks like the one on the photo."""

    distance: Annotated[float, AfterValidator(lambda distance: round(distance, 3))] = means(
        "Distance in the run's feature space.", ge=0
    )


class Answer(answers.Answer):
    """The answer of a run for a photo."""

    score: Share = means("The same as `value`, under its name in the API of 2017.", "value")
    value: Share = means("Distance aptitude: 0 short to 1 long.")
    low: Share = means("Lower end of the interval.")
    high: Share = means("Upper end of the interval.")
    coverage: Share = means("Share of horses whose label lies within the interval.", default=COVERAGE)
    kind: Kind
    metres: float | None = means("What the value stands for, where the label says so.")
    like_training: bool | None = means(
        "Whether it is as near to the training photos as photos of other horses are. null: this run cannot judge it. "
        "It does not say that the photo shows a horse."
    )
    known: Known | None
    similar: list[Similar]
    run: Run
    data: Data
    label: Label
    verdict: Skill


class Horse(answers.Answer):
    """A horse of the collection."""

    horse_id: str
    name: str
    url: str = means(column="source_url")
    score: Share | None = means("null: without reviews, or the label was not fetched.", "value")
    reviews: Reviews | None
    observed_at: dt.datetime | None


class Found(answers.Answer):
    """The horses found by a name."""

    name: str = means("The name that was searched for.")
    url: str | None = means("Page of the first horse; null: no horse was found.")
    score: Share | None = means("Label of the first horse.")
    horses: list[Horse]


class Health(answers.Answer):
    """The state of the server, and its run."""

    status: Literal["ok"] = "ok"
    run: Run
    data: Data
    label: Label
    verdict: Skill


class GivenPhoto(TypedDict, total=False):
    """A photo named by the query of an address or by a form."""

    url: Annotated[str, means("Address of a photo.")]
    data: Annotated[str, means("The photo as a data: URI, or base64.")]
    photo: Annotated[str, means("Id of a photo of the collection.")]


class SentPhoto(GivenPhoto, total=False):
    """An uploaded photo."""

    file: Annotated[
        str, Field(description="The photo.", json_schema_extra={"contentMediaType": "application/octet-stream"})
    ]


class GivenName(TypedDict):
    """A horse's name, or part of it."""

    name: str
