"""What race, horse and aptitude pages change in the tables, on real Postgres."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncRawCursor

from collector.errors import ParseError
from collector.frontier.queue import DuePage
from collector.pipeline.derive import meaning_of
from collector.pipeline.store import store_derived
from collector.politeness.gate import Connection
from collector.sources.parsed import Item, Parsed
from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceItem, ReviewsItem
from collector.storage.racing import Axis, Finish, Surface
from collector.storage.roles import PageState, Role

NOW = datetime(2016, 2, 8, 12, tzinfo=UTC)
RACE_ID = "201605010411"
RESULT, CARD = f"https://db.netkeiba.com/race/{RACE_ID}/", f"https://race.netkeiba.com/race/shutuba.html?{RACE_ID}"
RACE = RaceItem(
    race_id=RACE_ID, race_date=date(2016, 2, 7), racecourse="東京", race_number=11, name="東京新聞杯", distance=1600,
    surface=Surface.TURF, prizes=[3900.0, 1600.0],
)  # fmt: skip


def entry(horse: int, **facts: Any) -> EntryItem:
    return EntryItem(
        race_id=RACE_ID, horse_id=f"201110000{horse}", horse_name=f"馬{horse}", horse_key=f"馬{horse}",
        horse_number=horse, **facts,
    )  # fmt: skip


async def keep(
    connection: Connection,
    items: list[Item],
    *,
    kind: Role = Role.RESULT,
    at: datetime = NOW,
    flaws: tuple[ParseError, ...] = (),
    whole: bool = True,
) -> None:
    """Store what a page says, as the crawl and `reparse` do."""
    url = CARD if kind is Role.CARD else RESULT
    await connection.execute("INSERT INTO host VALUES ('h') ON CONFLICT DO NOTHING")
    await connection.execute(
        """INSERT INTO page (url, host, source, kind, role, dated) VALUES (%s, 'h', 'netkeiba', %s, %s, '2016-02-07')
           ON CONFLICT DO NOTHING""",
        (url, kind, kind),
    )
    row = await (await connection.execute("SELECT id FROM page WHERE url = %s", (url,))).fetchone()
    assert row is not None
    page = DuePage(row[0], url, "netkeiba", kind, kind, date(2016, 2, 7), PageState.DUE, None, None, None, 0)
    await store_derived(
        AsyncRawCursor(connection), page, "d", at, meaning_of(Parsed(tuple(items), flaws=flaws, whole=whole))
    )


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]


async def test_a_result_is_kept_as_it_is_printed(connection: Connection) -> None:
    first = entry(1, finish=Finish.FINISHED, finish_position=1, finish_time=93.4, positions_at_bends=[3, 3], odds=2.5)
    await keep(connection, [RACE, first, entry(2, finish=Finish.SCRATCHED)])
    assert await rows(connection, "SELECT name, surface, prizes, source_url, observed_at FROM race") == [
        ("東京新聞杯", "turf", [3900.0, 1600.0], RESULT, NOW)
    ]
    assert await rows(connection, "SELECT horse_id, finish, finish_time, positions_at_bends FROM entry ORDER BY 1") == [
        ("2011100001", "finished", 93.4, [3, 3]),
        ("2011100002", "scratched", None, []),
    ]
    assert await rows(connection, "SELECT horse_id, name FROM horse ORDER BY 1") == [
        ("2011100001", "馬1"),
        ("2011100002", "馬2"),
    ]


async def test_the_same_again_leaves_every_row_as_it_was(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1, odds=2.5)])
    before = await rows(connection, "SELECT * FROM entry, race")
    await keep(connection, [RACE, entry(1, odds=2.5)], at=NOW + timedelta(days=8))
    assert await rows(connection, "SELECT * FROM entry, race") == before


async def test_a_correction_changes_its_row_and_its_date(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1, finish_position=1), entry(2, finish_position=2)])
    later = NOW + timedelta(days=8)
    await keep(connection, [RACE, entry(1, finish_position=2), entry(2, finish_position=2)], at=later)
    assert await rows(connection, "SELECT finish_position, observed_at FROM entry ORDER BY horse_id") == [
        (2, later),
        (2, NOW),
    ]


async def test_a_result_takes_the_card_s_place_and_not_the_other_way_round(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1), entry(3)], kind=Role.CARD)
    await keep(connection, [RACE, entry(1, finish=Finish.FINISHED), entry(2, finish=Finish.FINISHED)])
    await keep(connection, [RACE, entry(1), entry(3)], kind=Role.CARD)
    held = await rows(connection, "SELECT horse_number, finish FROM entry ORDER BY horse_number")
    assert held == [(1, "finished"), (2, "finished")]


async def test_the_prizes_that_only_a_card_prints_stay(connection: Connection) -> None:
    await keep(connection, [RACE], kind=Role.CARD)
    await keep(connection, [RACE.model_copy(update={"prizes": []})])
    assert await rows(connection, "SELECT prizes, source_url FROM race") == [([3900.0, 1600.0], RESULT)]


async def test_a_horse_that_is_no_longer_listed_is_taken_off(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1), entry(2)])
    await keep(connection, [RACE, entry(1)])
    assert await rows(connection, "SELECT horse_number FROM entry") == [(1,)]


async def test_a_row_that_could_not_be_read_takes_nothing_off_and_is_named(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1), entry(2)])
    await keep(connection, [RACE, entry(1)], flaws=(ParseError("row 2, 馬名", "no name"),), whole=False)
    assert await rows(connection, "SELECT horse_number FROM entry ORDER BY 1") == [(1,), (2,)]
    assert await rows(connection, "SELECT field, reason FROM parse_failure") == [("row 2, 馬名", "no name")]
    await keep(connection, [RACE, entry(1), entry(2)])
    assert await rows(connection, "SELECT field FROM parse_failure") == []


async def test_horses_without_an_id_are_kept_as_numbers_and_not_as_horses(connection: Connection) -> None:
    nameless = [entry(one).model_copy(update={"horse_id": None}) for one in range(1, 11)]
    for _ in range(2):
        await keep(connection, [RACE, *nameless])
        assert await rows(connection, "SELECT horse_number, horse_id FROM entry ORDER BY 1") == [
            (one, None) for one in range(1, 11)
        ]
    assert await rows(connection, "SELECT horse_id FROM horse") == []
    await keep(connection, [RACE, *nameless[:9]])
    assert await rows(connection, "SELECT count(*) FROM entry") == [(9,)]


@pytest.mark.parametrize("whole", [True, False])
async def test_a_horse_that_is_known_otherwise_before_the_draw_is_kept_once(
    connection: Connection, whole: bool
) -> None:
    undrawn = entry(1).model_copy(update={"horse_id": None, "horse_number": None})
    await keep(connection, [RACE, undrawn, entry(2)], kind=Role.CARD)
    await keep(connection, [RACE, entry(1).model_copy(update={"horse_id": None}), entry(2)], whole=whole)
    assert await rows(connection, "SELECT horse_number, runner FROM entry ORDER BY 1") == [(1, "1"), (2, "2011100002")]
    await keep(connection, [RACE, entry(1), entry(2)], whole=whole)
    assert await rows(connection, "SELECT runner FROM entry ORDER BY 1") == [("2011100001",), ("2011100002",)]


async def test_a_cell_that_could_not_be_read_is_named_and_forgotten_when_it_can(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1), entry(2)], flaws=(ParseError("row 2, 斤量", "'x' is not a weight"),))
    assert await rows(connection, "SELECT field, reason FROM parse_failure") == [("row 2, 斤量", "'x' is not a weight")]
    await keep(connection, [RACE, entry(1)])
    assert await rows(connection, "SELECT field FROM parse_failure") == []
    assert await rows(connection, "SELECT horse_number FROM entry") == [(1,)]


def opinion(left: int, right: int, *, value: float | None = None, reviews: int | None = None) -> AptitudeItem:
    return AptitudeItem(
        horse_id="2011100001", axis=Axis.DISTANCE, left_px=left, right_px=right, value=value, reviews=reviews,
        evidence=None if value else "58/58 on all five axes",
    )  # fmt: skip


async def opinions(connection: Connection) -> list[tuple[Any, ...]]:
    return await rows(connection, "SELECT left_px, right_px, value, reviews, observed_at FROM aptitude ORDER BY id")


async def test_opinion_gets_a_new_row_only_when_it_changes(connection: Connection) -> None:
    first, second, third = opinion(58, 58), opinion(29, 87, value=0.75, reviews=3), opinion(30, 86, value=86 / 116)
    days = [NOW + timedelta(days=30 * month) for month in range(5)]
    for at, item in zip(days, [first, first, second, second, third], strict=True):
        await keep(connection, [item], kind=Role.APTITUDE, at=at)
    assert await opinions(connection) == [
        (58, 58, None, None, days[0]),
        (29, 87, 0.75, 3, days[2]),
        (30, 86, 86 / 116, None, days[4]),
    ]


async def test_an_opinion_that_comes_back_is_a_change_too(connection: Connection) -> None:
    one, other = opinion(29, 87, value=0.75), opinion(30, 86, value=86 / 116)
    for month, item in enumerate([one, other, one]):
        await keep(connection, [item], kind=Role.APTITUDE, at=NOW + timedelta(days=30 * month))
    assert [row[0] for row in await opinions(connection)] == [29, 30, 29]


async def test_more_reviews_of_the_same_opinion_are_counted_on_its_row(connection: Connection) -> None:
    await keep(connection, [opinion(29, 87, value=0.75, reviews=3)], kind=Role.APTITUDE)
    await keep(connection, [opinion(29, 87, value=0.75, reviews=5)], kind=Role.APTITUDE, at=NOW + timedelta(1))
    assert await opinions(connection) == [(29, 87, 0.75, 5, NOW)]


@pytest.mark.parametrize(
    ("reviews", "value", "evidence"),
    [(0, None, "0 reviews, 58/58 on all five axes"), (4, 0.5, None)],
)
async def test_bars_in_the_middle_mean_what_the_number_of_reviews_says(
    connection: Connection, reviews: int, value: float | None, evidence: str | None
) -> None:
    await keep(connection, [opinion(58, 58)], kind=Role.APTITUDE)
    counted = ReviewsItem(horse_id="2011100001", reviews=reviews)
    await keep(connection, [counted], kind=Role.REVIEWS, at=NOW + timedelta(seconds=5))
    await keep(connection, [opinion(58, 58)], kind=Role.APTITUDE, at=NOW + timedelta(days=30))
    assert await rows(connection, "SELECT reviews, value, evidence FROM aptitude") == [(reviews, value, evidence)]


async def test_a_horse_s_own_page_says_more_than_its_entries(connection: Connection) -> None:
    await keep(connection, [RACE, entry(1)])
    horse = HorseItem(horse_id="2011100001", name="馬1", horse_key="馬1", born=date(2011, 3, 1), sire="父")
    await keep(connection, [horse], kind=Role.HORSE)
    await keep(connection, [RACE, entry(1)])
    assert await rows(connection, "SELECT born, sire FROM horse") == [(date(2011, 3, 1), "父")]
