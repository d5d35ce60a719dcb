"""One label of a photo, and why a photo has none. Pure, and quick to import."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Label:
    """One label of one photo. The fields are those of `labels` in every data set format."""

    value: float  # 0..1
    variance: float | None  # of the value, around the truth; None: not known
    reliability: float | None  # 0..1: the share of the differences between horses that is not chance; None: not known
    n: int | None  # opinions or starts behind it
    evidence: str  # JSON


class WhyNone(StrEnum):
    """Why a definition has no label for a subject; data sets count photos by these codes."""

    NOT_ASKED = "not_asked"
    NO_REVIEWS = "no_reviews"
    FEW_REVIEWS = "few_reviews"
    NO_START = "no_start"
    NO_LATER_START = "no_later_start"
    NO_PLACE = "no_place"
    NO_CONTRAST = "no_contrast"
    NO_REMARK = "no_remark"
    NOTHING_SAID = "nothing_said"
    NOT_READ = "not_read"
    NOT_IN_FILE = "not_in_file"
    SEVERAL_HORSES = "several_horses"
    NO_LABEL = "no_label"


WORDS = {
    WhyNone.NOT_ASKED: "its horse's label has not been asked for",
    WhyNone.NO_REVIEWS: "nobody has reviewed its horse",
    WhyNone.FEW_REVIEWS: "fewer reviews than wanted",
    WhyNone.NO_START: "its horse has no start beside the race of the photo",
    WhyNone.NO_LATER_START: "its horse has not run again after the race of the photo",
    WhyNone.NO_PLACE: "its horse has not been among the first three",
    WhyNone.NO_CONTRAST: "its horse has not run on both wet and firm going",
    WhyNone.NO_REMARK: "no remark was printed beside it",
    WhyNone.NOTHING_SAID: "no distance that suits it could be read from remarks",
    WhyNone.NOT_READ: "its remark has not been read yet",
    WhyNone.NOT_IN_FILE: "the file of labels does not name it",
    WhyNone.SEVERAL_HORSES: "the file of labels gives a name that several horses have",
    WhyNone.NO_LABEL: "the definition has no label for it",
}
