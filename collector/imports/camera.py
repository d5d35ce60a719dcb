"""`collector import --camera`: the photos of a camera's folder become a source, with moment, place and camera.

The folder is read twice: once for what all its photos say together (which clocks are off, what is a copy of what),
and once for the bytes of those that are brought.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import AsyncRawCursor

from collector.codes import Aside
from collector.console.wording import counted
from collector.errors import Busy, UsageError
from collector.imports import camera_statements as sql
from collector.imports.camera_clock import Corrections, Taken, corrected, shown_by
from collector.imports.camera_copies import Candidate, copies
from collector.imports.camera_files import Found, PhotoFile, Read, in_batches, look_at, photo_files
from collector.imports.camera_kept import forgotten_shots, held_shots
from collector.imports.camera_report import CameraReport, describe_cameras
from collector.imports.captures import Capture, LeftOut
from collector.imports.identify import Page
from collector.imports.read import Brought
from collector.imports.recorded import CAMERA_PHOTOS, IMPORT_LOCK, Desk, Held, Recorded
from collector.imports.standing import Standing
from collector.imports.writing import Pair
from collector.matching.camera import Starts, day_of
from collector.matching.match import match_photos
from collector.pipeline.derive import Derived
from collector.politeness.gate import Connection
from collector.sources.camera.courses import course_at
from collector.sources.camera.record import SOURCE, CameraRecord, at, picture_url
from collector.storage import upkeep
from collector.storage.archive import pack
from collector.storage.images import Picture
from collector.storage.items import MOST_OF_AN_ISSUE
from collector.storage.locks import alone

Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Stated:
    """What the person who imports says of all photos of the folder."""

    photographer: str
    rights: str
    course: str | None = None  # the racecourse of photos without a place
    corrections: Corrections = field(default_factory=Corrections)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file that shows a shot of its own, with its moment."""

    found: Found
    held: Held
    taken: datetime
    racecourse: str | None


