"""`collector import --jravan`: races, entries and horses from the database that a converter of JRA-VAN's data made."""

from collections.abc import Callable
from datetime import datetime
from typing import LiteralString

from collector.errors import Busy
from collector.imports.bring import Import, Progress
from collector.imports.identify import Places
from collector.imports.jravan_open import Database, recognised
from collector.imports.jravan_rows import Held, Records
from collector.imports.report import Report
from collector.imports.standing import Standing
from collector.politeness.gate import Connection
from collector.sources.jravan.record import SOURCE
from collector.storage.locks import alone
from collector.storage.roles import PageState

IMPORT_LOCK = 7_220_030  # an advisory lock: two imports would write the same pages

HELD: LiteralString = """
SELECT url, digest, etag, (last_fetched_at AT TIME ZONE 'Asia/Tokyo')::date, state FROM page WHERE source = %s
"""


async def bring_jravan(
    connection: Connection, database: Database, places: Places, report: Report, *, dry_run: bool,
    show: Callable[[Progress], None],
) -> Report:  # fmt: skip
    """Bring what is new or changed; every set of pages is kept as soon as it is written.

    Raises:
        Busy: another such import is at work.
        UsageError: the database is none of a converter that is known, or cannot be read.
    """
    async with alone(connection, IMPORT_LOCK) as is_alone:
        if not is_alone:
            raise Busy("Another import of JRA-VAN's data is at work; try again when it is done.")
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        began: datetime = row[0]
        records = Records(recognised(database), await _held(connection), began)
        await Import(connection, records, places, report, dry_run, show).run()
    report.standings[Standing.KNOWN] += records.unchanged
    report.elsewhere, report.orphans, report.deleted = records.elsewhere, records.orphans, records.deleted
    return report


async def _held(connection: Connection) -> dict[str, Held]:
    """What the archive holds of such pages, small enough to be kept: ten years are 40,000 pages."""
    found = dict[str, Held]()
    async for url, digest, etag, read_on, state in await connection.execute(HELD, (SOURCE,)):
        found[url] = Held(digest and bytes.fromhex(digest), etag and etag.strip('"'), read_on, _is_forgotten(state))
    return found


def _is_forgotten(state: str) -> bool:
    return state == PageState.EXCLUDED
