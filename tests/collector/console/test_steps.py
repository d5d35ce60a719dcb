"""How far a long piece of work is, on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from collector.console import steps
from collector.console.steps import Steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test moves on."""
    now = [100.0]
    monkeypatch.setattr(steps.time, "monotonic", lambda: now[0])
    return now


def shown(clock: list[float], *, terminal: bool, seconds: float) -> str:
    """What is shown of a thousand pages, of which ten take so long."""
    out = io.StringIO()
    report = Steps(Console(file=out, force_terminal=terminal, width=80, color_system=None), "pages")
    for done in range(10, 1010, 10):
        clock[0] += seconds
        report.show(done, 1000)
    return out.getvalue()


def test_a_log_gets_a_line_every_five_seconds_with_the_time_left(clock: list[float]) -> None:
    lines = shown(clock, terminal=False, seconds=1).splitlines()
    assert lines[0] == "50 of 1,000 pages, about 1 min 35 s left"
    assert len(lines) == 20
    assert lines[-1] == "1,000 of 1,000 pages"


def test_what_is_done_at_once_leaves_no_line_in_a_log(clock: list[float]) -> None:
    assert shown(clock, terminal=False, seconds=0.01) == ""


def test_a_terminal_has_one_line_that_changes(clock: list[float]) -> None:
    said = shown(clock, terminal=True, seconds=1)
    assert "\n" not in said
    assert "1,000 of 1,000 pages" in said


@pytest.mark.parametrize(
    ("terminal", "expected"),
    [(True, "\r\x1b[2Kone\r\x1b[2Ktwo\r\x1b[2K"), (False, "one\ntwo\n")],
)
def test_what_comes_next_does_not_stand_in_the_line_that_was_shown(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, terminal: bool, expected: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = io.StringIO()
    with Steps(Console(file=out, force_terminal=terminal, width=80, color_system=None)) as report:
        for words in ("one", "two"):
            clock[0] += 5
            report.say(words)
    assert out.getvalue() == expected
