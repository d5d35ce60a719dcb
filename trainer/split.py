"""Which side each photo belongs to. Pure; every rule says what it promises, and what leaks is counted."""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO

from collector.errors import UsageError
from trainer.examples import Side

NEAR = 4  # bits of 256 in which the hashes of copies differ at most; different photos may come as near
BANDS = 5  # one more than NEAR: two hashes within NEAR bits agree in at least one band
BITS = 256
HELD_OUT = 0.15  # of the groups: the newest for test, the next newest for validation
TRAIN_DEV = 0.10  # of the groups that are left for training
# The first attempt at this problem (2017) drew its sides so; tanakatsu/padock_photo_classifier.
ISSUES_2016 = frozenset(["160328", "160502", "160606", "160627", "161003", "161024", "161031", "161121"])


@dataclass(frozen=True, slots=True)
class Card:
    """What a split needs to know of a photo."""

    photo: str  # issue and number, 160104-01
    horse_id: str
    issue_date: date
    phash: int | None = None  # 256-bit difference hash
    near_duplicate_of: str | None = None


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
    """Indices of photos whose hashes, or one's and the other's mirror image, differ in few bits; some pairs twice.

    Found band by band, which takes time in proportion to the photos as long as few share a band.
    """
    width = -(-BITS // BANDS)
    mask = (1 << width) - 1
    for band in range(BANDS):
        shift = band * width
        seen: dict[int, list[int]] = {}
        for index, phash in enumerate(hashes):
            if phash is None:
                continue
            for value in (phash, mirrored(phash)):
                for other in seen.get(value >> shift & mask, ()):
                    known = hashes[other]
                    if known is not None and (value ^ known).bit_count() <= NEAR:
                        yield other, index
            seen.setdefault(phash >> shift & mask, []).append(index)


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
        if card.photo.partition("-")[0] in ISSUES_2016:
            return Side.TEST
        return Side.VALIDATION if card.issue_date.year == 2016 else Side.TRAIN

    return [side(card) for card in cards]


SPLITS = {"horse": split_by_horse, "issues-2016": split_by_issue}


def split_by_file(cards: Sequence[Card], text: str, name: str) -> list[Side | None]:
    """A split of one's own: CSV with a column `side` and one of `horse_id`, `photo` and `issue`.

    Raises:
        UsageError: it cannot be read so; says which line.
    """
    rows = csv.DictReader(StringIO(text))
    keys = [key for key in ("horse_id", "photo", "issue") if key in (rows.fieldnames or ())]
    if len(keys) != 1 or "side" not in (rows.fieldnames or ()):
        raise UsageError(f"{name} is no split: its first line has to name side and one of horse_id, photo and issue.")
    sides: dict[str, Side] = {}
    for row in rows:
        try:
            sides[row[keys[0]].strip()] = Side(row["side"].strip())
        except (ValueError, AttributeError) as error:
            raise UsageError(
                f"{name}, line {rows.line_num}: {row['side']!r} is no side; the sides are {', '.join(Side)}."
            ) from error
    return [sides.get(_key(card, keys[0])) for card in cards]


def _key(card: Card, column: str) -> str:
    return {"horse_id": card.horse_id, "photo": card.photo, "issue": card.photo.partition("-")[0]}[column]


def find_leaks(cards: Sequence[Card], sides: Sequence[Side | None]) -> Leaks:
    """What a split lets one side know of another."""
    placed = [(card, side) for card, side in zip(cards, sides, strict=True) if side]
    on: Mapping[str, set[Side]] = defaultdict(set)
    for card, side in placed:
        on[card.horse_id].add(side)
    in_training = {horse for horse, its in on.items() if Side.TRAIN in its}
    alike = {
        index
        for pair in near_pairs([card.phash for card, _ in placed])
        if placed[pair[0]][1] is not placed[pair[1]][1]
        for index in pair
    }
    begins = min((card.issue_date for card, side in placed if side is Side.TEST), default=date.max)
    return Leaks(
        horses=sum(len(its) > 1 for its in on.values()),
        photos=sum(card.horse_id in in_training for card, side in placed if side is not Side.TRAIN),
        near_duplicates=len(alike),
        later=sum(card.issue_date >= begins for card, side in placed if side is Side.TRAIN),
    )
