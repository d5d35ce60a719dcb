"""What is compared and how, as its address says it and back: the address holds the whole state. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from collector.storage.photo_ids import EXAMPLE, PHOTO_ID, read_photo_id
from collector.web.compare.geometry import Marks
from collector.web.server.problems import Code, Problem

MOST = 6  # photos
SHARE = r"(0(?:\.\d{1,4})?|1(?:\.0{1,4})?|\.\d{1,4})"
PER_CENT = re.compile(r"\d{1,2}|100", re.ASCII)
MARKED = re.compile(rf"(?P<photo>{PHOTO_ID.pattern}),{SHARE},{SHARE},{SHARE},{SHARE}", re.ASCII)
HALF = 50
# Below the withers, in hundredths of the distance from them to the point of the buttock: where the lines begin. They
# are those of a horse that is as tall as it is long, and one moves them.
GIRTH, HOCKS = 55, 75

Words = list[tuple[str, str]]  # of an address


class View(StrEnum):
    """How photos are shown."""

    SIDE = "side"  # beside each other
    SEAM = "seam"  # two over one another, with a seam between them
    FADE = "fade"  # two over one another, the upper one seen through
    FLICKER = "flicker"  # two, in turn


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an address asks for."""

    photos: tuple[str, ...] = ()  # ids; the others are laid on the first one
    view: View = View.SIDE
    under: str = ""  # of two photos over one another, the one on the left or below; empty: the first one
    over: str = ""  # empty: the last one
    seam: int = HALF  # per cent of the width
    opacity: int = HALF  # per cent, of the upper photo
    turned: tuple[str, ...] = ()  # photos that are turned by hand
    aligned: bool = True  # by their marks
    guides: bool = False
    girth: int = GIRTH
    hocks: int = HOCKS
    marks: dict[str, Marks] = field(default_factory=dict)  # set in the address: they count before those that are kept

    def words(self) -> Words:
        """The same as it stands in an address, without what is as usual."""
        words = [("photo", photo) for photo in self.photos]
        plain = {name: getattr(self, name) for name in ("view", "under", "over", "seam", "opacity", "girth", "hocks")}
        words += [(name, str(word)) for name, word in plain.items() if word != getattr(USUAL, name)]
        words += [("turn", photo) for photo in self.turned]
        words += [] if self.aligned else [("align", "no")]
        words += [("guides", "yes")] if self.guides else []
        return words + [("mark", marked(photo, marks)) for photo, marks in self.marks.items()]

    def with_turned(self, photo: str) -> "Comparison":
        """The same with a photo turned, or turned back."""
        turned = set(self.turned) ^ {photo}
        return replace(self, turned=tuple(one for one in self.photos if one in turned))

    def with_first(self, photo: str) -> "Comparison":
        """The same with all others laid on this photo."""
        return replace(self, photos=(photo, *(other for other in self.photos if other != photo)))

    def without(self, photo: str) -> "Comparison":
        """The same without a photo."""
        return read_comparison([word for word in self.words() if word != ("photo", photo)])

    def swapped(self, under: str, over: str) -> "Comparison":
        """The same with the lower photo above."""
        return replace(self, under=over, over=under)

    def as_tray(self) -> Words:
        """The photos as a tray, to collect more."""
        return [("tray", photo) for photo in self.photos]


USUAL = Comparison()


def marked(photo: str, marks: Marks) -> str:
    """Marks of a photo as they stand in an address."""
    return ",".join([photo, *(f"{share:.4f}" for share in (*marks.withers, *marks.buttock))])


def read_comparison(words: Iterable[tuple[str, str]]) -> Comparison:
    """The comparison of an address. Photos after the sixth are left out; an empty field asks for nothing.

    Raises:
        Problem: a field cannot be understood; the sentence names it.
    """
    given: dict[str, list[str]] = {}
    for name, word in words:
        given.setdefault(name, []).append(word)
    photos = tuple(dict.fromkeys(map(_photo, given.get("photo", []))))[:MOST]
    last = {name: texts[-1] for name, texts in given.items()}
    marks = dict(_marks(text) for text in given.get("mark", [])[: 2 * MOST] if text)
    return Comparison(
        photos,
        _view(last.get("view", "")),
        _one_of(photos, last.get("under", "")),
        _one_of(photos, last.get("over", "")),
        _per_cent(last, "seam"),
        _per_cent(last, "opacity"),
        tuple(photo for photo in photos if photo in given.get("turn", [])),
        last.get("align") != "no",
        last.get("guides") == "yes",
        _per_cent(last, "girth"),
        _per_cent(last, "hocks"),
        {photo: marks[photo] for photo in photos if photo in marks},
    )


def _photo(text: str) -> str:
    if read_photo_id(text) is None:
        raise _wrong("photo", f"such as {EXAMPLE}")
    return text


def _one_of(photos: tuple[str, ...], text: str) -> str:
    return text if text in photos else ""


def _view(text: str) -> View:
    if text and text not in list(View):
        raise _wrong("view", f"one of {', '.join(View)}")
    return View(text or View.SIDE)


def _per_cent(given: dict[str, str], name: str) -> int:
    text = given.get(name, "")
    if text and not PER_CENT.fullmatch(text):
        raise _wrong(name, "a whole number from 0 to 100")
    return int(text) if text else getattr(USUAL, name)


def _marks(text: str) -> tuple[str, Marks]:
    found = MARKED.fullmatch(text)
    if not found:
        raise _wrong("mark", f"a photo and four shares of its width and height, such as {EXAMPLE},.31,.22,.81,.3")
    x, y, other_x, other_y = map(float, found.groups()[-4:])
    return found["photo"], Marks((x, y), (other_x, other_y))


def _wrong(name: str, words: str) -> Problem:
    return Problem(Code.NOT_UNDERSTOOD, f"{name} is to be {words}")
