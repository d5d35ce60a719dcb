"""Naming the horses of a walk in the terminal."""

import io
from collections.abc import Iterator

import psycopg
from rich.console import Console

from collector.cli.walk import Naming
from collector.matching.match import match_photos
from collector.matching.walks import open_walks, read_walk
from tests.filled import execute
from tests.walked import RACE, fill_day


async def test_lines_name_photos_are_taken_back_and_stop(conninfo: str) -> None:
    truth = fill_day(conninfo)
    words: Iterator[str] = iter([str(truth[0]), "u", str(truth[0]), "99", "x", "t", "n", "u", "", "s", "q"])
    asked = list[str]()

    def ask(question: str) -> str | None:
        asked.append(question)
        return next(words, None)

    said = io.StringIO()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await match_photos(connection)
        races = await open_walks(connection)
        named = await Naming(connection, Console(file=said, width=200), ask).run(races)
        walk = await read_walk(connection, RACE)
    assert races == [RACE]
    assert named == 4
    assert asked[0].endswith("camera:150301/01: ")
    assert "%]: " in asked[-1]
    assert next(walk.number_of(shot.horse_id) for shot in walk.shots if shot.by_hand) == truth[0]
    assert sum(shot.by_hand for shot in walk.shots) == 2
    for sentence in ("No horse of the race", "A number; Enter", "Its head is turned"):
        assert sentence in said.getvalue()


async def test_the_decision_on_the_last_open_photo_of_a_race_can_be_taken_back(conninfo: str) -> None:
    fill_day(conninfo)
    execute(conninfo, "DELETE FROM photo WHERE number > 3")
    execute(conninfo, "UPDATE photo SET taken_at = '2015-03-01T11:30:00+09:00'::timestamptz + number * interval '7 s'")
    words: Iterator[str] = iter(["1", "2", "n", "x", "u", "3", ""])
    asked = list[str]()

    def ask(question: str) -> str | None:
        asked.append(question)
        return next(words)

    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await match_photos(connection)
        await Naming(connection, Console(file=io.StringIO()), ask).run([RACE])
        walk = await read_walk(connection, RACE)
    assert [question.startswith("No photo of this race is left") for question in asked] == [False] * 3 + [
        True, True, False, True,
    ]  # fmt: skip
    assert [walk.number_of(shot.horse_id) for shot in walk.shots] == [1, 2, 3]
