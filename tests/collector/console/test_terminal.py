"""What others wrote is shown as it is, and does nothing to the terminal it is shown on."""

import ast
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.table import Table
from rich.text import Text

import collector
import trainer
from collector.cli import report
from collector.console.as_json import json_text
from collector.console.terminal import EventFormatter, Output, Terminal, stacked, titled
from collector.console.visible import on_one_line, visible
from tests.collector.cli.test_cli import WORLD, crawled, environment
from tests.collector.cli.test_cli import collector as collector_command
from tests.demo_site import demo_site

ACTS = (
    "\x1b[31m", "\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\u009d0;t\u009c", "\r", "\b", "\0", "\x7f", "\u202e",
    "\u2066", "\u200f", "\ufeff", "\udcff", "\u2028", "\U000e0041",
)  # fmt: skip
MARKUP = ("[/bold]", "[bold]", "[link=http://x.invalid]", ":horse:", "[/]", "\\[red]", "[red", "[@click=app.bell]")
HOSTILE = st.lists(st.sampled_from(ACTS + MARKUP) | st.text(max_size=5), max_size=8).map("".join)
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
RAW = {  # who writes to a stream by itself, and why
    "collector/console/program.py": "what ends a program, escaped",
    "collector/console/as_json.py": "JSON, escaped",
    "collector/demo/site.py": "the look-alike's own address",
    "trainer/cli/jobs/look.py": "a job's output, through `Output` on a terminal",
    "trainer/jobs/cloud/driver.py": "what a job prints into its own log",
    "trainer/jobs/supervisor.py": "what a job prints into its own log",
}


def printed(show: Callable[[Terminal], None]) -> str:
    console = Terminal(io.StringIO())
    console.width = 500
    show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@given(HOSTILE)
def test_nothing_that_is_printed_acts_and_all_of_it_is_there(text: str) -> None:
    table = Table(text, title=text)
    table.add_row(text)
    for show in (
        lambda console: console.print(text, soft_wrap=True),
        lambda console: console.print(Text(text), soft_wrap=True),
        lambda console: console.print(titled(text, text)),
        lambda console: console.print(stacked([text, text])),
        lambda console: console.print(table),
        lambda console: Live(Text(text), console=console, auto_refresh=False).start(refresh=True),
    ):
        assert not OBEYED.search(printed(show))
    shown = printed(lambda console: console.print(text, soft_wrap=True))
    assert "".join(on_one_line(text).split()) in "".join(shown.split())
    assert shown.count("\n") == 1, "a name cannot forge a line"
    assert printed(lambda console: console.print(titled("Next", text), soft_wrap=True)).count("\n") == 1
    assert printed(lambda console: console.print(stacked([text, text]), soft_wrap=True)).count("\n") == 2


@given(HOSTILE | st.text())
def test_what_is_visible_stays_and_is_not_written_out_twice(text: str) -> None:
    assert not OBEYED.search(visible(text))
    assert visible(visible(text)) == visible(text)
    assert "\n" not in on_one_line(text)
    text.encode("utf-8", "surrogatepass")
    visible(text).encode()


@given(st.dictionaries(HOSTILE, HOSTILE, max_size=3))
def test_json_says_the_same_and_holds_nothing_that_acts(facts: dict[str, str]) -> None:
    text = json_text(facts)
    assert json.loads(text) == facts
    assert not OBEYED.search(text)


