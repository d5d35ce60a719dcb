"""The page of forecasts: what was frozen, and what has come since."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from psycopg.types.json import Jsonb

from collector.storage.forecast_chain import BEGIN, NAMES, Forecast
from tests.collector.web.conftest import Open, Shown
from tests.filled import execute

ADD = """
INSERT INTO forecast (number, made_at, photo, photo_digest, horse_id, dated, run, run_digest, label, label_digest,
    value, low, high, baselines, previous, digest)
SELECT 1, now(), photo_id, photo.digest, horse_id, '2010-01-04', 'probe<b>', 'd', 'results-after/distance', 'e',
    0.42, 0.2, 0.7, '{}', 'f', 'the newest digest'
FROM photo JOIN photo_match USING (source, issue_code, number) WHERE horse_id IS NOT NULL AND photo.digest IS NOT NULL
ORDER BY photo_id LIMIT 1 RETURNING photo, horse_id
"""


async def test_forecasts_stand_beside_what_horses_did_since(opened: Open, own: Shown) -> None:
    async with opened(conninfo=own.conninfo) as client:
        empty = await client.get("/forecasts")
        before = await empty.text()
        ((photo, horse_id),) = execute(own.conninfo, ADD)
        pages = [await (await client.get(f"/forecasts?lang={lang}")).text() for lang in ("en", "ja")]
    starts = execute(
        own.conninfo,
        "SELECT count(*)::int, exp(avg(ln(distance))) FROM entry JOIN race USING (race_id) WHERE horse_id = %s"
        " AND race_date > '2010-01-14' AND surface <> 'jump' AND finish = 'finished'",
        horse_id,
    )
    assert empty.status == 200
    assert "trainer forecast --run last" in before
    assert "the newest digest" in pages[0]
    assert "probe&lt;b&gt;" in pages[0]
    assert f'href="/photos/{photo}?lang=en"' in pages[0]
    assert f'href="/horses/{horse_id}?lang=en"' in pages[0]
    assert "0.42" in pages[0]
    count, metres = starts[0]
    assert (f"{metres:,.0f} m" if count else "–") in pages[0]
    assert "予測" in pages[1]


def add_chain(conninfo: str, count: int) -> None:
    """Add forecasts that follow each other, as `trainer forecast` seals them."""
    moment, previous = datetime(2026, 11, 26, 12, 0, 0, 250_001, UTC), BEGIN
    one = Forecast(
        1, moment, "keibado:160104/01", "d", "2012100001", None, date(2016, 1, 4), "probe-1", "r",
        "results-after/distance", "l", 0.1 + 0.2, 0.1, 0.7, {"mean": 1 / 3}, BEGIN,
    )  # fmt: skip
    for number in range(1, count + 1):
        sealed = replace(one, number=number, previous=previous).sealed()
        previous = sealed.digest
        values = [Jsonb(value) if isinstance(value, dict) else value for value in sealed.plain().values()]
        execute(conninfo, f"INSERT INTO forecast ({', '.join(NAMES)}) VALUES ({', '.join(['%s'] * 17)})", *values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE forecast SET value = 0.9 WHERE number = 3",
        "UPDATE forecast SET baselines = '{}' WHERE number = 3",
        "DELETE FROM forecast WHERE number = 2",
    ],
)
async def test_the_page_says_whether_its_forecasts_are_as_they_were_made(
    opened: Open, own: Shown, statement: str
) -> None:
    add_chain(own.conninfo, 4)
    async with opened(conninfo=own.conninfo) as client:
        whole = await (await client.get("/forecasts?lang=en")).text()
        execute(own.conninfo, "ALTER TABLE forecast DISABLE TRIGGER only_added")
        execute(own.conninfo, statement)
        pages = [await (await client.get(f"/forecasts?lang={lang}")).text() for lang in ("en", "ja")]
    assert "are as they were made" in whole
    assert "Forecast 3 is not as it was made" in pages[0]
    assert "予測 3 は作成時のままではない" in pages[1]
    assert all("<code>trainer forecast --verify</code>" in page for page in pages)
