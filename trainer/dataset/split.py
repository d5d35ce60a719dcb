"""Which side each photo belongs to. Pure; every rule says what it promises, and what leaks is counted."""

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

BITS, ROW = 256, 16  # of a difference hash; a row of it
NEAR = 4  # bits in which the hashes of copies differ at most; different photos may come as near
# Of mirror images: neighbours that are as bright as each other are no brighter the other way round either, which the
# hash cannot show. Drawn photos turned round and saved again came within 14 bits, different ones not within 80.
NEAR_MIRRORED = 16
ASKED = 1024  # hashes that are looked for at once
HELD_OUT = 0.15  # of the groups: the newest for test, the next newest for validation
TRAIN_DEV = 0.10  # of the groups that are left for training
# The first attempt at this problem (2017) drew its sides so; tanakatsu/padock_photo_classifier.
ISSUES_2016 = frozenset(["160328", "160502", "160606", "160627", "161003", "161024", "161031", "161121"])


@dataclass(frozen=True, slots=True)
class Card:
    """What a split needs to know of a photo."""

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
    """What one side can know of another; all zero where the split holds."""

    horses: int  # on more than one side
    photos: int  # outside training, of a horse that is in training
    near_duplicates: int  # photos that look the same as one of another side, or as its mirror image
    later: int  # training photos taken after the first test photo: they share its time, not its horses

    @property
    def lies(self) -> bool:
        """Whether errors on this split are too good to be true."""
        return bool(self.horses or self.near_duplicates)


def mirrored(phash: int) -> int:
    """The difference hash of the mirror image: every row of 16 bits backwards, brighter for darker."""
    bits = f"{phash:0{BITS}b}"
    backwards = "".join(bits[start : start + 16][::-1] for start in range(0, BITS, 16))
    return int(backwards, 2) ^ ((1 << BITS) - 1)


class Groups:
    """Photos that must stay together: a union-find over their indices."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, index: int) -> int:
        """The group's lowest index."""
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        """Put two groups together."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low


def near_pairs(hashes: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """Indices of photos that look the same, or as the other's mirror image; some pairs twice.

    Of photos with one and the same hash, only the first is paired with others.
    """
    first: dict[int, int] = {}
    for index, phash in enumerate(hashes):
        if phash is not None and first.setdefault(phash, index) != index:
            yield first[phash], index
    places = list(first.values())
    upright = np.frombuffer(b"".join(phash.to_bytes(BITS // 8) for phash in first), np.uint8).reshape(-1, BITS // 8)
    turned = np.packbits(1 - np.unpackbits(upright).reshape(-1, ROW, ROW)[:, :, ::-1], axis=None).reshape(upright.shape)
    for held, most in ((upright, NEAR), (turned, NEAR_MIRRORED)):
        for one, other in _within(upright, held, most):
            yield places[one], places[other]


def _within(hashes: np.ndarray, asked: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Indices of a hash and a later one that is asked for, which differ in at most so many bits.

    Two such hashes agree in at least one of `most + 1` bands, and a band is looked up in order: that takes time in
    proportion to the hashes as long as few share a band.
    """
    for keys, wanted in zip(_bands(hashes, most + 1), _bands(asked, most + 1), strict=True):
        order, turns = np.argsort(keys, kind="stable"), np.argsort(wanted, kind="stable")
        begins, ends = (np.searchsorted(keys[order], wanted[turns], side) for side in ("left", "right"))
        for start in range(0, len(asked), ASKED):
            counts = (ends - begins)[start : start + ASKED]
            other = np.repeat(turns[start : start + ASKED], counts)
            steps = np.arange(len(other)) - np.repeat(np.cumsum(counts) - counts, counts)
            one = order[np.repeat(begins[start : start + ASKED], counts) + steps]
            near = (one < other) & (np.bitwise_count(hashes[one] ^ asked[other]).sum(axis=1) <= most)
            yield from zip(one[near].tolist(), other[near].tolist(), strict=True)


