"""robots.txt as rules, without a network or a clock."""

import gzip
import time as clock
from datetime import UTC, datetime

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from collector import PRODUCT_TOKEN
from collector.politeness.robots import READ_BYTES, Robots

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
        ("User-agent: collector\nDisallow: /", "/y", True, None),  # another robot, however alike
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


def test_the_reason_for_being_out_of_reach_is_not_a_rule() -> None:
    assert not Robots.disallow_all("said:\nAllow: /").allowed(f"{SITE}/")


@pytest.mark.parametrize(
    ("rules", "path", "allowed", "number"),
    [
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", "/a", False, 2),
        ("User-agent: *\nContent-Signal: ai-train=yes", "/a", True, None),
        ("User-agent: *\nContent-Signal: search=no, ai-input=no", "/a", True, None),  # neither granted nor refused
        ("Content-Signal: ai-train=no\nUser-agent: *\nAllow: /", "/a", False, 1),  # of no group: for every robot
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
def test_what_is_not_text_disallows_everything_and_says_why(body: bytes) -> None:
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
