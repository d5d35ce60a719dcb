"""A WACZ file: the small one that ships with the tests, brought into the demo's home."""

import hashlib
from pathlib import Path

from collector.settings import Settings
from collector.sources.registry import sites
from tests.collector.imports.saved import bring, left, rows
from tests.small_wacz import FILE, HORSES, RACES, SAVED_AT, day, made


def test_the_file_is_what_its_script_makes() -> None:
    assert FILE.read_bytes() == made()
    assert FILE.stat().st_size < 50_000


async def test_the_demo_takes_it(conninfo: str, tmp_path: Path) -> None:
    of_the_demo = sites(Settings(home=tmp_path).for_demo())
    report = await bring(conninfo, FILE, sites=of_the_demo)
    assert +report.standings == {"new": RACES + HORSES}
    assert left(report) == {}, "the file's own pages and indexes are not captures"
    assert rows(conninfo, "SELECT race_date, count(*) FROM race GROUP BY 1") == [(day(), RACES)]
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert rows(conninfo, "SELECT DISTINCT file_digest, captured_at FROM fetch_log") == [(digest, SAVED_AT)]
    assert rows(conninfo, "SELECT file FROM fetch_log ORDER BY id LIMIT 1") == [
        ("look-alike.wacz/archive/data.warc.gz#1",)]  # fmt: skip
    assert (await bring(conninfo, FILE, sites=of_the_demo)).brought == 0
