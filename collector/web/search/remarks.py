"""Words that are looked for in remarks: which photos' remarks hold them, and where they stand in one. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import is_normalized

import numpy as np
from numpy.typing import NDArray

from collector.codes import ClaimKind
from collector.web.search.address import Query
from collector.web.search.texts import Bools, Texts, alike

# Of letters that stand alone a kanji means something; a kana would find every remark.
ALONE = re.compile("[㐀-䶿一-鿿豈-\ufaff\U00020000-\U000323af]")
CHARACTER = re.compile("[^\0][\u0300-\u036f\u3099\u309aﾞﾟ]*")  # with the marks that belong to it
SUITS = (ClaimKind.BEST_RANGE, ClaimKind.BEST_AROUND, ClaimKind.FINE_AT)
BEFORE, LONGEST = 12, 50  # characters that are shown: before the first words that were found, and in all


class Stretch(NamedTuple):
    """A stretch of a remark as printed."""

    start: int  # its first character, from 0
    end: int  # the one after its last


@dataclass(frozen=True, repr=False)
class Remarks:
    """The remarks of photos, as they are looked through. 60,000 of 70 characters take 25 MB."""

    rows: NDArray[np.intp]  # the photos that have one
    texts: Texts

    def holding(self, word: str, photos: int) -> Bools:
        """Which of this number of photos have a remark that holds a word."""
        found = np.zeros(photos, np.bool_)
        if len(self.rows) and (part := looked_for(word)):
            found[self.rows[self.texts.holding(part)]] = True
        return found


def looked_for(word: str) -> str:
    """A typed word as remarks are looked through for it; empty where none is."""
    part = alike(word)
    return part if len(part) > 1 or ALONE.fullmatch(part) else ""


def stretches(photo: Mapping[str, Any], query: Query) -> list[Stretch]:
    """Where a photo's remark says what a search asks for, from its beginning on; none lies within another."""
    read = [tag for tag in photo["build_tags"] if query.tag and tag.get("tag") == query.tag]
    read += [claim for claim in photo["claims"] if query.metres and _suits(claim, query.metres)]
    words = [part for word in query.name.split() if (part := looked_for(word))]
    remark, found = photo["comment"], list[Stretch]()
    for start, end in sorted([*_places(remark, words), *((one.get("start", -1), one.get("end", -1)) for one in read)]):
        if not 0 <= start < end <= len(remark):
            continue  # what was read once is not this remark any more
        if found and start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Stretch(start, end))
    return found


def excerpt(remark: str, found: Sequence[Stretch]) -> list[tuple[str, bool]]:
    """The part of a remark about the first words that were found, in pieces: what was found is True."""
    begin = max(0, found[0].start - BEFORE)
    end = min(len(remark), max(begin + LONGEST, found[0].end))
    pieces, at = [("…" * (begin > 0), False)], begin
    for first, last in found:
        pieces += [(remark[at : min(first, end)], False), (remark[first : min(last, end)], True)]
        at = min(last, end)
    pieces += [(remark[at:end] + "…" * (end < len(remark)), False)]
    return [piece for piece in pieces if piece[0]]


def _places(remark: str, words: Iterable[str]) -> list[tuple[int, int]]:
    spelt = alike(remark)
    words = [word for word in words if word in spelt]
    if not words:
        return []
    if _as_printed(remark, spelt):
        return [match.span() for word in words for match in re.finditer(re.escape(word), spelt)]
    characters = [(match.span(), _alike(match[0])) for match in CHARACTER.finditer(remark)]
    text = "".join(spelt for _, spelt in characters)
    whence = [span for span, spelt in characters for _ in spelt]
    matches = (match.span() for word in words for match in re.finditer(re.escape(word), text))
    return [(whence[start][0], whence[end - 1][1]) for start, end in matches]


def _as_printed(remark: str, spelt: str) -> bool:
    """Whether each character of a remark became one: none was put together, and no space left out."""
    return is_normalized("NFKC", remark) and len(remark.split()) == 1 and len(spelt) == len(remark)


_alike = lru_cache(maxsize=8192)(alike)  # of one character


def _suits(claim: Mapping[str, Any], metres: int) -> bool:
    low, kind = claim.get("low_m"), claim.get("kind")
    return kind in SUITS and low is not None and low <= metres <= (claim.get("high_m") or low)
