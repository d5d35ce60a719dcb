"""Which labels are asked for, and when again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.cli.horse import find_horses
from collector.engine.refresh import Foreseen, foresee, plan
from collector.errors import UsageError
from collector.frontier.due import LONGEST_INTERVAL, SHORTEST_INTERVAL, ask_opinion_at
from collector.politeness.gate import Connection
from collector.sources.netkeiba.urls import aptitude_url
from tests.sites import labels_at

SITE = "https://n.example"
NOW = datetime(2016, 2, 8, 12, tzinfo=UTC)
DAYS = st.floats(0.01, 1000).map(lambda days: timedelta(days=days))


def test_a_first_look_is_followed_by_another_after_a_month() -> None:
    assert ask_opinion_at(NOW, None, changed=True) == NOW + timedelta(days=30)


@given(DAYS)
def test_standing_opinion_is_asked_for_less_often_than_moving_one(since: timedelta) -> None:
    stands = ask_opinion_at(NOW, NOW - since, changed=False) - NOW
    moves = ask_opinion_at(NOW, NOW - since, changed=True) - NOW
    assert SHORTEST_INTERVAL <= moves <= stands <= LONGEST_INTERVAL
    if SHORTEST_INTERVAL * 2 < since < LONGEST_INTERVAL / 1.5:
        assert moves < since < stands


async def show_horses(connection: Connection, *horse_ids: str) -> None:
    """Photos of these horses."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """INSERT INTO photo_match (source, issue_code, number, horse_id, rule, decided_at)
               VALUES ('keibado', '160208', %s, %s, 'name', now())""",
            list(enumerate(horse_ids, 1)),
        )
        await cursor.executemany(
            "INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) VALUES (%s, %s, %s, '', now())",
            [(horse_id, f"馬{horse_id[-1]}", f"馬{horse_id[-1]}") for horse_id in horse_ids],
        )


async def looked_at(connection: Connection, days_ago: float, due_in_days: float | None, kind: str = "horse") -> None:
    """Let all label pages have been looked at, and be due at some time."""
    await connection.execute("INSERT INTO blob VALUES ('d', 'text/html', 1, '', 'x') ON CONFLICT DO NOTHING")
    await connection.execute(
        """UPDATE page SET state = 'fetched', digest = 'd', last_fetched_at = now() - make_interval(hours => %s),
           due_at = now() + make_interval(hours => %s) WHERE kind = %s""",
        (round(days_ago * 24), None if due_in_days is None else round(due_in_days * 24), kind),
    )


async def due(connection: Connection) -> list[str]:
    query = "SELECT url FROM page WHERE due_at <= clock_timestamp() ORDER BY url"
    return [row[0] for row in await (await connection.execute(query)).fetchall()]


async def planned(connection: Connection, older_than: timedelta | None = None, horses: list[str] | None = None) -> int:
    return await plan(connection, labels_at(SITE), older_than=older_than, horses=horses)


async def test_each_horse_that_a_photo_shows_is_looked_at_once(connection: Connection) -> None:
    await show_horses(connection, "2011100001", "2011100002", "2011100001"[:-1] + "3")
    assert await planned(connection) == 3
    assert await planned(connection) == 3
    assert (await due(connection))[0] == f"{SITE}/horse/2011100001/"


async def test_horses_that_are_not_due_cost_nothing(connection: Connection) -> None:
    await show_horses(connection, *(f"20111{number:05}" for number in range(2500)))
    await planned(connection)
    await looked_at(connection, days_ago=1, due_in_days=29)
    assert await planned(connection) == 0


async def test_a_page_that_shows_no_opinion_is_never_due_again(connection: Connection) -> None:
    await show_horses(connection, "2011100001")
    await planned(connection)
    await looked_at(connection, days_ago=100, due_in_days=None)
    assert await planned(connection, older_than=timedelta(days=30)) == 0


@pytest.mark.parametrize(("raced_days_ago", "looked_days_ago", "is_due"), [(3, 10, 1), (3, 1, 0), (40, 50, 0)])
async def test_a_horse_is_looked_at_once_after_it_has_run(
    connection: Connection, raced_days_ago: int, looked_days_ago: int, is_due: int
) -> None:
    await show_horses(connection, "2011100001", "2011100002")
    await planned(connection)
    await looked_at(connection, looked_days_ago, due_in_days=29)
    await connection.execute(
        """INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, prizes, source_url,
                             observed_at)
           VALUES ('201605010411', current_date - %s, '東京', 11, 'R', 1600, '{}', '', now())""",
        (raced_days_ago,),
    )
    await connection.execute(
        """INSERT INTO entry (race_id, horse_id, horse_name, horse_key, positions_at_bends, source_url, observed_at)
           VALUES ('201605010411', '2011100001', '馬1', '馬1', '{}', '', now())"""
    )
    assert await planned(connection) == is_due


async def test_a_retired_horse_is_left_alone_for_three_months(connection: Connection) -> None:
    await show_horses(connection, "2011100001", "2011100002")
    await planned(connection)
    await looked_at(connection, days_ago=60, due_in_days=-1)
    await connection.execute("UPDATE horse SET retired = true WHERE horse_id = '2011100001'")
    assert await planned(connection) == 1
    assert await due(connection) == [f"{SITE}/horse/2011100002/"]


async def test_older_than_makes_due_what_was_looked_at_longer_ago(connection: Connection) -> None:
    await show_horses(connection, "2011100001")
    await planned(connection)
    await looked_at(connection, days_ago=40, due_in_days=29)
    assert await planned(connection, older_than=timedelta(days=50)) == 0
    assert await planned(connection, older_than=timedelta(days=30)) == 1


async def test_one_horse_is_asked_for_by_name_whenever_it_is_due(connection: Connection) -> None:
    await show_horses(connection, "2011100001", "2011100002")
    await planned(connection)
    await looked_at(connection, days_ago=1, due_in_days=29)
    assert await planned(connection, horses=await find_horses(connection, "馬2")) == 1
    assert await due(connection) == [f"{SITE}/horse/2011100002/"]


async def test_a_dry_run_leaves_everything_as_it_was(connection: Connection) -> None:
    await show_horses(connection, "2011100001")
    assert await foresee(connection, labels_at(SITE), older_than=None, horses=None) == Foreseen(1, 3)
    assert await due(connection) == []


async def test_a_dry_run_counts_what_the_pages_that_are_due_lead_to(connection: Connection) -> None:
    await show_horses(connection, "2011100001", "2011100002")
    await planned(connection)
    assert await foresee(connection, labels_at(SITE), older_than=None, horses=None) == Foreseen(
        2, 6
    )  # aptitude and reviews each
    await connection.execute(
        """INSERT INTO page (url, host, source, kind, role, about, dated, priority, due_at, last_fetched_at)
           SELECT %s, host, source, 'aptitude', 'aptitude', about, dated, priority, now(), now()
           FROM page WHERE url LIKE '%%0001/'""",
        (aptitude_url(SITE, "2011100001"),),
    )
    # The first horse's aptitude is due itself, and its own page leads there no more.
    assert await foresee(connection, labels_at(SITE), older_than=None, horses=None) == Foreseen(3, 6)
    assert Foreseen(3, 6).within(4) == Foreseen(3, 4)
    assert Foreseen(3, 6).within(2) == Foreseen(2, 2)


async def name_horses(connection: Connection, *names: str) -> None:
    """Horses of these names, with the ids 2011100001 and so on."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) VALUES (%s, %s, %s, '', now())",
            [(f"201110000{number}", name, name) for number, name in enumerate(names, 1)],
        )


