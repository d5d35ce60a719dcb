"""What is known of one horse, as a person reads it."""

from datetime import UTC, datetime
from typing import Any

from collector.cli.horse import WIDTH, plot
from collector.storage.racing import Axis


def seen(month: int, value: float | None, **facts: Any) -> dict[str, Any]:
    said = {"reviews": None, "evidence": None} | facts
    return {"observed_at": datetime(2016, month, 5, tzinfo=UTC), "value": value} | said


def test_opinion_is_drawn_where_it_stands_between_the_ends() -> None:
    lines = plot(Axis.DISTANCE, [seen(1, 1 / 117), seen(2, 0.5, reviews=12), seen(3, 116 / 117)])
    assert lines[0] == "distance: short (0) to long (1)"
    assert [line.index("●") - len("  2016-01-05  ") for line in lines[1:]] == [0, WIDTH // 2, WIDTH - 1]
    assert lines[2].endswith("0.500  12 reviews")


def test_a_missing_label_is_not_drawn_in_the_middle() -> None:
    line = plot(Axis.SURFACE, [seen(1, None, evidence="58/58 on all five axes")])[1]
    assert "●" not in line
    assert line.endswith("no label: 58/58 on all five axes")
