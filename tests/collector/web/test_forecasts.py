"""The page of forecasts: what was frozen, and what has come since."""

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
