"""What a person sees of a crawl while it goes on: something at once, and a bar that never runs backwards."""

import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from collector.cli.progress import Progress, Progressed, show_crawl
from collector.engine.crawl import Tick
from collector.frontier.status import NOTHING
from collector.politeness.gate import Wait


def seen(progress: Progress) -> str:
    """What the terminal shows now."""
    assert progress.live is not None
    shown = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    with shown.capture() as captured:
        shown.print(progress.live.get_renderable())
    return captured.get()


def on_a_terminal() -> Progress:
    return Progress(Console(file=io.StringIO(), force_terminal=True, width=100), show_crawl)


def test_progress_says_from_the_first_moment_what_it_waits_for() -> None:
    with on_a_terminal() as progress:
        assert "waiting: looks at what is due" in seen(progress)


async def test_progress_says_that_it_waits_for_the_first_answer() -> None:
    with on_a_terminal() as progress:
        await progress.show(Tick(NOTHING, {"year_index": 1}))
        assert "waiting: for the first answer" in seen(progress)
        await progress.show(Tick(NOTHING, {"year_index": 1}, (Wait("its Retry-After"),)))
        assert "waiting: its Retry-After" in seen(progress)
        await progress.show(Tick(replace(NOTHING, requests=1, busiest=1), {"issue_index": 8}))
        assert "waiting" not in seen(progress)


async def test_a_log_has_one_line_at_once_for_each_wait() -> None:
    log = io.StringIO()
    with Progress(Console(file=log, width=100), show_crawl) as progress:
        for waits in ((), (), (Wait("one host"),), (Wait("one host"), Wait("the database")), (), (Wait("one host"),)):
            await progress.show(Tick(NOTHING, {}, waits))
    assert [line.rpartition("; ")[2] for line in log.getvalue().splitlines()][1:] == ["one host", "the database"]


@pytest.mark.parametrize("left", [[0, 900, 90, 9, 0], [10, 20, 400, 20], [1, 1, 1]])
async def test_the_bar_never_runs_backwards_though_more_is_found_to_do(left: list[int]) -> None:
    shares: list[int] = []
    with Progress(Console(file=io.StringIO(), force_terminal=True, width=100), work_left(left)) as progress:
        for turn in range(len(left)):
            await progress.show(Tick(replace(NOTHING, requests=turn + 1, busiest=turn + 1), {}))
            (share,) = re.findall(r"(\d+)%", seen(progress))
            shares.append(int(share))
    assert shares == sorted(shares)
    assert max(shares) < 100  # it goes on


def work_left(left: list[int]) -> Callable[[Tick], Progressed]:
    """What is left at each turn."""
    its = iter(left)
    return lambda _tick: Progressed("", [], next(its))
