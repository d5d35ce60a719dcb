"""Chips: what has been asked for, each with the address without it, and what may be asked for beside it, with counts.

A chip is a link, so it works without a script, and going back takes a choice back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup, escape

from collector.console.catalogue import Words
from collector.storage.racing import COATS, COURSES, GOING_ON, Going, Grade, Kind, Sex, Surface
from collector.web.search.address import FIELDS, Query, Result, Sort

FIRST, MOST = 6, 24  # values of a facet: seen at once, and behind "more" at most
CLASSES = [*map(str, Grade), "win3", "win2", "win1", "maiden", "new"]
# Values that have an order are shown in it; which are shown first is said by their counts all the same.
ORDERS: Mapping[str, Callable[[str], int]] = {
    "year": lambda word: -int(word),
    "distance": int,
    "age": int,
    "result": [*map(str, Result)].index,
    "kind": [*map(str, Kind)].index,
    "course": lambda word: _place(word, list(COURSES)),
    "grade": lambda word: _place(word, CLASSES),
}
IN_JAPANESE = ("name", "race", "sire", "trainer", "tag")  # whatever the reader's language is
OFFERED: Mapping[str, list[str]] = {"sort": list(Sort), "surface": list(Surface), "sex": list(Sex)}
Link = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Chip:
    """A value of a facet, or something that has been asked for."""

    field: str  # its name in the address
    label: str  # in the reader's language; empty: the field's name says it
    address: str
    count: int = 0  # photos
    chosen: bool = False

    def words(self) -> Markup:
        """Its label, marked where it is Japanese in any language."""
        label = escape(self.label)
        return Markup(f'<span lang="ja">{label}</span>') if self.field in IN_JAPANESE else label  # noqa: S704


@dataclass(frozen=True, slots=True)
class Facet:
    """A difference between photos, with its values."""

    field: str
    first: list[Chip]
    more: list[Chip]


def label(field: str, word: str, t: Words) -> str:
    """A word of an address in the reader's language; one that the catalogue does not know stays as it is."""
    match field:
        case "coat":
            return coat_words(word, t)
        case "course":
            return course_words(word, t)
        case "distance" | "metres":
            return t["metres_are"].format(metres=word)
        case "age":
            return t.counted("years_old", int(word))
        case "going" if word in GOING_ON:
            return t["going_on"].format(going=t[f"going_{word}"], surface=t[f"surface_{GOING_ON[Going(word)]}"])
        case "labelled":
            return ""
        case "going" | "grade" | "kind" | "result" | "sex" | "sort" | "surface":
            return t.get(f"{field}_{word}", word)
        case _:
            return word


def coat_words(coat: str, t: Words) -> str:
    """A coat's colour in the reader's language."""
    return t[f"coat_{COATS[coat]}"] if coat in COATS else coat


def course_words(course: str | None, t: Words) -> str:
    """A racecourse in the reader's language; one that is not of the JRA stays as it is written."""
    return t[f"course_{COURSES[course]}"] if course in COURSES else course or ""


def chosen(query: Query, t: Words, link: Link) -> list[Chip]:
    """What has been asked for, in the order of the form."""
    asked = {field: word for field, word in query.words().items() if field not in ("before", "sort")}
    kept = _kept(query)
    return [
        Chip(field, label(field, asked[field], t), link("/", **{name: kept[name] for name in kept if name != field}))
        for field in FIELDS
        if field in asked
    ]


def facets(query: Query, counts: Mapping[str, Mapping[str, int]], t: Words, link: Link) -> list[Facet]:
    """What may be asked for: the facets in which photos differ."""
    made = []
    for field, words in counts.items():
        kept = _kept(query)
        mine = kept.pop(field, None)
        if len(words) < 2 and mine is None:
            continue
        without = link("/", **kept)
        onward = f"{without}{'&' if '?' in without else '?'}{field}="
        chips = [
            Chip(field, label(field, word, t), without if word == mine else onward + _quoted(word), count, word == mine)
            for word, count in list(words.items())[: FIRST + MOST]
        ]
        first, more = chips[:FIRST], chips[FIRST:]
        if order := ORDERS.get(field):
            place = {id(chip): order(word) for chip, word in zip(chips, words, strict=False)}
            first, more = (sorted(part, key=lambda chip: place[id(chip)]) for part in (first, more))
        made.append(Facet(field, first, more))
    return made


# There are hundreds of chips and options on a page. Written here, they take a tenth of the time of a template.
def chip_list(chips: Sequence[Chip]) -> Markup:
    """Chips as a list of links with their counts."""
    mark = {True: ' aria-current="true"', False: ""}
    items = (
        f'<li><a class="chip" href="{escape(chip.address)}"{mark[chip.chosen]}>'
        f"{chip.words()} <small>{chip.count:,}</small></a></li>"
        for chip in chips
    )
    return Markup(f'<ul class="chips">{"".join(items)}</ul>')  # noqa: S704


def options(query: Query, counts: Mapping[str, Mapping[str, int]], field: str, t: Words) -> Markup:
    """What a field of the form offers: every value that there is, and the one that was asked for."""
    mine = str(query.sort) if field == "sort" else query.words().get(field)
    words = OFFERED.get(field) or [*counts[field]]
    if mine is not None and mine not in words:
        words = [*words, mine]
    words = sorted(words, key=ORDERS[field]) if field in ORDERS else words
    usual = str(Sort.NEWEST) if field == "sort" else None  # goes without saying
    language = ' lang="ja"' if field in IN_JAPANESE else ""
    mark = {True: " selected", False: ""}
    made = (
        f'<option value="{escape(word if word != usual else "")}"{mark[word == mine]}{language}>'
        f"{escape(label(field, word, t))}</option>"
        for word in words
    )
    return Markup("".join(made))  # noqa: S704


def sorts(query: Query, link: Link) -> list[tuple[Sort, str]]:
    """The orders that there are, each with its address."""
    kept = _kept(query)
    kept.pop("sort", None)
    return [(sort, link("/", **kept, sort="" if sort is Sort.NEWEST else sort)) for sort in Sort]


@lru_cache(maxsize=4096)
def _quoted(word: str) -> str:
    return quote(word, "")


def _place(word: str, words: Sequence[str]) -> int:
    """Where a word stands in an order; those that it does not have stand at the end."""
    return words.index(word) if word in words else len(words)


def _kept(query: Query) -> dict[str, str]:
    """The words of the address that another choice leaves as they are; it begins with the first page."""
    return {field: word for field, word in query.words().items() if field != "before"}
