"""A crawl that is killed again and again ends with the same data, and asks for hardly anything twice."""

import asyncio
import random
import signal
from datetime import date

import psycopg
import pytest

from collector.demo.world.world import World
from tests.chaos.processes import crawl_in_process, database_proxy, ended, send, start
from tests.demo_site import DemoSite, demo_site

SINCE = date(2012, 1, 1)
KILLS_A_YEAR = 6  # of some 150 pages
YEARS = 4  # at most: what `make siege` has

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
    """Decides when a crawler dies: after a number of requests and a moment, or before an answer of the database."""

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
            await asyncio.sleep(0.005)
        await asyncio.sleep(self.chance.uniform(0, 0.02))


async def crawl_killed(
    site: DemoSite, killer: Killer, conninfo: str, since: date, until: date, netkeiba: str | None = None
) -> int:
    """Start a crawl again and again, until one comes to its end; how often it was killed."""
    kills, code = 0, None
    async with database_proxy(conninfo, killer.on_answer) as through_proxy:
        while code != 0:
            killer.arm()
            crawler = start(crawl_in_process, through_proxy, site.base, 0.0, since, until, netkeiba)
            strike, end = asyncio.create_task(killer.strike()), asyncio.create_task(ended(crawler))
            done, _ = await asyncio.wait((strike, end), return_when=asyncio.FIRST_COMPLETED)
            if end not in done:
                send(crawler, signal.SIGKILL)
                kills += 1
            strike.cancel()
            code = await end
            assert code in (0, -signal.SIGKILL)
    return kills


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_a_crawl_killed_again_and_again_holds_the_same_and_asks_once(
    conninfo: str, other_conninfo: str, pytestconfig: pytest.Config
) -> None:
    years = min(pytestconfig.option.chaos_strikes // KILLS_A_YEAR, YEARS)
    since, until = SINCE, date(SINCE.year + years - 1, 12, 31)
    async with demo_site(crawl_delay=0) as site:
        assert await ended(start(crawl_in_process, conninfo, site.base, 0.0, since, until)) == 0
        undisturbed = len(site.requests)
        assert undisturbed > 125 * years
        kills = await crawl_killed(site, Killer(site, random.Random(20261123)), other_conninfo, since, until)
        asked = len(site.requests) - undisturbed

    assert kills >= KILLS_A_YEAR * years
    assert asked - undisturbed <= kills
    assert held(other_conninfo) == held(conninfo)


BOTH = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=5)
RACES_HELD = """
SELECT 'race', race_id, race_date::text, name, distance::text, going, NULL FROM race
UNION ALL SELECT 'entry', race_id, horse_id, finish, finish_time::text, odds::text, horse_weight::text FROM entry
UNION ALL SELECT 'day', race_date::text, racecourses::text, NULL, NULL, NULL, NULL FROM race_day
UNION ALL SELECT 'match', issue_code, number::text, horse_id, race_id, rule, NULL FROM photo_match
ORDER BY 1, 2, 3
"""


@pytest.mark.slow
async def test_a_crawl_of_both_sites_killed_again_and_again_does_so_too(conninfo: str, other_conninfo: str) -> None:
    """Two lanes at a time may each lose the answer to one request."""
    since, until = date(2015, 1, 1), date(2016, 12, 31)
    async with demo_site(world=BOTH) as site:
        assert await ended(start(crawl_in_process, conninfo, site.base, 0.0, since, until, site.netkeiba)) == 0
        undisturbed = len(site.requests)
        killer = Killer(site, random.Random(20261124))
        kills = await crawl_killed(site, killer, other_conninfo, since, until, site.netkeiba)
        asked = len(site.requests) - undisturbed

    assert kills >= 5
    assert asked - undisturbed <= 2 * kills
    assert held(other_conninfo) == held(conninfo)
    with psycopg.connect(conninfo) as one, psycopg.connect(other_conninfo) as other:
        assert other.execute(RACES_HELD).fetchall() == one.execute(RACES_HELD).fetchall()
