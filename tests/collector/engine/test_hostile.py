"""Whatever the site does, the run goes on, nothing false is stored, nothing foreign is asked for."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.demo.faults import bombs
from collector.demo.faults.hostile import Hostility, parse_fault
from collector.demo.world.world import World
from collector.engine.crawl import Tick, crawl
from collector.engine.crawl_jobs import Crawler
from collector.errors import ExitCode
from collector.fetch.fetcher import Timeouts
from collector.frontier.scope import Scope
from collector.frontier.status import Summary
from collector.pipeline import derive
from collector.pipeline.reparse import reparse
from collector.politeness.gate import Connection
from collector.storage.decoders import LIMITS, Decoders
from tests import heavy
from tests.demo_site import DemoSite, demo_site
from tests.pauses import shorten
from tests.sites import sites_at
from tests.truth import truth

WORLD = World(years=range(2014, 2015), issues_per_year=2, photos_per_issue=4)
SCOPE = Scope(date(2014, 1, 1), date(2014, 12, 31))
PHOTOS = truth(WORLD).photos
VICTIM = next(photo for photo in PHOTOS if not photo.missing)
IMPATIENT = Timeouts(connect=1.0, read=1.0, total=5.0)


async def show(_: Tick) -> None:
    """Show nothing."""


async def run(crawler: Crawler, site: DemoSite) -> tuple[Summary, ExitCode]:
    crawler = replace(crawler, sites=sites_at(site.base), timeouts=IMPATIENT, stopping=type(crawler.stopping)())
    return await crawl(crawler, SCOPE, show)


def row(conninfo: str, query: str, *parameters: object) -> tuple:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute(query, parameters).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert found is not None
    return found


def page(conninfo: str, path: str) -> tuple[str, str]:
    """State and error of the page with this path."""
    return row(conninfo, "SELECT state, COALESCE(error, '') FROM page WHERE url LIKE '%%' || %s", path)[:2]


@pytest.mark.parametrize(
    ("fault", "state", "said"),
    [
        ("500", "failed", "answered 500"),
        ("reset", "failed", "no whole answer"),
        ("reset-body", "failed", "no whole answer"),
        ("stall", "failed", "in time"),
        ("stall-body", "failed", "in time"),
        ("truncate", "failed", "no whole answer"),
        ("gzip-bomb", "failed", "larger than 20 MiB"),
        ("br-bomb", "failed", "larger than 20 MiB"),
        ("zstd-bomb", "failed", "larger than 20 MiB"),
        ("endless", "failed", "larger than 20 MiB"),
        ("huge-header", "failed", "no whole answer"),
        ("huge-png", "quarantined", "too many pixels"),
        ("many-scans", "quarantined", "too many scans"),
        ("cut-jpeg", "quarantined", "missing"),
        ("html-as-jpeg", "quarantined", "not an image"),
        ("redirect-loop", "failed", "more than 5 redirects"),
        ("redirect-private", "failed", "another site"),
        ("redirect-host", "failed", "another site"),
        ("403", "failed", "refuses this page (403)"),
        ("noimageindex", "excluded", "noimageindex"),
        ("noai", "excluded", "noai"),
    ],
)
async def test_a_hostile_picture_is_set_aside_and_the_rest_comes(
    crawler: Crawler, fault: str, state: str, said: str
) -> None:
    async with demo_site(world=WORLD, hostile=[f"{fault}@{VICTIM.image_path}"]) as site:
        summary, code = await run(crawler, site)
    assert page(crawler.conninfo, VICTIM.image_path)[0] == state
    assert said in page(crawler.conninfo, VICTIM.image_path)[1]
    there = truth(WORLD).photos
    assert summary.photos_new == sum(not photo.missing for photo in there) - 1
    expected = {"excluded": ExitCode.DONE, "failed": ExitCode.SOME_FAILED, "quarantined": ExitCode.SOME_FAILED}
    assert code == (ExitCode.BLOCKED if fault == "403" else expected[state])
    held = row(crawler.conninfo, "SELECT digest FROM photo WHERE image_url LIKE '%%' || %s", VICTIM.image_path)
    assert held == (None,)


@asynccontextmanager
async def beating() -> AsyncIterator[list[float]]:
    """How long this loop was kept from its other work, in seconds, each time."""
    pauses = [0.0]

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            pauses.append(time.monotonic() - began)

    heart = asyncio.create_task(beat())
    try:
        yield pauses
    finally:
        heart.cancel()


@pytest.fixture
def hasty() -> Iterator[Decoders]:
    """Decoders that give up after a second, for all tries but the first."""
    with Decoders(limits=LIMITS._replace(seconds=1)) as hasty:
        yield hasty


@pytest.mark.parametrize(
    ("decoder", "said"),
    [(heavy.inspect_for_ever, "takes more than 5 s"), (heavy.die_of_large_ones, "decoder died 2 times (SIGKILL)")],
)
async def test_a_picture_that_no_decoder_survives_is_kept_and_set_aside_once(
    crawler: Crawler,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    hasty: Decoders,
    decoder: object,
    said: str,
) -> None:
    """And while it is tried, everything else of the process goes on, such as a worker's heartbeat."""
    monkeypatch.setattr(derive, "inspect", decoder)
    async with demo_site(world=WORLD, hostile=[f"many-scans@{VICTIM.image_path}"]) as site:
        async with beating() as longest:
            summary, code = await run(crawler, site)
        assert (summary.photos_new, code) == (sum(not photo.missing for photo in PHOTOS) - 1, ExitCode.SOME_FAILED)
        await run(crawler, site)
        assert site.paths().count(VICTIM.image_path) == 1
        assert said in page(crawler.conninfo, VICTIM.image_path)[1]
        monkeypatch.setattr(derive, "decoders", lambda: hasty)
        for _ in range(2):  # a week later, and the week after: the same bytes are asked for once more and no more
            await connection.execute("UPDATE page SET due_at = now() WHERE state = 'quarantined' AND due_at > now()")
            await run(crawler, site)
        assert site.paths().count(VICTIM.image_path) == 2
    assert max(longest) < 5  # seconds of a busy machine; the decoder alone computes for more
    state, error = page(crawler.conninfo, VICTIM.image_path)
    assert state == "quarantined"
    assert said.replace("5 s", "1 s") in error
    kept = "SELECT size FROM page JOIN blob USING (digest) WHERE url LIKE '%%' || %s"
    assert row(crawler.conninfo, kept, VICTIM.image_path) == (len(bombs.many_scans()),)
    changes = await reparse(connection, date(1, 1, 1), dry_run=False, show=lambda _done, _of: None)
    assert (changes.unreadable, sum(changes.rows["photo"].values())) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "state", "said"),
    [
        ("broken-bytes", "quarantined", "text"),
        ("deep-page", "quarantined", "too many for a page of this site"),
        ("euc-jp", "quarantined", "text"),
        ("layout", "quarantined", ""),
        ("gzip-bomb", "failed", "larger than 5 MiB"),
        ("endless", "failed", "larger than 5 MiB"),
    ],
)
async def test_a_hostile_photo_page_is_set_aside_with_its_reason(
    crawler: Crawler, fault: str, state: str, said: str
) -> None:
    async with demo_site(world=WORLD, hostile=[f"{fault}@{VICTIM.page_path}"]) as site:
        async with beating() as longest:
            _, code = await run(crawler, site)
        assert code == ExitCode.SOME_FAILED
        assert site.paths().count(VICTIM.page_path) == 1
    assert max(longest) < 5  # seconds of a busy machine
    assert page(crawler.conninfo, VICTIM.page_path)[0] == state
    assert said in page(crawler.conninfo, VICTIM.page_path)[1]
    if state == "quarantined":
        kept = "SELECT blob.size > 0 FROM page JOIN blob USING (digest) WHERE url LIKE '%%' || %s"
        assert row(crawler.conninfo, kept, VICTIM.page_path) == (True,)


