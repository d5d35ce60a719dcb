"""Photos that come with a record beside each picture: how they are numbered, written, and given another day.

A picture and its record are two pages, at addresses made of the picture's digest. So the same photo is the same pages
wherever its file lies, what is forgotten stays forgotten, and everything else reads them like pages of a site.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from psycopg import AsyncRawCursor

from collector.codes import Aside, MatchRule
from collector.imports import photo_statements as sql
from collector.imports.captures import Capture, LeftOut
from collector.imports.identify import Page
from collector.imports.read import Brought, read
from collector.imports.report import Report
from collector.imports.standing import Standing
from collector.imports.writing import Pair, write
from collector.matching.walks import take_walks
from collector.politeness.gate import Connection
from collector.sources.beside import Beside
from collector.sources.camera import record as camera
from collector.sources.own import record as own
from collector.storage.archive import digest_of
from collector.storage.roles import PageState

MEDIA_TYPE = "application/json; charset=utf-8"
IMPORT_LOCK = 7_220_019  # an advisory lock: two imports would give the same number to two photos


class Record(Protocol):
    """What is stated of a photo."""

    @property
    def digest(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def date(self) -> date: ...
    @property
    def issue_code(self) -> str: ...
    def as_bytes(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a photo; None: nothing."""

    record_digest: str | None = None
    picture_state: str | None = None
    issue_code: str | None = None
    number: int | None = None
    remark: str | None = None
    taken_at: datetime | None = None
    forgotten: bool = False  # it must not come back

    def says(self, record: Record) -> bool:
        """Whether its picture is here, and its record says just this."""
        return self.picture_state == PageState.FETCHED and digest_of(record.as_bytes()) == self.record_digest


@dataclass(frozen=True, slots=True)
class Recorded:
    """One photo to write: its record, and its picture unless that is here already."""

    file: str  # as the report names it
    record: Record
    held: Held
    stated_in: str  # where the record's facts come from
    stated_digest: str  # SHA-256 of that
    picture: Pair | None


@dataclass(frozen=True, slots=True)
class Kept:
    """How a source's photos and their records are named."""

    source: str
    beside: Beside

    def record(
        self, record: Record, stated_in: str, stated_digest: str, stated_at: datetime
    ) -> tuple[Capture, Brought]:
        """A record as it is archived, and what it means; it comes from a table, a camera, or from what was typed."""
        body, url = record.as_bytes(), self.beside.record_url(record.digest)
        capture = Capture(stated_in, body, digest_of(body), stated_digest, url, stated_at, MEDIA_TYPE)
        named = self.beside.at(f"/{record.digest}.json")
        assert named is not None
        return capture, read(capture, Page(self.source, replace(named, dated=record.date), url), {})


OWN_PHOTOS = Kept(own.SOURCE, own.BESIDE)
CAMERA_PHOTOS = Kept(camera.SOURCE, camera.BESIDE)


@dataclass(slots=True)
class Desk:
    """Writes photos with their records, of one source, on one connection."""

    connection: Connection
    kept: Kept
    most: int  # photos of a day
    began: datetime
    _last: dict[str, int] = field(default_factory=dict)  # the largest number of each issue

    async def held(self, digests: Sequence[str]) -> dict[str, Held]:
        """What is held of pictures, by their digests."""
        asked = [
            list(map(self.kept.beside.record_url, digests)),
            list(map(self.kept.beside.picture_url, digests)),
            list(digests),
        ]
        rows = await (await AsyncRawCursor(self.connection).execute(sql.HELD, asked)).fetchall()
        forgotten = await self._forgotten(digests)
        return {digest: Held(*facts, forgotten=digest in forgotten) for digest, *facts in rows}

    async def _forgotten(self, digests: Sequence[str]) -> set[str]:
        """Those of pictures that were forgotten, whichever way they had come."""
        of = {url: digest for kept in (OWN_PHOTOS, CAMERA_PHOTOS) for digest in digests
              for url in (kept.beside.record_url(digest), kept.beside.picture_url(digest))}  # fmt: skip
        rows = await (await AsyncRawCursor(self.connection).execute(sql.FORGOTTEN, (list(of),))).fetchall()
        return {of[url] for (url,) in rows}

    async def number(self, held: Held, code: str) -> int | None:
        """A photo's number in an issue: its own, or the next; None where there are too many."""
        if held.issue_code == code:
            return held.number
        if code not in self._last:
            row = await (
                await AsyncRawCursor(self.connection).execute(sql.LAST_NUMBER, (self.kept.source, code))
            ).fetchone()
            self._last[code] = row[0] if row else 0
        if self._last[code] >= self.most:
            return None
        self._last[code] += 1
        return self._last[code]

    async def write(self, photos: Sequence[Recorded], report: Report, *, dry_run: bool) -> None:
        """Write a set of photos, all of it or nothing, and count it."""
        pairs, names = list[Pair](), dict[str, Recorded]()
        for photo in photos:
            record = self.kept.record(photo.record, photo.stated_in, photo.stated_digest, self.began)
            names[record[0].file] = photo
            pairs += [photo.picture, record] if photo.picture else [record]
        async with self.connection.transaction(force_rollback=dry_run):
            moving = [photo for photo in photos if photo.held.issue_code]
            await self._take_walks(moving)
            for photo in moving:
                await self._release(photo.held, photo.record)
            written = await write(self.connection, pairs, dry_run=False)
        by_file = {placed.capture.file: (placed, state) for placed, state in written.placed}
        for file, photo in names.items():
            picture = by_file.get(photo.picture[0].file) if photo.picture else None
            if (record := by_file.get(file)) and (picture or not photo.picture):
                report.add(*(picture if picture and record[0].standing is Standing.KNOWN else record))
        for left in written.left_out:
            if left.file in names:
                report.leave_out(replace(left, file=names[left.file].file))
        for capture, _ in written.busy:
            if capture.file in names:
                report.leave_out(LeftOut(names[capture.file].file, Aside.BUSY))

    async def _take_walks(self, moving: Sequence[Recorded]) -> None:
        """Wait for decisions on the walks that these photos are in: they change the same rows in another order."""
        keys = [photo.held.issue_code for photo in moving], [photo.held.number for photo in moving]
        rows = await (await AsyncRawCursor(self.connection).execute(sql.WALKS, (self.kept.source, *keys))).fetchall()
        await take_walks(self.connection, (race_id for (race_id,) in rows))

    async def _release(self, held: Held, new: Record) -> None:
        """Let a photo be matched anew; of another day, give it its new number before its record says so."""
        raw, key = AsyncRawCursor(self.connection), (self.kept.source, held.issue_code, held.number)
        await raw.execute(sql.UNMATCH, key)
        await raw.execute(sql.ONLY_TURNED, (*key, MatchRule.NOT_NAMED))
        if held.issue_code == new.issue_code:
            return
        await raw.execute(sql.MOVE_PHOTO, (*key, new.issue_code, new.number))
        await raw.execute(sql.MOVE_MATCH, (*key, new.issue_code, new.number, new.date))
        urls = [self.kept.beside.record_url(new.digest), self.kept.beside.picture_url(new.digest)]
        await raw.execute(sql.MOVE_PAGES, (urls, new.date))
