"""Photos are matched with horses in the database, and a person's decision stays."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from psycopg import AsyncRawCursor

from collector.errors import UsageError
from collector.frontier.queue import DuePage
from collector.matching.by_hand import decide_by_hand
from collector.matching.match import match_photos, open_photos
from collector.pipeline.derive import meaning_of
from collector.pipeline.store import store_derived
from collector.politeness.gate import Connection
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE
from collector.sources.netkeiba.urls import HORSE, HORSE_SEARCH, RACE_DAY, RACE_RESULT, horse_search_url, word_of
from collector.sources.parsed import Item, Parsed
from collector.storage.items import EntryItem, HorseItem, IssueItem, ListedPhotoItem, PhotoItem, RaceItem
from collector.storage.roles import UNDATED, PageState
from tests.sites import role_of

NOW = datetime(2016, 2, 8, 12, tzinfo=UTC)
SUNDAY, MONDAY = date(2016, 2, 7), date(2016, 2, 8)
RACE_ID = "201605010411"
SITE = "http://old.example/keibabook/160208"


async def say(connection: Connection, kind: str, url: str, dated: date, items: list[Item]) -> None:
    """Store the items of a page."""
    await connection.execute("INSERT INTO host VALUES ('h') ON CONFLICT DO NOTHING")
    await connection.execute("INSERT INTO blob VALUES ('d', 'text/html', 1, '', 'x') ON CONFLICT DO NOTHING")
    row = await (
        await connection.execute(
            """INSERT INTO page (url, host, source, kind, role, about, dated, state, digest)
               VALUES (%s, 'h', 's', %s, %s, %s, %s, 'fetched', 'd')
               ON CONFLICT (url) DO UPDATE SET state = 'fetched' RETURNING id""",
            (url, kind, role_of(kind), word_of(url) if kind == HORSE_SEARCH else None, dated),
        )
    ).fetchone()
    assert row is not None
    page = DuePage(row[0], url, "s", kind, role_of(kind), dated, PageState.FETCHED, None, None, None, 0)
    await store_derived(AsyncRawCursor(connection), page, "d", NOW, meaning_of(Parsed(tuple(items))))


def entry(horse_id: str, name: str) -> EntryItem:
    return EntryItem(race_id=RACE_ID, horse_id=horse_id, horse_name=name, horse_key=name)


async def say_issue(connection: Connection, *names: str) -> None:
    """Store an issue with these photos, all for one race."""
    issue = IssueItem(source="keibado", code="160208", issue_date=MONDAY, race_days=[SUNDAY])
    listed: list[Item] = [
        ListedPhotoItem(
            source="keibado", issue_code="160208", number=number, listed_name=name, race_name="東京新聞杯",
            page_url=f"{SITE}/photo{number:02}.html",
        )
        for number, name in enumerate(names, 1)
    ]  # fmt: skip
    await say(connection, ISSUE_INDEX, f"{SITE}/index.html", MONDAY, [issue, *listed])


async def say_race(connection: Connection, *entries: EntryItem) -> None:
    """Store the day's only race, with these entries."""
    race = RaceItem(
        race_id=RACE_ID, race_date=SUNDAY, racecourse="東京", race_number=11, name="東京新聞杯(G3)", distance=1600
    )
    await say(connection, RACE_DAY, "https://n.example/race/list/20160207/", SUNDAY, [])
    await say(connection, RACE_RESULT, f"https://n.example/race/{RACE_ID}/", SUNDAY, [race, *entries])


async def say_search(connection: Connection, name: str, *horse_ids: str) -> None:
    """Store the answer to a search by name."""
    found: list[Item] = [HorseItem(horse_id=horse_id, name=name, horse_key=name) for horse_id in horse_ids]
    await say(connection, HORSE_SEARCH, horse_search_url("https://n.example", name), MONDAY, found)