def _bands(hashes: np.ndarray, count: int) -> np.ndarray:
    """For each band the hashes' parts in it, as numbers."""
    parts = np.zeros((count, len(hashes), 8), np.uint8)
    for start in range(0, len(hashes), ASKED):
        bits = np.unpackbits(hashes[start : start + ASKED], axis=1)
        for band in range(count):
            # Every so manieth bit: neighbouring bits, those of a plain sky, are alike in too many photos.
            packed = np.packbits(bits[:, band::count], axis=1)
            parts[band, start : start + ASKED, : packed.shape[1]] = packed
    return parts.view(np.uint64)[:, :, 0]


def group(cards: Sequence[Card]) -> list[int]:
    """For each photo the index of its group: one horse's photos together, and with them whatever looks the same."""
    groups, first, places = Groups(len(cards)), {}, {}
    for index, card in enumerate(cards):
        groups.join(first.setdefault(card.horse_id, index), index)
        places[card.photo] = index
    for index, card in enumerate(cards):
        if card.near_duplicate_of in places:
            groups.join(places[card.near_duplicate_of], index)
    for one, other in near_pairs([card.phash for card in cards]):
        groups.join(one, other)
    return [groups.find(index) for index in range(len(cards))]


def split_by_horse(cards: Sequence[Card]) -> list[Side | None]:
    """By time, and no horse on two sides: the horses first photographed last are for the test.

    A tenth of the training horses, drawn by their id, is kept from training: its error says what is due to new
    horses alone, and the validation's what is due to new years as well.
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
    """As the first attempt did: eight issues of 2016 for the test, its other issues for validation.

    A horse that was photographed in several years stands on several sides, with the same label.
    """

    def side(card: Card) -> Side:
        if card.code in ISSUES_2016:
            return Side.TEST
        return Side.VALIDATION if card.issue_date.year == 2016 else Side.TRAIN

    return [side(card) for card in cards]


SPLITS = {"horse": split_by_horse, "issues-2016": split_by_issue}


def split_by_file(cards: Sequence[Card], text: str, name: str) -> list[Side | None]:
    """A split of one's own: CSV with a column `side` and one of `horse_id`, `photo` and `issue`.

    Raises:
        UsageError: it cannot be read so; says which line.
    """
    rows = csv.DictReader(StringIO(text.removeprefix("\ufeff")))  # with which spreadsheets begin a file
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
    """The column by which photos are named; none where the first line does not name exactly one and the side."""
    keys = [key for key in ("horse_id", "photo", "issue") if key in (rows.fieldnames or ())]
    return keys[0] if len(keys) == 1 and "side" in (rows.fieldnames or ()) else ""


def _read_sides(rows: "csv.DictReader[str]", name: str) -> dict[str, Side]:
    column = _key_column(rows)
    if not column:
        raise UsageError(f"{name} is no split: its first line has to name side and one of horse_id, photo and issue.")
    sides: dict[str, Side] = {}
    for row in rows:
        key, word = (row[column] or "").strip(), row["side"]
        if word is None or word.strip() not in list(Side):
            raise UsageError(f"{name}, line {rows.line_num}: {word!r} is no side; the sides are {', '.join(Side)}.")
        side = Side(word.strip())
        if sides.setdefault(key, side) is not side:
            raise UsageError(f"{name}, line {rows.line_num}: {key} is for {side} here and for {sides[key]} above.")
    return sides


def _keys(card: Card, column: str) -> tuple[str, ...]:
    """What a photo may be called in a column: also as it was called while there was one source."""
    issue, _, number = card.photo.partition("/")
    return {"horse_id": (card.horse_id,), "photo": (card.photo, f"{card.code}-{number}"), "issue": (issue, card.code)}[
        column
    ]


def find_leaks(cards: Sequence[Card], sides: Sequence[Side | None]) -> Leaks:
    """What a split lets one side know of another."""
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
    """Photos that look the same as one of another side."""
    bits = {side: 1 << number for number, side in enumerate(Side)}
    shown: dict[int, int] = {}  # the sides on which a hash stands, a bit each
    for card, side in placed:
        if card.phash is not None:
            shown[card.phash] = shown.get(card.phash, 0) | bits[side]
    hashes, its = list(shown), list(shown.values())
    for one, other in near_pairs(hashes):
        shown[hashes[one]] |= its[other]
        shown[hashes[other]] |= its[one]
    return sum(card.phash is not None and bool(shown[card.phash] & ~bits[side]) for card, side in placed)