@pytest.mark.parametrize(
    "word",
    [
        "キタサンブラック",
        "2011100001",
        "２０１１１００００１",
        "ブラック",
        "きたさんぶ",
        "kitasanbura",
        "ｷﾀｻﾝﾌﾞ",
        "kitasan bu",
    ],
)
async def test_a_horse_is_meant_by_its_id_its_name_or_a_part_of_it(connection: Connection, word: str) -> None:
    await name_horses(connection, "キタサンブラック", "キタサンイカヅチ", "サトノダイヤモンド")
    assert await find_horses(connection, word) == ["2011100001"]


async def test_a_whole_name_comes_before_longer_ones_and_several_are_listed(connection: Connection) -> None:
    await name_horses(connection, "キタ", "キタサンブラック", "サトノキタ", "キタ%")
    assert await find_horses(connection, "キタ") == ["2011100001"]
    with pytest.raises(UsageError, match=r"4 horses have キ in their names; give one of them") as refused:
        await find_horses(connection, "キ")
    assert "サトノキタ (2011100003)" in str(refused.value)
    assert await find_horses(connection, "キタ%") == ["2011100004"]


async def test_an_unknown_horse_is_reported(connection: Connection) -> None:
    for name, said in (
        ("ナナシ", "is known; horses come with the races"),
        ("", "Which horse"),
        (" \u3000", "Which horse"),
    ):
        with pytest.raises(UsageError, match=said):
            await find_horses(connection, name)
