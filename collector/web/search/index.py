"""The photos that a search is made among, in columns: what it filters by, counts and sorts, newest photo first. Pure.

Text is held as codes into its words, so a filter is a comparison of numbers, and the counts of all values of a column
are counted at once. 100,000 photos take some 20 MB, and their remarks as much again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.storage.racing import MIDDLE, MILE, SPRINT, Kind
from collector.web.search.address import Cursor, Query
from collector.web.search.names import read_name
from collector.web.search.remarks import Remarks
from collector.web.search.texts import Bools, Texts

# What photos are counted by, as an address calls it; each is a column of the index.
FACETS = (
    "year", "course", "distance", "surface", "going", "grade", "result", "kind", "sire", "trainer", "coat", "sex",
    "age", "source",
)  # fmt: skip
EPOCH = date(1970, 1, 1)

Codes = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of text: of each row which of the words; the last code is of rows without one."""

    codes: Codes
    words: list[str]

    def rows(self, fits: Callable[[str], bool]) -> Bools:
        """The rows whose word fits."""
        return self.chosen(np.fromiter(map(fits, self.words), np.bool_, len(self.words)))

    def chosen(self, words: Bools) -> Bools:
        """The rows of some of the words."""
        return np.append(words, np.False_)[self.codes]

    def equal(self, word: str) -> Bools:
        """The rows of a word."""
        return self.codes == (self.words.index(word) if word in self.words else -1)

    def counts(self, rows: NDArray[np.intp]) -> dict[str, int]:
        """How many of some rows each word has, the most frequent first; those that have none are left out."""
        counts = np.bincount(self.codes[rows], minlength=len(self.words))[: len(self.words)]
        order = np.argsort(-counts, kind="stable")
        return {self.words[code]: int(counts[code]) for code in order[: np.count_nonzero(counts)]}


@dataclass(frozen=True, repr=False)
class Horses:
    """Whom the photos show, each once: a horse, or a name whose horse is open."""

    shows: list[str]
    keys: list[str]  # by which they are sorted
    names: Texts  # all that it is called
    latin: Texts

    def named(self, part: str) -> Bools:
        """Which of them have a name that holds a part, however it was typed."""
        typed = read_name(part)
        if typed is None:
            return np.zeros(len(self.shows), np.bool_)
        return (self.latin if typed.latin else self.names).holding(typed.part)

    @cached_property
    def sorted_keys(self) -> list[str]:
        """Each name once, in the order of the kana."""
        return sorted(set(self.keys))

    @cached_property
    def ranks(self) -> Floats:
        """The place of each horse's name among all."""
        rank = {key: number for number, key in enumerate(self.sorted_keys)}
        return np.array([rank[key] for key in self.keys], np.float64)


@dataclass(frozen=True, repr=False)
class Index:
    """All photos that a search may find, the newest first."""

    dated: NDArray[np.int32]  # days since 1970, of the issue
    photos: pa.StringArray  # ids
    who: Codes  # of `horses`
    value: Floats  # distance aptitude; NaN: none
    horses: Horses
    columns: Mapping[str, Coded]  # the FACETS
    races: Coded  # names, as they are looked for
    tags: Coded  # words of the build, with commas between
    suits: Coded  # stretches of metres: 1200-1400,1600-1600
    remarks: Remarks

    def __len__(self) -> int:
        return len(self.who)

    @property
    def remarked(self) -> bool:
        """Whether any photo has a remark."""
        return len(self.remarks.rows) > 0

    @cached_property
    def _race_names(self) -> Texts:
        return Texts(self.races.words)

    def filters(self, query: Query) -> dict[str, Bools]:
        """Of each thing that is asked for, by its name in an address, the rows that have it."""
        asked = query.words()
        rows = {name: self.columns[name].equal(asked[name]) for name in FACETS if name in asked}
        if query.name:
            rows["name"] = self._typed(query.name)
        if query.race:
            rows["race"] = self.races.chosen(self._race_names.holding(normalize("NFKC", query.race)))
        if query.low is not None:
            rows["low"] = self.value >= query.low
        if query.high is not None:
            rows["high"] = self.value <= query.high
        if query.labelled:
            rows["labelled"] = ~np.isnan(self.value)
        if query.tag:
            rows["tag"] = self.tags.rows(lambda words: query.tag in words.split(","))
        if (metres := query.metres) is not None:
            rows["metres"] = self.suits.rows(lambda words: any(_within(metres, part) for part in words.split(",")))
        return rows

    def _typed(self, text: str) -> Bools:
        """The rows of horses whose name holds a text, and those of which name or remark hold each of its words."""
        named = self.horses.named(text)[self.who]
        each = np.ones(len(self), np.bool_)
        for word in set(text.split()):
            each &= self.remarks.holding(word, len(self)) | (
                named if word == text else self.horses.named(word)[self.who]
            )
        return named | each

    def said(self, query: Query) -> Bools:
        """The rows whose remark says something of what is asked for; of other rows that are found it may be any."""
        rows = np.full(len(self), bool(query.tag or query.metres))
        for word in set(query.name.split()):
            rows |= self.remarks.holding(word, len(self))
        return rows

    def newer(self, cursor: Cursor) -> tuple[int, int]:
        """How many photos are newer than that of a cursor; and how many with it, where it is still there."""
        day = (cursor.dated - EPOCH).days
        first, end = (len(self) - int(np.searchsorted(self.dated[::-1], day, side)) for side in ("right", "left"))
        of_that_day = self.photos[first:end].to_pylist()
        newer = first + sum(photo > cursor.photo for photo in of_that_day)
        return newer, newer + (cursor.photo in of_that_day)

    def day(self, row: int) -> date:
        """The date of a photo's issue."""
        return date.fromordinal(int(self.dated[row]) + EPOCH.toordinal())


def kinds_of(value: Floats) -> Coded:
    """The four kinds of horses, by distance aptitude."""
    codes = np.digitize(value, (SPRINT, MILE, MIDDLE))
    return Coded(np.where(np.isnan(value), len(Kind), codes).astype(np.int32), list(Kind))


def coded(column: pa.ChunkedArray, words: Sequence[str] | None = None) -> Coded:
    """A column of text as codes into its own words, or into given ones that hold all of them."""
    held: Any = column.combine_chunks()
    held = held if isinstance(held, pa.DictionaryArray) else held.dictionary_encode()
    own = held.dictionary.to_pylist()
    place = {word: number for number, word in enumerate(own if words is None else words)}
    table = np.array([*(place[word] for word in own), len(place)], np.int32)
    return Coded(table[held.indices.fill_null(len(own)).to_numpy(zero_copy_only=False)], list(place))


def _within(metres: int, stretch: str) -> bool:
    low, _, high = stretch.partition("-")
    return int(low) <= metres <= int(high)