async def test_a_harmless_redirect_is_followed_on_a_slot_of_its_own(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=[f"redirect-within@{VICTIM.image_path}"]) as site:
        summary, code = await run(crawler, site)
        assert summary.requests == len(site.requests)
    assert code == ExitCode.DONE
    assert row(crawler.conninfo, "SELECT count(*) FROM fetch_log WHERE outcome = 'redirect'") == (1,)


async def test_nothing_but_the_site_is_ever_asked(crawler: Crawler) -> None:
    """Sockets to anything but this machine are shut in the tests; here not even a name is looked up."""
    async with demo_site(world=WORLD, hostile=["redirect-private@*.jpg", "redirect-host@/keibabook/*/photo*"]) as site:
        await run(crawler, site)
    assert row(crawler.conninfo, "SELECT count(DISTINCT host) FROM fetch_log") == (1,)


async def test_a_passing_trouble_costs_a_retry_and_no_page(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["reset:0.2x3", "500:0.2x3"]) as site:
        summary, code = await run(crawler, site)
        assert len(site.requests) > summary.photos_new
    assert code == ExitCode.DONE
    assert summary.photos_failed == 0


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ("429-retry-after=3600", 3590, 3601),
        ("503-retry-after=3600", 3590, 3601),
        ("429-retry-date=3600", 3590, 3601),
        ("503-retry-date=86400", 86390, 86401),
    ],
)
async def test_retry_after_closes_the_host_for_its_duration(
    crawler: Crawler, fault: str, least: float, most: float
) -> None:
    async with demo_site(world=WORLD, hostile=[f"{fault}@{VICTIM.page_path}"]) as site:
        _, code = await run(crawler, site)
        asked = len(site.requests)
        assert code == ExitCode.BLOCKED
        wait = row(crawler.conninfo, "SELECT EXTRACT(EPOCH FROM blocked_until - clock_timestamp())::float8 FROM host")[
            0
        ]
        assert least < wait < most
        assert page(crawler.conninfo, VICTIM.page_path)[0] == "due"  # the work stays queued
        # A restart knows it too: the block is a row, not a variable.
        _, code = await run(crawler, site)
        assert code == ExitCode.BLOCKED
        assert len(site.requests) == asked


