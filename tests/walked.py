"""A race's paddock with one camera, put into a database: photos in the order of time, whose horses nobody has named."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

import psycopg

from collector.demo.world.walking import Habits, Paddock, order_of_walk, photograph
from collector.matching.match import match_photos
from tests.filled import execute

RACE, HORSES = "201509010105", 10
START = datetime.fromisoformat("2015-03-01T12:00:00+09:00")

INSERT_RACE = f"""
INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, start_time, prizes, source_url,
    observed_at)
VALUES ('{RACE}', '2015-03-01', '東京', 5, 'a race', 1600, '12:00', '{{}}', 'u', now())
"""
INSERT_ENTRIES = f"""
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, source_url, observed_at)
SELECT '{RACE}', (2012100000 + n)::text, 'Horse ' || n, 'HORSE' || n, n, '{{}}', 'u', now()
FROM generate_series(1, {HORSES}) AS n
"""
INSERT_ISSUE = """
INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)
VALUES ('camera', '150301', '2015-03-01', '{2015-03-01}', 'u', now())
"""
INSERT_PHOTO = """
INSERT INTO photo (source, issue_code, number, page_url, image_url, taken_at, camera, racecourse, source_url,
    observed_at)
VALUES ('camera', '150301', {number}, 'u{number}', 'i{number}', '{at}', 'Canon', '東京', 'u', now())
"""


def fill_day(conninfo: str, seed: int = 3) -> list[int | None]:
    """A race, and what one camera takes of its paddock; what each photo shows."""
    draw = Random(seed)
    paddock = Paddock(order_of_walk(range(1, HORSES + 1), draw, 0), draw)
    shots = photograph(paddock, [Habits(0.3)])
    begun = START - timedelta(minutes=33)
    photos = [
        INSERT_PHOTO.format(number=number, at=begun + timedelta(seconds=shot.at))
        for number, shot in enumerate(shots, 1)
    ]
    execute(conninfo, ";".join((INSERT_RACE, INSERT_ENTRIES, INSERT_ISSUE, *photos)))
    return [shot.number for shot in shots]


async def one_waits(conninfo: str) -> None:
    """Return as soon as a session waits for what another one has locked."""
    waiting = """SELECT count(*) FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    while execute(conninfo, waiting) != [(1,)]:  # noqa: ASYNC110  (the database says so only to who asks)
        await asyncio.sleep(0.01)


def placed(conninfo: str) -> None:
    """Give the photos their race; on a thread, as a test may have a loop already."""

    async def place() -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            await match_photos(connection)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, place()).result()
