"""What a horse's page draws, as numbers: axes with their definitions, starts by distance, photos with their copies."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.storage.racing import Axis
from collector.web.horse.axes import POLL, opined
from collector.web.horse.facts import Opinion
from collector.web.horse.record import LEFT, RIGHT, record
from collector.web.horse.strip import folded

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def opinion(value: float | None, days: int) -> Opinion:
    return Opinion(value, 3, None, NOW - timedelta(days=days), "http://site.example/", 50, 50)


def label(axis: str, definition: str, value: float, variance: float | None) -> dict[str, Any]:
    return {"axis": axis, "definition": definition, "value": value, "variance": variance, "n": 4, "metres": None,
            "reliability": 0.5}  # fmt: skip


def test_every_definition_stands_on_its_axis_with_an_interval_where_it_has_one() -> None:
    labels = [label("distance", "results", 0.95, 0.01), label("distance", "comment", 0.2, None),
              label("stride", "mine", 0.5, 0)]  # fmt: skip
    distance, style, own = opined(
        {Axis.DISTANCE: [opinion(0.5, 9)], Axis.RUNNING_STYLE: [opinion(None, 9)]}, labels, NOW
    )
    assert [(mark.definition, mark.value, mark.n) for mark in distance.marks] == [
        (POLL, 0.5, 3), ("results", 0.95, 4), ("comment", 0.2, 4),
    ]  # fmt: skip
    assert [(mark.low, mark.high) for mark in distance.marks] == [(None, None), (0.95 - 0.196, 1.0), (None, None)]
    assert (style.axis, style.marks) == ("running_style", [])
    assert (own.axis, own.marks[0].low) == ("stride", 0.5)


def test_a_history_is_drawn_from_two_observations_on() -> None:
    (once,) = opined({Axis.DISTANCE: [opinion(0.5, 9)]}, [], NOW)
    (again,) = opined({Axis.DISTANCE: [opinion(None, 20), opinion(0.5, 9)]}, [], NOW)
    (twice,) = opined({Axis.DISTANCE: [opinion(0.5, 9), opinion(0.7, 3)]}, [], NOW)
    assert (once.history, again.history) == (None, None)
    assert twice.history is not None


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "race_date": st.dates(date(2010, 1, 1), date(2026, 1, 1)),
            "distance": st.none() | st.integers(800, 4300),
            "finish_position": st.none() | st.integers(1, 18),
        }
    ),
    max_size=40,
)


@given(ENTRIES)
def test_every_start_has_a_place_of_its_own_in_the_picture(entries: list[dict[str, Any]]) -> None:
    drawn = record(entries)
    known = [entry for entry in entries if entry["distance"]]
    if drawn is None:
        assert known == []
        return
    assert len(drawn.starts) == len(known)
    assert all(LEFT <= start.x <= RIGHT and 0 < start.y < drawn.height for start in drawn.starts)
    assert len({(start.entry["distance"], start.y) for start in drawn.starts}) == len(known), "none hides another"
    assert 2 <= len(drawn.ticks) <= 8
    assert [year for year, _ in drawn.years] == sorted({entry["race_date"].year for entry in known}, reverse=True)
    assert all((start.placed is not None) == (start.entry["finish_position"] in (1, 2, 3)) for start in drawn.starts)


def test_copies_are_folded_into_the_photo_that_they_show_again() -> None:
    photos = [{"photo": photo, "copy_of": copy} for photo, copy in
              (("a", None), ("b", "a"), ("c", "elsewhere"), ("d", "b"), ("e", "a"))]  # fmt: skip
    found = folded(photos)
    assert [(one.photo["photo"], [copy["photo"] for copy in one.copies]) for one in found] == [
        ("a", ["b", "e"]), ("c", []), ("d", []),
    ]  # fmt: skip
