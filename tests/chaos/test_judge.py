"""The judge of the chaos tests sees what it is there to see."""

from tests.chaos.judge import Seen, overlaps, short_gaps, too_many, unasked, unlogged

DELAY = 0.1


def asked(*moments: tuple[float, float | None], host: str = "one:80", late: float = 0.0) -> list[Seen]:
    return [Seen(host, f"/{number}", began, ended, late) for number, (began, ended) in enumerate(moments)]


def test_a_request_that_begins_while_another_is_open_overlaps():
    assert not overlaps(asked((0.0, 0.05), (0.1, 0.15)))
    assert len(overlaps(asked((0.0, 0.2), (0.1, 0.15)))) == 1
    assert len(overlaps(asked((0.0, None), (0.1, 0.15)))) == 1
    assert len(overlaps(asked((0.0, 1.0), (0.1, 0.15), (0.2, 0.25)))) == 2, "the first is open all the time"


def test_requests_to_different_hosts_neither_overlap_nor_follow_each_other():
    both = asked((0.0, 0.2)) + asked((0.01, 0.2), host="other:80")
    assert not overlaps(both)
    assert not short_gaps(both, DELAY)


def test_a_gap_under_the_delay_is_seen_whatever_was_in_between():
    assert not short_gaps(asked((0.0, 0.0), (0.1, 0.1), (0.2, 0.2)), DELAY)
    assert len(short_gaps(asked((0.0, 0.0), (0.1, 0.1), (0.129, 0.13)), DELAY)) == 1


def test_a_gap_that_a_late_record_explains_is_none():
    assert not short_gaps(asked((0.05, 0.06), (0.1, 0.11), late=0.05), DELAY)
    assert short_gaps(asked((0.05, 0.06), (0.1, 0.11), late=0.01), DELAY)


def test_requests_beyond_the_undisturbed_ones_are_counted_by_host_but_not_those_that_the_site_spoilt():
    undisturbed = asked((0.0, 0.1), (1.0, 1.1))
    three = asked((0.0, 0.1), (1.0, 1.1), (2.0, 2.1))
    spoilt = [Seen("one:80", "/0", 3.0, 3.1, fault="reset")]
    assert not too_many(three + spoilt, undisturbed, allowed=1)
    assert too_many(three + spoilt, undisturbed, allowed=0) == {"one": 1}


def test_the_log_and_the_site_are_compared_request_by_request():
    requests = asked((0.0, 0.1), (1.0, 1.1))
    assert unlogged(requests, [("one:80", "/0")]) == [("one:80", "/1")]
    assert unasked(requests, [("one:80", "/0"), ("one:80", "/0")]) == [("one:80", "/0")]
