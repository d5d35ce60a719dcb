"""`trainer export`: rows of the collector's database become a data set version.

The database is read in one snapshot: first the facts of all photos, which decide the sides and the version's id; then,
shard by shard, the bytes. The memory holds a few values for each photo, the facts of one shard, and the bytes of one
row group.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg.rows import dict_row

from collector.console.program import private_files
from collector.errors import BrokenPicture, UsageError
from collector.sources.registry import is_personal
from collector.storage.decoders import decoders
from collector.storage.racing import Axis
from collector.storage.shots import bare
from trainer.dataset.card import write_card
from trainer.dataset.copies import find_copies
from trainer.dataset.data import Progress, no_progress
from trainer.dataset.examples import Example, count_kinds
from trainer.dataset.facts import facts_of
from trainer.dataset.formats import ROWS, Item, batched, shard_path, write_shard
from trainer.dataset.looks import load_looks
from trainer.dataset.manifest import (
    JOURNAL,
    MANIFEST,
    PART,
    LabelFacts,
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
from trainer.dataset.own import own_sources
from trainer.dataset.photo_bytes import Damaged, is_whole, read_bodies, read_whole
from trainer.dataset.pixels import shrink
from trainer.dataset.plan import Plan, code_of, make_plan
from trainer.dataset.request import Request
from trainer.dataset.split import SPLITS, Pair
from trainer.directories import make_folder
from trainer.labels.definition import Wanted
from trainer.locks import alone

PHOTOS_A_SHARD = 5_000  # about 150 MB of photos in the size of the site


@contextmanager
def snapshot(conninfo: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A read-only snapshot of the database, for as long as the context lasts."""
    with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # A session returns times in the machine's zone; a version must not depend on the machine.
        connection.execute("SET TIME ZONE 'UTC'")
        yield connection


def export(
    conninfo: str, root: Path, request: Request, progress: Progress = no_progress, cache: Path | None = None
) -> Version:
    """Write the data set version of the current database, unless it exists already; `progress` gets photos written.

    `cache` keeps what copies are found by, so that the next export need not unpack the same photos again.

    Raises:
        UsageError: there is nothing to export, the split cannot be read, or another export writes to this folder.
        OSError: the disk is full; finished shards are kept, and the same call resumes after them.
    """
    damaged: set[str] = set()
    with snapshot(conninfo) as connection:
        while True:
            try:
                plan = make_plan(connection, request, damaged, partial(_find_copies, connection, cache))
            except Damaged as error:
                damaged |= error.digests
                continue
            folder = root / f"{request.name}-{plan.version}"
            if held := _find_held(folder):
                return held
            try:
                with _alone(root), private_files():
                    return _write(connection, folder, plan, request, progress)
            except Damaged:
                damaged |= _find_damaged(connection, plan, request)


def _find_copies(
    connection: psycopg.Connection[dict[str, Any]], cache: Path | None, digests: Sequence[str]
) -> list[Pair]:
    """Index pairs of photos that are copies of one another.

    Raises:
        Damaged: the bytes of a photo have changed.
    """
    with TemporaryDirectory() as folder, private_files():
        return find_copies(load_looks(cache or Path(folder), digests, partial(read_whole, connection)))


