"""Photos brought to one scale, position and direction by two marks on each, the withers and the point of the buttock.

Two points fix a picture up to its mirror image. Each photo is laid on the first one, so that both marks meet; one that
faces the other way is turned. The first photo is drawn as it is, `UNIT` wide. Points are complex numbers, x + yi, with
y downwards as in a picture. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

UNIT = 1000.0  # width of the first photo in the drawing
NEAREST = 0.05  # of a photo's width: marks that are nearer to each other say nothing of its scale
WIDEST = 8.0  # times: photos whose scales differ by more are marked wrongly


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the withers and the point of the buttock are, each as shares of the photo's width and height."""

    withers: tuple[float, float]
    buttock: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a photo in px."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A part of the drawing."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layer:
    """A photo as it is drawn: its picture is `width` times `height`, and then put in place by the matrix."""

    width: float
    height: float
    matrix: tuple[float, float, float, float, float, float]  # as SVG writes it
    aligned: bool  # by its marks; else only as high as the first photo
    scale: float  # px of the drawing for one px of the photo

    def corners(self) -> list[tuple[float, float]]:
        """Where the corners of the picture are in the drawing."""
        a, b, c, d, e, f = self.matrix
        edges = [(0.0, 0.0), (self.width, 0.0), (0.0, self.height), (self.width, self.height)]
        return [(a * x + c * y + e, b * x + d * y + f) for x, y in edges]


@dataclass(frozen=True, slots=True)
class Guides:
    """Heights of horizontal lines in the drawing, by what they stand for."""

    withers: float
    girth: float
    hocks: float


def layers(sizes: Sequence[Size], marks: Sequence[Marks | None], turned: Sequence[bool]) -> list[Layer]:
    """The photos, each laid on the first one; one without usable marks is as high as the first one, from its left."""
    if not sizes:
        return []
    first = UNIT / sizes[0].width
    height = sizes[0].height * first
    goal = _points(sizes[0], marks[0], first, turned=turned[0])
    found: list[Layer] = []
    for number, (size, mark, turn) in enumerate(zip(sizes, marks, turned, strict=True)):
        placed = _aligned(size, mark, goal) if goal and number else None
        scale = first if number == 0 else height / size.height
        found.append(placed or _upright(size, scale, turned=turn, aligned=number == 0 and goal is not None))
    return found


def _points(size: Size, marks: Marks | None, scale: float, *, turned: bool) -> tuple[complex, complex] | None:
    """Both marks of a photo that is drawn at a scale; None where they are missing or too near to each other."""
    if marks is None:
        return None
    width, height = size.width * scale, size.height * scale
    both = [complex((1 - x if turned else x) * width, y * height) for x, y in (marks.withers, marks.buttock)]
    return None if abs(both[1] - both[0]) < NEAREST * width else (both[0], both[1])


def _upright(size: Size, scale: float, *, turned: bool, aligned: bool) -> Layer:
    width, height = size.width * scale, size.height * scale
    matrix = (-1.0, 0.0, 0.0, 1.0, width, 0.0) if turned else (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    return Layer(width, height, matrix, aligned, scale)


def _aligned(size: Size, marks: Marks | None, goal: tuple[complex, complex]) -> Layer | None:
    plain = _points(size, marks, 1.0, turned=False)
    if plain is None:
        return None
    turned = (plain[1].real < plain[0].real) != (goal[1].real < goal[0].real)
    points = _points(size, marks, 1.0, turned=turned) or plain
    factor = (goal[1] - goal[0]) / (points[1] - points[0])
    start = goal[0] - factor * points[0]
    if not UNIT / WIDEST <= abs(factor) * size.width <= UNIT * WIDEST:
        return None
    a, b, e, f = factor.real, factor.imag, start.real, start.imag
    if turned:  # x is counted from the right edge
        return Layer(
            size.width, size.height, (-a, -b, -b, a, e + a * size.width, f + b * size.width), True, abs(factor)
        )
    return Layer(size.width, size.height, (a, b, -b, a, e, f), True, abs(factor))


def around(drawn: Sequence[Layer]) -> Frame:
    """The smallest frame in which every photo is whole."""
    corners = [corner for layer in drawn for corner in layer.corners()]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    return Frame(left, top, max(x for x, _ in corners) - left, max(y for _, y in corners) - top)


def guides(size: Size, marks: Marks | None, girth: float, hocks: float, *, turned: bool) -> Guides | None:
    """Lines through the withers of the first photo and below: girth and hocks as shares of the marks' distance."""
    points = _points(size, marks, UNIT / size.width, turned=turned)
    if points is None:
        return None
    withers, length = points[0].imag, abs(points[1] - points[0])
    return Guides(withers, withers + girth * length, withers + hocks * length)
