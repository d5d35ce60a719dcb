"""The rules that assign photos to sides, and the count of leaks between sides. Pure."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO

from collector.errors import UsageError
from trainer.dataset.examples import Side

HELD_OUT = 0.15  # of the groups: the newest for test, the next newest for validation
TRAIN_DEV = 0.10  # of the remaining groups
# The test issues of the first attempt at this problem (2017), tanakatsu/padock_photo_classifier.
ISSUES_2016 = frozenset(["160328", "160502", "160606", "160627", "161003", "161024", "161031", "161121"])


Pair = tuple[int, int]  # indices of two photos


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of a photo that a split needs."""

    photo: str  # its id, source:issue/number
    horse_id: str
    issue_date: date
    near_duplicate_of: str | None = None  # by the collector's hash

    @property
    def code(self) -> str:
        """The code of its issue."""
        return self.photo.partition(":")[2].partition("/")[0]


@dataclass(frozen=True, slots=True)
class Leaks:
    """Leaks between sides; all zero if a split is clean."""

    horses: int  # on more than one side
    photos: int  # outside training, of a horse that is in training
    near_duplicates: int  # photos of which a copy is on another side, also a mirrored one
    later: int  # training photos taken after the first test photo: they share its time, not its horses

    @property
    def lies(self) -> bool:
        """Whether errors on this split are too optimistic."""
        return bool(self.horses or self.near_duplicates)


class Groups:
    """Groups of photos that must be on one side: a union-find over their indices."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, index: int) -> int:
        """The group's lowest index."""
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        """Merge two groups."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low


def group(cards: Sequence[Card], copies: Sequence[Pair] = ()) -> list[int]:
    """The group index of each photo. A group has all photos of a horse, and all copies of one of them."""
    groups = _alike(cards, copies)
    first: dict[str, int] = {}
    for index, card in enumerate(cards):
        groups.join(first.setdefault(card.horse_id, index), index)
    return [groups.find(index) for index in range(len(cards))]


def _alike(cards: Sequence[Card], copies: Sequence[Pair]) -> Groups:
    """Copies, by the collector's hash and by `copies`: index pairs of `copies.find_copies`."""
    groups = Groups(len(cards))
    first = {card.photo: index for index, card in enumerate(cards)}
    for index, card in enumerate(cards):
        if card.near_duplicate_of:  # two copies of a photo that is not here are copies too
            groups.join(first.setdefault(card.near_duplicate_of, index), index)
    for one, other in copies:
        groups.join(one, other)
    return groups


def split_by_horse(cards: Sequence[Card], copies: Sequence[Pair] = ()) -> list[Side | None]:
    """Split by time, with each horse on one side: the horses whose first photo is newest are for the test.

    A tenth of the training horses, chosen by a digest of their id, is not used for training: its error shows the effect
    of new horses alone, and that of the validation side the effect of new years as well.
    """
    together = group(cards, copies)
    begun: dict[int, tuple[date, str]] = {}
    for card, key in zip(cards, together, strict=True):
        begun[key] = min(begun.get(key, (date.max, "")), (card.issue_date, card.horse_id))
    order = sorted(begun, key=lambda key: begun[key])
    held_out = round(HELD_OUT * len(order))
    older, newer = len(order) - 2 * held_out, len(order) - held_out
    sides = dict.fromkeys(order[newer:], Side.TEST) | dict.fromkeys(order[older:newer], Side.VALIDATION)
    left = [key for key in order if key not in sides]
    drawn = sorted(left, key=lambda key: hashlib.sha256(begun[key][1].encode()).digest())
    sides |= dict.fromkeys(drawn[: round(TRAIN_DEV * len(left))], Side.TRAIN_DEV)
    return [sides.get(key, Side.TRAIN) for key in together]


