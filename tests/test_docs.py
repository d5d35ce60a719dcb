"""The documents are right: links lead somewhere, and what they list (settings, tables, rooms, ...) is what there is.

The commands that they show are in `tests/test_docs_commands.py`.
"""

import re
import tomllib
from pathlib import Path

import psycopg
import pytest

from collector.errors import ExitCode
from collector.imports.manifest import COLUMNS
from collector.settings import Settings
from collector.sources.registry import BUILT_IN, variable
from tests.documents import PAGES, anchors, blocks, codes, links, name_of, prose, rows, spans
from tests.paths import ROOT
from trainer.errors import ExitCode as TrainerExitCode
from trainer.jobs.task import OURS

DOCS = ROOT / "docs"
ARCHITECTURE = DOCS / "architecture.md"
LONGEST_README = 170  # lines
INTERNAL = {"demo", "urls"}  # fields that a command sets, and the variables of sources, which have a table of their own
# A path of the repository, as a page names it.
PATH = re.compile(r"(?:collector|trainer|tests|migrations|scripts|benchmarks|docs)/[\w./-]*")
NAMED = re.compile(r"`([\w/]+\.py)` \(`(\w+)`\)")
ROOM = re.compile(r"^ +(\w+)\[", re.MULTILINE)
ARROW = re.compile(r"^ +(\w+) --> (.+)$", re.MULTILINE)
SECTIONS = ("What pages say", "The archive and the frontier", "The search", "Training jobs")  # of the data model
TABLES = """
SELECT relname, array_agg(attname::text) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace IN ('public'::regnamespace, 'training'::regnamespace) AND relkind IN ('r', 'm') AND attnum > 0
  AND NOT attisdropped AND relname <> 'alembic_version' GROUP BY relname
"""
KEYS = """
SELECT relname, array_agg(attname::text) FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indisunique GROUP BY indexrelid, relname
"""


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    dead = []
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        address, _, anchor = link.partition("#")
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = [span for span in spans(page) if PATH.fullmatch(span)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md")}
    assert set(PAGES) - {ROOT / "README.md", DOCS / "contributing.md"} <= linked


def test_the_code_that_adds_a_source_is_the_toys() -> None:
    toy = (ROOT / "tests" / "toy_source" / "toy.py").read_text()
    shown = blocks(DOCS / "add-a-source.md", "python")
    assert len(shown) > 4
    assert [block for block in shown if block not in toy] == []


def test_every_promise_has_tests_that_are_there() -> None:
    promises = rows(DOCS / "guarantees.md")
    assert len(promises) > 40
    for promise, tests in promises:
        files = [(DOCS / link).resolve() for link in re.findall(r"\]\(([^)]+)\)", tests)]
        assert files, promise
        assert [file for file in files if not re.search(r"^(async )?def test_", file.read_text(), re.M)] == [], promise


# --- settings ---------------------------------------------------------------------------------------------------


def test_the_settings_are_the_ones_there_are() -> None:
    listed = {codes(variable)[0]: default for variable, _, default in rows(DOCS / "settings.md", "Settings")}
    fields = {f"PADDOCK_{name.upper()}": field for name, field in Settings.model_fields.items() if name not in INTERNAL}
    assert listed.keys() == fields.keys()
    plain = {name: field.default for name, field in fields.items() if isinstance(field.default, str | int | float)}
    assert {name: codes(listed[name])[0] for name in plain} == {name: f"{value:g}" if isinstance(value, float)
            else str(value) for name, value in plain.items()}  # fmt: skip


def test_the_variables_of_sites_are_the_ones_there_are() -> None:
    listed = {codes(variable)[0]: codes(default)[0] for variable, _, default in rows(DOCS / "settings.md", "Sites")}
    assert listed == {variable(one, site): url for one in BUILT_IN if one.asked for site, url in one.sites.items()}


def test_the_columns_of_a_table_of_photos_are_the_ones_there_are() -> None:
    assert [codes(column)[0] for column, _ in rows(DOCS / "import.md", "Your own photos")] == list(COLUMNS)


def test_the_containers_settings_are_the_ones_there_are() -> None:
    listed = {
        codes(variable)[0]: codes(default)[0] for variable, _, default in rows(DOCS / "settings.md", "Containers")
    }
    there = dict(re.findall(r"\$\{(PADDOCK_\w+):-([^}]+)\}", (ROOT / "docker-compose.yml").read_text()))
    assert listed == there


def test_what_a_job_finds_is_listed() -> None:
    listed = {codes(variable)[0] for variable, _ in rows(DOCS / "settings.md", "What a job finds")}
    assert listed == {*OURS, "PADDOCK_CODE"}


def test_the_exit_codes_are_the_ones_there_are() -> None:
    listed = [int(code) for code, _ in rows(DOCS / "settings.md", "Exit codes")]
    assert listed == sorted({*map(int, ExitCode), *map(int, TrainerExitCode)})


# --- tables -----------------------------------------------------------------------------------------------------


def test_the_tables_their_columns_and_keys_are_the_ones_there_are(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        there = dict(connection.execute(TABLES).fetchall())
        keys = [(table, set(columns)) for table, columns in connection.execute(KEYS).fetchall()]
    found = [row for section in SECTIONS for row in rows(DOCS / "data-model.md", section) if len(row) > 2]
    listed = {codes(row[0])[0]: row for row in found}
    assert listed.keys() == there.keys()
    for table, (_, _, key, *columns) in listed.items():
        named = [word for cell in (key, *columns) for word in codes(cell)]
        assert [word for word in named if word not in there[table]] == [], table
        whole = set(codes(key))
        assert (table, whole) in keys or all((table, {one}) in keys for one in whole), table


# --- architecture -----------------------------------------------------------------------------------------------


def layers(program: str) -> list[list[str]]:
    """The rooms of a program, the highest first, as the import contract has them."""
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (one for one in linted if one["type"] == "layers" and one.get("containers") == [program])
    return [[room.strip() for room in re.split(r"[|:]", layer)] for layer in contract["layers"]]


@pytest.mark.parametrize(("program", "number"), [("collector", 0), ("trainer", 1)])
def test_the_drawing_has_every_room_and_its_arrows_point_down(program: str, number: int) -> None:
    drawing = blocks(ARCHITECTURE, "mermaid")[number]
    floor = {room: height for height, rooms in enumerate(layers(program)) for room in rooms}
    assert set(ROOM.findall(drawing)) == floor.keys()
    for upper, lowers in ARROW.findall(drawing):
        code = (
            "\n".join(path.read_text() for path in (ROOT / program / upper).rglob("*.py"))
            or (ROOT / program / f"{upper}.py").read_text()
        )
        for lower in map(str.strip, lowers.split("&")):
            assert floor[upper] < floor[lower], (upper, lower)
            assert re.search(rf"\b{program}(\.| import ){lower}\b", code), (upper, lower)


def test_the_ten_questions_are_answered_by_files_that_are_there() -> None:
    questions = rows(ARCHITECTURE, "Where is it decided?")
    assert len(questions) == 10
    assert [question for question, answer in questions if not PATH.match(codes(answer)[0])] == []
    for path, name in NAMED.findall(prose(ARCHITECTURE)):
        assert re.search(rf"^\s*(async )?def {name}\b", (ROOT / path).read_text(), re.M), (path, name)


@pytest.mark.parametrize("walk", ["One URL to its row", "One photo to its weights", "One name to its photos"])
def test_a_walk_has_at_most_eight_stops_and_each_names_a_file(walk: str) -> None:
    section = prose(ARCHITECTURE).partition(f"## {walk}\n")[2].partition("\n## ")[0]
    stops = re.split(r"^\d+\. ", section, flags=re.M)[1:]
    assert 5 <= len(stops) <= 8
    assert [stop for stop in stops if not re.search(r"`(collector|trainer)/[\w/]+\.py`", stop)] == []
