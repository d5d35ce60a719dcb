"""What files are compared with: the photos of one's own camera that are held, and what was kept of those forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import AsyncRawCursor

from collector.imports import camera_statements as sql
from collector.imports.camera_clock import shown_by
from collector.imports.camera_copies import Candidate
from collector.imports.camera_files import Found
from collector.politeness.gate import Connection
from collector.sources.camera.record import SOURCE
from collector.storage.images import Picture

SECOND = timedelta(seconds=1)


async def held_shots(connection: Connection, found: Sequence[Found]) -> dict[str, Candidate]:
    """The photos that are held of the same time by the camera's clock, and those that the folder has; by digest."""
    clocks = [clock for one in found if (clock := shown_by(one.shot))]
    dated = clocks and len(clocks) == len(found)
    first, last = (min(clocks) - SECOND, max(clocks) + SECOND) if dated else (None, None)
    digests = [one.digest for one in found if one.picture is None]
    rows = await (await AsyncRawCursor(connection).execute(sql.KEPT, (SOURCE, first, last, digests))).fetchall()
    return {
        digest: Candidate(photo, 0, _picture(*picture), clock, camera, held=True)
        for photo, digest, camera, clock, *picture in rows
    }


async def forgotten_shots(connection: Connection, found: Sequence[Found]) -> list[Candidate]:
    """What was kept of forgotten photos of the same seconds."""
    seconds = {(one.shot.camera, clock.replace(microsecond=0)) for one in found if (clock := shown_by(one.shot))}
    cameras, clocks = [camera for camera, _ in seconds], [clock for _, clock in seconds]
    rows = await (await AsyncRawCursor(connection).execute(sql.FORGOTTEN, (cameras, clocks))).fetchall()
    return [
        Candidate("", 0, _picture(*picture), _exactly(second, micro), camera, held=True, forgotten=True)
        for camera, second, micro, *picture in rows
    ]


def _exactly(second: datetime, microsecond: int) -> datetime:
    return second.replace(microsecond=microsecond)


def _picture(media_type: str, width: int, height: int, phash: str) -> Picture:
    return Picture(media_type, width, height, f"{int(phash, 2):064x}")