def split_by_issue(cards: Sequence[Card], _copies: Sequence[Pair] = ()) -> list[Side | None]:
    """Split as the first attempt did: eight issues of 2016 for the test, the others of 2016 for validation.

    A horse with photos of several years is on several sides, with the same label.
    """

    def side(card: Card) -> Side:
        if card.code in ISSUES_2016:
            return Side.TEST
        return Side.VALIDATION if card.issue_date.year == 2016 else Side.TRAIN

    return [side(card) for card in cards]


SPLITS = {"horse": split_by_horse, "issues-2016": split_by_issue}


def split_by_file(cards: Sequence[Card], text: str, name: str) -> list[Side | None]:
    """Split by a CSV file with a column `side` and one of `horse_id`, `photo` and `issue`.

    Raises:
        UsageError: the file is not valid; the message names the line.
    """
    rows = csv.DictReader(StringIO(text.removeprefix("\ufeff")))  # the byte order mark that spreadsheets write
    try:
        sides = _read_sides(rows, name)
    except csv.Error as error:
        raise UsageError(f"{name}, line {rows.line_num}, cannot be read as CSV ({error}).") from error
    column = _key_column(rows)
    found = [next((sides[key] for key in _keys(card, column) if key in sides), None) for card in cards]
    if not any(found):
        raise UsageError(f"{name} names none of the labelled photos by {column}, so nothing would be exported.")
    return found


def _key_column(rows: "csv.DictReader[str]") -> str:
    """The column that names photos; empty unless the first line has exactly one such column and `side`."""
    keys = [key for key in ("horse_id", "photo", "issue") if key in (rows.fieldnames or ())]
    return keys[0] if len(keys) == 1 and "side" in (rows.fieldnames or ()) else ""


def _read_sides(rows: "csv.DictReader[str]", name: str) -> dict[str, Side]:
    column = _key_column(rows)
    if not column:
        raise UsageError(
            f"{name} is not a split: its first line has to name side and one of horse_id, photo and issue."
        )
    sides: dict[str, Side] = {}
    for row in rows:
        key, word = (row[column] or "").strip(), row["side"]
        if word is None or word.strip() not in list(Side):
            raise UsageError(f"{name}, line {rows.line_num}: {word!r} is not a side; the sides are {', '.join(Side)}.")
        side = Side(word.strip())
        if sides.setdefault(key, side) is not side:
            raise UsageError(f"{name}, line {rows.line_num}: {key} is for {side} here and for {sides[key]} above.")
    return sides


def _keys(card: Card, column: str) -> tuple[str, ...]:
    """The names that a file may use for a photo, including those from the time of a single source."""
    issue, _, number = card.photo.partition("/")
    return {"horse_id": (card.horse_id,), "photo": (card.photo, f"{card.code}-{number}"), "issue": (issue, card.code)}[
        column
    ]


def find_leaks(cards: Sequence[Card], sides: Sequence[Side | None], copies: Sequence[Pair] = ()) -> Leaks:
    """Count the leaks of a split."""
    placed = [(card, side) for card, side in zip(cards, sides, strict=True) if side]
    on: Mapping[str, set[Side]] = defaultdict(set)
    for card, side in placed:
        on[card.horse_id].add(side)
    in_training = {horse for horse, its in on.items() if Side.TRAIN in its}
    begins = min((card.issue_date for card, side in placed if side is Side.TEST), default=date.max)
    return Leaks(
        horses=sum(len(its) > 1 for its in on.values()),
        photos=sum(card.horse_id in in_training for card, side in placed if side is not Side.TRAIN),
        near_duplicates=_count_alike(cards, sides, copies),
        later=sum(card.issue_date >= begins for card, side in placed if side is Side.TRAIN),
    )


def _count_alike(cards: Sequence[Card], sides: Sequence[Side | None], copies: Sequence[Pair]) -> int:
    """The number of photos of which a copy is on another side."""
    groups = _alike(cards, copies)
    shown: Mapping[int, set[Side]] = defaultdict(set)
    placed = [(groups.find(index), side) for index, side in enumerate(sides) if side]
    for key, side in placed:
        shown[key].add(side)
    return sum(len(shown[key]) > 1 for key, _ in placed)
