"""An address holds the whole state of a search."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.remarks.build import TAGS
from collector.storage.racing import Sex, Surface
from collector.web.search.address import LONGEST, Cursor, Query, read_query
from collector.web.server.problems import Problem

WORD = st.one_of(
    st.text(max_size=70), st.sampled_from(["キタサン", " きた さん ", "%_\\", "ｷﾀ", "か\u3099", "\ud800 "])
)
SHARE = st.one_of(st.none(), st.integers(0, 100).map(lambda share: share / 100))
CURSOR = st.builds(
    Cursor,
    st.dates(date(1950, 1, 1), date(2099, 12, 31)),
    st.from_regex(r"[a-z]{2,9}:[0-9]{6}/[0-9]{2}", fullmatch=True),
)
FIELDS = ["name", "year", "race", "course", "surface", "sex", "age", "low", "high"]
FIELDS += ["tag", "metres", "labelled", "before"]


@st.composite
def queries(draw: st.DrawFn) -> Query:
    low, high = draw(SHARE), draw(SHARE)
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    clean = read_query({field: draw(WORD) for field in ("name", "race", "course")})
    return Query(
        name=clean.name,
        year=draw(st.one_of(st.none(), st.integers(1900, 2099))),
        race=clean.race,
        course=clean.course,
        surface=draw(st.one_of(st.none(), st.sampled_from(list(Surface)))),
        sex=draw(st.one_of(st.none(), st.sampled_from(list(Sex)))),
        age=draw(st.one_of(st.none(), st.integers(0, 99))),
        low=low,
        high=high,
        tag=draw(st.sampled_from(["", *TAGS])),
        metres=draw(st.one_of(st.none(), st.integers(100, 9999))),
        labelled=draw(st.booleans()),
        before=draw(st.one_of(st.none(), CURSOR)),
    )


@given(queries())
def test_the_address_of_a_search_is_that_search(query: Query) -> None:
    assert read_query(query.words()) == query


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=90)))
def test_an_address_is_understood_or_is_the_readers_mistake(
    given: dict[str, str],
) -> None:
    try:
        query = read_query(given)
    except Problem:
        return
    assert read_query(query.words()) == query
    assert all(len(word) <= LONGEST and "\0" not in word for word in (query.name, query.race, query.course))


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("year", "16"), ("year", "3016"), ("age", "three"), ("age", "-3"), ("age", "100"), ("low", "1.2"),
        ("high", "nan"), ("low", "1e-3"), ("sex", "mare"), ("surface", "sand"),
        ("before", "2016-02-30_keibado:160104/01"), ("before", "2016-01-04"),
        ("before", "٢٠١٦-01-04_keibado:160104/01"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_named(field: str, word: str) -> None:
    with pytest.raises(Problem, match=f"{field} is to be") as raised:
        read_query({field: word})
    assert raised.value.status == 400


def test_an_empty_form_asks_for_nothing() -> None:
    assert read_query(dict.fromkeys(FIELDS, "")) == Query()
    assert Query().words() == {}
    assert not Query(name="キタ", before=Cursor(date(2016, 1, 4), "keibado:160104/01")).filtered


def test_full_width_figures_are_figures() -> None:
    assert read_query({"year": "２０１６", "age": "３", "low": "０．２"}) == Query(year=2016, age=3, low=0.2)


def test_ends_that_are_the_wrong_way_round_are_turned() -> None:
    assert read_query({"low": "0.8", "high": ".2"}) == Query(low=0.2, high=0.8)
