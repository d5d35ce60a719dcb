"""How a crawl goes, for a person to see: live on a terminal, a line now and then in a log."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from collector.console.measures import size_in_words, span_in_words
from collector.console.visible import on_one_line
from collector.console.wording import counted
from collector.storage.roles import LABEL_ROLES

if TYPE_CHECKING:
    from collector.engine.crawl import Tick
    from collector.frontier.status import Summary

LINE_EVERY = 15.0  # seconds between two lines in a log
# Guessed until there is something to go by.
PHOTOS_AN_ISSUE = 10.0
DAYS_AN_ISSUE = 2
DAYS_A_MONTH = 9
RACES_A_DAY = 30.0  # two or three racecourses with up to twelve races each


@dataclass(frozen=True, slots=True)
class Progressed:
    """What is shown of a tick: in a log's line, in the rows of a terminal, and how much is left."""

    words: str
    rows: list[tuple[str, str, str, str]]
    left: int  # requests to come, as far as is known, to the host that is asked most


def show_crawl(tick: "Tick") -> Progressed:
    """How a crawl goes. A listing stands for what it will list; the two sites are asked side by side."""
    summary, due = tick.summary, tick.due
    photos = summary.photos_new + summary.photos_known + summary.photos_failed + summary.photos_missing
    photos_an_issue = photos / summary.issues if summary.issues else PHOTOS_AN_ISSUE
    races_a_day = summary.races / summary.race_days if summary.race_days else RACES_A_DAY
    issues = due.get("issue", 0)
    days = due.get("race_day", 0) + due.get("coming_day", 0) + DAYS_A_MONTH * due.get("calendar", 0)
    if summary.races or days:
        days += DAYS_AN_ISSUE * issues
    photos_left = due.get("picture", 0) + 2 * due.get("photo_page", 0) + issues * (1 + 2 * photos_an_issue)
    races_left = due.get("result", 0) + due.get("card", 0) + days * (1 + races_a_day)
    words = (
        f"issue {summary.latest or 'none yet'}: photos {summary.photos_new} new, {summary.photos_known} known,"
        f" {summary.photos_failed} failed; {counted(summary.races, 'race')}"
    )
    rows = [
        ("issue", f"{summary.latest or '-'}", "issues held", f"{summary.issues}"),
        ("photos new", f"{summary.photos_new}", "known", f"{summary.photos_known}"),
        ("failed", f"{summary.photos_failed}", "no picture", f"{summary.photos_missing}"),
        ("race days", f"{summary.race_days}", "races", f"{summary.races}"),
    ]
    return Progressed(words, rows, round(max(photos_left, races_left)))


def show_refresh(tick: "Tick") -> Progressed:
    """How a refresh of labels goes."""
    horses, graphs = tick.due.get("horse", 0), tick.due.get("aptitude", 0) + tick.due.get("reviews", 0)
    rows = [("horses due", f"{horses}", "graphs due", f"{graphs}")]
    return Progressed(f"labels: {counted(horses + graphs, 'page')} due", rows, horses + graphs)


def show_sync(tick: "Tick") -> Progressed:
    """How a sync goes, which crawls first and asks for labels then."""
    return show_refresh(tick) if tick.due.keys() & set(LABEL_ROLES) else show_crawl(tick)


def seconds_left(left: int, summary: "Summary") -> float | None:
    """How long this many requests take at the pace so far; None where there is none yet."""
    return left * summary.elapsed / summary.busiest if summary.busiest >= 3 else None


def line(tick: "Tick", shown: Progressed) -> str:
    """One line for a log."""
    summary = tick.summary
    rate = summary.requests / summary.elapsed if summary.elapsed else 0.0
    left = tick.waiting or f"time left {span_in_words(seconds_left(shown.left, summary))}"
    return f"{shown.words}; {counted(summary.requests, 'request')}, {rate:.1f}/s; {left}"


class Progress:
    """Shows ticks on stderr; a context manager, so that the terminal is left as it was."""

    def __init__(self, console: Console, show_tick: Callable[["Tick"], Progressed]) -> None:
        self.console = console
        self._show_tick = show_tick
        begins = Text("waiting: looks at what is due", "yellow")
        self.live = Live(begins, console=console, transient=True, refresh_per_second=4) if console.is_terminal else None
        self.share = 0.0  # done, as shown: more is found to do on the way, and a bar must not run backwards
        self.last_line = float("-inf")
        self.logged = set[str]()  # what is waited for, as the log has it

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.live:
            self.live.stop()

    async def show(self, tick: "Tick") -> None:
        """The state of the crawl now."""
        if self.live:
            self.live.update(self._panel(tick))
        elif self._is_news(tick):
            self.console.print(line(tick, self._show_tick(tick)), highlight=False, soft_wrap=True)

    def _is_news(self, tick: "Tick") -> bool:
        """Whether a log is to have a line: now and then, and where it does not have what is waited for."""
        now = time.monotonic()
        waits = {wait.sentence for wait in tick.waits}
        if now - self.last_line < LINE_EVERY and waits <= self.logged:
            return False
        self.logged = waits if now - self.last_line >= LINE_EVERY else self.logged | waits
        self.last_line = now
        return True

    def _panel(self, tick: "Tick") -> Group:
        summary, shown = tick.summary, self._show_tick(tick)
        done, left = summary.busiest, shown.left
        rate = summary.requests / summary.elapsed if summary.elapsed else 0.0
        table = Table.grid(padding=(0, 3))
        for row in shown.rows:
            table.add_row(*row)
        table.add_row("requests", f"{summary.requests}", "rate", f"{rate:.1f}/s")
        table.add_row("received", size_in_words(summary.bytes), "smallest gap", gap(summary.min_gap))
        table.add_row(
            "elapsed", span_in_words(summary.elapsed), "left, as known", span_in_words(seconds_left(left, summary))
        )
        width = min(60, self.console.width - 10)
        self.share = max(self.share, min(0.99, done / (done + left)) if done + left else 0.0)
        filled = round(self.share * width)
        bar = Text("█" * filled, "green") + Text("░" * (width - filled), "dim")
        bar.append(f" {self.share:4.0%}", "default")
        reason = tick.waiting or (None if summary.requests else "for the first answer")
        return Group(table, bar, Text(on_one_line(f"waiting: {reason}") if reason else "", "yellow"))


def gap(seconds: float | None) -> str:
    """A gap between two requests."""
    return "-" if seconds is None else f"{seconds:.3f} s"
