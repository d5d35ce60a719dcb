"""The delay between two requests, and the opening hours, without a clock."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.codes import Delay
from collector.errors import UsageError
from collector.fetch.headers import LONGEST
from collector.politeness.delay import TOKYO, delay_in_force, next_opening
from collector.politeness.robots import Robots

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "own", "took", "loopback", "delay", "why"),
    [
        ("", 5.0, 0.1, False, 5.0, Delay.OWN),
        ("Crawl-delay: 7.5", 5.0, 0.1, False, 7.5, Delay.CRAWL_DELAY),
        ("Crawl-delay: 0.3", 5.0, 0.1, False, 5.0, Delay.OWN),
        ("Request-rate: 1/20", 5.0, 0.1, False, 20.0, Delay.REQUEST_RATE),
        ("", 5.0, 3.0, False, 15.0, Delay.SLOW_ANSWER),
        ("", 0.0, 3.0, True, 0.0, Delay.LOOPBACK),
        ("Crawl-delay: 0.25", 0.0, 0.01, True, 0.25, Delay.CRAWL_DELAY),
        ("Crawl-delay: -3", 1.0, 0.0, False, 1.0, Delay.OWN),
        ("Crawl-delay: nan", 1.0, 0.0, False, 1.0, Delay.OWN),
        ("Crawl-delay: soon", 1.0, 0.0, False, 1.0, Delay.OWN),
        ("Crawl-delay: 10s", 1.0, 0.0, False, 10.0, Delay.CRAWL_DELAY),
        ("Crawl-delay: 10 seconds", 1.0, 0.0, False, 10.0, Delay.CRAWL_DELAY),
        ("Crawl-delay: 10,5", 1.0, 0.0, False, 10.5, Delay.CRAWL_DELAY),
        ("Crawl-delay: １０", 1.0, 0.0, False, 10.0, Delay.CRAWL_DELAY),
        ("Crawl-delay: 9\nCrawl-delay: 2", 1.0, 0.0, False, 9.0, Delay.CRAWL_DELAY),
        ("Crawl-delay: 3456000", 1.0, 0.0, False, 3456000.0, Delay.CRAWL_DELAY),  # forty days, if they say so
        ("Crawl-delay: inf", 1.0, 0.0, False, LONGEST, Delay.CRAWL_DELAY),
        ("Request-rate: 1/60 0800-2000\nRequest-rate: 1/5 2000-0800", 1.0, 0.0, False, 60.0, Delay.REQUEST_RATE),
        (f"Request-rate: 1/{'9' * 400}", 1.0, 0.0, False, LONGEST, Delay.REQUEST_RATE),
        ("Request-rate: 0/5", 1.0, 0.0, False, 1.0, Delay.OWN),
    ],
)
def test_the_longest_pause_asked_for_is_kept(
    rules: str, own: float, took: float, loopback: bool, delay: float, why: Delay
) -> None:
    robots = Robots.parse(f"User-agent: *\nDisallow: /x\n{rules}\n".encode())
    seconds, code = delay_in_force(own, robots, took, loopback)
    assert seconds == pytest.approx(delay)
    assert code is why


def at(clock: str) -> datetime:
    """A moment of a day in Tokyo."""
    return datetime.combine(datetime(2026, 11, 23).date(), time.fromisoformat(clock), TOKYO)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("now", "hours", "opens"),
    [
        ("03:00", (time(1), time(6)), "03:00"),
        ("00:30", (time(1), time(6)), "01:00"),
        ("23:30", (time(22), time(6)), "23:30"),  # past midnight
        ("05:59", (time(22), time(6)), "05:59"),
        ("12:00", (time(22), time(6)), "22:00"),
        ("12:00", None, "12:00"),
    ],
)
def test_our_own_hours_are_tokyos(now: str, hours: tuple[time, time] | None, opens: str) -> None:
    assert next_opening(at(now).astimezone(UTC), hours, None) == at(opens)


def test_after_closing_it_opens_on_the_next_day() -> None:
    assert next_opening(at("06:00").astimezone(UTC), (time(1), time(6)), None) == at("01:00") + timedelta(days=1)


def test_the_sites_visit_time_is_utc_and_both_must_be_open() -> None:
    robots = Robots.parse(b"User-agent: *\nVisit-time: 1700-1900\n")
    assert robots.visit_time == (time(17), time(19))
    # 01:00-06:00 in Tokyo is 16:00-21:00 UTC.
    assert next_opening(NOW, (time(1), time(6)), robots.visit_time) == NOW.replace(hour=17)


def test_midnight_may_be_written_as_2400() -> None:
    assert Robots.parse(b"User-agent: *\nVisit-time: 1800-2400\n").visit_time == (time(18), time(0))


def test_hours_that_never_meet_are_a_mistake() -> None:
    with pytest.raises(UsageError, match="never open together"):
        next_opening(NOW, (time(1), time(2)), (time(1), time(2)))


MINUTES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0, tzinfo=None))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), MINUTES, MINUTES)  # noqa: DTZ001
def test_an_opening_is_never_in_the_past_and_always_open(moment: datetime, start: time, end: time) -> None:
    now = moment.replace(tzinfo=UTC)
    opened = next_opening(now, (start, end), None)
    assert now <= opened <= now + timedelta(days=1, minutes=1)
    assert next_opening(opened, (start, end), None) == opened