def _find_held(folder: Path) -> Version | None:
    """The version in a folder, which becomes the last one; None if it is missing or its manifest is broken."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        version = read_version(folder)
    except UsageError:
        return None
    (folder / MANIFEST).touch()
    return version


def _alone(root: Path) -> AbstractContextManager[None]:
    """Keep other exports out of a folder."""
    make_folder(root)
    busy = f"Another export is writing to {root}: wait until it has ended, or give another folder with --out."
    return alone(root, busy)


# --- writing ----------------------------------------------------------------------------------------------


def _write(
    connection: psycopg.Connection[dict[str, Any]], folder: Path, plan: Plan, request: Request, progress: Progress
) -> Version:
    if held := _find_held(folder):  # written by another export in the meantime
        return held
    part = folder.with_name(folder.name + PART)
    part.mkdir(exist_ok=True)
    shards = _write_shards(connection, part, plan, request, progress)
    manifest = Manifest(
        version=plan.version,
        name=request.name,
        labels=[_label_facts(one, plan) for one in request.labels],
        format=request.format,
        query=request.query | ({"licence": plan.own.licence.spdx} if plan.own else {}),
        split=request.split if request.split in SPLITS else "file",
        code=code_of(),
        photos={side: len(ids) for side, ids in plan.ids.items()},
        horses={str(side): count for side, count in plan.horses.items()},
        horses_in_all=plan.horses_in_all,
        kinds=_count_kinds(plan, request.labels[0].axis if request.labels else ""),
        left_out=dict(plan.left_out),
        leaks=asdict(plan.leaks),
        newest_photo=plan.newest_photo,
        newest_label=plan.newest_label,
        sources=[one.as_json() for one in plan.sources],
        stated=plan.stated,
        shards=shards,
    )
    manifest = replace(manifest, beside=write_card(part, manifest, plan.seen, plan.survey, plan.own))
    (part / JOURNAL).unlink(missing_ok=True)
    write_manifest(part, manifest)
    if folder.exists():  # its manifest is broken, or its deletion was interrupted
        delete(folder)
    part.rename(folder)
    return Version(folder, manifest)


def _label_facts(one: Wanted, plan: Plan) -> LabelFacts:
    scale, prior = one.scale, plan.priors[one.key]
    return LabelFacts(
        key=one.key,
        words=one.definition.words,
        unit=one.definition.unit,
        low=scale.low,
        high=scale.high,
        knots=[list(knot) for knot in scale.knots],
        metres=scale.metres,
        photos={side.value: count for side, count in plan.labelled[one.key].items()},
        shrunk=one.definition.shrunk,
        mean=prior.mean,
        between=prior.between,
        within=prior.within,
        training_horses=prior.horses,
    )


def _count_kinds(plan: Plan, axis: str) -> dict[str, dict[str, int]]:
    """The number of the first labels by side and type; empty unless their axis is distance."""
    if axis != Axis.DISTANCE:
        return {}
    return {side: count_kinds(labels) for side, labels in plan.seen.labels.items()}


def _write_shards(
    connection: psycopg.Connection[dict[str, Any]], part: Path, plan: Plan, request: Request, progress: Progress
) -> list[Shard]:
    """Write the shards that are missing; returns all shards, in order."""
    finished = {shard.path: shard for shard in read_journal(part)}
    shards: list[Shard] = []
    done = 0
    for side, ids in plan.ids.items():
        pieces = list(batched(ids, PHOTOS_A_SHARD))
        for number, piece in enumerate(pieces):
            path = shard_path(request.format, side, number, len(pieces))
            if path not in finished:
                pictures = _reported(_pictures(connection, piece, plan, request), done, plan.photos, progress)
                try:
                    keys = [one.key for one in request.labels]
                    write_shard(request.format, part / path, pictures, keys, request.facts)
                except Damaged:
                    delete(part)  # the version without the damaged photos has another id
                    raise
                finished[path] = Shard(path, side, len(piece), size_of(part / path), digest_of(part / path))
                note_shards(part, finished.values())
            shards.append(finished[path])
            done += len(piece)
    return shards


def _reported(pictures: Iterator[Item], done: int, photos: int, progress: Progress) -> Iterator[Item]:
    """The same pictures; reports progress every ROWS pictures."""
    for number, item in enumerate(pictures, done + 1):
        yield item
        if number % ROWS == 0 or number == photos:
            progress(number, photos)


def _pictures(
    connection: psycopg.Connection[dict[str, Any]], ids: Sequence[int], plan: Plan, request: Request
) -> Iterator[Item]:
    """The examples of a shard with their bytes."""
    for example, body in _read(connection, ids, plan, request):
        item = _prepare(example, body, request.size)
        if item is None:
            raise Damaged({example.digest})
        yield item


def _find_damaged(connection: psycopg.Connection[dict[str, Any]], plan: Plan, request: Request) -> set[str]:
    """The digests of all damaged photos of a plan."""
    return {
        example.digest
        for ids in plan.ids.values()
        for piece in batched(ids, PHOTOS_A_SHARD)
        for example, body in _read(connection, piece, plan, request)
        if _prepare(example, body, request.size) is None
    }


def _prepare(example: Example, body: bytes | None, size: int | None) -> Item | None:
    """An example and its bytes as they are written; None if the bytes are damaged."""
    if body is None or not is_whole(body, example.digest):
        return None
    try:
        shrunk = decoders().run(shrink, body, size) if size else None
        if shrunk is None and is_personal(example.source):  # no more than pixels of one's own camera
            shrunk = decoders().run(bare, body)
    except BrokenPicture:
        return None
    return (example, body) if shrunk is None else (replace(example, media_type="image/jpeg"), shrunk)


def _read(
    connection: psycopg.Connection[dict[str, Any]], ids: Sequence[int], plan: Plan, request: Request
) -> Iterator[tuple[Example, bytes | None]]:
    """Examples in the order of `ids` with their bytes, which are None if they cannot be decompressed.

    Of one's own photos alone, the database gives no other source's, whatever the plan says. The bytes are read one row
    group at a time, while the previous one is written.
    """
    facts = facts_of(connection, ids, own_sources() if request.own else None)
    examples = {number: plan.example(row) for number, row in facts.items()}
    batches = [[examples[number] for number in batch] for batch in batched(ids, ROWS)]
    wanted = [[example.digest for example in batch] for batch in batches]
    with ThreadPoolExecutor(1) as fetcher:
        fetched = [fetcher.submit(read_bodies, connection, digests) for digests in wanted[:1]]
        for number, batch in enumerate(batches):
            bodies = fetched.pop().result()
            fetched += [fetcher.submit(read_bodies, connection, after) for after in wanted[number + 1 : number + 2]]
            for example in batch:
                yield example, bodies.get(example.digest)
