"""`collector import`: saved pages become what a crawl would have fetched, with no request at all."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from psycopg import AsyncRawCursor

from collector.codes import Aside
from collector.imports import statements as sql
from collector.imports.captures import Capture, LeftOut
from collector.imports.identify import Places
from collector.imports.read import Brought, work
from collector.imports.report import Report
from collector.imports.standing import Standing
from collector.imports.writing import Pair, Written, write
from collector.matching.match import match_photos
from collector.pipeline import drift
from collector.pipeline.pool import read_in_order
from collector.pipeline.repack import repack
from collector.politeness.gate import Connection
from collector.storage.dictionaries import FEWEST, Dictionaries
from collector.storage.upkeep import MANY, SETTLE

BATCH = 100  # captures that a process reads at once
BATCH_BYTES = 8_000_000  # or this many bytes
MANY_BYTES = 40_000_000  # of files; fewer are read sooner than processes have started
LOOKS, PAUSE = 50, 0.2  # at pages that a crawl is at work on: how often, and seconds between two


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading of the files is."""

    done: int  # bytes
    total: int  # bytes
    seconds: float  # since it began
    report: Report

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None where there is none yet."""
        return self.seconds * (self.total - self.done) / self.done if self.done else None


Show = Callable[[Progress], None]


class Pages(Protocol):
    """Where pages come from: files, or something that is read like them."""

    total: int  # bytes
    done: int

    def measure(self) -> int:
        """How much there is."""
        ...

    def captures(self) -> Iterable[Capture | LeftOut]:
        """Every page, and what is left out."""
        ...


@dataclass(slots=True)
class Import:
    """One import on one connection."""

    connection: Connection
    files: Pages
    places: Places
    report: Report
    dry_run: bool
    show: Show
    dictionaries: Dictionaries = field(default_factory=Dictionaries)
    _busy: list[Pair] = field(default_factory=list)
    _missing: set[tuple[str, str, str]] = field(default_factory=set)  # source, kind, field
    _late: int = 0
    _began: float = 0.0

    async def run(self) -> Report:
        """Bring all pages, those first that others are about; every set of them is kept as soon as it is written."""
        self.connection.prepare_threshold = None  # a plan made for empty tables is not one for a million rows
        self.files.measure()
        await self.dictionaries.load(self.connection)
        for late in (False, True):
            if late and not self._late:
                break
            self._began = time.monotonic()
            async for batch in self.read(late=late):
                await self._write(batch)
                self._show()
            await self._look_again()
        if not self.dry_run:
            for source, kind, name in sorted(self._missing):
                await drift.judge(self.connection, source, kind, [name])
            await match_photos(self.connection)
            if self.report.brought >= FEWEST:
                await repack(self.connection, lambda _done, _total: None)  # there may be a new dictionary for them
            if self.report.brought >= MANY:
                await self.connection.execute(SETTLE)
        stopped = await drift.stopped_kinds(self.connection)
        self.report.layout_changed = sorted(f"{source}: {kind}" for source, kind in stopped)
        return self.report

    def _show(self) -> None:
        seconds = time.monotonic() - self._began
        self.show(Progress(self.files.done, self.files.total, seconds, self.report))

    async def read(self, *, late: bool) -> AsyncIterator[list[tuple[Capture, Brought | LeftOut | None]]]:
        """What captures are and mean: those that come after the others, or all others."""
        processes = cores() if self.files.total > MANY_BYTES else 0
        batches = self._unknown(self.files.captures(), late=late)
        async for batch in read_in_order(batches, processes, work(self.places, self.dictionaries, late=late)):
            yield batch

    async def _unknown(self, found: Iterable[Capture | LeftOut], *, late: bool) -> AsyncIterator[list[Capture]]:
        """Captures in batches, without those that the same file brought before."""
        async for batch in in_batches(found, lambda left: None if late else self.report.leave_out(left)):
            known = await self._known(batch)
            fresh = [capture for capture in batch if (capture.file, capture.digest, capture.at) not in known]
            if not late:
                self.report.standings[Standing.KNOWN] += len(batch) - len(fresh)
            if fresh:
                yield fresh
            else:
                self._show()

    async def _known(self, batch: list[Capture]) -> set[tuple[object, ...]]:
        source, kind = self.places.wanted or (None, None)
        facts = ([capture.digest for capture in batch], source, kind)
        # On the connection that writes, which is at rest while the next captures are looked for.
        return set(await (await AsyncRawCursor(self.connection).execute(sql.IMPORTED, facts)).fetchall())

    async def _write(self, batch: list[tuple[Capture, Brought | LeftOut | None]]) -> None:
        pairs = list[Pair]()
        for capture, read in batch:
            if read is None:
                self._late += 1
            elif isinstance(read, LeftOut):
                self.report.leave_out(read)
            else:
                pairs.append((capture, read))
        if pairs:
            self._count(await write(self.connection, pairs, dry_run=self.dry_run))

    def _count(self, written: Written) -> None:
        for placed, state in written.placed:
            self.report.add(placed, state)
            if state is not None:
                page = placed.page
                self._missing.update((page.source, page.kind, name) for name in placed.brought.derived.missing)
        for left in written.left_out:
            self.report.leave_out(left)
        self._busy += written.busy

    async def _look_again(self) -> None:
        """Take up the pages that a crawl was at work on."""
        for _ in range(LOOKS):
            if not self._busy:
                return
            await asyncio.sleep(PAUSE)
            busy, self._busy = self._busy, []
            self._count(await write(self.connection, busy, dry_run=self.dry_run))
        for capture, _ in self._busy:
            self.report.leave_out(LeftOut(capture.file, Aside.BUSY))
        self._busy = []


async def in_batches(
    found: Iterable[Capture | LeftOut], leave_out: Callable[[LeftOut], None]
) -> AsyncIterator[list[Capture]]:
    """Captures in batches, limited by their number and by their bytes."""
    batch, size = list[Capture](), 0
    for one in found:
        if isinstance(one, LeftOut):
            leave_out(one)
            continue
        batch.append(one)
        size += len(one.body)
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def cores() -> int:
    """How many processes read; 0: none beside this one, which has the only core."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count if count > 1 else 0
