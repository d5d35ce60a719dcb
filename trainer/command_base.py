"""What every command of `trainer` stands on: settings, folders, console, progress."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from collector.settings import Settings, load_settings
from trainer.places import Places

WIDE = 200  # characters


def read_settings(*, demo: bool) -> Settings:
    settings = load_settings()
    return settings.for_demo() if demo else settings


def places(*, demo: bool) -> Places:
    return Places(read_settings(demo=demo).home)


def stdout() -> Console:
    # Into a file or a pipe nothing is folded.
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def stderr() -> Console:
    return Console(file=sys.stderr, highlight=False)


def plain_value(value: Any) -> Any:
    """What JSON has no word for."""
    return value.isoformat() if isinstance(value, date) else str(value)


def print_json(facts: Any) -> None:
    sys.stdout.write(json.dumps(facts, default=plain_value, ensure_ascii=False) + "\n")


@contextmanager
def progress(words: str, console: Console | None = None) -> Iterator[Any]:
    """A bar where that is a terminal; a function that is told how much is done of how much.

    Whatever is printed meanwhile has to go to the same console, by default one on stderr. The bar is seen from the
    first word of it until all is done.
    """
    console = console or stderr()
    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
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
