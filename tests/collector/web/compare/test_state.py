"""The address of a comparison holds its whole state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.web.compare.geometry import Marks
from collector.web.compare.state import MOST, Comparison, View, read_comparison
from collector.web.server.problems import Problem

ids = st.from_regex(r"[a-z]{3,8}:[0-9A-Za-z_-]{1,9}/[0-9]{2,4}", fullmatch=True)
per_cents = st.integers(0, 100)
shares = st.integers(0, 10_000).map(lambda number: number / 10_000)
points = st.tuples(shares, shares)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    photos = tuple(draw(st.lists(ids, min_size=1, max_size=MOST, unique=True)))
    some = st.lists(st.sampled_from(photos), unique=True).map(
        lambda chosen: tuple(one for one in photos if one in chosen)
    )
    return Comparison(
        photos, draw(st.sampled_from(View)), draw(st.sampled_from(["", *photos])), draw(st.sampled_from(["", *photos])),
        draw(per_cents), draw(per_cents), draw(some), draw(st.booleans()), draw(st.booleans()),
        draw(per_cents), draw(per_cents), {photo: Marks(draw(points), draw(points)) for photo in draw(some)},
    )  # fmt: skip


@given(comparisons())
def test_what_an_address_says_is_read_as_it_was_meant(comparison: Comparison) -> None:
    assert read_comparison(comparison.words()) == comparison


@given(comparisons())
def test_what_is_done_to_a_comparison_is_undone_the_same_way(comparison: Comparison) -> None:
    first, last = comparison.photos[0], comparison.photos[-1]
    assert comparison.with_turned(last).with_turned(last) == comparison
    assert comparison.with_first(last).photos[0] == last
    without = comparison.without(first)
    assert first not in without.photos
    assert "turn" not in dict(without.words()) or first not in without.turned
    assert first not in without.marks


@pytest.mark.parametrize(
    "words",
    [("photo", "x"), ("view", "upside down"), ("seam", "101"), ("seam", "-1"), ("girth", "٣"), ("mark", "a:1/01,1,1,1"),
     ("mark", "abc:1/01,.1,.2,.3,1.5"), ("mark", "abc:1/01,.1,.2,.3,nan")],
    ids=":".join,
)  # fmt: skip
def test_a_word_that_cannot_be_understood_is_named(words: tuple[str, str]) -> None:
    with pytest.raises(Problem) as raised:
        read_comparison([words])
    assert words[0] in raised.value.sentence("en")


def test_a_box_that_is_ticked_counts_before_what_stands_for_one_that_is_not() -> None:
    assert read_comparison([("align", "no"), ("align", "yes")]).aligned
    assert not read_comparison([("align", "no")]).aligned


def test_photos_after_the_sixth_are_left_out() -> None:
    many = [("photo", f"abc:1/{number:02}") for number in range(1, 10)]
    assert len(read_comparison([*many, *many]).photos) == MOST
