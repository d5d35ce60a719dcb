"""`trainer export`: rows of the collector's database become a data set version.

The database is read in one snapshot: first every photo's facts, from which follow the sides and the version's id;
then, shard by shard, the photos' bytes. Memory holds a line for each photo, one shard's facts and one row group of
bytes.
"""

import fcntl
import hashlib
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import PIL
import psycopg
import pyarrow as pa
from psycopg.rows import dict_row

from collector import __version__
from collector.archive import unpack
from collector.errors import UsageError
from collector.racing import Axis
from trainer.dataset.card import Seen, write_card
from trainer.dataset.formats import ROWS, Format, Item, batched, shard_path, write_shard
from trainer.dataset.manifest import (
    JOURNAL,
    MANIFEST,
    PART,
    Manifest,
    Shard,
    Version,
    delete,
    digest_of,
    note_shards,
    read_journal,
    read_version,
    size_of,
    write_manifest,
)
from trainer.examples import Example, Side, Skip, Wanted, as_example, count_kinds
from trainer.pixels import BrokenPicture, shrink
from trainer.split import SPLITS, Card, Leaks, find_leaks, split_by_file

CODE = 2  # goes up when the same rows would be exported differently
PHOTOS_A_SHARD = 5_000  # about 150 MB of photos as the site has them
FETCHED = 2_000  # rows a round trip, facts only

FACTS = """
SELECT photo.id, photo.issue_code || '-' || lpad(photo.number::text, 2, '0') AS photo, photo.source, issue.issue_date,
    met.horse_id, coalesce(horse.name, photo.horse_name) AS horse_name, coalesce(horse.sire, photo.pedigree[1]) AS sire,
    coalesce(horse.sex, CASE photo.sex WHEN '牡' THEN 'male' WHEN '牝' THEN 'female' WHEN 'セ' THEN 'gelding' END)
        AS sex,
    coalesce(photo.age, (extract(year FROM issue.issue_date) - extract(year FROM horse.born))::int) AS age,
    coalesce(horse.coat, photo.coat) AS coat, met.race_id, coalesce(race.name, photo.race_name) AS race_name,
    race.race_date, race.racecourse, race.surface, race.distance, %(axis)s AS axis, opinion.value AS label,
    opinion.left_px, opinion.right_px, opinion.reviews, opinion.observed_at AS label_observed_at,
    opinion.source_url AS label_url, photo.page_url, photo.image_url, photo.observed_at AS fetched_at, photo.digest,
    photo.media_type, photo.width, photo.height, photo.phash::text AS phash,
    original.issue_code || '-' || lpad(original.number::text, 2, '0') AS near_duplicate_of
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
ORDER = " ORDER BY issue.issue_date, photo.source, photo.issue_code, photo.number"
SOME = " WHERE photo.id = ANY(%(ids)s)"
BYTES = "SELECT digest, encoding, content FROM blob WHERE digest = ANY(%s)"

ADVICE = {
    Skip.NO_PICTURE: "`collector crawl` fetches pictures",
    Skip.NO_HORSE: "`collector match` finds out, and with --review it lists those that stay open",
    Skip.NOT_ASKED: "`collector refresh-labels` asks for them",
    Skip.NO_REVIEWS: "`collector refresh-labels` asks again, and --keep-unreviewed takes such photos at 0.5",
    Skip.FEW_REVIEWS: "ask for fewer with --min-reviews",
    Skip.DAMAGED: "restore a backup with `collector db restore`",
}

Tell = Callable[[int, int], None]  # photos written, photos in all


def print_nothing(done: int, photos: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks of an export."""

    wanted: Wanted = field(default_factory=Wanted)
    split: str = "horse"  # or issues-2016, or the path of a CSV
    format: Format = Format.PARQUET
    size: int | None = None  # px of the longest edge, at most; None: the photos as they came
    name: str = "paddock"


