"""Pages that are stored together leave what they leave when they are stored one after the other."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection, AsyncRawCursor

from collector.pipeline.derive import meaning_of
from collector.pipeline.racing_rows import Said, in_sets
from collector.pipeline.store import store_racing
from collector.politeness.gate import Connection
from collector.sources.parsed import Parsed
from collector.storage.items import (
    AptitudeItem,
    EntryItem,
    HorseItem,
    RaceDayItem,
    RaceItem,
    RacingItem,
    ReviewsItem,
)
from collector.storage.racing import Axis
from collector.storage.roles import Role

DAY = date(2016, 2, 7)
START = datetime(2016, 2, 8, tzinfo=UTC)
RACES = [f"2016050104{number:02}" for number in (10, 11, 12)]
HORSES = [f"201110000{number}" for number in range(5)]
TABLES = {
    "race": "race_id, name, distance, prizes, source_url, observed_at",
    "entry": "race_id, runner, horse_name, jockey, source_url, observed_at",
    "horse": "horse_id, name, sire, source_url, observed_at",
    "race_day": "race_date, racecourses, source_url, observed_at",
    "aptitude": "horse_id, axis, left_px, right_px, value, reviews, evidence, source_url, observed_at",
}


def race_page(race: str, horses: Sequence[str], word: str, *, whole: bool, role: Role) -> Said:
    """A card or a result, in which names and the distance may be other than elsewhere."""
    items: list[RacingItem] = [
        RaceItem(
            race_id=race, race_date=DAY, racecourse="東京", race_number=11, name=word, distance=1600 + len(word),
            prizes=[100.0] if role is Role.CARD else [],
        )
    ]  # fmt: skip
    items += [
        EntryItem(race_id=race, horse_id=horse, horse_name=f"{word}{horse[-1]}", horse_key=horse, jockey=word)
        for horse in horses
    ]
    return said(role, f"http://h/{role}/{race}", items, whole=whole)


def said(role: Role, url: str, items: Sequence[RacingItem], *, whole: bool = True) -> Said:
    """A page; when it came is decided when all are known."""
    return Said(role, url, START, whole, meaning_of(Parsed(tuple(items))).racing)


def opinion(horse: str, left: int, reviews: int | None) -> Said:
    """A page of an opinion, on one axis."""
    item = AptitudeItem(
        horse_id=horse, axis=Axis.DISTANCE, left_px=left, right_px=58, value=58 / (left + 58), reviews=reviews
    )
    return said(Role.APTITUDE, f"http://h/aptitude/{horse}", [item])


WORDS = st.sampled_from(["a", "bb"])
HORSE_IDS = st.sampled_from(HORSES)
PAGES = st.one_of(
    st.builds(
        race_page, st.sampled_from(RACES), st.lists(HORSE_IDS, unique=True), WORDS,
        whole=st.booleans(), role=st.sampled_from([Role.CARD, Role.RESULT]),
    ),
    st.builds(
        lambda horse, word: said(
            Role.HORSE, f"http://h/horse/{horse}",
            [HorseItem(horse_id=horse, name=f"own {word}", horse_key=horse, sire=word)],
        ),
        HORSE_IDS, WORDS,
    ),
    st.builds(
        lambda horse, word: said(
            Role.HORSE_SEARCH, f"http://h/search/{word}",
            [HorseItem(horse_id=horse, name=f"found {word}", horse_key=horse)],
        ),
        HORSE_IDS, WORDS,
    ),
    st.builds(
        lambda days: said(
            Role.CALENDAR, "http://h/calendar/2",
            [RaceDayItem(race_date=DAY + timedelta(days=day), racecourses=["東京"]) for day in sorted(days)],
        ),
        st.sets(st.integers(0, 3)),
    ),
    st.builds(opinion, HORSE_IDS, st.integers(40, 42), st.none() | st.integers(1, 3)),
    st.builds(
        lambda horse, reviews: said(
            Role.REVIEWS, f"http://h/reviews/{horse}", [ReviewsItem(horse_id=horse, reviews=reviews)]
        ),
        HORSE_IDS, st.integers(0, 3),
    ),
)  # fmt: skip


async def left_by(connection: Connection, pages: Sequence[Sequence[Said]]) -> dict[str, list[tuple[Any, ...]]]:
    """What is in the tables when these have been stored; nothing is kept."""
    async with connection.transaction(force_rollback=True):
        for together in pages:
            await store_racing(AsyncRawCursor(connection), together)
        left = {
            table: await (await connection.execute(f"SELECT {facts} FROM {table}")).fetchall()  # pyright: ignore
            for table, facts in TABLES.items()
        }
    return {table: sorted(rows, key=repr) for table, rows in left.items()}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PAGES, max_size=12))
async def test_what_is_stored_together_is_what_is_stored_page_by_page(conninfo: str, pages: list[Said]) -> None:
    # As a crawl and `reparse` have them: no two answers at the same moment.
    pages = [
        Said(page.role, page.url, START + timedelta(minutes=number), page.whole, page.rows)
        for number, page in enumerate(pages)
    ]
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        one_by_one = await left_by(connection, [[page] for page in pages])
        assert await left_by(connection, [pages]) == one_by_one


@given(st.lists(PAGES, max_size=12))
def test_sets_keep_the_order_and_lose_no_page(pages: list[Said]) -> None:
    assert [page for together in in_sets(pages) for page in together] == pages
    assert all(in_sets(pages))


def test_pages_of_a_race_day_are_one_set() -> None:
    pages = [race_page(race, HORSES, "a", whole=True, role=Role.RESULT) for race in RACES]
    assert list(in_sets(pages)) == [pages]
