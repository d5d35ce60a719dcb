"""What `trainer serve` says of a photo, as far as a page shows it. What a later version says besides is passed over."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from collector.storage.racing import Kind
from collector.web.server.worth import Worth

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Said(BaseModel):
    """The base of all that is read."""

    model_config = ConfigDict(frozen=True)


class Other(Said):
    """The answer to another label that the model has learnt."""

    label: str
    low_end: str
    high_end: str
    value: Share
    low: Share
    high: Share
    metres: Number | None
    verdict: Worth | None


class Known(Said):
    """The photo itself, if the model's data set holds it."""

    horse_name: str
    value: Share
    reviews: int | None
    side: str


class LearntFrom(Said):
    """What the model has learnt from."""

    photos: int
    horses: int
    newest_photo: str | None


class Quality(Said):
    """How good the model is on horses that it has not seen."""

    verdict: Worth
    photos: int
    horses: int
    error: Share
    constant_error: Number
    coverage: Share


class Photo(Said):
    """Where the photo is in the model's feature space."""

    point: list[Number] | None


class About(Said):
    """The facts about the model."""

    run: str
    preset: str
    trained: date
    data: str
    label: str
    axis: str
    low_end: str
    high_end: str
    learnt_from: LearntFrom | None
    quality: Quality | None
    how_to_judge: str
    space: str | None  # names its feature space: points of one name can be compared


class Answered(About):
    """The answer for a photo, with the facts about the model that gives it."""

    value: Share
    low: Share
    high: Share
    kind: Kind | None
    metres: Number | None
    others: list[Other]
    known: Known | None
    worth: Worth
    photos: list[Photo] = Field(min_length=1)

    @property
    def point(self) -> list[float] | None:
        """Where the photo is in the model's feature space."""
        return self.photos[0].point

    @property
    def verdicts(self) -> dict[str, Worth | None]:
        """What the answers to the other labels are worth."""
        return {other.label: other.verdict for other in self.others}
