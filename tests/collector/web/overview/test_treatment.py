"""The politeness report: requests by day, gaps against delays, closed hosts."""

from dataclasses import replace
from datetime import date

import pytest

from collector.codes import Block
from collector.console.catalogue import LANGUAGES, PAGES
from collector.console.code_words import describe
from collector.web.overview.treatment import DAYS, HostReport, Log, Pace
from tests.collector.web.conftest import Open
from tests.collector.web.overview.test_overview import HOST, add_request, counted
from tests.filled import execute

UNSEEN = HostReport(HOST, None, None, None, None, None, False, None, None, None, [(0, 0)] * DAYS, {}, None)


async def test_requests_are_counted_by_day_and_outcome(conninfo: str) -> None:
    execute(conninfo, "INSERT INTO host (name) VALUES (%s), ('another')", HOST)
    for days_ago, outcome, gap in ((0, "new", 9.0), (0, "refused", 6.0), (3, "not_modified", 5.5), (59, "gone", None)):
        add_request(conninfo, days_ago, outcome, gap)
    add_request(conninfo, DAYS, "new", 0.1)  # too long ago
    report, other = (await counted(conninfo)).hosts
    assert report.outcomes == {"new": 1, "refused": 1, "not_modified": 1, "gone": 1}
    assert {place: day for place, day in enumerate(report.days) if any(day)} == {
        0: (1, 0), DAYS - 4: (1, 0), DAYS - 1: (1, 1),
    }  # fmt: skip
    assert (report.recent_gap, report.busiest) == (5.5, 2)
    assert (other.name, other.requests, other.recent_gap) == ("another", 0, None)


async def test_days_that_are_over_are_read_once_and_the_last_two_each_time(conninfo: str) -> None:
    execute(conninfo, "INSERT INTO host (name) VALUES (%s)", HOST)
    log = Log()
    for days_ago in (0, 1, 9):
        add_request(conninfo, days_ago, "new")
    assert (await counted(conninfo, log)).hosts[0].requests == 3
    for days_ago in (0, 1, 9):
        add_request(conninfo, days_ago, "new")
    assert (await counted(conninfo, log)).hosts[0].requests == 5
    assert (await counted(conninfo, log)).hosts[0].requests == 5
    assert (await counted(conninfo)).hosts[0].requests == 6


@pytest.mark.parametrize(
    ("delay", "gap", "slack", "pace"),
    [
        (None, None, None, Pace.UNSEEN),
        (5.0, None, None, Pace.UNSEEN),
        (5.0, 5.0, 0.0, Pace.KEPT),
        (5.0, 4.9, -0.1, Pace.NOT_KEPT),
        (5.0, 6.0, -0.1, Pace.NOT_KEPT),  # the delay was longer then
        (30.0, 5.0, 0.1, Pace.LONGER_NOW),
        (30.0, 5.0, None, Pace.LONGER_NOW),  # from before pauses were counted
        (0.0, 0.001, 0.001, Pace.FREE),
    ],
)
def test_a_gap_is_judged_by_the_delay_in_force_then(
    delay: float | None, gap: float | None, slack: float | None, pace: Pace
) -> None:
    assert replace(UNSEEN, delay=delay, smallest_gap=gap, least_slack=slack).pace is pace


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("blocked_until", "'2199-01-02 03:04+00'", "overview_closed_until"),
        ("blocked_until", "'infinity'", "overview_closed"),
        ("excluded_at", "now()", "overview_closed"),
    ],
)
async def test_a_closed_host_is_shown_with_its_reason(
    opened: Open, conninfo: str, language: str, column: str, value: str, said: str
) -> None:
    execute(conninfo, f"INSERT INTO host (name, block_code, {column}) VALUES (%s, 'forgotten', {value})", HOST)
    async with opened(conninfo=conninfo) as client:
        text = await (await client.get(f"/overview?lang={language}")).text()
    words = PAGES.read(language)
    assert words[said].format(host=HOST, until=words["day"].format(day=date(2199, 1, 2)) + " 12:04 JST") in text
    assert f"({describe(Block, Block.FORGOTTEN, language=language)})" in text
    assert words["overview_well"] not in text
