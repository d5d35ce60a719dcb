"""The judge of the chaos tests sees what it is there to see."""

from tests.chaos.judge import Seen, overlaps, short_gaps, unexplained, unlogged, unseen

DELAY = 0.1


def requests_at(*moments: tuple[float, float | None], host: str = "one:80", late: float = 0.0) -> list[Seen]:
    return [Seen(host, f"/{number}", began, ended, late) for number, (began, ended) in enumerate(moments)]


def test_a_request_that_begins_while_another_is_open_overlaps():
    assert not overlaps(requests_at((0.0, 0.05), (0.1, 0.15)))
    assert len(overlaps(requests_at((0.0, 0.2), (0.1, 0.15)))) == 1
    assert len(overlaps(requests_at((0.0, None), (0.1, 0.15)))) == 1
    assert len(overlaps(requests_at((0.0, 1.0), (0.1, 0.15), (0.2, 0.25)))) == 2, "the first is open all the time"


def test_requests_to_different_hosts_neither_overlap_nor_queue():
    both = requests_at((0.0, 0.2)) + requests_at((0.01, 0.2), host="other:80")
    assert not overlaps(both)
    assert not short_gaps(both, DELAY)


def test_a_gap_under_the_delay_is_seen_whatever_was_in_between():
    assert not short_gaps(requests_at((0.0, 0.0), (0.1, 0.1), (0.2, 0.2)), DELAY)
    assert len(short_gaps(requests_at((0.0, 0.0), (0.1, 0.1), (0.129, 0.13)), DELAY)) == 1


def test_a_gap_that_a_late_record_explains_does_not_count():
    assert not short_gaps(requests_at((0.05, 0.06), (0.1, 0.11), late=0.05), DELAY)
    assert short_gaps(requests_at((0.05, 0.06), (0.1, 0.11), late=0.01), DELAY)


def page(*moments: float, host: str = "one:80", fault: str | None = None) -> list[Seen]:
    return [Seen(host, "/page", moment, moment + 0.01, fault=fault) for moment in moments]


def test_a_repeat_needs_a_strike_of_its_own():
    strike = (0.5, 0.5)
    assert not unexplained(page(0.0), [])
    assert not unexplained(page(0.0, 1.0), [strike])
    assert unexplained(page(0.0, 1.0), []) == [(page(0.0)[0], page(1.0)[0])]
    assert len(unexplained(page(0.0, 1.0, 2.0), [strike])) == 1
    assert not unexplained(page(0.0, 1.0, 2.0), [strike, (1.5, 1.5)])


def test_a_strike_excuses_one_repeat_on_each_host_soon_after_it():
    assert unexplained(page(0.0, 1.0), [(2.0, 2.0)])
    assert unexplained(page(20.0, 21.0), [(0.5, 0.5)])
    assert not unexplained(page(0.6, 1.0), [(0.5, 0.5)]), "by a process that had not noticed"
    assert not unexplained(page(0.0, 1.0) + page(0.0, 1.0, host="other:80"), [(0.5, 0.5)])


def test_what_the_site_spoilt_may_be_asked_for_again():
    assert not unexplained(page(0.0, fault="reset") + page(1.0), [])
    assert unexplained(page(0.0, fault="slow") + page(1.0), [])
    assert unexplained(page(0.0, fault="reset") + page(1.0, 2.0), [])


def test_the_log_and_the_site_are_compared_request_by_request():
    requests = requests_at((0.0, 0.1), (1.0, 1.1))
    assert unlogged(requests, [("one:80", "/0")]) == [("one:80", "/1")]
    assert unseen(requests, [("one:80", "/0"), ("one:80", "/0")]) == [("one:80", "/0")]
