"""`collector sync` as cron runs it: what it says, and how it ends."""

import asyncio
import json
from collections import Counter
from urllib.parse import urlsplit

import psycopg

from tests.collector.cli.test_cli import COMMAND, WORLD, collector, crawled, environment
from tests.demo_site import demo_site
from tests.filled import as_json, execute
from tests.truth import truth


async def test_it_says_from_when_on_it_looks_and_what_came(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        first = await collector("sync", "--since", "2014", "--json", env=environment(conninfo, site.base))
        asked = len(site.requests)
        again = await collector("sync", env=environment(conninfo, site.base))
        assert len(site.requests) == asked
    said = as_json(first.stdout)
    there = truth(WORLD)
    assert (first.returncode, said["since"], said["races"]) == (0, "2014-01-01", "photos")
    assert said["issues_new"] == len(there.issues)
    assert said["photos_new"] == sum(not photo.missing for photo in there.photos)
    assert (said["labels"], said["requests"]) == (None, asked)
    assert "Looks from 2014-01-01 on. Races: the days that the photos need." in first.stderr
    assert again.returncode == 0
    newest = max(issue.issue_date for issue in there.issues)
    assert f"on, four weeks back: the newest issue held is of {newest}." in again.stderr
    assert "requests  0 (0 not modified)" in again.stdout


async def test_for_no_races_nothing_leaves_for_the_site_of_races_not_even_for_its_robots_txt(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        env = environment(conninfo, site.base) | {"PADDOCK_NETKEIBA_URL": site.netkeiba}
        foreseen = await collector("sync", "--since", "2014", "--races", "none", "--dry-run", env=env)
        done = await collector("sync", "--since", "2014", "--races", "none", "--json", env=env)
        assert (foreseen.returncode, done.returncode) == (0, 0), done.stderr
        assert Counter(request.host for request in site.requests) == {urlsplit(site.base).netloc: len(site.requests)}
        said = as_json(done.stdout)
        assert said["photos_new"] == sum(not photo.missing for photo in truth(WORLD).photos)
        assert (said["results_new"], said["cards_new"], said["labels"]) == (0, 0, None)
        site.requests.clear()
        await collector("sync", "--races", "photos", env=env)  # the races are not lost: they are asked for when wanted
        assert urlsplit(site.netkeiba).netloc in {request.host for request in site.requests}


async def test_where_nothing_is_held_it_ends_with_a_sentence(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        done = await collector("sync", env=environment(conninfo, site.base))
        assert site.paths() == []
    assert (done.returncode, done.stdout) == (2, "")
    assert "`collector crawl --since 2016` first" in done.stderr


async def test_a_dry_run_asks_for_robots_txt_alone(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        words = ("sync", "--since", "2014", "--dry-run")
        done = await collector(*words, "--json", env=environment(conninfo, site.base))
        read = await collector(*words, env=environment(conninfo, site.base))
        assert set(site.paths()) == {"/robots.txt"}
    said = as_json(done.stdout)
    assert (said["allowed"], said["label_pages_due"], said["resumed"], read.returncode) == (True, 0, [], 0)
    assert said["requests"] > 50
    assert "labels          0 pages due" in read.stdout


async def test_the_second_of_two_says_so_and_ends_well(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        await crawled(site, conninfo)
        site.requests.clear()
        with psycopg.connect(conninfo) as other:
            other.execute("SELECT pg_advisory_lock(7220018)")
            done = await collector("sync", "--json", env=environment(conninfo, site.base))
        assert site.paths() == []
    assert (done.returncode, json.loads(done.stdout)) == (0, {"at_work": True})
    assert "Another sync is at work" in done.stderr


async def test_killed_and_run_again_it_goes_on(conninfo: str) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.05) as site:
        env = environment(conninfo, site.base)
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "sync", "--since", "2014", env=env, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while len(site.requests) < 8:  # noqa: ASYNC110  (the site has no event for it)
                await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        done = await collector("sync", "--since", "2014", env=env)
        asked = Counter(site.paths())
    assert done.returncode == 0
    assert sum(asked.values()) <= len(asked) + 1
    assert execute(conninfo, "SELECT count(*) FROM issue") == [(len(truth(WORLD).issues),)]
    assert execute(conninfo, "SELECT count(*) FROM crawl_job") == [(0,)]


async def test_a_site_that_closes_is_exit_code_3(conninfo: str) -> None:
    async with demo_site(world=WORLD, hostile=["503-retry-after=3600@/keibabook/14*"]) as site:
        done = await collector("sync", "--since", "2014", env=environment(conninfo, site.base))
    assert done.returncode == 3
    assert "the work stays queued" in done.stderr
    assert execute(conninfo, "SELECT count(*) FROM crawl_job") == [(1,)]
