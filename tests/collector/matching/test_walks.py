"""Photos of a camera get their horses by the order of the walk, as a person names some of them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random

import psycopg
import pytest

from collector.codes import MatchRule
from collector.demo.world.walking import Habits, Paddock, order_of_walk, photograph
from collector.errors import UsageError
from collector.matching.match import match_photos
from collector.matching.walks import Walk, name_shot, read_walk, turn_head
from tests.filled import execute

RACE, HORSES = "201509010105", 10
START = datetime.fromisoformat("2015-03-01T12:00:00+09:00")

INSERT_RACE = f"""
INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, start_time, prizes, source_url,
    observed_at)
VALUES ('{RACE}', '2015-03-01', '東京', 5, 'a race', 1600, '12:00', '{{}}', 'u', now())
"""
INSERT_ENTRIES = f"""
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, source_url, observed_at)
SELECT '{RACE}', (2012100000 + n)::text, 'Horse ' || n, 'HORSE' || n, n, '{{}}', 'u', now()
FROM generate_series(1, {HORSES}) AS n
"""
INSERT_ISSUE = """
INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)
VALUES ('camera', '150301', '2015-03-01', '{2015-03-01}', 'u', now())
"""
INSERT_PHOTO = """
INSERT INTO photo (source, issue_code, number, page_url, image_url, taken_at, camera, racecourse, source_url,
    observed_at)
VALUES ('camera', '150301', {number}, 'u{number}', 'i{number}', '{at}', 'Canon', '東京', 'u', now())
"""


def fill_day(conninfo: str, seed: int = 3) -> list[int | None]:
    """A race, and what one camera takes of its paddock; what each photo shows."""
    draw = Random(seed)
    paddock = Paddock(order_of_walk(range(1, HORSES + 1), draw, 0), draw)
    shots = photograph(paddock, [Habits(0.3)])
    execute(conninfo, INSERT_RACE)
    execute(conninfo, INSERT_ENTRIES)
    execute(conninfo, INSERT_ISSUE)
    for number, shot in enumerate(shots, 1):
        at = START - timedelta(minutes=33) + timedelta(seconds=shot.at)
        execute(conninfo, INSERT_PHOTO.format(number=number, at=at))
    return [shot.number for shot in shots]


def shown(walk: Walk) -> list[int | None]:
    """The horses that its photos show, as far as that is known."""
    return [walk.number_of(shot.horse_id) for shot in walk.shots]


@pytest.fixture
async def connection(conninfo: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection to a collection."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        yield connection


async def test_naming_a_few_names_others_and_nobody_s_word_is_changed(
    conninfo: str, connection: psycopg.AsyncConnection
) -> None:
    truth = fill_day(conninfo)
    await match_photos(connection)
    walk = await read_walk(connection, RACE)
    assert len(walk.shots) == len(truth)
    assert {shot.rule for shot in walk.shots} == {MatchRule.NOT_NAMED}
    named = [place for place in range(0, len(truth), 7) if truth[place]]
    for place in named:
        walk = await name_shot(connection, RACE, walk.shots[place].photo, truth[place] or 0)
    found = shown(walk)
    assert [found[place] for place in named] == [truth[place] for place in named]
    by_walk = [place for place, shot in enumerate(walk.shots) if shot.rule is MatchRule.WALK]
    assert len(by_walk) > len(truth) / 4
    assert sum(found[place] == truth[place] for place in by_walk) >= 0.9 * len(by_walk)
    assert all(shot.candidates for shot in walk.shots if shot.is_open)
    await match_photos(connection, again=True)
    assert await read_walk(connection, RACE) == walk
    first = walk.shots[named[0]].photo
    walk = await name_shot(connection, RACE, first, MatchRule.NO_HORSE)
    assert (walk.shots[named[0]].rule, walk.shots[named[0]].by_hand) == (MatchRule.NO_HORSE, True)
    walk = await turn_head(connection, RACE, first)
    assert walk.shots[named[0]].head_turned
    for place in named:
        walk = await name_shot(connection, RACE, walk.shots[place].photo, MatchRule.NOT_NAMED)
    assert set(shown(walk)) == {None}
    assert not any(shot.by_hand for shot in walk.shots)


async def test_a_horse_that_is_scratched_and_a_race_that_moves_change_what_the_walk_said(
    conninfo: str, connection: psycopg.AsyncConnection
) -> None:
    truth = fill_day(conninfo)
    await match_photos(connection)
    walk = await read_walk(connection, RACE)
    for place in [place for place in range(0, len(truth), 7) if truth[place]]:
        walk = await name_shot(connection, RACE, walk.shots[place].photo, truth[place] or 0)
    gone = next(walk.number_of(shot.horse_id) for shot in walk.shots if shot.rule is MatchRule.WALK)
    execute(conninfo, f"UPDATE entry SET finish = 'scratched' WHERE horse_number = {gone}")
    await match_photos(connection)
    walk = await read_walk(connection, RACE)
    assert not any(
        shot.rule is MatchRule.WALK and shot.horse_id == f"{2012100000 + (gone or 0)}" for shot in walk.shots
    )
    execute(conninfo, "UPDATE race SET start_time = '15:00'")
    await match_photos(connection)
    assert all(shot.by_hand for shot in (await read_walk(connection, RACE)).shots)


@pytest.mark.parametrize(
    ("photo", "shows", "words"),
    [
        ("camera:150301/0999", 3, "is not of the walk of the race"),
        ("camera:150301/01", 17, "walks with the number 17"),
    ],
)
async def test_what_is_not_of_the_walk_is_refused(
    conninfo: str, connection: psycopg.AsyncConnection, photo: str, shows: int, words: str
) -> None:
    fill_day(conninfo)
    await match_photos(connection)
    with pytest.raises(UsageError, match=words):
        await name_shot(connection, RACE, photo, shows)
