"""robots.txt, Retry-After and opening hours, as rules without a network or a clock."""

from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from collector.robots import READ_BYTES, TOKYO, Robots, delay_in_force, next_opening, retry_after_seconds

SITE = "http://old.keibado.ne.jp"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rules", "path", "allowed", "line"),
    [
        ("User-agent: *\nDisallow: /private/", "/private/x", False, "Disallow: /private/"),
        ("User-agent: *\nDisallow: /private/", "/public", True, None),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True, "Allow: /a/b"),  # the longest decides
        ("User-agent: *\nDisallow: /\nUser-agent: paddock-collector\nDisallow: /x", "/y", True, None),  # our own group
        ("User-agent: Paddock-Collector\nDisallow: /y\n\nUser-agent: *\nAllow: /", "/y", False, "Disallow: /y"),
        ("User-agent: collector\nDisallow: /", "/y", True, None),  # somebody else, however alike
        ("User-agent: *\nDisallow: /*.jpg$", "/images/pp01.jpg", False, "Disallow: /*.jpg$"),
        ("User-agent: *\nDisallow:", "/anything", True, None),
        ("", "/anything", True, None),
        ("<html>404</html>", "/anything", True, None),
    ],
)
def test_a_verdict_and_its_line(rules: str, path: str, allowed: bool, line: str | None) -> None:
    verdict = Robots.parse(rules.encode()).verdict(SITE + path)
    assert (verdict.allowed, verdict.line) == (allowed, line)


def test_the_line_is_named_by_its_number() -> None:
    robots = Robots.parse(b"# keep out\nUser-agent: *\n\nDisallow: /keibabook/   # really\n")
    assert robots.verdict(f"{SITE}/keibabook/bn/2016.html").line_number == 4


def test_out_of_reach_disallows_everything() -> None:
    assert not Robots.disallow_all("503").allowed(f"{SITE}/")
    assert Robots.allow_all().allowed(f"{SITE}/")


def test_five_hundred_kibibytes_are_read_and_no_more() -> None:
    filler = b"Disallow: /filler/\n" * (500 * 1024 // 19)
    late = b"User-agent: *\n" + filler + b"Disallow: /late\n"
    too_late = b"User-agent: *\n" + b"#" * READ_BYTES + b"\nDisallow: /late\n"
    assert not Robots.parse(late).allowed(f"{SITE}/late")
    assert Robots.parse(too_late).allowed(f"{SITE}/late")


@given(st.binary(max_size=3000))
def test_any_bytes_are_rules(body: bytes) -> None:
    robots = Robots.parse(body)
    verdict = robots.verdict(f"{SITE}/keibabook/")
    assert verdict.allowed == robots.allowed(f"{SITE}/keibabook/")
    assert (robots.crawl_delay or 0) >= 0


@pytest.mark.parametrize(
    ("rules", "own", "took", "loopback", "delay", "why"),
    [
        ("", 5.0, 0.1, False, 5.0, "our own"),
        ("Crawl-delay: 7.5", 5.0, 0.1, False, 7.5, "Crawl-delay"),
        ("Crawl-delay: 0.3", 5.0, 0.1, False, 5.0, "our own"),
        ("Request-rate: 1/20", 5.0, 0.1, False, 20.0, "Request-rate"),
        ("", 5.0, 3.0, False, 15.0, "five times"),
        ("", 0.0, 3.0, True, 0.0, "this machine"),
        ("Crawl-delay: 0.25", 0.0, 0.01, True, 0.25, "Crawl-delay"),
        ("Crawl-delay: -3", 1.0, 0.0, False, 1.0, "our own"),
        ("Crawl-delay: nan", 1.0, 0.0, False, 1.0, "our own"),
    ],
)
def test_the_longest_pause_asked_for_is_kept(
    rules: str, own: float, took: float, loopback: bool, delay: float, why: str
) -> None:
    robots = Robots.parse(f"User-agent: *\nDisallow: /x\n{rules}\n".encode())
    seconds, reason = delay_in_force(own, robots, took, loopback)
    assert seconds == pytest.approx(delay)
    assert why in reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Monday, 23-Nov-26 12:01:00 GMT", 60.0),
        ("Mon Nov 23 12:01:00 2026", 60.0),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 0.0),
        ("604800", 604800.0),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text(max_size=60))
def test_retry_after_is_never_negative(value: str) -> None:
    assert (retry_after_seconds(value, NOW) or 0.0) >= 0.0


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


def test_hours_that_never_meet_are_a_mistake_to_be_told() -> None:
    with pytest.raises(UsageError, match="never open together"):
        next_opening(NOW, (time(1), time(2)), (time(1), time(2)))


MINUTES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0, tzinfo=None))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), MINUTES, MINUTES)  # noqa: DTZ001
def test_an_opening_is_never_in_the_past_and_always_open(moment: datetime, start: time, end: time) -> None:
    now = moment.replace(tzinfo=UTC)
    opened = next_opening(now, (start, end), None)
    assert now <= opened <= now + timedelta(days=1, minutes=1)
    assert next_opening(opened, (start, end), None) == opened
