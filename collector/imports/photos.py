"""`collector import --photos`: photos that a person has become a source like others, with what a table says of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from collector.codes import Aside
from collector.errors import Busy
from collector.imports import photo_statements as sql
from collector.imports.bring import cores
from collector.imports.captures import Capture, Failed, LeftOut
from collector.imports.identify import Places
from collector.imports.manifest import Manifest, Row
from collector.imports.photo_files import not_listed, read_picture
from collector.imports.read import Brought, work
from collector.imports.recorded import IMPORT_LOCK, OWN_PHOTOS, Desk, Held, Recorded
from collector.imports.report import Report
from collector.imports.standing import Standing
from collector.matching.match import match_photos
from collector.pipeline.pool import BATCH_BYTES, read_in_order
from collector.politeness.gate import Connection
from collector.sources.own.record import Record
from collector.storage import upkeep
from collector.storage.dictionaries import Dictionaries
from collector.storage.locks import alone

BATCH = 20  # photos at once
MANY = 200  # photos; fewer are read sooner than processes have started
MOST_OF_A_DAY = 999

Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo to bring."""

    row: Row
    picture: Capture
    record: Record
    held: Held


@dataclass(slots=True)
class PhotoImport:
    """One import of photos on one connection."""

    connection: Connection
    folder: Path
    manifest: Manifest
    manifest_digest: str
    places: Places
    report: Report
    dry_run: bool
    show: Show
    _lines: dict[str, int] = field(default_factory=dict)  # of the pictures so far, by digest
    _desk: Desk = field(init=False)

    async def run(self) -> Report:
        """Bring all photos; every set of them is kept as soon as it is written.

        Raises:
            Busy: another import of photos is at work.
            UsageError: a race that is held was run on another day; says in which lines.
        """
        async with alone(self.connection, IMPORT_LOCK) as is_alone:
            if not is_alone:
                raise Busy("Another import of photos is at work; try again when it is done.")
            return await self._run()

    async def _run(self) -> Report:
        row = await (await self.connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        self._desk = Desk(self.connection, OWN_PHOTOS, MOST_OF_A_DAY, row[0])
        await self._check_races()
        for left in not_listed(self.manifest, self.folder):
            self.report.leave_out(left)
        beside = self.report.captures  # of which the table has no line
        processes = cores() if len(self.manifest.rows) > MANY else 0
        pictures = work(self.places, Dictionaries(), late=True)
        photos = dict[str, Photo]()
        async for batch in read_in_order(self._pictures(photos), processes, pictures):
            await self._write([(photos.pop(capture.digest), picture) for capture, picture in batch])
            self.show(self.report.captures - beside, len(self.manifest.rows))
        if not self.dry_run:
            await match_photos(self.connection)
            if self.report.brought >= upkeep.MANY:
                await self.connection.execute(upkeep.SETTLE)
        return self.report

    async def _check_races(self) -> None:
        stated = [row.race for row in self.manifest.rows if row.race]
        ran = dict[str, date](await (await self.connection.execute(sql.RACES, (stated,))).fetchall())
        for row in self.manifest.rows:
            if (day := ran.get(row.race or "", row.day)) != row.day:
                self.manifest.refuse(row.line, "race", f"{row.race} was run on {day}, and the date is {row.day}.")
        self.manifest.check()

    async def _pictures(self, photos: dict[str, Photo]) -> AsyncIterator[list[Capture]]:
        """The pictures that are not held as the table has them, in batches; what is stated of each is put aside."""
        rows = iter(self.manifest.rows)
        while found := await asyncio.to_thread(self._read_files, rows):
            held = await self._desk.held([picture.digest for _, picture in found])
            fresh = list[Capture]()
            for row, picture in found:
                if photo := await self._photo(row, picture, held.get(picture.digest, Held())):
                    photos[picture.digest] = replace(photo, picture=replace(picture, body=b""))
                    fresh.append(picture)
            if fresh:
                yield fresh

    def _read_files(self, rows: Iterator[Row]) -> list[tuple[Row, Capture]]:
        found, size = list[tuple[Row, Capture]](), 0
        while len(found) < BATCH and size < BATCH_BYTES and (row := next(rows, None)):
            try:
                picture = read_picture(self.folder, row.file)
                if (line := self._lines.setdefault(picture.digest, row.line)) != row.line:
                    raise Failed(Aside.TWICE, str(line))
                found.append((row, picture))
                size += len(picture.body)
            except Failed as failed:
                self.report.leave_out(LeftOut(row.file, failed.code, failed.detail))
            except OSError as error:
                self.report.leave_out(LeftOut(row.file, Aside.CANNOT_READ, error.strerror))
        return found

    async def _photo(self, row: Row, picture: Capture, held: Held) -> Photo | None:
        """What is to be brought of a row; None: nothing, as it is held, or must not be."""
        if held.forgotten:
            self.report.leave_out(LeftOut(row.file, Aside.KEPT_OUT, "forgotten"))
            return None
        number = await self._desk.number(held, f"{row.day:%y%m%d}")
        if number is None:
            self.report.leave_out(LeftOut(row.file, Aside.TOO_MANY, f"{MOST_OF_A_DAY} photos of {row.day}"))
            return None
        record = Record(
            digest=picture.digest, date=row.day, number=number, horse=row.horse, race=row.race, source=row.source,
            rights=row.rights, remark=row.remark or held.remark,
        )  # fmt: skip
        if held.says(record):
            self.report.standings[Standing.KNOWN] += 1
            return None
        return Photo(row, picture, record, held)

    async def _write(self, photos: Sequence[tuple[Photo, Brought | LeftOut | None]]) -> None:
        recorded = list[Recorded]()
        for photo, picture in photos:
            if not isinstance(picture, Brought):
                self.report.leave_out(picture or LeftOut(photo.row.file, Aside.UNREADABLE))
                continue
            line = f"{self.manifest.name}, line {photo.row.line}"
            pair = (photo.picture, replace(picture, dated=photo.record.date))
            recorded.append(Recorded(photo.row.file, photo.record, photo.held, line, self.manifest_digest, pair))
        await self._desk.write(recorded, self.report, dry_run=self.dry_run)