@dataclass(slots=True)
class Plan:
    """What will be written: photos by side, in order, and the version that this makes."""

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
        """How many in all."""
        return sum(map(len, self.ids.values()))


class Damaged(Exception):
    """A photo's bytes are not what they were; the export leaves out all of these and begins again."""


@contextmanager
def snapshot(conninfo: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The database as it is now, for as long as the context lasts; nothing can be written.

    Raises:
        UsageError: it cannot be reached any more.
    """
    try:
        with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            # Moments are told in the session's zone, which belongs to the machine; a version must not.
            connection.execute("SET TIME ZONE 'UTC'")
            yield connection
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"The database was lost ({reason}). What is finished is kept; give the same command again."
        ) from error


def export(conninfo: str, root: Path, request: Request, tell: Tell = print_nothing) -> Version:
    """Write the data set version that the database holds now, or find that it is there already.

    Raises:
        UsageError: there is nothing to export, the split cannot be read, or another export writes to this folder.
        OSError: the disk is full; what is finished is kept, and the same call goes on from there.
    """
    damaged: set[str] = set()
    with snapshot(conninfo) as connection:
        while True:
            plan = make_plan(connection, request, damaged)
            folder = root / f"{request.name}-{plan.version}"
            if held := _find_held(folder):
                return held
            try:
                with _alone(root):
                    return _write(connection, folder, plan, request, tell)
            except Damaged:
                damaged |= _find_damaged(connection, plan, request)


def _find_held(folder: Path) -> Version | None:
    """The version where it is there already, from now on the last one; where its manifest is broken it is not."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        version = read_version(folder)
    except UsageError:
        return None
    (folder / MANIFEST).touch()
    return version


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other exports out of a folder; the kernel lets them in again when this process ends, however it does."""
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UsageError(
            f"Another export is writing to {root}: wait until it has ended, or give another folder with --out."
        ) from error
    finally:
        os.close(descriptor)


def make_plan(connection: psycopg.Connection[dict[str, Any]], request: Request, damaged: set[str]) -> Plan:
    """Which photo goes to which side, and the version's id: a digest of all that is in it."""
    cards: list[Card] = []
    ids: list[int] = []
    labels: list[float] = []
    rows: list[bytes] = []
    left_out: Counter[str] = Counter()
    newest_label = None
    for row in _facts(connection, request.wanted):
        why = Skip.DAMAGED if row["digest"] in damaged else request.wanted.why_not(row)
        if why:
            left_out[why.value] += 1
            continue
        example = as_example(row)
        phash = int(row["phash"], 2) if row["phash"] else None
        cards.append(Card(example.photo, example.horse_id, example.issue_date, phash, example.near_duplicate_of))
        ids.append(row["id"])
        labels.append(example.label)
        rows.append(_digest_of(example))
        newest_label = max(filter(None, (newest_label, example.label_observed_at)))
    _check_some(left_out, cards)
    sides = _sides(request.split, cards)
    left_out[Skip.NO_SIDE.value] += sides.count(None)
    taken = [card for card, side in zip(cards, sides, strict=True) if side]
    newest = max((card.issue_date for card in taken), default=None)
    per_horse = Counter(card.horse_id for card in taken)

    def on(side: Side, values: Sequence[Any]) -> list[Any]:
        return [value for value, its in zip(values, sides, strict=True) if its is side]

    return Plan(
        version=_digest(request, sides, rows),
        ids={side: on(side, ids) for side in Side},
        left_out=+left_out,
        leaks=find_leaks(cards, sides),
        horses={side: len({card.horse_id for card in on(side, cards)}) for side in Side},
        horses_in_all=len(per_horse),
        seen=Seen(
            labels={side: on(side, labels) for side in Side},
            years=Counter(card.issue_date.year for card in taken),
            horses=Counter(per_horse.values()),
        ),
        newest_photo=newest.isoformat() if newest else None,
        newest_label=newest_label.isoformat() if newest_label else None,
    )


def _digest_of(example: Example) -> bytes:
    facts = json.dumps(example.plain(), sort_keys=True, default=lambda moment: moment.isoformat())
    return hashlib.sha256(facts.encode()).digest()


def _facts(connection: psycopg.Connection[dict[str, Any]], wanted: Wanted) -> Iterator[dict[str, Any]]:
    with connection.cursor("facts") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(FACTS + ORDER, {"axis": wanted.axis.value})
        yield from cursor


def _check_some(left_out: Counter[str], cards: Sequence[Card]) -> None:
    if not cards and not left_out:
        raise UsageError("The database holds no photo yet: `collector crawl --since 2016` collects some.")
    if not cards:
        why = "; ".join(f"{reason}: {count}" for reason, count in left_out.most_common())
        raise UsageError(f"No photo can be exported yet ({why}): {ADVICE[Skip(left_out.most_common(1)[0][0])]}.")
    if len({card.horse_id for card in cards}) < 4:
        raise UsageError(
            "The labelled photos show fewer than four horses, too few to be split: collect more "
            "(`collector crawl`, then `collector refresh-labels`)."
        )


def _sides(split: str, cards: Sequence[Card]) -> list[Side | None]:
    if split in SPLITS:
        return SPLITS[split](cards)
    path = Path(split)
    try:
        return split_by_file(cards, path.read_text(encoding="utf-8"), split)
    except OSError as error:
        rules = ", ".join(SPLITS)
        raise UsageError(f"--split {split} is neither a rule ({rules}) nor a file that can be read.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{split} is not UTF-8 text; a split is a CSV file.") from error


def _code() -> dict[str, Any]:
    return {"paddock": __version__, "export": CODE, "pillow": PIL.__version__, "pyarrow": pa.__version__}


def _query(request: Request) -> dict[str, Any]:
    return asdict(request.wanted) | {"size": request.size}


def _digest(request: Request, sides: Sequence[Side | None], rows: Sequence[bytes]) -> str:
    rule = request.split if request.split in SPLITS else "file"
    head = {"query": _query(request), "split": rule, "format": request.format, "code": _code(), "name": request.name}
    whole = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for side, row in zip(sides, rows, strict=True):
        if side:
            whole.update(side.encode() + row)
    return whole.hexdigest()[:12]


# --- writing ----------------------------------------------------------------------------------------------


def _write(
    connection: psycopg.Connection[dict[str, Any]], folder: Path, plan: Plan, request: Request, tell: Tell
) -> Version:
    if held := _find_held(folder):  # another export has just written it
        return held
    part = folder.with_name(folder.name + PART)
    part.mkdir(exist_ok=True)
    shards = _write_shards(connection, part, plan, request, tell)
    manifest = Manifest(
        version=plan.version,
        name=request.name,
        axis=request.wanted.axis,
        format=request.format,
        query=_query(request),
        split=request.split if request.split in SPLITS else "file",
        code=_code(),
        photos={side: len(ids) for side, ids in plan.ids.items()},
        horses={str(side): count for side, count in plan.horses.items()},
        horses_in_all=plan.horses_in_all,
        kinds=_count_kinds(plan, request.wanted.axis),
        left_out=dict(plan.left_out),
        leaks=asdict(plan.leaks),
        newest_photo=plan.newest_photo,
        newest_label=plan.newest_label,
        shards=shards,
    )
    manifest = replace(manifest, beside=write_card(part, manifest, plan.seen))
    (part / JOURNAL).unlink(missing_ok=True)
    write_manifest(part, manifest)
    if folder.exists():  # its manifest is broken, or a deletion was broken off, which begins with the manifest
        delete(folder)
    part.rename(folder)
    return Version(folder, manifest)


def _count_kinds(plan: Plan, axis: Axis) -> dict[str, dict[str, int]]:
    """Labels by type and side; only a distance has types."""
    if axis is not Axis.DISTANCE:
        return {}
    return {side: count_kinds(labels) for side, labels in plan.seen.labels.items()}


def _write_shards(
    connection: psycopg.Connection[dict[str, Any]], part: Path, plan: Plan, request: Request, tell: Tell
) -> list[Shard]:
    """Write the shards that are not there yet; all of them, in order."""
    finished = {shard.path: shard for shard in read_journal(part)}
    shards: list[Shard] = []
    done = 0
    for side, ids in plan.ids.items():
        pieces = list(batched(ids, PHOTOS_A_SHARD))
        for number, piece in enumerate(pieces):
            path = shard_path(request.format, side, number, len(pieces))
            if path not in finished:
                pictures = _told(_pictures(connection, piece, request), done, plan.photos, tell)
                try:
                    write_shard(request.format, part / path, pictures)
                except Damaged:
                    delete(part)  # without the damaged photos it will be another version
                    raise
                finished[path] = Shard(path, side, len(piece), size_of(part / path), digest_of(part / path))
                note_shards(part, finished.values())
            shards.append(finished[path])
            done += len(piece)
    return shards


def _told(pictures: Iterator[Item], done: int, photos: int, tell: Tell) -> Iterator[Item]:
    """The same, and every so often how many it were."""
    for number, item in enumerate(pictures, done + 1):
        yield item
        if number % ROWS == 0 or number == photos:
            tell(number, photos)


def _pictures(connection: psycopg.Connection[dict[str, Any]], ids: Sequence[int], request: Request) -> Iterator[Item]:
    """The examples of a shard with their bytes."""
    for example, body in _read(connection, ids, request):
        item = _prepare(example, body, request.size)
        if item is None:
            raise Damaged
        yield item


def _find_damaged(connection: psycopg.Connection[dict[str, Any]], plan: Plan, request: Request) -> set[str]:
    """The digests of all photos of a plan whose bytes are damaged."""
    return {
        example.digest
        for ids in plan.ids.values()
        for piece in batched(ids, PHOTOS_A_SHARD)
        for example, body in _read(connection, piece, request)
        if _prepare(example, body, request.size) is None
    }


def _prepare(example: Example, body: bytes | None, size: int | None) -> Item | None:
    """An example as it is written; None where its bytes are damaged."""
    # Bytes are checked when they come in; what differs from its digest now, the disk has damaged.
    if body is None or hashlib.sha256(body).hexdigest() != example.digest:
        return None
    try:
        shrunk = shrink(body, size) if size else None
    except BrokenPicture:
        return None
    return (example, body) if shrunk is None else (replace(example, media_type="image/jpeg"), shrunk)


def _read(
    connection: psycopg.Connection[dict[str, Any]], ids: Sequence[int], request: Request
) -> Iterator[tuple[Example, bytes | None]]:
    """Examples in the order of their ids; the bytes come a row group at a time, None where they cannot be unpacked.

    While one row group is written, the next is fetched.
    """
    facts = connection.execute(FACTS + SOME, {"axis": request.wanted.axis.value, "ids": list(ids)})
    examples = {row["id"]: as_example(row) for row in facts}
    batches = [[examples[number] for number in batch] for batch in batched(ids, ROWS)]
    with ThreadPoolExecutor(1) as fetcher:
        fetched = [fetcher.submit(_bodies, connection, batch) for batch in batches[:1]]
        for number, batch in enumerate(batches):
            bodies = fetched.pop().result()
            fetched += [fetcher.submit(_bodies, connection, after) for after in batches[number + 1 : number + 2]]
            for example in batch:
                yield example, bodies.get(example.digest)


def _bodies(connection: psycopg.Connection[dict[str, Any]], examples: Sequence[Example]) -> dict[str, bytes]:
    digests = {example.digest for example in examples}
    found: dict[str, bytes] = {}
    with connection.cursor(binary=True) as cursor:
        for row in cursor.execute(BYTES, (list(digests),)):
            with suppress(zlib.error):
                found[row["digest"]] = unpack(row["content"], row["encoding"])
    return found