@dataclass(slots=True)
class CameraImport:
    """One import of a camera's folder on one connection."""

    connection: Connection
    folder: Path
    stated: Stated
    report: CameraReport
    dry_run: bool
    show: Show
    _desk: Desk = field(init=False)
    _held: dict[str, Held] = field(default_factory=dict)  # by digest
    _forgotten: list[Found] = field(default_factory=list)  # whose other files stay out too
    _done: int = 0

    async def run(self) -> CameraReport:
        """Bring all photos; every set of them is kept as soon as it is written.

        Raises:
            Busy: another import of photos is at work.
            UsageError: what is said of clocks or of the racecourse does not fit the photos.
        """
        async with alone(self.connection, IMPORT_LOCK) as is_alone:
            if not is_alone:
                raise Busy("Another import of photos is at work; try again when it is done.")
            return await self._run()

    async def _run(self) -> CameraReport:
        row = await (await self.connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        self._desk = Desk(self.connection, CAMERA_PHOTOS, MOST_OF_AN_ISSUE, row[0])
        files = photo_files(self.folder, self.report)
        found = await self._look(files)
        taken = [Taken(one.photo.file, one.shot) for one in found]
        offsets = self.stated.corrections.of_cameras(taken)
        shown = await self._without_copies(found, offsets, self.stated.corrections.photos_of_clocks(taken))
        self._check_course(shown)
        self._check_clock(shown)
        records = await self._records(shown)
        await self._bring(records)
        starts = await Starts.read(self.connection, (one.taken for one in shown))
        moments = [(one.found.shot, one.taken, one.racecourse) for one in shown]
        describe_cameras(self.report, moments, offsets, starts, self.stated.rights)
        if not self.dry_run:
            await match_photos(self.connection)
            if self.report.brought >= upkeep.MANY:
                await self.connection.execute(upkeep.SETTLE)
        return self.report

    async def _look(self, files: Sequence[PhotoFile]) -> list[Found]:
        """What the files hold, each picture once."""
        found, seen = list[Found](), dict[str, str]()
        async for batch in in_batches(files, self.folder, self.report):
            fresh = list[Read]()
            for read in batch:
                if (first := seen.setdefault(read.digest, read.photo.file)) == read.photo.file:
                    fresh.append(read)
                else:
                    self.report.leave_out(LeftOut(read.photo.file, Aside.COPY, first))
            self._held |= await self._desk.held([read.digest for read in fresh])
            allowed = [read for read in fresh if not self._held[read.digest].forgotten]
            forgotten = [read for read in fresh if self._held[read.digest].forgotten]
            for read in forgotten:
                self._keep_out(read.photo.file)
            self._forgotten += await look_at(forgotten, set(), CameraReport())
            found += await look_at(allowed, await self._measured(allowed), self.report)
            self._done += len(batch)
            self.show(self._done, 2 * len(files))
        return found

    def _keep_out(self, file: str) -> None:
        self.report.leave_out(LeftOut(file, Aside.KEPT_OUT, "forgotten"))

    async def _measured(self, batch: Sequence[Read]) -> set[str]:
        """The digests of those pictures that are held with their measures."""
        asked = (SOURCE, [read.digest for read in batch])
        return {
            digest
            for (digest,) in await (await AsyncRawCursor(self.connection).execute(sql.MEASURED, asked)).fetchall()
        }

    async def _without_copies(
        self, found: Sequence[Found], offsets: dict[str | None, timedelta], clocks: set[str]
    ) -> list[Shown]:
        """The files that show shots of their own, by their moments."""
        taken = dict[str, datetime]()
        kept = await held_shots(self.connection, found)  # first: what is forgotten just now is among the others then
        candidates = await forgotten_shots(self.connection, found)
        candidates += [_candidate(one, one.picture, forgotten=True) for one in self._forgotten if one.picture]
        for one in found:
            held = kept.pop(one.digest, None)
            picture = one.picture or (held.picture if held else None)
            if picture is None:
                self.report.leave_out(LeftOut(one.photo.file, Aside.BUSY))
                continue
            if moment := corrected(one.shot, offsets):
                taken[one.photo.file] = moment
            candidates.append(_candidate(one, picture))
        return self._shown(found, taken, copies([*candidates, *kept.values()]), clocks)

    def _shown(
        self, found: Sequence[Found], taken: dict[str, datetime], twins: dict[str, Candidate], clocks: set[str]
    ) -> list[Shown]:
        shown = list[Shown]()
        for one in found:
            file, is_held = one.photo.file, one.picture is None
            twin = twins.get(file)
            if file in clocks and not is_held:
                self.report.leave_out(LeftOut(file, Aside.CLOCK))
            elif twin and twin.forgotten:
                self._keep_out(file)
            elif twin:
                self.report.leave_out(LeftOut(file, Aside.COPY, twin.file))
            elif file not in taken:
                self.report.leave_out(LeftOut(file, Aside.NO_TIME))
            else:
                place = one.shot.place
                course = course_at(*place) if place else self.stated.course
                shown.append(Shown(one, self._held[one.digest], taken[file], course))
        return sorted(shown, key=lambda one: (one.taken, one.found.photo.file))

    def _check_course(self, shown: Sequence[Shown]) -> None:
        said = self.stated.course
        other = [one for one in shown if said and one.racecourse and one.racecourse != said]
        if other:
            first = other[0]
            raise UsageError(
                f"{first.found.photo.file} was taken at {first.racecourse} by its GPS, and --course says {said} "
                f"({counted(len(other), 'such photo')}): leave out --course, or import each racecourse's photos by "
                "themselves."
            )

    def _check_clock(self, shown: Sequence[Shown]) -> None:
        """A clock that was corrected before is not taken for a right one without a word."""
        if self.stated.corrections.given:
            return
        moved = sum(one.held.taken_at not in (None, one.taken) for one in shown)
        if moved:
            raise UsageError(
                f"{counted(moved, 'photo is', 'photos are')} held with another time, as the camera's clock was "
                "corrected: give --clock or --offset as then, or --offset +0:00 where the camera's own clock is right."
            )

    async def _records(self, shown: Sequence[Shown]) -> dict[str, tuple[Shown, CameraRecord]]:
        """What is to be written, by file; not what is held as it is."""
        found = dict[str, tuple[Shown, CameraRecord]]()
        for one in shown:
            number = await self._desk.number(one.held, f"{day_of(one.taken):%y%m%d}")
            file = one.found.photo.file
            if number is None:
                self.report.leave_out(LeftOut(file, Aside.TOO_MANY, f"{MOST_OF_AN_ISSUE} photos of a day"))
                continue
            record = CameraRecord(
                digest=one.found.digest, taken=one.taken, clock=one.found.shot.clock, number=number,
                camera=one.found.shot.camera, racecourse=one.racecourse, photographer=self.stated.photographer,
                rights=self.stated.rights, remark=one.held.remark,
            )  # fmt: skip
            if one.held.says(record):
                self.report.standings[Standing.KNOWN] += 1
            else:
                self.report.corrected += one.held.issue_code is not None
                found[file] = one, record
        return found

    async def _bring(self, records: dict[str, tuple[Shown, CameraRecord]]) -> None:
        """Read the files again, and write them with their records."""
        files = [one.found.photo for one, _ in records.values()]
        self._done = len(files)
        async for batch in in_batches(files, self.folder, self.report):
            recorded = list[Recorded]()
            for read in batch:
                one, record = records[read.photo.file]
                if read.digest != record.digest:
                    self.report.leave_out(LeftOut(read.photo.file, Aside.BUSY))
                    continue
                picture = None if one.found.picture is None else _picture(read, one.found.picture, record)
                file = f"{read.photo.file}, record"
                recorded.append(Recorded(read.photo.file, record, one.held, file, read.digest, picture))
            await self._desk.write(recorded, self.report, dry_run=self.dry_run)
            self._done += len(batch)
            self.show(self._done, 2 * len(files))


def _candidate(one: Found, picture: Picture, *, forgotten: bool = False) -> Candidate:
    held = forgotten or one.picture is None
    return Candidate(one.photo.file, one.photo.size, picture, shown_by(one.shot), one.shot.camera, held, forgotten)


def _picture(read: Read, picture: Picture, record: CameraRecord) -> Pair:
    url = picture_url(read.digest)
    capture = Capture(read.photo.file, read.body, read.digest, read.digest, url)
    named = at(f"/{read.digest}")
    assert named is not None
    page = Page(SOURCE, replace(named, dated=record.date), url)
    packed = pack(read.body, picture.media_type, read.digest)
    return capture, Brought(page, record.date, Derived(picture=picture), packed)
