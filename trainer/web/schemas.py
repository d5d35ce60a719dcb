"""Models of the API's requests and answers. They validate the answers, and the OpenAPI document is built from them."""

import datetime as dt
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field
from typing_extensions import TypedDict

from collector.storage.racing import Kind
from collector.web.server import answers
from collector.web.server.answers import means
from collector.web.server.worth import Worth
from trainer.dataset.examples import Side
from trainer.evaluation.verdict import Verdict
from trainer.models.answers import COVERAGE
from trainer.web.together import PHOTOS

Share = Annotated[float, Field(ge=0, le=1)]
Reviews = Annotated[int, Field(ge=0)]
Run = Annotated[str, means("The run that answers.")]
Data = Annotated[str, means("The data set version that it was trained on.")]
Label = Annotated[str, means("The label that the run has learnt: definition/axis.")]
Axis = Annotated[str, means("The axis of that label, such as distance or surface, or one of a label of one's own.")]
LowEnd = Annotated[str, means("What 0 stands for, such as short or turf.")]
HighEnd = Annotated[str, means("What 1 stands for, such as long or dirt.")]
Strange = means(
    "Whether it is as near to the training photos as photos of other horses are; of several photos, whether all are. "
    "null: this run cannot judge it. It does not say that a photo shows a horse."
)
KindOfHorse = Annotated[Kind | None, means("The type; null on all axes but distance, which have none.")]
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


def _rounded(point: np.ndarray | None) -> list[float] | None:
    """As exactly as places are stored."""
    return None if point is None else [float(f"{number:.5g}") for number in point]


class Known(answers.Answer):
    """A photo of the data set, with its horse and label."""

    horse_id: str
    horse_name: str
    photo: str = means("Issue and number.")
    value: Share = means("The label, from 0, `low_end`, to 1, `high_end`.")
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


class LearntFrom(answers.Answer):
    """What a run has learnt from."""

    photos: int
    horses: int
    newest_photo: str | None = means("Day of the newest photo.")


class Quality(answers.Answer):
    """How good a run is on horses that it has not seen. Errors are mean absolute errors."""

    verdict: Skill
    photos: int
    horses: int
    error: Share
    constant_error: float = means("Of the same answer for every horse.", ge=0)
    coverage: Share = means("Share of labels that lay within the interval.")


class Other(answers.Answer):
    """The answer to another label that the run has learnt."""

    label: Label
    low_end: LowEnd
    high_end: HighEnd
    value: Share
    low: Share
    high: Share
    kind: KindOfHorse
    metres: float | None
    verdict: Skill


class Photo(answers.Answer):
    """The answer of a run for one of the photos of a request."""

    name: str = means("Name of the file, the address, or the horse in the collection; empty for data.")
    problem: str | None = means("Why this photo has no answer: one sentence. null: it has one.")
    value: Share | None
    low: Share | None
    high: Share | None
    kind: KindOfHorse
    metres: float | None
    others: list[Other] = means("The answers to the other labels that the run has learnt.")
    like_training: bool | None
    known: Known | None = means("The photo itself, if it is in the data set.")
    worth: Worth | None = means("What the answer for this photo is worth.")
    point: Annotated[list[float] | None, BeforeValidator(_rounded)] = means(
        "Where the photo is in the run's feature space, which `space` names. null: the run computes no features."
    )


class Answer(answers.Answer):
    """The answer of a run for a horse. Of several photos, it is the mean of the values, and of the intervals' ends:
    photos of a horse err alike, so more of them do not make the interval narrower.
    """

    score: Share = means("The same as `value`, under its name in the API of 2017.", "value")
    value: Share = means("The label as the run predicts it, from 0, `low_end`, to 1, `high_end`.")
    low: Share = means("Lower end of the interval.")
    high: Share = means("Upper end of the interval.")
    coverage: Share = means("Share of horses whose label lies within the interval.", default=COVERAGE)
    kind: KindOfHorse
    metres: float | None = means("What the value stands for, where the label says so.")
    others: list[Other] = means("The answers to the other labels that the run has learnt.")
    worth: Worth = means(
        "What the answer is worth: `unlike` (a photo is unlike those learnt from: the numbers mean nothing), `learnt` "
        "(the run has learnt from this photo), `untested`, or the verdict of `trainer evaluate`."
    )
    like_training: bool | None = Strange
    known: Known | None = means("The photo itself, if it is in the data set; of several, one learnt from if any is.")
    similar: list[Similar] = means("The most similar horses of the data set; of several photos, to any of them.")
    photos: list[Photo] = means("Each photo: uploaded files first, then `data`, `url` and `photo`.")
    run: Run
    data: Data
    label: Label
    axis: Axis
    low_end: LowEnd
    high_end: HighEnd
    verdict: Skill
    preset: str = means("The setting that the run was trained with.")
    trained: dt.date
    learnt_from: LearntFrom | None = means("null: the data set is no longer there.")
    quality: Quality | None = means("null: the run was not evaluated; `how_to_judge` is the command that does.")
    how_to_judge: str
    space: str | None = means(
        "Names the run's feature space: points of one name can be compared, as `trainer index`'s."
    )


class Horse(answers.Answer):
    """A horse of the collection."""

    horse_id: str
    name: str
    url: str = means(column="source_url")
    score: Share | None = means(
        "What reviewers think, on the axis. null: without reviews, the label was not fetched, or they are not asked "
        "about this axis.",
        "value",
    )
    reviews: Reviews | None
    observed_at: dt.datetime | None


class Found(answers.Answer):
    """The horses found by a name."""

    name: str = means("The name that was searched for.")
    axis: Axis
    url: str | None = means("Page of the first horse; null: no horse was found.")
    score: Share | None = means("Label of the first horse.")
    horses: list[Horse]


class Health(answers.Answer):
    """The state of the server, and its run."""

    status: Literal["ok"] = "ok"
    run: Run
    data: Data
    label: Label
    axis: Axis
    low_end: LowEnd
    high_end: HighEnd
    verdict: Skill


class GivenPhotos(TypedDict, total=False):
    """Photos of one horse, named by the query of an address or by a form: up to 8 in all."""

    url: Annotated[list[str], means("Address of a photo; once for each photo.", max_length=PHOTOS)]
    data: Annotated[list[str], means("A photo as a data: URI, or base64; once for each photo.", max_length=PHOTOS)]
    photo: Annotated[list[str], means("Id of a photo of the collection; once for each photo.", max_length=PHOTOS)]


File = Annotated[str, Field(json_schema_extra={"contentMediaType": "application/octet-stream"})]


class SentPhotos(GivenPhotos, total=False):
    """Uploaded photos of one horse."""

    file: Annotated[list[File], means("A photo; once for each photo.", max_length=PHOTOS)]


class GivenName(TypedDict):
    """A horse's name, or part of it."""

    name: str
