"""A horse's photos by time, copies folded into the photo that they show again. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.web.horse.facts import Row


@dataclass(frozen=True, slots=True)
class Folded:
    """A photo and its copies."""

    photo: Row
    copies: list[Row] = field(default_factory=list)


def folded(photos: Sequence[Row]) -> list[Folded]:
    """The photos in their order; a copy stands with the photo of which it is one, where that is among them."""
    firsts = {photo["photo"]: Folded(photo) for photo in photos}
    for photo in photos:
        original = firsts.get(photo["copy_of"]) if photo["copy_of"] != photo["photo"] else None
        if original and original.photo["copy_of"] is None:
            original.copies.append(photo)
            del firsts[photo["photo"]]
    return list(firsts.values())
