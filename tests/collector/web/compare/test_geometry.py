"""Photos are brought to one scale, position and direction by two marks on each."""

from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.web.compare.geometry import NEAREST, UNIT, WIDEST, Layer, Marks, Size, around, guides, layers

sizes = st.builds(Size, st.integers(200, 4000), st.integers(200, 4000))
shares = st.tuples(st.floats(0, 1), st.floats(0, 1))
marks = st.builds(Marks, shares, shares)


def put(layer: Layer, share: tuple[float, float]) -> tuple[float, float]:
    """Where a point of a photo is in the drawing."""
    a, b, c, d, e, f = layer.matrix
    x, y = share[0] * layer.width, share[1] * layer.height
    return a * x + c * y + e, b * x + d * y + f


@given(st.lists(st.tuples(sizes, marks, st.booleans()), min_size=2, max_size=6))
def test_both_marks_of_every_photo_meet_those_of_the_first(photos: list[tuple[Size, Marks, bool]]) -> None:
    drawn = layers([size for size, _, _ in photos], [mark for _, mark, _ in photos], [turn for *_, turn in photos])
    goal = photos[0][1]
    for layer, (size, mark, _) in zip(drawn, photos, strict=True):
        if not layer.aligned:
            continue
        assert put(layer, mark.withers) == pytest.approx(put(drawn[0], goal.withers), abs=1e-6)
        assert put(layer, mark.buttock) == pytest.approx(put(drawn[0], goal.buttock), abs=1e-6)
        a, b, c, d, *_ = layer.matrix  # neither stretched nor slanted
        assert hypot(a, b) == pytest.approx(hypot(c, d))
        assert a * c + b * d == pytest.approx(0, abs=1e-9)
        assert layer.width / layer.height == pytest.approx(size.width / size.height)


@given(st.lists(st.tuples(sizes, marks | st.none(), st.booleans()), min_size=1, max_size=6))
def test_the_frame_holds_every_photo_whole(photos: list[tuple[Size, Marks | None, bool]]) -> None:
    drawn = layers([size for size, _, _ in photos], [mark for _, mark, _ in photos], [turn for *_, turn in photos])
    frame = around(drawn)
    for x, y in (corner for layer in drawn for corner in layer.corners()):
        assert -1e-6 <= x - frame.left <= frame.width + 1e-6
        assert -1e-6 <= y - frame.top <= frame.height + 1e-6
    assert all(
        layer.scale * size.width <= UNIT * WIDEST
        for layer, (size, *_) in zip(drawn, photos, strict=True)
        if layer.aligned
    )


def test_a_horse_that_looks_the_other_way_is_turned_to_look_as_the_first_one_does() -> None:
    left, right = Marks((0.3, 0.3), (0.8, 0.4)), Marks((0.7, 0.3), (0.2, 0.4))
    first, second = layers([Size(640, 480)] * 2, [left, right], [False, False])
    assert second.matrix == pytest.approx((-1.5625, 0, 0, 1.5625, 1000, 0))
    assert first.corners() == [(0, 0), (1000, 0), (0, 750), (1000, 750)]
    turned, follows = layers([Size(640, 480)] * 2, [left, right], [True, False])
    assert put(turned, left.withers) == pytest.approx((700, 225))
    assert follows.matrix == pytest.approx((1.5625, 0, 0, 1.5625, 0, 0))


@pytest.mark.parametrize(
    "unusable",
    [None, Marks((0.5, 0.5), (0.5 + NEAREST / 2, 0.5)), Marks((0, 0.5), (0.06, 0.5))],
    ids=["none", "too near to each other", "scales too different"],
)
def test_a_photo_without_usable_marks_is_as_high_as_the_first_one(unusable: Marks | None) -> None:
    first, second = layers([Size(640, 480), Size(300, 600)], [Marks((0.2, 0.3), (0.9, 0.4)), unusable], [False, False])
    assert (first.aligned, second.aligned) == (True, False)
    assert second.corners() == [(0, 0), (375, 0), (0, 750), (375, 750)]


def test_lines_stand_below_the_withers_by_shares_of_the_distance_of_the_marks() -> None:
    found = guides(Size(500, 400), Marks((0.3, 0.25), (0.7, 0.25)), 0.5, 1, turned=False)
    assert found is not None
    assert (found.withers, found.girth, found.hocks) == pytest.approx((200, 400, 600))
    assert guides(Size(500, 400), None, 0.5, 1, turned=False) is None