async def matches(connection: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT number, horse_id, race_id, rule, by_hand FROM photo_match ORDER BY number"
    return await (await connection.execute(query)).fetchall()


async def test_photos_find_their_horse_and_race(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ", "ミドリノゾラ", "シロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"), entry("2011100002", "ミドリノソラ"))
    await say_search(connection, "シロイクモ")
    matched = await match_photos(connection)
    assert (matched.horses, matched.races, matched.open) == (2, 2, 1)
    assert await matches(connection) == [
        (1, "2011100001", RACE_ID, "name", False),
        (2, "2011100002", RACE_ID, "misprint", False),
        (3, None, None, "unknown_name", False),
    ]


async def test_before_its_races_are_there_an_issue_is_left_alone(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ")
    assert (await match_photos(connection)).open == 0
    assert await matches(connection) == []


async def test_a_horse_in_no_race_is_looked_up_before_anything_is_decided(connection: Connection) -> None:
    await say_issue(connection, "シロイクモ", "クロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"))
    await match_photos(connection)
    assert {rule for *_, rule, _ in await matches(connection)} == {"not_looked_up"}
    await say_search(connection, "シロイクモ", "2011100009")
    await say_search(connection, "クロイクモ", "2001100001", "2011100008")
    await match_photos(connection)
    assert [(row[1], row[3]) for row in await matches(connection)] == [
        ("2011100009", "no_entry"),
        (None, "namesakes"),
    ]


async def test_what_a_search_found_does_not_take_from_what_is_known(connection: Connection) -> None:
    known = HorseItem(horse_id="2011100009", name="シロイクモ", horse_key="シロイクモ", sire="オオゾラ")
    await say(connection, HORSE, "https://n.example/horse/2011100009/", UNDATED, [known])
    await say_search(connection, "シロイクモ", "2011100009")
    assert await (await connection.execute("SELECT sire FROM horse")).fetchall() == [("オオゾラ",)]


async def test_matching_again_changes_nothing(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ", "シロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"))
    await match_photos(connection)
    before = await (await connection.execute("SELECT * FROM photo_match ORDER BY id")).fetchall()
    await match_photos(connection, again=True)
    assert await (await connection.execute("SELECT * FROM photo_match ORDER BY id")).fetchall() == before


async def test_a_race_that_comes_later_decides_what_was_open(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ", "シロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"))
    await match_photos(connection)
    await say_race(connection, entry("2011100001", "アオバノカゼ"), entry("2011100003", "シロイクモ"))
    assert (await match_photos(connection)).open == 0


async def test_the_open_ones_are_listed_with_why(connection: Connection) -> None:
    await say_issue(connection, "シロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"))
    await say_search(connection, "シロイクモ")
    await match_photos(connection)
    (photo,) = await open_photos(connection)
    assert (photo["photo"], photo["horse_name"], photo["rule"], photo["why"]) == (
        "keibado:160208/01",
        "シロイクモ",
        "unknown_name",
        "no horse of that name is known",
    )


async def test_a_horse_without_an_id_is_neither_a_match_nor_a_misprint(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ", "シロイクモ")
    nameless = entry("2011100009", "アオバノカゼ").model_copy(update={"horse_id": None, "horse_number": 5})
    await say_race(connection, nameless, entry("2011100001", "アオバノカセ"), entry("2011100002", "シロイクモ"))
    await match_photos(connection)
    assert await matches(connection) == [
        (1, None, None, "no_horse_id", False),
        (2, "2011100002", RACE_ID, "name", False),
    ]


async def test_a_decision_by_hand_survives_matching_and_reparsing(connection: Connection) -> None:
    await say_issue(connection, "アオバノカゼ", "シロイクモ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"), entry("2011100002", "ミドリノソラ"))
    await match_photos(connection)
    assert await decide_by_hand(connection, "１６０２０８－０２", "ミドリノソラ") == "2011100002"
    await connection.execute("DELETE FROM photo")
    await say_issue(connection, "アオバノカゼ", "シロイクモ")
    photo = PhotoItem(
        source="keibado", issue_code="160208", number=2, horse_name="アオバノカゼ", horse_key="アオバノカゼ",
        page_url=f"{SITE}/photo02.html", image_url=f"{SITE}/images/pp02.jpg",
    )  # fmt: skip
    await say(connection, PHOTO_PAGE, photo.page_url, MONDAY, [photo])
    await match_photos(connection, again=True)
    assert (await matches(connection))[1] == (2, "2011100002", RACE_ID, "by_hand", True)


@pytest.mark.parametrize(
    ("photo", "horse", "said"),
    [
        ("160208", "2011100001", "is not a photo; write its id"),
        ("160208-09", "2011100001", "The photo 160208-09 is not known"),
        ("160208-01", "ナナシ", "The horse ナナシ is not known"),
        ("160208-01", "", "The horse"),
        ("160208-01", "アオバノカゼ", "Several horses have the name アオバノカゼ: 2002100001, 2011100001"),
    ],
)
async def test_a_decision_that_is_not_possible_is_an_error(
    connection: Connection, photo: str, horse: str, said: str
) -> None:
    await say_issue(connection, "アオバノカゼ")
    await say_race(connection, entry("2011100001", "アオバノカゼ"), entry("2002100001", "アオバノカゼ"))
    with pytest.raises(UsageError, match=said):
        await decide_by_hand(connection, photo, horse)
