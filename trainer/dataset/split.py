"""The rules that assign photos to sides, and the count of leaks between sides. Pure."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO

import numpy as np

from collector.errors import UsageError
from trainer.dataset.examples import Side

BITS, ROW = 256, 16  # bits of a difference hash, and of one row of it
NEAR = 4  # bits in which the hashes of copies differ at most; different photos may be as near
# The same for mirror images. It is larger because two neighbours of equal brightness give the same bit in both
# directions. Drawn photos that were mirrored and saved again differed in up to 14 bits, different photos in over 80.
NEAR_MIRRORED = 16
ASKED = 1024  # hashes that are looked up at once
HELD_OUT = 0.15  # of the groups: the newest for test, the next newest for validation
TRAIN_DEV = 0.10  # of the remaining groups
# The test issues of the first attempt at this problem (2017), tanakatsu/padock_photo_classifier.
ISSUES_2016 = frozenset(["160328", "160502", "160606", "160627", "161003", "161024", "161031", "161121"])


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of a photo that a split needs."""

    photo: str  # its id, source:issue/number
    horse_id: str
    issue_date: date
    phash: int | None = None  # 256-bit difference hash
    near_duplicate_of: str | None = None

    @property
    def code(self) -> str:
        """The code of its issue."""
        return self.photo.partition(":")[2].partition("/")[0]


@dataclass(frozen=True, slots=True)
class Leaks:
    """Leaks between sides; all zero if a split is clean."""

    horses: int  # on more than one side
    photos: int  # outside training, of a horse that is in training
    near_duplicates: int  # photos that look the same as one of another side, or as its mirror image
    later: int  # training photos taken after the first test photo: they share its time, not its horses

    @property
    def lies(self) -> bool:
        """Whether errors on this split are too optimistic."""
        return bool(self.horses or self.near_duplicates)


def mirrored(phash: int) -> int:
    """The difference hash of the mirror image: each row of 16 bits reversed and inverted."""
    bits = f"{phash:0{BITS}b}"
    backwards = "".join(bits[start : start + 16][::-1] for start in range(0, BITS, 16))
    return int(backwards, 2) ^ ((1 << BITS) - 1)


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


def near_pairs(hashes: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Index pairs of photos that look the same, or like the other's mirror image; may yield a pair twice.

    Of photos with the same hash, only the first is paired with others.
    """
    first: dict[int, int] = {}
    for index, phash in enumerate(hashes):
        if phash is not None and first.setdefault(phash, index) != index:
            yield first[phash], index
    positions = list(first.values())
    upright = np.frombuffer(b"".join(phash.to_bytes(BITS // 8) for phash in first), np.uint8).reshape(-1, BITS // 8)
    turned = np.packbits(1 - np.unpackbits(upright).reshape(-1, ROW, ROW)[:, :, ::-1], axis=None).reshape(upright.shape)
    for held, most in ((upright, NEAR), (turned, NEAR_MIRRORED)):
        for one, other in _within(upright, held, most):
            yield positions[one], positions[other]


def _within(hashes: np.ndarray, asked: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Index pairs of a hash and a later one of `asked` that differ in up to `most` bits.

    Two such hashes agree in at least one of `most + 1` bands. Hashes with the same band are found by sorting, which
    takes linear time as long as few hashes share a band.
    """
    for keys, asked_keys in zip(_bands(hashes, most + 1), _bands(asked, most + 1), strict=True):
        order, turns = np.argsort(keys, kind="stable"), np.argsort(asked_keys, kind="stable")
        begins, ends = (np.searchsorted(keys[order], asked_keys[turns], side) for side in ("left", "right"))
        for start in range(0, len(asked), ASKED):
            counts = (ends - begins)[start : start + ASKED]
            other = np.repeat(turns[start : start + ASKED], counts)
            steps = np.arange(len(other)) - np.repeat(np.cumsum(counts) - counts, counts)
            one = order[np.repeat(begins[start : start + ASKED], counts) + steps]
            near = (one < other) & (np.bitwise_count(hashes[one] ^ asked[other]).sum(axis=1) <= most)
            yield from zip(one[near].tolist(), other[near].tolist(), strict=True)


def _bands(hashes: np.ndarray, count: int) -> np.ndarray:
    """The bits of each hash in each band, as numbers (bands, hashes)."""
    parts = np.zeros((count, len(hashes), 8), np.uint8)
    for start in range(0, len(hashes), ASKED):
        bits = np.unpackbits(hashes[start : start + ASKED], axis=1)
        for band in range(count):
            # A band takes every `count`-th bit, because neighbouring bits are alike in many photos (a plain sky).
            packed = np.packbits(bits[:, band::count], axis=1)
            parts[band, start : start + ASKED, : packed.shape[1]] = packed
    return parts.view(np.uint64)[:, :, 0]


def group(cards: Sequence[Card]) -> list[int]:
    """The group index of each photo. A group has all photos of a horse, and all photos that look like one of them."""
    groups, first, positions = Groups(len(cards)), {}, {}
    for index, card in enumerate(cards):
        groups.join(first.setdefault(card.horse_id, index), index)
        positions[card.photo] = index
    for index, card in enumerate(cards):
        if card.near_duplicate_of in positions:
            groups.join(positions[card.near_duplicate_of], index)
    for one, other in near_pairs([card.phash for card in cards]):
        groups.join(one, other)
    return [groups.find(index) for index in range(len(cards))]


def split_by_horse(cards: Sequence[Card]) -> list[Side | None]:
    """Split by time, with each horse on one side: the horses whose first photo is newest are for the test.

    A tenth of the training horses, chosen by a digest of their id, is not used for training: its error shows the effect
    of new horses alone, and that of the validation side the effect of new years as well.
    """
    together = group(cards)
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


def split_by_issue(cards: Sequence[Card]) -> list[Side | None]:
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


def find_leaks(cards: Sequence[Card], sides: Sequence[Side | None]) -> Leaks:
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
        near_duplicates=_count_alike(placed),
        later=sum(card.issue_date >= begins for card, side in placed if side is Side.TRAIN),
    )


def _count_alike(placed: Sequence[tuple[Card, Side]]) -> int:
    """The number of photos that look like one of another side, or like its mirror image."""
    bits = {side: 1 << number for number, side in enumerate(Side)}
    shown: dict[int, int] = {}  # the sides on which a hash is, one bit for each
    for card, side in placed:
        if card.phash is not None:
            shown[card.phash] = shown.get(card.phash, 0) | bits[side]
    hashes, its = list(shown), list(shown.values())
    for one, other in near_pairs(hashes):
        shown[hashes[one]] |= its[other]
        shown[hashes[other]] |= its[one]
    return sum(card.phash is not None and bool(shown[card.phash] & ~bits[side]) for card, side in placed)