async def test_of_two_pauses_the_longer_is_waited_for(
    crawler: Crawler,
) -> None:
    shorten(crawler.conninfo, 4)
    async with demo_site(world=WORLD, hostile=[f"429-retry-after=2@{VICTIM.page_path}x1"]) as site:
        _, code = await run(crawler, site)
        paths, starts = site.paths(), [request.started for request in site.requests]
    assert code == ExitCode.DONE
    refused = paths.index(VICTIM.page_path)
    assert starts[refused + 1] - starts[refused] >= 4


async def test_a_block_page_with_status_200_closes_the_host_and_is_not_content(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["block-page@/keibabook/*/photo*"]) as site:
        task = run(crawler, site)
        crawler.stopping.set()
        summary, code = await _until_blocked(task, crawler)
    assert row(crawler.conninfo, "SELECT incidents, block_code, reason LIKE 'a block page%%' FROM host") == (
        1, "refused", True,
    )  # fmt: skip
    assert row(crawler.conninfo, "SELECT count(*) FROM photo WHERE image_url IS NOT NULL") == (0,)
    assert code == ExitCode.BLOCKED
    assert summary.photos_new == 0


async def test_a_block_page_is_kept_as_what_came_and_the_page_stays_what_it_was(
    crawler: Crawler, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    said = "SELECT digest, changed_at FROM page WHERE url LIKE '%%' || %s"
    hostility = Hostility()
    async with demo_site(world=WORLD, hostile=hostility) as site:
        await run(crawler, site)
        before = row(crawler.conninfo, said, VICTIM.page_path)
        await connection.execute("UPDATE page SET due_at = now() WHERE url LIKE '%%' || %s", [VICTIM.page_path])
        hostility.faults.append(parse_fault(f"block-page@{VICTIM.page_path}"))
        assert (await run(crawler, site))[1] == ExitCode.BLOCKED
    assert row(crawler.conninfo, said, VICTIM.page_path) == before
    log = (
        "SELECT outcome, fetch_log.size = blob.size FROM fetch_log JOIN blob USING (digest) ORDER BY fetch_log.id DESC"
    )
    assert row(crawler.conninfo, log) == ("refused", True)


async def _until_blocked(task, crawler: Crawler):
    """A first incident is waited out; with no patience at all the crawl ends there."""
    import collector.engine.crawl

    patience = collector.engine.crawl.PATIENCE
    collector.engine.crawl.PATIENCE = timedelta(seconds=5)
    try:
        return await task
    finally:
        collector.engine.crawl.PATIENCE = patience


@pytest.mark.parametrize("fault", ["robots-500", "robots-429", "robots-stall"])
async def test_a_robots_txt_out_of_reach_disallows_everything(
    crawler: Crawler, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.engine.crawl.PATIENCE", timedelta(seconds=5))
    async with demo_site(world=WORLD, hostile=[fault]) as site:
        _, code = await run(crawler, site)
        assert set(site.paths()) == {"/robots.txt"}
    assert code == ExitCode.BLOCKED
    assert row(crawler.conninfo, "SELECT block_code FROM host") == ("no_robots",)


@pytest.mark.parametrize("fault", ["404@/robots.txt", "410@/robots.txt", "403@/robots.txt"])
async def test_a_site_without_robots_txt_allows_everything(crawler: Crawler, fault: str) -> None:
    async with demo_site(world=WORLD, hostile=[fault]) as site:
        assert (await run(crawler, site))[1] == ExitCode.DONE


async def test_a_robots_txt_that_disallows_is_obeyed(crawler: Crawler) -> None:
    async with demo_site(world=WORLD, hostile=["robots-disallow"]) as site:
        _, code = await run(crawler, site)
        assert set(site.paths()) == {"/robots.txt"}
    assert code == ExitCode.BLOCKED


@pytest.mark.parametrize("content", [b"damaged", b"User-agent: *\nDisallow: /\n"])
async def test_a_robots_txt_that_is_damaged_here_is_asked_for_again(crawler: Crawler, content: bytes) -> None:
    robots = "FROM page WHERE page.digest = blob.digest AND page.kind = 'robots'"
    held = "SELECT encoding, content FROM blob JOIN page USING (digest) WHERE kind = 'robots'"
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
        whole = row(crawler.conninfo, held)
        with psycopg.connect(crawler.conninfo) as connection:
            connection.execute(f"UPDATE blob SET encoding = %s, content = %s {robots}",  # pyright: ignore
                               ("zlib" if content == b"damaged" else "", content))  # fmt: skip
            connection.execute("UPDATE page SET due_at = now(), state = 'due' WHERE kind = 'issue_index'")
        assert (await run(crawler, site))[1] == ExitCode.DONE
        assert site.paths().count("/robots.txt") == 2
    assert row(crawler.conninfo, held) == whole


async def test_an_old_robots_txt_holds_while_a_new_one_is_out_of_reach(crawler: Crawler) -> None:
    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    with psycopg.connect(crawler.conninfo) as connection:
        connection.execute("UPDATE page SET due_at = now() WHERE kind = 'robots'")
        connection.execute("UPDATE page SET due_at = now(), state = 'due' WHERE url LIKE %s", (f"%{VICTIM.page_path}",))
        port = int(site.base.rsplit(":", 1)[1])
    async with _same_port(port, ["robots-500"]) as site:
        _, code = await run(crawler, site)
        assert site.paths() == ["/robots.txt", VICTIM.page_path]
    assert code == ExitCode.DONE
    state, error = page(crawler.conninfo, "/robots.txt")
    assert (state, "answered 500" in error) == ("fetched", True)


def _same_port(port: int, hostile: list[str]):
    from contextlib import asynccontextmanager

    from collector.demo.requestlog import RequestLog
    from collector.demo.site import serving

    @asynccontextmanager
    async def served():
        log = RequestLog()
        async with serving(WORLD, port=port, crawl_delay=0.0, hostile=hostile, log=log) as base:
            yield DemoSite(base, WORLD, log)

    return served()


async def test_memory_stays_flat_through_every_hostile_answer(crawler: Crawler) -> None:
    """Resident memory of the whole process, the look-alike site included, in MiB."""
    faults = ["gzip-bomb", "br-bomb", "zstd-bomb", "endless", "huge-png", "truncate", "huge-header"]

    def peak() -> int:
        return int(
            next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line).split()[1]
        )

    async with demo_site(world=WORLD) as site:
        await run(crawler, site)
    for build in (bombs.gzip_bomb, bombs.brotli_bomb, bombs.zstd_bomb):
        build()  # what that takes is not the crawler's
    Path("/proc/self/clear_refs").write_text("5")  # so that earlier tests' peaks do not count
    idle = peak()
    hostile = [f"{fault}@*{number % 4 + 1:02}.jpg" for number, fault in enumerate(faults)]
    async with demo_site(world=WORLD, hostile=hostile) as site:
        await run(crawler, site)
    assert (peak() - idle) / 1024 < 64
