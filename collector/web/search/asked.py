"""What a search finds in the index: horses in the order that was asked for, and the counts of all filters. Pure."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from collector.web.search.address import Cursor, Query, Sort
from collector.web.search.index import FACETS, Floats, Index
from collector.web.search.texts import Bools

BY_REMARK = "1"  # in a cursor: its horse was found by a remark, and not by its name

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Place:
    """A horse in the results, and which of its photos are shown."""

    shows: str
    photos: list[str]  # ids, in the order of the search
    said: list[str]  # those of them whose remark says something of what is asked for


@dataclass(frozen=True)
class Asked:
    """A search on an index."""

    index: Index
    query: Query

    @cached_property
    def _filters(self) -> dict[str, Bools]:
        return self.index.filters(self.query)

    @cached_property
    def _failed(self) -> NDArray[np.uint8]:
        """How many filters each photo fails."""
        failed = np.zeros(len(self.index), np.uint8)
        for rows in self._filters.values():
            failed += ~rows
        return failed

    @cached_property
    def _found(self) -> Rows:
        """The photos that are found, in the order of the search."""
        found = np.flatnonzero(self._failed == 0)
        return found[::-1] if self.query.sort is Sort.OLDEST else found

    @property
    def photos(self) -> int:
        """How many photos are found."""
        return len(self._found)

    @cached_property
    def _heads(self) -> Rows:
        """Of each horse that is found the photo by which it has its place; they are in the order of the horses."""
        head = np.full(len(self.index.horses.shows), -1)
        head[self.index.who[self._found[::-1]]] = self._found[::-1]  # the first of each is written last
        return head[head >= 0]

    @cached_property
    def _named(self) -> Bools:
        """The horses whose name holds what was typed: by date, they stand before those that a remark has found."""
        if not self.query.name:
            return np.ones(len(self.index.horses.shows), np.bool_)
        return self.index.horses.named(self.query.name)

    @property
    def horses(self) -> int:
        """How many horses are found."""
        return len(self._heads)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many photos there are of each value of each facet, under all filters but the facet's own."""
        counts: dict[str, dict[str, int]] = {}
        for name in FACETS:
            own = self._filters.get(name)
            rows = self._found if own is None else np.flatnonzero(self._failed - ~own == 0)
            counts[name] = self.index.columns[name].counts(rows)
        return counts

    def page(self, horses: int, photos: int) -> tuple[list[Place], Cursor | None]:
        """A number of horses from the cursor on, each with a number of photos; and where the next page goes on."""
        heads, keys = self._heads, self._keys()
        # Photos are distinguished by their rows; where the oldest come first, the other way round.
        turned = -heads if self.query.sort is Sort.OLDEST else heads
        if self.query.before:
            later = self._is_after(self.query.before, keys, heads)
            heads, keys, turned = heads[later], keys[later], turned[later]
        order = np.lexsort((turned, keys))[: horses + 1] if keys.any() else np.argsort(turned)[: horses + 1]
        shown = heads[order[:horses]]
        more = self._cursor(int(shown[-1])) if len(order) > horses else None
        return self._places(shown, photos), more

    def _keys(self) -> Floats:
        """By what the horses are sorted, the least first; equal ones by their heads."""
        who = self.index.who[self._heads]
        match self.query.sort:
            case Sort.NEWEST | Sort.OLDEST:
                return (~self._named[who]).astype(np.float64)
            case Sort.PHOTOS:
                return -np.bincount(self.index.who[self._found], minlength=1)[who].astype(np.float64)
            case Sort.NAME:
                return self.index.horses.ranks[who]
            case Sort.SHORT | Sort.LONG:
                value = self.index.value[self._heads]
                value = value if self.query.sort is Sort.SHORT else -value
                return np.where(np.isnan(value), np.inf, value)

    def _is_after(self, cursor: Cursor, keys: Floats, heads: Rows) -> Bools:
        newer, with_it = self.index.newer(cursor)
        after = heads < newer if self.query.sort is Sort.OLDEST else heads >= with_it
        key = self._key_of(cursor.key)
        return (keys > key) | ((keys == key) & after)

    def _key_of(self, text: str) -> float:
        """A cursor's key among those that are sorted by."""
        match self.query.sort:
            case Sort.NEWEST | Sort.OLDEST:
                return float(text == BY_REMARK)
            case Sort.NAME:
                names = self.index.horses.sorted_keys
                place = bisect_left(names, text)
                return place if place < len(names) and names[place] == text else place - 0.5
            case Sort.PHOTOS:
                return -float(text)
            case Sort.SHORT | Sort.LONG:
                value = float(text) if text else np.inf
                return value if self.query.sort is Sort.SHORT or not text else -value

    def _cursor(self, head: int) -> Cursor:
        """After the horse with this head."""
        who, value = self.index.who[head], self.index.value[head]
        match self.query.sort:
            case Sort.NEWEST | Sort.OLDEST:
                key = "" if self._named[who] else BY_REMARK
            case Sort.NAME:
                key = self.index.horses.keys[who]
            case Sort.PHOTOS:
                key = str(np.count_nonzero(self.index.who[self._found] == who))
            case Sort.SHORT | Sort.LONG:
                key = "" if np.isnan(value) else repr(float(value))
        return Cursor(self.index.day(head), self.index.photos[head].as_py(), key)

    def _places(self, heads: Rows, most: int) -> list[Place]:
        index = self.index
        said = index.said(self.query)
        held = {int(who): Place(index.horses.shows[who], [], []) for who in index.who[heads]}
        wanted = np.zeros(len(index.horses.shows), np.bool_)
        wanted[list(held)] = True
        for row in self._found[wanted[index.who[self._found]]]:
            place = held[int(index.who[row])]
            if len(place.photos) < most:
                place.photos.append(index.photos[row].as_py())
                place.said.extend(place.photos[-1:] if said[row] else ())
        return list(held.values())
