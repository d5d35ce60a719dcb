"""robots.txt, Retry-After and opening hours, as rules without a network or a clock."""

import gzip
import time as clock
from datetime import UTC, datetime, time, timedelta

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from collector import PRODUCT_TOKEN
from collector.codes import Delay
from collector.errors import UsageError
from collector.fetch.headers import LONGEST
from collector.politeness.robots import (
    READ_BYTES,
    TOKYO,
    Robots,
    delay_in_force,
    next_opening,
)

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
        ("User-agent: paddock\nAllow: /\n\nUser-agent: *\nDisallow: /", "/y", False, "Disallow: /"),
        ("User-agent: p\nDisallow:\n\nUser-agent: *\nDisallow: /", "/y", False, "Disallow: /"),
        ("User-agent: paddock-collector/1.0\nDisallow: /", "/y", False, "Disallow: /"),  # a version is not the name
        ("User-agent: * (all)\nDisallow: /", "/y", False, "Disallow: /"),
        ("User-agent: paddock-collector\nSitemap: /s\nUser-agent: b\nDisallow: /", "/y", False, "Disallow: /"),
        ("User-agent: paddock-collector\nDisallow:\nUser-agent: b\nDisallow: /", "/y", True, None),
        ("User agent *\nDissallow /y", "/y", False, "Dissallow /y"),  # as others read it, too
        ("User-agent: *\nDisallow: /\nAllow: /q", "/robots.txt", True, None),
        ("User-agent: *\nDisallow: /%E9%A6%AC\nAllow: /馬/a", "/馬/a", True, "Allow: /馬/a"),
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


def test_the_reason_for_being_out_of_reach_is_no_rule() -> None:
    assert not Robots.disallow_all("said:\nAllow: /").allowed(f"{SITE}/")


@pytest.mark.parametrize(
    ("rules", "path", "allowed", "number"),
    [
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", "/a", False, 2),
        ("User-agent: *\nContent-Signal: ai-train=yes", "/a", True, None),
        ("User-agent: *\nContent-Signal: search=no, ai-input=no", "/a", True, None),  # neither granted nor refused
        ("Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", "/a", False, 1),  # of no group: for everybody
        ("User-agent: otherbot\nContent-Signal: ai-train=no\n\nUser-agent: *\nAllow: /", "/a", True, None),
        ("User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: paddock-collector\nAllow: /", "/a", True, None),
        ("User-agent: *\nAllow: /\n\nUser-agent: Paddock-Collector\nContent-Usage: train-ai=n", "/a", False, 5),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ok/ train-ai=y", "/ok/a", True, None),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ok/ train-ai=y", "/a", False, 2),
        ("User-agent: *\nContent-Signal: ai-train=yes\nContent-Signal: /a/*.jpg$ ai-train=no", "/a/b.jpg", False, 3),
        ("User-agent: *\nContent-Signal: ai-train=no\nContent-Usage: train-ai=y", "/a", False, 2),  # the stricter one
        ("User-agent: *\nContent-Signal: /a\tai-train=no", "/a", False, 2),
    ],
)
def test_what_may_be_trained_on(rules: str, path: str, allowed: bool, number: int | None) -> None:
    robots = Robots.parse(rules.encode())
    verdict = robots.training(SITE + path)
    assert (verdict.allowed, verdict.line_number) == (allowed, number)
    assert robots.allowed(SITE + path)  # which is another question


RULES_OF_ONE_LINE = "User-agent: *\nDisallow: /x # 馬\n"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(RULES_OF_ONE_LINE.encode(), mtime=0), zstd.compress(RULES_OF_ONE_LINE.encode()),
        gzip.compress(zstd.compress(RULES_OF_ONE_LINE.encode()), mtime=0), RULES_OF_ONE_LINE.encode("utf-16"),
        RULES_OF_ONE_LINE.encode("utf-16-le"), RULES_OF_ONE_LINE.encode("utf-16-be"),
        RULES_OF_ONE_LINE.encode("utf-32"), RULES_OF_ONE_LINE.encode("utf-8-sig"), RULES_OF_ONE_LINE.encode("cp932"),
        RULES_OF_ONE_LINE.encode("euc_jp"), RULES_OF_ONE_LINE.encode("iso2022_jp"),
        RULES_OF_ONE_LINE.encode() + b"\x1a\x1a", b"\n" + RULES_OF_ONE_LINE.encode(),
    ],
)  # fmt: skip
def test_rules_are_read_however_they_are_written(body: bytes) -> None:
    robots = Robots.parse(body)
    assert robots.out_of_reach is None
    assert not robots.allowed(f"{SITE}/x")
    assert robots.allowed(f"{SITE}/y")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"User-agent: *\nAllow: /\n", mtime=0)[:-9], gzip.compress(bytes(9_000_000), mtime=0),
        zstd.compress(b"User-agent: *\nAllow: /\n")[:-3], b"\x89PNG\r\n\x1a\n\x00\x00", b"GIF89a\x01\x00\x01\x00",
        b"User-agent: *\nAllow: /\n\x00\x01\x02", b"\x1f\x8b", bytes(20) + b"x",
    ],
)  # fmt: skip
def test_what_is_no_text_disallows_everything_and_says_why(body: bytes) -> None:
    robots = Robots.parse(body)
    assert robots.out_of_reach
    assert not robots.allowed(f"{SITE}/")


AGENTS = st.sampled_from([PRODUCT_TOKEN, "*", "Paddock-Collector", "otherbot"]).map("User-agent: {}".format)
PATTERNS = st.text("/ab*$%é=?", max_size=5)
RULES = st.tuples(st.sampled_from(["Allow", "Disallow", "Noindex"]), PATTERNS).map(
    lambda rule: f"{rule[0]}: /{rule[1]}"
)
FILES = st.lists(AGENTS | RULES | st.just("Sitemap: http://a/") | st.just(""), max_size=12).map("\n".join)


@given(FILES, st.text("/ab%é=?", max_size=6))
def test_protego_agrees_and_the_line_named_says_the_same_alone(text: str, path: str) -> None:
    url = f"{SITE}/{path}"
    verdict = Robots.parse(text.encode()).verdict(url)
    assert verdict.allowed == Protego.parse(text).can_fetch(url, PRODUCT_TOKEN)
    if verdict.line is None:
        assert verdict.allowed
        return
    assert verdict.line_number
    assert text.splitlines()[verdict.line_number - 1] == verdict.line
    alone = f"User-agent: *\n{verdict.line}" if not verdict.allowed else f"User-agent: *\nDisallow: /\n{verdict.line}"
    assert Protego.parse(alone).can_fetch(url, "*") == verdict.allowed


def test_a_file_made_to_be_slow_is_not() -> None:
    agents = b"".join(b"User-agent: a%d\n" % number for number in range(12_000))
    body = agents + b"".join(b"Disallow: /%d\n" % number for number in range(12_000))
    many = Robots.parse(b"User-agent: *\n" + b"".join(b"Disallow: /%d/\n" % number for number in range(300)))
    started = clock.process_time()
    assert Robots.parse(body).allowed(f"{SITE}/1")
    for number in range(1000):
        assert many.verdict(f"{SITE}/299/{number}").line_number == 301
    assert clock.process_time() - started < 5


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
