"""A crawl that is killed again and again ends with the same data, and asks for hardly anything twice."""

import asyncio
import random
import signal

import psycopg
import pytest

from tests.chaos.processes import crawl_in_process, database_proxy, ended, send, start
from tests.demo_site import YEARS_OF_A_THOUSAND_PAGES, DemoSite, demo_site

KILLS = 50

HELD = """
SELECT 'issue', code, issue_date::text, race_days::text, source_url, NULL, NULL, NULL FROM issue
UNION ALL
SELECT 'photo', issue_code || '/' || number, horse_name, listed_name, race_name, image_url, digest,
       concat_ws('|', horse_key, coat, sex, age, trainer, shot_month, shot_day, comment, pedigree, width, height, phash,
                 (SELECT issue_code || '/' || number FROM photo AS near WHERE near.id = photo.near_duplicate_of))
FROM photo
UNION ALL
SELECT 'page', url, kind, state, digest, last_status::text, missing::text, (due_at IS NULL)::text FROM page
UNION ALL
SELECT 'blob', digest, media_type, size::text, encoding, md5(content), NULL, NULL FROM blob
ORDER BY 1, 2
"""


def held(conninfo: str) -> list[tuple[object, ...]]:
    """Everything collected, without the times."""
    with psycopg.connect(conninfo) as connection:
        return connection.execute(HELD).fetchall()


class Killer:
    """Decides when a crawler dies: after so many requests and a moment, or before an answer of the database."""

    def __init__(self, site: DemoSite, chance: random.Random) -> None:
        self.site = site
        self.chance = chance
        self.answers_left: int | None = None
        self.struck = asyncio.Event()

    def arm(self) -> None:
        self.struck.clear()
        self.requests_wanted = len(self.site.requests) + self.chance.randint(2, 22)
        by_answer = self.chance.random() < 0.5
        self.answers_left = self.chance.randint(20, 120) if by_answer else None

    def on_answer(self) -> bool:
        if self.answers_left is None:
            return True
        self.answers_left -= 1
        if self.answers_left == 0:
            self.struck.set()
        return self.answers_left > 0

    async def strike(self) -> None:
        """Wait for the moment to come."""
        if self.answers_left is not None:
            await self.struck.wait()
            return
        while len(self.site.requests) < self.requests_wanted:  # noqa: ASYNC110  (a moment, not an event)
            await asyncio.sleep(0.001)
        await asyncio.sleep(self.chance.uniform(0, 0.02))


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_a_crawl_killed_fifty_times_holds_the_same_and_asks_once(conninfo: str, other_conninfo: str) -> None:
    since, until = YEARS_OF_A_THOUSAND_PAGES
    async with demo_site(crawl_delay=0) as site:
        assert await ended(start(crawl_in_process, conninfo, site.base, 0.0, since, until)) == 0
        undisturbed = len(site.requests)
        assert undisturbed > 900

        killer, kills, code = Killer(site, random.Random(20261123)), 0, None
        async with database_proxy(other_conninfo, killer.on_answer) as through_proxy:
            while code != 0:
                killer.arm()
                crawler = start(crawl_in_process, through_proxy, site.base, 0.0, since, until)
                strike, end = asyncio.create_task(killer.strike()), asyncio.create_task(ended(crawler))
                done, _ = await asyncio.wait((strike, end), return_when=asyncio.FIRST_COMPLETED)
                if end not in done:
                    send(crawler, signal.SIGKILL)
                    kills += 1
                strike.cancel()
                code = await end
                assert code in (0, -signal.SIGKILL)
        asked = len(site.requests) - undisturbed

    assert kills >= KILLS
    assert asked - undisturbed <= kills
    assert held(other_conninfo) == held(conninfo)
