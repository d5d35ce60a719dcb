"""The reviewers' opinion: bars are read by their marks; no opinion differs from one in the middle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from collector.errors import ParseError
from collector.sources.netkeiba.aptitude import opinion_in, parse_aptitude, parse_reviews
from collector.sources.text_tools.text import decode
from collector.storage.items import ReviewsItem
from collector.storage.racing import Axis
from tests.collector.sources.aptitude_pages import HORSE_ID, NEUTRAL, SOME, URL, answer, axis_row, read, reviewed, table
from tests.paths import SHARED


def test_five_axes_are_read_with_both_widths_and_their_share() -> None:
    found = read(table(SOME))
    assert {axis: (item.left_px, item.right_px) for axis, item in found.items()} == SOME
    assert found[Axis.DISTANCE].value == pytest.approx(64 / 116)
    assert found[Axis.DISTANCE].horse_id == HORSE_ID


@pytest.mark.parametrize("host", ["cdn.netkeiba.com/img.db", "cdn.netkeiba.com/img.db/", "cdnv2.netkeiba.com/img.db"])
@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("mirrored", [True, False])
def test_marks_decide_the_ends_for_any_order_and_host(host: str, words: bool, mirrored: bool) -> None:
    drawn = {axis: (right, left) if mirrored else (left, right) for axis, (left, right) in SOME.items()}
    if mirrored:
        drawn = {axis: (left, right) for axis, (right, left) in drawn.items()}
    found = read(table(drawn, host=host, words=words, mirrored=mirrored))
    assert {axis: (item.left_px, item.right_px) for axis, item in found.items()} == SOME


@given(st.integers(1, 115) | st.sampled_from(["all left", "all right"]), st.sampled_from(list(Axis)))
def test_every_pair_of_widths_that_is_drawn_reads_to_its_share(drawn: int | str, axis: Axis) -> None:
    pair = {"all left": (116, 1), "all right": (1, 116)}.get(str(drawn)) or (int(drawn), 116 - int(drawn))
    item = read(table(SOME | {axis: pair}))[axis]
    assert (item.left_px, item.right_px) == pair
    assert item.value == pair[1] / sum(pair)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (axis_row(Axis.DISTANCE, (58, 57)), "do not make 116"),
        (axis_row(Axis.DISTANCE, (59, 58)), "do not make 116"),
        (axis_row(Axis.DISTANCE, (0, 116)), "a bar of '0' px"),
        (axis_row(Axis.DISTANCE, ("", 116)), "a bar of '' px"),
        (axis_row(Axis.DISTANCE, ("-5", 121)), "a bar of '-5' px"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("bar_blue", "line"), "not two bars"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("sprint", "speed").replace("短い", "速い"), "an unknown mark"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("短い", "長い"), "says '長い'"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("styer", "dirt").replace("長い", "ダート"), "between the marks"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("sprint", "styer").replace("短い", "長い"), "between the marks"),
        (axis_row(Axis.SURFACE, (52, 64)), "shown twice"),
        ("", "not shown"),
    ],
)
def test_a_graph_that_is_not_clear_is_a_failure_and_not_a_label(row: str, said: str) -> None:
    rows = [row if axis is Axis.DISTANCE else axis_row(axis, pair) for axis, pair in SOME.items()]
    with pytest.raises(ParseError, match=said):
        read(f'<table class="tekisei_table">{"".join(rows)}</table>')


@pytest.mark.parametrize(
    "text",
    ["", "[]", "<html></html>", answer(table(SOME), status="NG"), '{"status":"OK"}', answer("<p>…</p>"), "[" * 100_000],
)
def test_an_answer_without_a_graph_is_a_changed_layout(text: str) -> None:
    with pytest.raises(ParseError):
        parse_aptitude(URL, text)


def test_bars_in_the_middle_on_all_axes_are_not_a_label() -> None:
    assert {(item.value, item.reviews, item.evidence) for item in read(table(NEUTRAL)).values()} == {
        (None, None, "58/58 on all five axes")
    }
    assert {(item.value, item.reviews, item.evidence) for item in read(table(NEUTRAL) + reviewed(0)).values()} == {
        (None, 0, "0 reviews, 58/58 on all five axes")
    }


def test_one_axis_in_the_middle_is_an_opinion() -> None:
    item = read(table(SOME | {Axis.DISTANCE: (58, 58)}))[Axis.DISTANCE]
    assert (item.value, item.evidence) == (0.5, None)


def test_bars_in_the_middle_are_an_opinion_where_reviews_are_counted() -> None:
    assert {item.value for item in read(table(NEUTRAL) + reviewed(2)).values()} == {0.5}


def test_an_opinion_without_reviews_is_an_error() -> None:
    with pytest.raises(ParseError, match="nobody has reviewed"):
        read(table(SOME) + reviewed(0))


def test_the_finer_table_must_agree() -> None:
    fine = {axis: (round(left * 194 / 116), 194 - round(left * 194 / 116)) for axis, (left, _) in SOME.items()}
    assert read(table(SOME) + reviewed(12, fine))[Axis.DISTANCE].reviews == 12
    with pytest.raises(ParseError, match="among the reviews"):
        read(table(SOME) + reviewed(12, fine | {Axis.DISTANCE: (140, 54)}))


@given(st.integers(0, 194), st.sampled_from(list(Axis)))
def test_the_same_opinion_in_both_tables_always_agrees(fine_left: int, axis: Axis) -> None:
    left = round(fine_left * 116 / 194)
    coarse = (max(1, left), max(1, 116 - left))
    fine = (max(1, fine_left), max(1, 194 - fine_left))
    others = {one: (round(pair[0] * 194 / 116), 194 - round(pair[0] * 194 / 116)) for one, pair in SOME.items()}
    assert read(table(SOME | {axis: coarse}) + reviewed(3, others | {axis: fine}))[axis].left_px == coarse[0]


def test_the_number_of_reviews_comes_from_its_own_address() -> None:
    url = URL.replace("aptitude", "review")
    assert parse_reviews(url, answer(reviewed(1234))).items == (ReviewsItem(horse_id=HORSE_ID, reviews=1234),)
    with pytest.raises(ParseError, match="does not state"):
        parse_reviews(url, answer("<p>…</p>"))


absent = pytest.mark.skipif(not (SHARED / "pages").is_dir(), reason="the real pages are not here")


@absent
def test_the_real_graphs_read_as_they_are_known() -> None:
    pages = SHARED / "pages" / "real" / "netkeiba"
    known = {
        "2016103444": ((107, 9), (52, 64), (30, 86), (70, 46), (77, 39)),
        "2019105219": ((114, 2), (23, 93), (55, 61), (5, 111), (87, 29)),
        "2021100682": ((5, 111), (58, 58), (116, 1), (87, 29), (116, 1)),
        **dict.fromkeys(("2018100299", "2018100498", "2018101424", "2018105460"), ((58, 58),) * 5),
    }
    seen = set()
    for path in sorted(pages.glob("horse_tekisei*/*.html")):
        opinion = opinion_in(
            LexborHTMLParser(decode(path.read_bytes(), "charset=utf-8" if ".utf8." in path.name else "", "euc-jp"))
        )
        assert opinion is not None, path.name
        horse_id = path.name[:10]
        seen.add(horse_id)
        assert tuple(opinion.bars[axis] for axis in Axis) == known[horse_id], path.name
        assert opinion.reviews in ({"2016103444": 16, "2021100682": 12, "2019105219": None}.get(horse_id, 0),), (
            path.name
        )
    assert seen == set(known)


@absent
def test_every_published_aptitude_can_be_drawn_and_is_read_back() -> None:
    values = [float(line.split("\t")[1]) for line in (SHARED / "labels.tsv").read_text().splitlines() if line]
    assert len(values) == 2525
    drawn = {right / (116 - right + right): (116 - right, right) for right in range(1, 116)}
    drawn |= {1 / 117: (116, 1), 116 / 117: (1, 116)}
    for value in sorted(set(values)):
        share, pair = min(drawn.items(), key=lambda one: abs(one[0] - value))
        assert abs(share - value) < 1e-6
        assert read(table(SOME | {Axis.DISTANCE: pair}))[Axis.DISTANCE].value == pytest.approx(share)
