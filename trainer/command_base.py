"""What every command of `trainer` stands on: settings, folders, console, progress."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from collector.console import ANY_WIDTH
from collector.program import takes_everything
from collector.settings import Settings, load_settings
from collector.terminal import stderr, stdout
from collector.visible import json_text
from trainer.places import Places


def read_settings(*, demo: bool) -> Settings:
    settings = load_settings()
    return settings.for_demo() if demo else settings


def places(*, demo: bool) -> Places:
    return Places(read_settings(demo=demo).home)


def warn(words: str) -> None:
    """A line on stderr that begins with `warning`."""
    stderr().print(f"warning: {words}", soft_wrap=True)


def print_rows(rows: Sequence[Mapping[str, str]], less: Sequence[str]) -> None:
    """A table in which names are whole: a narrow terminal does without the columns `less`, the first ones first, and
    says so.
    """
    console = stdout()
    if not rows:
        return
    table, without = _table(rows, list(rows[0])), 0
    while _width(console, table) > console.width and without < len(less):
        without += 1
        table = _table(rows, [name for name in rows[0] if name not in less[:without]])
    console.print(table)
    if without:
        console.print(f"In a wider window, or with --json: {', '.join(less[:without])}.", style="dim")


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=ANY_WIDTH)).maximum


def _table(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> Table:
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table


def plain_value(value: Any) -> Any:
    """What JSON has no word for."""
    return value.isoformat() if isinstance(value, date) else str(value)


def as_json_text(facts: Any, indent: int | None = None, *, ascii_only: bool = False) -> str:
    """Facts as JSON that every program reads: a number that is none (NaN, infinity) is null."""
    plain = _without_nan(facts)
    return json_text(plain, plain_value, ensure_ascii=ascii_only, allow_nan=False, indent=indent) + "\n"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_json(facts: Any) -> None:
    """Facts as one line of JSON on stdout."""
    sys.stdout.write(as_json_text(facts, ascii_only=not takes_everything(sys.stdout)))


@contextmanager
def progress(words: str, console: Console | None = None) -> Iterator[Any]:
    """A bar where that is a terminal; a function that is told how much is done of how much.

    Whatever is printed meanwhile has to go to the same console, by default one on stderr. The bar is seen from the
    first word of it until all is done.
    """
    console = console or stderr()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None, visible=False)

        def tell(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, visible=done < of)

        yield tell


def size_in_words(count: int) -> str:
    """`12.3 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"


def absolute(path: Path) -> Path:
    return path.expanduser().absolute()