@given(HOSTILE)
def test_a_line_of_the_log_is_one_line_and_its_trace_is_harmless(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("collector", logging.INFO, "f", 1, "it %s", (text,), sys.exc_info())
    record.reason = text + "\n2026-01-01 ERROR forged"
    formatted = EventFormatter("%(asctime)s %(message)s").format(record)
    assert not OBEYED.search(formatted)
    assert not any(line.startswith("2026-01-01") for line in formatted.splitlines())


def test_the_log_shows_times_in_the_zone_of_the_races() -> None:
    record = logging.makeLogRecord({"msg": "closed", "until": datetime(2026, 11, 25, 15, 0, 3, tzinfo=UTC)})
    assert EventFormatter("%(message)s").format(record) == "closed until=2026-11-26 00:00:03 JST"


def test_status_says_what_a_redirect_and_a_robots_txt_hid() -> None:
    bad = "off-site: http://elsewhere.invalid/[/bold]\x1b[2J\u202e"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    facts: dict[str, Any] = {
        "held": dict.fromkeys(
            ("issues", "photos_with_picture", "horses", "photos", "copies", "bytes", "blobs", "races",
             "entries", "requests"), 1),
        "matches": {"matched": 0, "open": 0}, "labels": {"horses": 0}, "due": [],
        "jobs": [], "hosts": [{"waiting_for": bad, "waiting_until": now, "lane_by": bad,
                   "host": bad, "last_request_at": now, "smallest_gap_s": 1.0, "delay_s": 1.0, "delay_reason": bad,
                   "blocked_until": now, "blocked_reason": bad, "forgotten_at": None}],
        "failures": [{"source": "toy", "kind": "image", "state": "failed", "count": 1,
                      "reason": bad, "samples": [bad]}],
        "layout_changed": [], "next": [bad],
    }  # fmt: skip
    shown = printed(lambda console: report.print_status(console, facts))
    assert shown.count(r"http://elsewhere.invalid/[/bold]\x1b[2J\u202e") == 7
    assert not OBEYED.search(shown)


def test_a_mistake_that_names_a_hostile_word_is_one_harmless_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONUTF8", "1")
    program = "from collector.cli.app import main; main()"
    words = [sys.executable, "-c", program, "crawl", "--since", "\x1b[31m[/bold]\u202e\nall is well"]
    run = subprocess.run(words, capture_output=True, timeout=60)
    assert run.returncode == 2
    assert run.stderr.decode().startswith(r"error: --since \x1b[31m[/bold]\u202e\nall is well is neither")
    assert run.stderr.count(b"\n") == 1


async def test_markup_and_escapes_of_a_redirect_are_shown_as_they_are(conninfo: str) -> None:
    where = "http://elsewhere.invalid/[/bold]"
    async with demo_site(world=WORLD, hostile=[f"redirect-host={where}@/keibabook/*/photo01.html"]) as site:
        await crawled(site, conninfo)
        with psycopg.connect(conninfo) as connection:
            connection.execute("UPDATE page SET error = error || E'\\x1b[2J\u202e' WHERE error IS NOT NULL")
        status = await collector_command("status", env=environment(conninfo, site.base))
    assert status.returncode == 0
    assert where in status.stdout
    assert r"\x1b[2J\u202e" in status.stdout


# --- a job's own output ------------------------------------------------------------------------------------


@given(HOSTILE, st.lists(st.integers(0, 60), max_size=5))
def test_a_jobs_output_keeps_its_colours_and_bars_however_it_is_cut(text: str, cuts: list[int]) -> None:
    whole = f"\x1b[1;32mepoch 1\x1b[0m\r{text}é".encode(errors="surrogateescape")
    output, shown, start = Output(), "", 0
    for cut in sorted(cuts):
        shown += output.take(whole[start:cut])
        start = max(start, cut)
    shown += output.take(whole[start:], final=True)
    assert shown.startswith("\x1b[1;32mepoch 1\x1b[0m\r")
    assert not OBEYED.search(re.sub(r"\x1b\[[0-9;]*m|\r", "", shown))
    assert shown == Output().take(whole, final=True)


# --- no other module prints ------------------------------------------------------------------------------------


def sources() -> list[Path]:
    return [path for package in (collector, trainer) for path in Path(package.__path__[0]).rglob("*.py")]


def test_only_one_place_makes_a_console_or_writes_to_a_stream() -> None:
    root = Path(collector.__path__[0]).parent
    found = []
    for path in sources():
        name = str(path.relative_to(root))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "Console", "rich.print", "Text.from_markup", "rich.console.Console"):
                    found.append(f"{name}:{node.lineno} calls {called}")
                if re.match(r"sys\.(__)?std(out|err)(__)?\.(buffer\.)?write", called) and name not in RAW:
                    found.append(f"{name}:{node.lineno} writes to a stream")
                if any(word.arg == "markup" and ast.unparse(word.value) == "True" for word in node.keywords):
                    found.append(f"{name}:{node.lineno} turns markup on")
                if called in ("typer.echo", "click.echo", "typer.confirm", "input", "Text") and foreign(node.args[0]):
                    found.append(f"{name}:{node.lineno} says what may be foreign")
    assert found == []


def foreign(words: ast.expr) -> bool:
    """Whether what is said holds a value that does not go through `on_one_line`."""
    if ast.unparse(words).startswith("on_one_line("):
        return False
    harmless = ("on_one_line(", "file.stat()", "error.name")
    values = [part.value for part in ast.walk(words) if isinstance(part, ast.FormattedValue)]
    return any(not ast.unparse(value).startswith(harmless) for value in values)
