"""The plan of an export: which photos go to which side, and the version's id. It needs the photos' facts, not their
bytes."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import PIL
import psycopg
import pyarrow as pa

from collector import __version__
from collector.errors import UsageError
from trainer.dataset.card import Seen
from trainer.dataset.consent import Consent
from trainer.dataset.examples import Example, Selection, Side, Skip, as_example, why_skipped
from trainer.dataset.formats import Format
from trainer.dataset.split import SPLITS, Card, Leaks, Pair, find_leaks, split_by_file

CODE = 5  # increase it when the same rows are exported differently
FETCHED = 2_000  # rows of facts a round trip

FACTS = """
SELECT photo.id, photo.photo_id AS photo, photo.source, issue.issue_date,
    met.horse_id, coalesce(horse.name, photo.horse_name) AS horse_name, coalesce(horse.sire, photo.pedigree[1]) AS sire,
    coalesce(horse.sex, CASE photo.sex WHEN '牡' THEN 'male' WHEN '牝' THEN 'female' WHEN 'セ' THEN 'gelding' END)
        AS sex,
    coalesce(photo.age, (extract(year FROM issue.issue_date) - extract(year FROM horse.born))::int) AS age,
    coalesce(horse.coat, photo.coat) AS coat, met.race_id, coalesce(race.name, photo.race_name) AS race_name,
    race.race_date, race.racecourse, race.surface, race.distance, %(axis)s AS axis, opinion.value AS label,
    opinion.left_px, opinion.right_px, opinion.reviews, opinion.observed_at AS label_observed_at,
    opinion.source_url AS label_url, photo.page_url, photo.image_url, photo.origin, photo.rights,
    photo.observed_at AS fetched_at, photo.digest,
    photo.media_type, photo.width, photo.height,
    original.photo_id AS near_duplicate_of
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
LEFT JOIN race ON race.race_id = met.race_id
LEFT JOIN photo original ON original.id = photo.near_duplicate_of
LEFT JOIN LATERAL (SELECT * FROM aptitude WHERE aptitude.horse_id = met.horse_id AND aptitude.axis = %(axis)s
    ORDER BY aptitude.observed_at DESC LIMIT 1) opinion ON true
"""
ORDER = " ORDER BY issue.issue_date, photo.photo_id"

ADVICE = {
    Skip.NO_PICTURE: "`collector crawl` fetches pictures",
    Skip.NO_HORSE: "`collector match` finds horses, and with --review it lists the open photos",
    Skip.NOT_ASKED: "`collector refresh-labels` asks for them",
    Skip.NO_REVIEWS: "`collector refresh-labels` asks again, and --keep-unreviewed takes such photos, labelled 0.5",
    Skip.FEW_REVIEWS: "accept fewer with --min-reviews",
    Skip.KEPT_OUT: "`collector robots` shows the line; the photos stay in the collection",
    Skip.RULES_UNKNOWN: "`collector crawl` asks the site for it again",
    Skip.DAMAGED: "restore a backup with `collector db restore`",
}


@dataclass(frozen=True, slots=True)
class Request:
    """The settings of an export."""

    selection: Selection = field(default_factory=Selection)
    split: str = "horse"  # or issues-2016, or the path of a CSV
    format: Format = Format.PARQUET
    size: int | None = None  # px of the longest edge, at most; None: the photos as fetched
    name: str = "paddock"


@dataclass(slots=True)
class Plan:
    """The photos by side, in order, and the id of the version."""

    version: str
    ids: dict[Side, list[int]]
    left_out: Counter[str]
    leaks: Leaks
    horses: dict[Side, int]
    horses_in_all: int
    seen: Seen
    newest_photo: str | None
    newest_label: str | None

    @property
    def photos(self) -> int:
        """The number of photos on all sides."""
        return sum(map(len, self.ids.values()))


@dataclass(slots=True)
class _Taken:
    """The selected photos, in order, before they have sides."""

    cards: list[Card] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    labels: list[float] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)  # of the facts
    pictures: list[str] = field(default_factory=list)  # digests of the bytes
    left_out: Counter[str] = field(default_factory=Counter)
    newest_label: datetime | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Add the photo of a row."""
        example = as_example(row)
        self.cards.append(Card(example.photo, example.horse_id, example.issue_date, example.near_duplicate_of))
        self.pictures.append(example.digest)
        self.ids.append(row["id"])
        self.labels.append(example.label)
        self.digests.append(_digest_of(example))
        self.newest_label = max(filter(None, (self.newest_label, example.label_observed_at)))


