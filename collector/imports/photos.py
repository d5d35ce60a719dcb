"""`collector import --photos`: photos that a person has, with what a table says of them, become a source like others.

A picture and its record are two pages, at addresses made of the picture's digest. So the same photo is the same pages
wherever its file lies, what is forgotten stays forgotten, and everything else reads them like pages of a site.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from psycopg import AsyncRawCursor

from collector.codes import Aside
from collector.errors import Busy
from collector.imports import photo_statements as sql
from collector.imports.bring import cores
from collector.imports.captures import Capture, Failed, LeftOut
from collector.imports.identify import Places
from collector.imports.manifest import Manifest, Row
from collector.imports.own_remark import IMPORT_LOCK, record_pair
from collector.imports.photo_files import not_listed, read_picture
from collector.imports.read import Brought, work
from collector.imports.report import Report
from collector.imports.standing import Standing
from collector.imports.writing import Pair, write
from collector.matching.match import match_photos
from collector.pipeline.pool import BATCH_BYTES, read_in_order
from collector.politeness.gate import Connection
from collector.sources.own.record import SOURCE, Record, picture_url, record_url
from collector.storage import upkeep
from collector.storage.archive import digest_of
from collector.storage.dictionaries import Dictionaries
from collector.storage.locks import alone
from collector.storage.roles import PageState

BATCH = 20  # photos at once
MANY = 200  # photos; fewer are read sooner than processes have started
MOST_OF_A_DAY = 999

Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a photo; None: nothing."""

    state: str | None = None
    record_digest: str | None = None
    picture_state: str | None = None
    issue_code: str | None = None
    number: int | None = None
    remark: str | None = None


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
    _last: dict[str, int] = field(default_factory=dict)  # the largest number of each issue
    _lines: dict[str, int] = field(default_factory=dict)  # of the pictures so far, by digest
    _began: datetime = field(init=False)

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
        (self._began,) = row
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
            held = await self._held([picture.digest for _, picture in found])
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

    async def _held(self, digests: Sequence[str]) -> dict[str, Held]:
        raw = AsyncRawCursor(self.connection)
        asked = [[record_url(digest) for digest in digests], [picture_url(digest) for digest in digests], list(digests)]
        rows = await (await raw.execute(sql.HELD, asked)).fetchall()
        return {digest: Held(*facts) for digest, *facts in rows}

    async def _photo(self, row: Row, picture: Capture, held: Held) -> Photo | None:
        """What is to be brought of a row; None: nothing, as it is held, or must not be."""
        if PageState.EXCLUDED in (held.state, held.picture_state):
            self.report.leave_out(LeftOut(row.file, Aside.KEPT_OUT, "forgotten"))
            return None
        code = f"{row.day:%y%m%d}"
        number = held.number if held.issue_code == code else await self._next_number(code)
        if number is None:
            self.report.leave_out(LeftOut(row.file, Aside.TOO_MANY, f"{MOST_OF_A_DAY} photos of {row.day}"))
            return None
        record = Record(
            digest=picture.digest, date=row.day, number=number, horse=row.horse, race=row.race, source=row.source,
            rights=row.rights, remark=row.remark or held.remark,
        )  # fmt: skip
        if held.picture_state == PageState.FETCHED and digest_of(record.as_bytes()) == held.record_digest:
            self.report.standings[Standing.KNOWN] += 1
            return None
        return Photo(row, picture, record, held)

    async def _next_number(self, code: str) -> int | None:
        if code not in self._last:
            row = await (await AsyncRawCursor(self.connection).execute(sql.LAST_NUMBER, (SOURCE, code))).fetchone()
            self._last[code] = row[0] if row else 0
        if self._last[code] >= MOST_OF_A_DAY:
            return None
        self._last[code] += 1
        return self._last[code]

    async def _write(self, photos: Sequence[tuple[Photo, Brought | LeftOut | None]]) -> None:
        pairs, records, changed = list[Pair](), dict[str, str](), list[Photo]()
        for photo, picture in photos:
            if not isinstance(picture, Brought):
                self.report.leave_out(picture or LeftOut(photo.row.file, Aside.UNREADABLE))
                continue
            record = self._record(photo)
            records[record[0].file] = photo.row.file
            pairs += [(photo.picture, replace(picture, dated=photo.record.date)), record]
            changed += [photo] if photo.held.issue_code else []
        async with self.connection.transaction(force_rollback=self.dry_run):
            for photo in changed:
                await self._release(photo)
            written = await write(self.connection, pairs, dry_run=False)
        by_file = {placed.capture.file: (placed, state) for placed, state in written.placed}
        for file, picture_file in records.items():
            if (record := by_file.get(file)) and (picture := by_file.get(picture_file)):
                self.report.add(*(picture if record[0].standing is Standing.KNOWN else record))
        for left in written.left_out:
            if left.file in records:
                self.report.leave_out(replace(left, file=records[left.file]))
        for capture, _ in written.busy:
            if capture.file in records:
                self.report.leave_out(LeftOut(records[capture.file], Aside.BUSY))

    def _record(self, photo: Photo) -> Pair:
        file = f"{self.manifest.name}, line {photo.row.line}"
        return record_pair(photo.record, file, self.manifest_digest, self._began)

    async def _release(self, photo: Photo) -> None:
        """Let a photo be matched anew; of another day, give it its new number before its record says so."""
        held, new, raw = photo.held, photo.record, AsyncRawCursor(self.connection)
        key = (SOURCE, held.issue_code, held.number)
        await raw.execute(sql.UNMATCH, key)
        if held.issue_code == new.issue_code:
            return
        await raw.execute(sql.MOVE_PHOTO, (*key, new.issue_code, new.number))
        await raw.execute(sql.MOVE_MATCH, (*key, new.issue_code, new.number, new.date))
        urls = [record_url(new.digest), picture_url(new.digest)]
        await raw.execute(sql.MOVE_PAGES, (urls, new.date))
