"""A comparison as it is drawn: which photos, where, and the lines over them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.web.compare.geometry import Frame, Guides, Layer, Marks, Size, around, guides, layers
from collector.web.compare.state import Comparison, View
from collector.web.horse.facts import Row

MOST_ENLARGED = 2.0  # times: beyond, one sees the encoder's squares and no horse


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo of a comparison."""

    photo: Row
    layer: Layer
    frame: Frame  # in which it is shown alone
    marked: bool  # whether its marks are known

    @property
    def matrix(self) -> str:
        """Where it is put, as SVG writes it."""
        return f"matrix({' '.join(f'{number:.5f}' for number in self.layer.matrix)})"

    @property
    def widest(self) -> int:
        """Px on the screen, beyond which it would be enlarged too far."""
        return round(MOST_ENLARGED * self.frame.width / self.layer.scale)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole comparison."""

    asked: Comparison
    photos: list[Drawn]
    under: Drawn
    over: Drawn
    frame: Frame  # of both, over one another
    guides: Guides | None  # None: not asked for, or the first photo has no marks

    @property
    def laid_over(self) -> bool:
        """Whether two photos are over one another."""
        return self.asked.view is not View.SIDE

    @property
    def all_aligned(self) -> bool:
        """Whether all of them are brought to one scale."""
        return all(drawn.layer.aligned for drawn in self.photos)

    @property
    def seam(self) -> float:
        """Where the seam is in the drawing."""
        return self.frame.left + self.frame.width * self.asked.seam / 100

    @property
    def widest(self) -> int:
        """Px on the screen of the photos over one another."""
        return min(round(MOST_ENLARGED * self.frame.width / drawn.layer.scale) for drawn in (self.under, self.over))


def size_of(photo: Row) -> Size:
    """A photo's size in px; that of most where it is not known."""
    return Size(photo["width"] or 640, photo["height"] or 480)


def draw(asked: Comparison, photos: Sequence[Row], kept: Mapping[str, Marks]) -> Drawing:
    """The drawing of photos, at least one; `kept` are their marks by their ids, where they are known.

    Photos that are brought to one scale share one frame, so that a horse that is higher in it is higher; others have
    their own.
    """
    marks = [(asked.marks.get(photo["photo"]) or kept.get(photo["photo"])) for photo in photos]
    sizes = [size_of(photo) for photo in photos]
    turned = [photo["photo"] in asked.turned for photo in photos]
    placed = layers(sizes, marks if asked.aligned else [None] * len(marks), turned)
    together = around([layer for layer in placed if layer.aligned] or placed)
    drawn = [
        Drawn(photo, layer, together if layer.aligned else around([layer]), mark is not None)
        for photo, layer, mark in zip(photos, placed, marks, strict=True)
    ]
    by_id = {one.photo["photo"]: one for one in drawn}
    under, over = by_id.get(asked.under, drawn[0]), by_id.get(asked.over, drawn[-1])
    lines = guides(sizes[0], marks[0], asked.girth / 100, asked.hocks / 100, turned=turned[0]) if asked.guides else None
    return Drawing(asked, drawn, under, over, around([under.layer, over.layer]), lines)
