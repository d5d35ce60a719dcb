"""The search finds what a plain loop over all rows finds, page by page."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.demo.world.world import World
from collector.storage.racing import Going, Kind, Sex, Surface
from collector.storage.reader import Reader
from collector.web.search.address import Cursor, Query, Result, Sort, read_query
from collector.web.search.asked import Asked
from collector.web.search.index import Index
from collector.web.search.loading import load
from collector.web.search.results import PAGE, ROW, Found, suggest
from collector.web.search.results import find as find_asked
from tests.collector.web.conftest import Shown, renewed
from tests.collector.web.reference import Row, counts, found, groups, holds, read_rows, sorted_groups
from tests.filled import execute, fill

OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
T = TypeVar("T")
MATCHED = "SELECT issue_code, number, horse_id FROM photo_match ORDER BY issue_code, number"


async def find(own: Shown, query: Query) -> Found:
    """What is found now."""
    async with Reader(own.conninfo) as reader:
        return await find_asked(reader, Asked(await asyncio.to_thread(load, own.conninfo), query))


@pytest.fixture(scope="module")
def index(shown: Shown) -> Index:
    """The world as searches are made among it."""
    return load(shown.conninfo)


@pytest.fixture(scope="module")
def rows(shown: Shown) -> list[Row]:
    """The rows of the world."""
    return read_rows(shown.conninfo)


def queries(rows: Sequence[Row]) -> st.SearchStrategy[Query]:
    """Searches of which most find something."""
    names = sorted({name for row in rows for name in row.names})
    part = st.sampled_from(names).flatmap(
        lambda name: st.tuples(st.integers(0, len(name) - 1), st.integers(1, 4)).map(
            lambda cut: name[cut[0] : cut[0] + cut[1]]
        )
    )
    remarks = sorted({row.remark for row in rows if row.remark})
    words = st.sampled_from(remarks).flatmap(
        lambda remark: st.tuples(st.integers(0, len(remark) - 1), st.integers(1, 12)).map(
            lambda cut: remark[cut[0] : cut[0] + cut[1]].strip()
        )
    )
    two = st.tuples(words, st.one_of(words, part)).map(" ".join).map(str.strip)
    share = st.one_of(st.none(), st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0]))

    def seldom(words: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
        return st.one_of(st.none(), st.none(), st.none(), words)

    def either(nothing: str, name: str) -> st.SearchStrategy[str]:
        words = sorted({word for row in rows if (word := row.of[name])})
        return st.one_of(*[st.just(nothing)] * 4, st.sampled_from(words or ["G1"]))

    cursor = st.tuples(st.sampled_from(rows), st.sampled_from(["", "1"])).map(
        lambda one: Cursor(one[0].dated, one[0].photo, one[1])
    )
    return st.builds(
        Query,
        name=st.one_of(
            st.just(""), part, words, two, st.sampled_from(["a", "ka", "ru", "sut", "キ%", "_", "ー 胴", "ばら"])
        ),
        year=st.one_of(st.none(), st.integers(2012, 2018)),
        race=st.one_of(st.just(""), st.sampled_from(sorted({row.race[:2] for row in rows}))),
        course=st.one_of(st.just(""), st.sampled_from(["東京", "中山"])),
        surface=st.one_of(st.none(), st.sampled_from(list(Surface))),
        sex=st.one_of(st.none(), st.sampled_from(list(Sex))),
        age=st.one_of(st.none(), st.integers(2, 8)),
        low=share,
        high=share,
        labelled=st.booleans(),
        distance=seldom(st.sampled_from([1200, 1600, 2000])),
        going=seldom(st.sampled_from(list(Going))),
        result=seldom(st.sampled_from(list(Result))),
        kind=seldom(st.sampled_from(list(Kind))),
        grade=either("", "grade"),
        sire=either("", "sire"),
        trainer=either("", "trainer"),
        coat=either("", "coat"),
        source=st.sampled_from(["", "", "keibado", "own"]),
        before=st.one_of(st.none(), cursor),
    )


async def all_pages(reader: Reader, index: Index, query: Query) -> list[Found]:
    """A page and all that come after it."""
    pages = [await find_asked(reader, Asked(index, query))]
    while pages[-1].more:
        query = replace(query, before=pages[-1].more)
        assert read_query(query.words()).before == query.before
        pages.append(await find_asked(reader, Asked(index, query)))
    return pages


def as_plain(pages: list[Found]) -> list[tuple[str, list[str]]]:
    return [(group.shows, [photo.photo for photo in group.shown]) for page in pages for group in page.groups]


def in_rows(found: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    return [(shows, photos[:ROW]) for shows, photos in found]


@OFTEN
@given(data=st.data())
def test_all_pages_together_are_what_a_plain_loop_finds(
    shown: Shown, rows: list[Row], index: Index, data: st.DataObject
) -> None:
    query, remarks = data.draw(queries(rows)), {row.photo: row.remark for row in rows}

    async def look() -> list[Found]:
        async with Reader(shown.conninfo) as reader:
            return await all_pages(reader, index, query)

    pages = asyncio.run(look())
    for photo in (photo for page in pages for group in page.groups for photo in group.shown):
        assert bool(photo.said) == any(holds(remarks[photo.photo], word) for word in query.name.split())
    expected = groups(rows, query)
    assert as_plain(pages) == in_rows(expected)
    assert all(len(page.groups) == PAGE for page in pages[:-1])
    every = groups(rows, replace(query, before=None))
    assert {page.horses for page in pages} == {len(every)}
    assert {page.photos for page in pages} == {len(found(rows, query))}


@OFTEN
@given(data=st.data())
def test_each_value_is_counted_as_a_plain_loop_counts_it(rows: list[Row], index: Index, data: st.DataObject) -> None:
    query = data.draw(queries(rows))
    counted = Asked(index, query).counts()
    assert counted == {name: dict(words) for name, words in counts(rows, query).items()}
    assert all(list(words.values()) == sorted(words.values(), reverse=True) for words in counted.values())


async def test_classes_goings_and_results_of_any_race_are_counted(own: Shown) -> None:
    printed = [
        "3歳新馬",
        "サラ系3歳未勝利",
        "2歳以上500万下",
        "3歳以上1000万下",
        "4歳以上1600万下",
        "2勝クラス",
        None,
        "オープン",
    ]
    ids = [race_id for (race_id,) in execute(own.conninfo, "SELECT DISTINCT race_id FROM photo_match ORDER BY 1")]
    for number, race_id in enumerate(ids):
        execute(own.conninfo, "UPDATE race SET race_class = %s, grade = %s, going = %s, distance = %s"
                " WHERE race_id = %s",
                printed[number % len(printed)], "G2" if number % 9 == 8 else None, list(Going)[number % 7],
                1000 + number % 3 * 200, race_id)  # fmt: skip
    execute(own.conninfo, "UPDATE entry SET finish_position = NULLIF(horse_number % 9, 0)")
    await asyncio.to_thread(renewed, own.conninfo)
    rows, index = read_rows(own.conninfo), await asyncio.to_thread(load, own.conninfo)
    for query in (Query(), Query(grade="maiden"), Query(going=Going.SOFT, result=Result.PAID), Query(grade="win2")):
        assert Asked(index, query).counts() == {name: dict(words) for name, words in counts(rows, query).items()}
    assert {"new", "maiden", "win1", "win2", "win3", "OP", "G2"} >= Asked(index, Query()).counts()["grade"].keys()
    assert len(Asked(index, Query()).counts()["grade"]) > 4


@pytest.mark.parametrize("name", ["", "ラン"])  # which is in names, and in バランス
@pytest.mark.parametrize("sort", list(Sort))
def test_each_order_is_that_of_a_plain_sort_page_by_page(rows: list[Row], index: Index, sort: Sort, name: str) -> None:
    query, pages = Query(name, sort=sort), list[tuple[str, list[str]]]()
    while True:
        places, more = Asked(index, query).page(5, ROW)
        pages += [(place.shows, place.photos) for place in places]
        if more is None:
            break
        query = read_query(query.words() | {"before": str(more)})
    assert pages == in_rows(sorted_groups(rows, Query(name, sort=sort)))
    assert len(pages) >= 10


async def test_each_filter_finds_what_a_plain_loop_finds_page_by_page(
    own: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.web.search.results.PAGE", 2)
    execute(own.conninfo, "UPDATE aptitude SET value = NULL WHERE horse_id IN"
            " (SELECT horse_id FROM photo_match GROUP BY horse_id ORDER BY horse_id LIMIT 4)")  # fmt: skip
    execute(own.conninfo, "UPDATE race SET racecourse = '中山' WHERE race_id IN"
            " (SELECT race_id FROM photo_match ORDER BY id LIMIT 4)")  # fmt: skip
    await asyncio.to_thread(renewed, own.conninfo)
    rows = read_rows(own.conninfo)
    age, race = statistics.mode([row.age for row in rows]), statistics.mode([row.race for row in rows])
    alone = [
        Query(year=2015), Query(course="東京"), Query(sex=Sex.MALE), Query(labelled=True), Query(low=0.4),
        Query(high=0.6), Query(age=age), Query(race=race), Query(name="ー"), Query(name="a"),
    ]  # fmt: skip
    index = await asyncio.to_thread(load, own.conninfo)
    async with Reader(own.conninfo) as reader:
        for query in alone:
            pages = await all_pages(reader, index, query)
            expected = groups(rows, query)
            assert as_plain(pages) == in_rows(expected), query
            assert len(pages) > 1, query
            assert expected != groups(rows, Query()), query


async def test_names_are_suggested_without_trigrams(own: Shown) -> None:
    async with Reader(own.conninfo) as reader:
        before = [await suggest(reader, part) for part in ("キ", "ka", "ン")]
    execute(own.conninfo, "DROP EXTENSION pg_trgm CASCADE")
    await asyncio.to_thread(renewed, own.conninfo)
    async with Reader(own.conninfo) as reader:
        assert [await suggest(reader, part) for part in ("キ", "ka", "ン")] == before
    assert all(before)


async def test_a_photo_that_comes_between_pages_moves_no_other_photo(conninfo: str) -> None:
    own = Shown(conninfo)
    fill(conninfo, World(years=range(2015, 2018), issues_per_year=4, photos_per_issue=6))
    await asyncio.to_thread(renewed, conninfo)
    first = await find(own, Query())
    assert first.more
    rest = Query(before=first.more)
    before = as_plain([await find(own, rest)])
    _add_photo(own.conninfo, first.groups[3].shows)
    await asyncio.to_thread(renewed, own.conninfo)
    assert as_plain([await find(own, rest)]) == before
    assert (await find(own, Query())).groups[0].shows == first.groups[3].shows


def _add_photo(conninfo: str, horse_id: str) -> None:
    """A photo of a horse in a new issue."""
    execute(
        conninfo,
        "INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)"
        " VALUES ('keibado', '200101', '2020-01-01', '{}', 'http://x/', now())",
    )
    execute(
        conninfo,
        "INSERT INTO photo (source, issue_code, number, horse_name, horse_key, page_url, image_url, digest, media_type,"
        " width, height, source_url, observed_at) SELECT source, '200101', 1, horse_name, horse_key, 'http://x/1',"
        " 'http://x/1.jpg', digest, media_type, width, height, source_url, observed_at FROM photo"
        " WHERE digest IS NOT NULL LIMIT 1",
    )
    execute(
        conninfo,
        "INSERT INTO photo_match (source, issue_code, number, horse_id, rule, decided_at)"
        " VALUES ('keibado', '200101', 1, %s, 'name', now())",
        horse_id,
    )


async def test_a_photo_whose_horse_is_open_is_found_by_its_printed_name(own: Shown) -> None:
    code, number, horse_id = execute(own.conninfo, MATCHED)[0]
    where = (code, number)
    execute(own.conninfo, "UPDATE photo_match SET horse_id = NULL WHERE issue_code = %s AND number = %s", *where)
    execute(own.conninfo, "UPDATE photo SET horse_name = 'ヒトツダケ', horse_key = 'ヒトツダケ'"
            " WHERE issue_code = %s AND number = %s", *where)  # fmt: skip
    await asyncio.to_thread(renewed, own.conninfo)
    (group,) = (await find(own, Query(name="hitotsu"))).groups
    assert (group.shows, group.horse_id, group.shown[0].photo) == ("ヒトツダケ", None, f"keibado:{code}/{number:02}")
    assert horse_id


async def test_a_horse_is_found_by_a_name_that_was_printed_wrong(own: Shown) -> None:
    code, number, horse_id = execute(own.conninfo, MATCHED)[0]
    execute(own.conninfo, "UPDATE photo SET horse_name = 'マチガイ', horse_key = 'マチガイ'"
            " WHERE issue_code = %s AND number = %s", code, number)  # fmt: skip
    await asyncio.to_thread(renewed, own.conninfo)
    (group,) = (await find(own, Query(name="machigai"))).groups
    assert group.shows == horse_id


async def test_what_like_would_read_is_looked_for_as_it_is(own: Shown) -> None:
    async with Reader(own.conninfo) as reader:
        for sign in ("%", "_", "\\", "%%", "\\%", "_ー"):
            assert (await find(own, Query(name=sign))).groups == []
            assert (await find(own, Query(race=sign))).groups == []
            assert await suggest(reader, sign) == []
            race = f"前{sign}後"
            execute(own.conninfo, "UPDATE race SET name = %s WHERE race_id = (SELECT min(race_id) FROM race)", race)
            await asyncio.to_thread(renewed, own.conninfo)
            shown = await find(own, Query(race=sign))
            assert {photo.race_name for group in shown.groups for photo in group.shown} == {race}
            execute(own.conninfo, "UPDATE race SET name = '賞' WHERE race_id = (SELECT min(race_id) FROM race)")
            await asyncio.to_thread(renewed, own.conninfo)


async def test_words_of_a_statement_are_words_of_a_name(shown: Shown) -> None:
    for word in ("'; DROP TABLE photo; --", "%(part)s", "{t}", "' OR true --", "$1"):
        assert (await find(shown, Query(name=word, race=word, course=word))).groups == []
    assert execute(shown.conninfo, "SELECT count(*) FROM photo")[0][0] > 100


async def test_a_name_that_begins_with_the_text_is_suggested_first(shown: Shown) -> None:
    async with Reader(shown.conninfo) as reader:
        for part in ("キ", "ス", "ka"):
            names = await suggest(reader, part)
            key = "latin" if part == "ka" else "horse_key"
            spelt = dict(execute(shown.conninfo, f"SELECT shows, {key} FROM horse_search"))
            begins = [spelt[one.shows].startswith(part) for one in names]
            assert begins == sorted(begins, reverse=True)
            assert all(part in spelt[one.shows] for one in names)
            newest = [one.newest for one, first in zip(names, begins, strict=True) if first]
            assert newest == sorted(newest, reverse=True)


async def test_nothing_is_found_before_the_oldest_photo(shown: Shown) -> None:
    none = await find(shown, Query(before=Cursor(date(1990, 1, 1), "keibado:900101/01")))
    assert none.groups == []
    assert none.more is None


async def test_a_name_that_begins_with_the_text_is_first_even_with_old_photos(own: Shown) -> None:
    found = execute(own.conninfo, "SELECT horse_id FROM horse_search WHERE horse_id IS NOT NULL ORDER BY newest, head")
    for (horse_id,), name in ((found[0], "ゾゾア"), (found[-1], "アゾゾ")):
        execute(own.conninfo, "UPDATE horse SET name = %s, horse_key = %s WHERE horse_id = %s", name, name, horse_id)
        execute(own.conninfo, "UPDATE photo SET horse_name = %s, horse_key = %s WHERE (issue_code, number) IN"
                " (SELECT issue_code, number FROM photo_match WHERE horse_id = %s)", name, name, horse_id)  # fmt: skip
    await asyncio.to_thread(renewed, own.conninfo)
    async with Reader(own.conninfo) as reader:
        for typed in ("ゾゾ", "zozo"):
            assert [one.name for one in await suggest(reader, typed)] == ["ゾゾア", "アゾゾ"]