def make_plan(
    connection: psycopg.Connection[dict[str, Any]],
    request: Request,
    damaged: set[str],
    find: Callable[[list[str]], Sequence[Pair]],
) -> Plan:
    """Decide the side of each photo, and the version's id, which is a digest of its content.

    `find` gets the digests of all pictures, and returns index pairs of copies.
    """
    taken = _Taken()
    consent = Consent.read(connection)
    for row in _facts(connection, request.selection):
        if why := _why_not(row, request.selection, consent, damaged):
            taken.left_out[why.value] += 1
        else:
            taken.add(row)
    _check_some(taken.left_out, taken.cards)
    copies = find(taken.pictures)
    sides = _sides(request.split, taken.cards, copies)
    taken.left_out[Skip.NO_SIDE.value] += sides.count(None)
    return _plan(request, taken, sides, copies)


def _plan(request: Request, taken: _Taken, sides: Sequence[Side | None], copies: Sequence[Pair]) -> Plan:
    placed = [card for card, side in zip(taken.cards, sides, strict=True) if side]
    newest = max((card.issue_date for card in placed), default=None)
    per_horse = Counter(card.horse_id for card in placed)

    def on(side: Side, values: Sequence[Any]) -> list[Any]:
        return [value for value, its in zip(values, sides, strict=True) if its is side]

    return Plan(
        version=_digest(request, sides, taken.digests),
        ids={side: on(side, taken.ids) for side in Side},
        left_out=+taken.left_out,
        leaks=find_leaks(taken.cards, sides, copies),
        horses={side: len({card.horse_id for card in on(side, taken.cards)}) for side in Side},
        horses_in_all=len(per_horse),
        seen=Seen(
            labels={side: on(side, taken.labels) for side in Side},
            years=Counter(card.issue_date.year for card in placed),
            horses=Counter(per_horse.values()),
        ),
        newest_photo=newest.isoformat() if newest else None,
        newest_label=taken.newest_label.isoformat() if taken.newest_label else None,
    )


def _why_not(row: dict[str, Any], selection: Selection, consent: Consent, damaged: set[str]) -> Skip | None:
    if why := consent.why_not(row["page_url"], row["image_url"]):
        return why
    return Skip.DAMAGED if row["digest"] in damaged else selection.why_not(row)


def _digest_of(example: Example) -> bytes:
    facts = json.dumps(example.plain(), sort_keys=True, default=lambda moment: moment.isoformat())
    return hashlib.sha256(facts.encode()).digest()


def _facts(connection: psycopg.Connection[dict[str, Any]], selection: Selection) -> Iterator[dict[str, Any]]:
    with connection.cursor("facts") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(FACTS + ORDER, {"axis": selection.axis.value})
        yield from cursor


def _check_some(left_out: Counter[str], cards: Sequence[Card]) -> None:
    if not cards and not left_out:
        raise UsageError("The database holds no photo yet: `collector crawl --since 2016` collects some.")
    if not cards:
        why = "; ".join(f"{why_skipped(code)}: {count}" for code, count in left_out.most_common())
        raise UsageError(f"No photo can be exported yet ({why}): {ADVICE[Skip(left_out.most_common(1)[0][0])]}.")
    if len({card.horse_id for card in cards}) < 4:
        raise UsageError(
            "The labelled photos show fewer than four horses, which cannot be split: collect more "
            "(`collector crawl`, then `collector refresh-labels`)."
        )


def _sides(split: str, cards: Sequence[Card], copies: Sequence[Pair]) -> list[Side | None]:
    if split in SPLITS:
        return SPLITS[split](cards, copies)
    path = Path(split)
    try:
        return split_by_file(cards, path.read_text(encoding="utf-8"), split)
    except OSError as error:
        rules = ", ".join(SPLITS)
        raise UsageError(f"--split {split} is neither a rule ({rules}) nor a file that can be read.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{split} is not UTF-8 text; a split is a CSV file.") from error


def code_of() -> dict[str, Any]:
    return {"paddock": __version__, "export": CODE, "pillow": PIL.__version__, "pyarrow": pa.__version__}


def query_of(request: Request) -> dict[str, Any]:
    return asdict(request.selection) | {"size": request.size}


def _digest(request: Request, sides: Sequence[Side | None], rows: Sequence[bytes]) -> str:
    rule = request.split if request.split in SPLITS else "file"
    head = {
        "query": query_of(request),
        "split": rule,
        "format": request.format,
        "code": code_of(),
        "name": request.name,
    }
    whole = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for side, row in zip(sides, rows, strict=True):
        if side:
            whole.update(side.encode() + row)
    return whole.hexdigest()[:12]
