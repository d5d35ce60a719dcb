"""The photo of a request, and the answer for it with all that its page needs."""

from dataclasses import dataclass, field

import numpy as np

from trainer.inference.serving import Prediction


@dataclass(frozen=True, slots=True)
class Given:
    """The photo of a request: its bytes, or its row in the data set."""

    name: str  # of the file, the address, the horse
    body: bytes = b""
    row: int | None = None
    uploaded: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A photo of the data set, with its horse and label."""

    row: int  # in the data set's table
    horse_id: str
    horse_name: str
    photo: str
    value: float | None  # the label, 0..1; None: it has other labels alone
    reviews: int | None  # or starts behind the label
    side: str
    page_url: str
    width: int  # px of the photo
    height: int
    distance: float | None = None  # in the run's feature space
    origin: str | None = None  # who took it, or where it was published; None: on its page


@dataclass(slots=True)
class Answer:
    """The answer for one photo, with all that its page needs."""

    prediction: Prediction
    strange: bool | None  # whether it is unlike all training photos; None: the run cannot judge it
    known: Known | None  # the photo itself, if it is in the data set
    similar: list[Known]
    point: np.ndarray | None  # where it is in the run's feature space; None: it has none
    pixels: np.ndarray
    width: int  # px, upright
    height: int
    shown: bytes | None
    name: str  # of the file, the address, the horse
    looked_at: bytes | None = field(default=None)
