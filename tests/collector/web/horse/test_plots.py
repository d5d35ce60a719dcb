"""How opinion of a horse moved, as a picture: steps, gaps, and ends."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.web.horse.facts import Opinion
from collector.web.horse.plots import EDGE, HEIGHT, WIDTH, history

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def opinions(*points: tuple[int, float | None]) -> list[Opinion]:
    """Opinions, each a number of days after the first."""
    return [
        Opinion(value, None if value is None else 3, None, FIRST + timedelta(days=day), "http://x/", 50, 66)
        for day, value in points
    ]


def test_an_opinion_holds_until_the_next_one() -> None:
    drawn = history(opinions((0, 0.0), (50, 1.0)), FIRST + timedelta(days=100))
    assert drawn.paths == ["M6 66H160L160 6H314"]
    assert [(dot.x, dot.y) for dot in drawn.dots] == [(6, 66), (160, 6)]


def test_a_time_without_ratings_is_a_gap() -> None:
    drawn = history(opinions((0, 0.5), (25, None), (50, 0.5), (75, None)), FIRST + timedelta(days=100))
    assert drawn.paths == ["M6 36H83", "M160 36H237"]
    assert len(drawn.dots) == 2
    assert drawn.now.value is None


def test_a_horse_that_was_never_rated_has_no_line() -> None:
    drawn = history(opinions((0, None)), FIRST)
    assert (drawn.paths, drawn.dots, drawn.now.value) == ([], [], None)


def test_a_horse_that_was_asked_about_only_now_has_a_point() -> None:
    drawn = history(opinions((0, 0.5)), FIRST)
    assert [(dot.x, dot.y) for dot in drawn.dots] == [(6, 36)]


@given(st.lists(st.tuples(st.integers(1, 400), st.one_of(st.none(), st.floats(0, 1))), min_size=1, max_size=9))
def test_everything_lies_in_the_picture_and_goes_forward(steps: list[tuple[int, float | None]]) -> None:
    day, points = 0, []
    for days, value in steps:
        points.append((day, value))
        day += days
    drawn = history(opinions(*points), FIRST + timedelta(days=day))
    across = [dot.x for dot in drawn.dots]
    assert across == sorted(across)
    assert all(EDGE <= dot.x <= WIDTH - EDGE and EDGE <= dot.y <= HEIGHT - EDGE for dot in drawn.dots)
