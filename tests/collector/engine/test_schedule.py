"""The schedule: each tick fires once, with any number of workers and after any time without one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.engine.crawl_jobs import Crawler
from collector.engine.schedule import (
    BACK_NUMBERS,
    LABELS,
    Schedule,
    check_cron,
    fire,
    know_ticks,
    next_tick,
    report,
)
from collector.errors import UsageError
from collector.politeness.gate import Connection
from tests.sites import sites_at

SITES = ("http://127.0.0.1:9", "http://localhost:9")
NIGHTLY = Schedule(labels="0 2 * * *", back_numbers="0 9 * * 1")


@pytest.fixture
def crawler(conninfo: str) -> Crawler:
    return Crawler(conninfo, None, sites_at(*SITES), 0.0)


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]


async def look(crawler: Crawler, schedule: Schedule = NIGHTLY) -> list[str]:
    """What one worker does every few seconds."""
    async with await crawler.connect() as connection:
        return await fire(crawler, connection, schedule.crons())


async def miss(connection: Connection, name: str, days: int = 0) -> None:
    """Let a tick's time be past."""
    await know_ticks(connection, NIGHTLY.crons())
    await connection.execute(
        "UPDATE tick SET next_at = clock_timestamp() - make_interval(days => %s, secs => 1) WHERE name = %s",
        (days, name),
    )


async def show_a_horse(connection: Connection) -> None:
    """A photo whose horse is known, so that there is a label to ask for."""
    await connection.execute(
        """INSERT INTO photo_match (source, issue_code, number, horse_id, rule, decided_at)
           VALUES ('keibado', '160104', 1, '2011100001', 'name', now())"""
    )


async def test_nothing_fires_before_its_time(crawler: Crawler, connection: Connection) -> None:
    await know_ticks(connection, NIGHTLY.crons())
    assert await look(crawler) == []


async def test_of_many_workers_one_fires_a_tick(crawler: Crawler, connection: Connection) -> None:
    await show_a_horse(connection)
    await miss(connection, LABELS)
    fired = await asyncio.gather(*(look(crawler) for _ in range(5)))
    assert [name for names in fired for name in names] == [LABELS]
    assert await rows(connection, "SELECT hosts, attended_until FROM crawl_job") == [(["localhost:9"], None)]


async def test_a_week_of_missed_ticks_is_made_up_for_once(crawler: Crawler, connection: Connection) -> None:
    await miss(connection, LABELS, days=7)
    assert await look(crawler) == [LABELS]
    assert await look(crawler) == []
    (next_at,) = (await rows(connection, "SELECT next_at FROM tick WHERE name = 'labels'"))[0]
    assert timedelta(0) < next_at - datetime.now(UTC) <= timedelta(days=1)


async def test_a_run_that_is_still_asked_for_is_not_asked_for_again(crawler: Crawler, connection: Connection) -> None:
    await show_a_horse(connection)
    for _ in range(3):
        await miss(connection, LABELS)
        assert await look(crawler) == [LABELS]
    assert await rows(connection, "SELECT count(*) FROM crawl_job") == [(1,)]


async def test_where_no_label_is_due_nothing_is_asked_for(crawler: Crawler, connection: Connection) -> None:
    await miss(connection, LABELS)
    assert await look(crawler) == [LABELS]
    assert await rows(connection, "SELECT count(*) FROM crawl_job") == [(0,)]


async def test_new_back_numbers_are_looked_for_in_the_years_that_still_change(
    crawler: Crawler, connection: Connection
) -> None:
    await miss(connection, BACK_NUMBERS)
    assert await look(crawler) == [BACK_NUMBERS]
    (last,) = (await rows(connection, "SELECT max(url) FROM page WHERE kind = 'year_index'"))[0]
    assert last == f"{SITES[0]}/keibabook/bn/{datetime.now(UTC) + timedelta(hours=9):%Y}.html"


async def test_a_changed_expression_begins_anew(connection: Connection) -> None:
    await miss(connection, LABELS, days=3)
    await know_ticks(connection, {LABELS: "30 3 * * *"})
    ((name, cron, next_at),) = await rows(connection, "SELECT name, cron, next_at FROM tick WHERE name = 'labels'")
    assert (name, cron) == (LABELS, "30 3 * * *")
    assert next_at > datetime.now(UTC)


async def test_a_worker_without_labels_leaves_the_ticks_of_the_others_alone(connection: Connection) -> None:
    await miss(connection, LABELS, days=1)
    before = await rows(connection, "SELECT * FROM tick WHERE name = 'labels'")
    await know_ticks(connection, {BACK_NUMBERS: "0 9 * * 1"})
    await know_ticks(connection, {})
    assert await rows(connection, "SELECT * FROM tick WHERE name = 'labels'") == before


async def test_the_report_names_every_tick_also_before_a_worker_has_run(connection: Connection) -> None:
    ticks = await report(connection, NIGHTLY)
    assert {tick["name"] for tick in ticks} == {LABELS, BACK_NUMBERS}
    assert all(tick["next_at"] > datetime.now(UTC) and tick["last_at"] is None for tick in ticks)


async def test_the_report_says_what_the_last_tick_led_to(crawler: Crawler, connection: Connection) -> None:
    await show_a_horse(connection)
    await miss(connection, LABELS)
    await look(crawler)
    (labels,) = [tick for tick in await report(connection, NIGHTLY) if tick["name"] == LABELS]
    assert (labels["pages"], labels["requests"], labels["failed"]) == (1, 0, 0)
    assert labels["last_at"] > labels["was_due_at"]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 2 * * *", "2016-02-07T16:59:59", "2016-02-07T17:00:00"),  # two in the morning in Tokyo
        ("0 2 * * *", "2016-02-07T17:00:00", "2016-02-08T17:00:00"),
        ("0 9 * * 1", "2016-02-07T23:00:00", "2016-02-08T00:00:00"),  # Monday at nine
        ("0 9 * * 1", "2016-02-08T00:00:00", "2016-02-15T00:00:00"),
    ],
)
def test_ticks_are_shown_in_the_time_of_tokyo(cron: str, after: str, expected: str) -> None:
    tick = next_tick(cron, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert tick.astimezone(UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("cron", ["", "nightly", "61 * * * *", "* * * *", "0 0 0 2 * *", "@daily"])
def test_what_is_not_a_cron_expression_is_refused_with_an_example(cron: str) -> None:
    with pytest.raises(UsageError, match="not a cron expression; write it as"):
        check_cron(cron)
