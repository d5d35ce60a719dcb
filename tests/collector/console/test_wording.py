"""What every command prints with: hints as they have to be typed, tables whole in pipes, times of one zone."""

import ast
import asyncio
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from rich.table import Table

from collector.console.common import Common, asked_for, common
from collector.console.terminal import Terminal
from collector.console.wording import as_typed, counted, in_japan, things
from tests.paths import ROOT

PROGRAMS = ("collector", "trainer")
THINGS = (
    "addresses", "bytes", "copies", "days", "entries", "files", "forecasts", "horses", "issues", "labels",
    "pages", "photos", "races", "requests", "results", "reviews", "rows", "runs", "starts", "versions",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        ("run `collector status`.", "run `collector status --demo`."),
        ("`trainer job logs -f a` or `collector match --review`",
         "`trainer job logs -f a --demo` or `collector match --review --demo`"),
        ("`collector crawl --since 2016 --demo`", "`collector crawl --since 2016 --demo`"),
        ("`trainer job run -- python mine.py`", "`trainer job run --demo -- python mine.py`"),
        ("`collector demo-site` and `git init`", "`collector demo-site` and `git init`"),
        ("`collector crawl --help`", "`collector crawl --help`"),
    ],
)  # fmt: skip
def test_a_hint_in_a_demo_names_the_command_of_the_demo(words: str, typed: str) -> None:
    assert as_typed(words, demo=True) == typed
    assert as_typed(words, demo=False) == words
    assert as_typed(typed, demo=True) == typed


def printed(*things: object, demo: bool = False) -> str:
    file = io.StringIO()
    console = Terminal(file, demo=demo)
    for thing in things:
        console.print(thing)
    return file.getvalue()


def test_hints_in_a_table_name_the_demo_too() -> None:
    table = Table("next")
    table.add_row("`collector crawl`")
    assert printed("`trainer export`", table, demo=True).count(" --demo`") == 2


@pytest.mark.parametrize("columns", ["80", "20"])
def test_nothing_is_cut_or_folded_in_a_pipe(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    address = f"http://old.keibado.ne.jp/{'x' * 500}/photo01.html"
    table = Table("page", "why", box=None)
    table.add_row(address, "a reason of several words " * 20)
    text = printed(table, f"see {address} " * 5)
    assert text.count(address) == 6
    assert len(text.splitlines()) == 3
    assert "…" not in text


def test_a_time_is_shown_in_one_zone_and_names_it() -> None:
    assert in_japan(datetime(2026, 11, 25, 15, 0, 3, tzinfo=UTC)) == "2026-11-26 00:00:03 JST"
    assert in_japan(datetime(2026, 11, 25, 15, 0, 3, tzinfo=UTC), seconds=False) == "2026-11-26 00:00 JST"
    assert in_japan(None) == "-"


def sources(*endings: str) -> dict[str, str]:
    paths = [path for program in PROGRAMS for path in (ROOT / program).rglob("*") if path.suffix in endings]
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def test_no_page_and_no_message_shows_a_time_of_another_zone() -> None:
    times = re.compile(r"strftime\([^)]*UTC|%H:%M[^\"'`]*[\"'`]|astimezone\(\)|extra=\{[^}]*isoformat")
    found = {name for name, text in sources(".py", ".html").items() if times.search(text) and "/demo/" not in name}
    assert found == {"collector/console/wording.py"}


def test_what_a_command_was_asked_for_is_known_wherever_it_prints() -> None:
    assert as_typed("`collector crawl`") == "`collector crawl`"
    with asked_for(Common(demo=True, json=True)):
        assert common() == Common(demo=True, json=True)
        assert as_typed("`collector crawl`") == "`collector crawl --demo`"
        assert Terminal(io.StringIO()).demo
        with asked_for(Common()):
            assert not Terminal(io.StringIO()).demo
        assert asyncio.run(asyncio.to_thread(common)).demo  # in a loop and in its threads as well
    assert common() == Common()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (counted(0, "photo"), "0 photos"), (counted(1, "photo"), "1 photo"), (counted(2345, "photo"), "2,345 photos"),
        (counted(1, "entry"), "1 entry"), (counted(3, "entry"), "3 entries"), (counted(2, "day"), "2 days"),
        (counted(2, "address"), "2 addresses"), (counted(1, "photo was", "photos were"), "1 photo was"),
        (counted(2, "photo was", "photos were"), "2 photos were"), (things(1, "it", "them"), "it"),
    ],
)  # fmt: skip
def test_one_thing_is_not_said_as_many(said: str, words: str) -> None:
    assert said == words


# What may stand before a word for many: names, and numbers that are never 1.
NEVER_ONE = {
    "MOST_OF_AN_ISSUE", "MOST_OF_A_DAY", "COUNT", "drift['kind']", "read.entry.horse_id or read.entry.horse_key",
    "runner", "max(positions)", "len(found)", "_share(one[thing], photos)", "_share(one['start'], starts)", "length",
}  # fmt: skip


def before_many(words: ast.AST) -> Iterator[str]:
    """What an f-string, or a text that is filled in later, puts before a word for many by itself."""
    many = rf" (?:(?:more|training) )?(?:{'|'.join(THINGS)})\b(?!/)"
    if isinstance(words, ast.JoinedStr):
        for value, after in pairwise(words.values):
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                yield from [ast.unparse(value.value)] if re.match(many, str(after.value)) else []
    elif isinstance(words, ast.Constant) and isinstance(words.value, str):
        yield from (found[1] for found in re.finditer(rf"\{{([^{{}} ]+)\}}{many}", words.value))


def test_nothing_puts_a_number_before_a_word_for_many_by_itself() -> None:
    found = set()
    for name, text in sources(".py").items():
        for words in ast.walk(ast.parse(text)):
            found |= {f"{name}: {value}" for value in before_many(words) if value not in NEVER_ONE}
    assert found == set()
