"""Photos of a camera get their horses by the order of the walk, as a person names some of them."""

import asyncio
import threading
from collections.abc import AsyncIterator

import psycopg
import pytest

from collector.codes import MatchRule
from collector.errors import UsageError
from collector.matching import walks
from collector.matching.by_hand import decide_by_hand
from collector.matching.match import match_photos
from collector.matching.walks import Walk, name_shot, propose, read_walk, turn_head
from tests.filled import execute
from tests.walked import RACE, fill_day, one_waits


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


async def name_some(connection: psycopg.AsyncConnection, truth: list[int | None]) -> Walk:
    """The walk of the race, of which every seventh photo is named."""
    await match_photos(connection)
    walk = await read_walk(connection, RACE)
    for place in [place for place in range(0, len(truth), 7) if truth[place]]:
        walk = await name_shot(connection, RACE, walk.shots[place].photo, truth[place] or 0)
    return walk


def follows(walk: Walk) -> bool:
    """Whether what is proposed is what follows from what a person named."""
    said = propose(walk)
    return all(shot.certainty == said[shot.photo].certainties[0] for shot in walk.shots if not shot.by_hand)


async def test_a_matching_that_began_before_a_decision_does_not_write_what_it_thought_before(
    conninfo: str, connection: psycopg.AsyncConnection
) -> None:
    truth = fill_day(conninfo)
    walk = await name_some(connection, truth)
    wrong = next(shot.photo for shot in walk.shots[::7] if shot.by_hand)
    new = next(shot.photo for shot in walk.shots if not shot.by_hand)
    execute(
        conninfo,
        f"""UPDATE photo_match SET horse_id = NULL, rule = 'not_named' WHERE number = (
        SELECT number FROM photo WHERE photo_id = '{new}')""",
    )
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        async with connection.transaction():
            await name_shot(connection, RACE, wrong, MatchRule.NO_HORSE)
            matching = asyncio.create_task(match_photos(other))
            await one_waits(conninfo)
        await matching
    assert follows(await read_walk(connection, RACE))


async def test_a_horse_that_is_named_outside_the_walk_moves_its_proposals_too(
    conninfo: str, connection: psycopg.AsyncConnection
) -> None:
    truth = fill_day(conninfo)
    execute(conninfo, "INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at)"
                      " SELECT horse_id, horse_name, horse_key, 'u', now() FROM entry")  # fmt: skip
    walk = await name_some(connection, truth)
    place = next(place for place, shot in enumerate(walk.shots) if shot.is_open and truth[place])
    await decide_by_hand(connection, walk.shots[place].photo, f"{2012100000 + (truth[place] or 0)}")
    walk = await read_walk(connection, RACE)
    assert walk.shots[place].by_hand
    assert follows(walk)


@pytest.mark.parametrize(
    "change",
    [
        """INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, source_url,
            observed_at) VALUES ('201509010105', '2012100011', 'Late', 'LATE', 11, '{}', 'u', now())""",
        "UPDATE entry SET horse_number = CASE horse_number WHEN 4 THEN 9 ELSE 4 END WHERE horse_number IN (4, 9)",
        "UPDATE entry SET finish = 'scratched' WHERE horse_number = 4",
        "DELETE FROM entry WHERE horse_number = 4",
        "DELETE FROM photo WHERE number = 30",
    ],
    ids=["added late", "renumbered", "scratched", "gone", "a photo is forgotten"],
)
async def test_what_is_only_proposed_follows_the_horses_and_photos_of_its_race(
    conninfo: str, connection: psycopg.AsyncConnection, change: str
) -> None:
    fill_day(conninfo)
    await match_photos(connection)
    first, last = "camera:150301/01", "camera:150301/20"
    await name_shot(connection, RACE, first, 1)
    before = await name_shot(connection, RACE, last, 2)
    assert set(shown(before)) <= {1, 2, None}, "the others are only proposed"
    written = "SELECT array_agg(xmin::text ORDER BY id), max(decided_at) FROM photo_match"
    held = execute(conninfo, written)
    await match_photos(connection)
    assert execute(conninfo, written) == held, "nothing has changed, so nothing is written"
    execute(conninfo, change)
    await match_photos(connection)
    after = await read_walk(connection, RACE)
    assert follows(after)
    assert [shot.candidates for shot in after.shots] != [shot.candidates for shot in before.shots]
    assert execute(conninfo, written)[0][1] == held[0][1], "no photo is news: none shows another horse"


async def test_an_alignment_does_not_keep_a_server_from_other_work(
    conninfo: str, connection: psycopg.AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_day(conninfo)
    await match_photos(connection)
    threads = set[threading.Thread]()
    real = walks.align
    monkeypatch.setattr(walks, "align", lambda *given: threads.add(threading.current_thread()) or real(*given))
    await name_shot(connection, RACE, "camera:150301/01", 1)
    assert threads
    assert threading.main_thread() not in threads


async def test_a_horse_without_an_id_lends_its_certainty_to_no_other(
    conninfo: str, connection: psycopg.AsyncConnection
) -> None:
    truth = fill_day(conninfo)
    walk = await name_some(connection, truth)
    sure = next(shot for shot in walk.shots if shot.rule is MatchRule.WALK)
    execute(conninfo, f"UPDATE entry SET horse_id = NULL WHERE horse_id = '{sure.horse_id}'")
    await match_photos(connection)
    now = next(shot for shot in (await read_walk(connection, RACE)).shots if shot.photo == sure.photo)
    assert now.candidates
    assert now.certainty is not None
    assert now.certainty < 0.5
