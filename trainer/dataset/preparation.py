"""What a network expects of a photo's geometry: settings only, so that a run can be read without its photos."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a network expects of a photo's geometry."""

    height: int  # px
    width: int
    fit: Literal["pad", "squash"] = "pad"
