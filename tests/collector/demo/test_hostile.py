"""The names of faults, and when a fault applies."""

import pytest

from collector.demo.faults.hostile import KINDS, Fault, Hostility, parse_fault
from collector.errors import UsageError

PATH = "/keibabook/160104/photo01.html"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("503", Fault("503")),
        ("503@/keibabook/1601*", Fault("503", "/keibabook/1601*")),
        ("reset:0.05", Fault("reset", rate=0.05)),
        ("429-retry-after=3x1", Fault("429-retry-after", value="3", count=1)),
        ("429-retry-after", Fault("429-retry-after", value="3")),
        ("503-retry-after=soon@/robots.txt", Fault("503-retry-after", "/robots.txt", "soon")),
        ("truncate@/*.jpg:0.5x2each", Fault("truncate", "/*.jpg", rate=0.5, count=2, each=True)),
        ("redirect-host=http://127.0.0.1:9999/", Fault("redirect-host", value="http://127.0.0.1:9999/")),
        ("huge-png", Fault("huge-png", "/*.jpg")),
        ("slow=0.5x1", Fault("slow", value="0.5", count=1)),
        ("robots-500x1", Fault("robots-500", "/robots.txt", count=1)),
        ("503-retry-date=60@/keibabook/bn/*", Fault("503-retry-date", "/keibabook/bn/*", "60")),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "help", "200", "resett", "503@keibabook", "503:2", "503:0.5:0.5"])
def test_an_unknown_fault_is_an_error_that_names_all_faults(text: str):
    with pytest.raises(UsageError) as caught:
        parse_fault(text)
    assert all(name in str(caught.value) for name in KINDS)


def test_a_value_where_none_is_taken_is_an_error():
    with pytest.raises(UsageError, match="takes no value"):
        parse_fault("reset=3")


@pytest.mark.parametrize("text", ["slow=soon", "slow=-1", "503-retry-date=soon"])
def test_seconds_that_are_not_a_number_are_an_error(text: str):
    with pytest.raises(UsageError, match="not a number of seconds"):
        parse_fault(text)


def test_robots_txt_is_spared_unless_it_is_meant():
    assert Hostility(["503"]).visit("/robots.txt")[0] is None
    assert Hostility(["503@/robots.txt"]).visit("/robots.txt")[0]
    assert Hostility(["robots-stall"]).visit(PATH)[0] is None


def test_a_count_holds_for_all_paths_or_for_each():
    once, each = Hostility(["resetx1"]), Hostility(["resetx1each"])
    assert [bool(once.visit(path)[0]) for path in (PATH, PATH, "/other.html")] == [True, False, False]
    assert [bool(each.visit(path)[0]) for path in (PATH, PATH, "/other.html")] == [True, False, True]


def test_pages_that_differ_in_their_query_only_are_counted_each():
    each = Hostility(["reset@/review.htmlx1each"])
    visits = [each.visit("/review.html", query) for query in ("id=1", "id=1", "id=2", "id=2")]
    assert [(bool(fault), number) for fault, number in visits] == [(True, 1), (False, 2), (True, 1), (False, 2)]


def test_a_rate_hits_its_share_of_the_visits_and_always_the_same_ones():
    def hits(random_seed: int) -> list[bool]:
        hostility = Hostility(["reset:0.2"], random_seed)
        return [bool(hostility.visit(f"/keibabook/{number % 500}.html")[0]) for number in range(2000)]

    assert hits(0) == hits(0)
    assert hits(0) != hits(1)
    assert 320 < sum(hits(0)) < 480


def test_the_first_fault_that_applies_counts():
    hostility = Hostility(["500@/other*", "403", "503"])
    assert [getattr(hostility.visit(path)[0], "name", None) for path in (PATH, "/other.html")] == ["403", "500"]
