"""Naming the horses of a walk in the terminal."""

import io
from collections.abc import Iterator

import psycopg
from rich.console import Console

from collector.cli.walk import Naming
from collector.matching.match import match_photos
from collector.matching.walks import open_walks, read_walk
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
