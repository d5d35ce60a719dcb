"""A comparison as one picture to keep: a file of its own, which holds the photos and says where each is from."""

import base64
from dataclasses import dataclass
from unicodedata import east_asian_width

from collector.web.compare.drawing import Drawing, Drawn
from collector.web.pictures import Pictures

CELL = 640.0  # width of each photo beside others
OVER = 960.0  # width of two over one another
GAP = 16.0
LARGEST = 1280  # px: the width of the photos in it


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the picture: one photo, or two over one another."""

    drawn: tuple[Drawn, ...]
    x: float
    width: float
    height: float


def cells(drawing: Drawing) -> list[Cell]:
    """The parts of the picture, from left to right."""
    if drawing.laid_over:
        height = OVER * drawing.frame.height / drawing.frame.width
        return [Cell((drawing.under, drawing.over), GAP, OVER, height)]
    return [
        Cell((drawn,), GAP + number * (CELL + GAP), CELL, CELL * drawn.frame.height / drawn.frame.width)
        for number, drawn in enumerate(drawing.photos)
    ]


async def embedded(pictures: Pictures, drawing: Drawing) -> dict[str, str]:
    """The photos of a drawing as addresses that hold their bytes, by their ids.

    Raises:
        Problem: one of them cannot be made.
        TryLater: the database cannot be reached.
    """
    shown = (drawing.under, drawing.over) if drawing.laid_over else drawing.photos
    found: dict[str, str] = {}
    for photo in dict.fromkeys(drawn.photo["photo"] for drawn in shown):
        small = await pictures.small(photo, LARGEST)
        found[photo] = f"data:{small.media_type};base64,{base64.b64encode(small.body).decode()}"
    return found


def broken(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` columns, of which a Japanese character takes two; SVG breaks no lines.

    What cannot be printed is left out: with some of it the file would not be XML.
    """
    lines, line, used = list[str](), "", 0
    for char in filter(str.isprintable, " ".join(text.split())):
        takes = 2 if east_asian_width(char) in "WF" else 1
        if used + takes > width:
            head, space, tail = line.rpartition(" ")
            whole = space and len(tail) < width // 2 and not char.isspace()
            lines.append(head if whole else line)
            line = tail if whole else ""
            used = sum(2 if east_asian_width(kept) in "WF" else 1 for kept in line)
        if line or not char.isspace():
            line, used = line + char, used + takes
    return [*lines, line] if line else lines
