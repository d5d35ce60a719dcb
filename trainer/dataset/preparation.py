"""The photo geometry of a network. It is apart from `pixels`, so that a run can be read without importing Pillow."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Preparation:
    """The size of the photos that a network expects, and how photos are fitted to it."""

    height: int  # px
    width: int
    fit: Literal["pad", "squash"] = "pad"
