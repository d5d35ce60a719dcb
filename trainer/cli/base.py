"""What the commands share: common options, the exit codes, settings, folders, and printing.

The modules of the commands import heavy libraries only inside the functions that need them, so that help and usage
errors appear at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console import program
from collector.console.command_line import Group
from collector.console.common import common
from collector.console.wording import ANY_WIDTH
from collector.errors import PaddockError, UsageError
from trainer.directories import Directories
from trainer.errors import not_installed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from collector.settings import Settings

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use, configuration or data; 6 training stopped because its loss was not a number, "
    "the last good checkpoint is kept; 7 a file or folder could not be written or read (a full disk, no permission); "
    "130 interrupted, --resume continues from there."
)

# Options and arguments that several commands take.
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name, its beginning, or last.")]
# For answers to new photos the best run is taken, not the last one.
A_RUN = "A run: its name, its beginning, last, or best: of the least error out of fold."
BestRunArgument = Annotated[str, typer.Argument(metavar="RUN", help=A_RUN)]
BestRunOption = Annotated[str, typer.Option("--run", metavar="RUN", help=A_RUN)]
LabelOption = Annotated[
    str,
    typer.Option(
        "--label", metavar="KEY", help="One of the labels it learnt, definition/axis.", show_default="the first one"
    ),
]
DeviceName = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or mps.")]
Data = Annotated[str, typer.Option("--data", metavar="VERSION", help="A data set version: name or last.")]
Values = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the preset; more than once.")
]
Place = Annotated[str, typer.Option("--where", metavar="PLACE", help="local, or a place of profiles.toml.")]
Gpus = Annotated[int | None, typer.Option("--gpu", min=1, metavar="N", help="GPUs for each run.")]


class Commands(program.Commands):
    """A group that names the trainer's missing libraries."""

    def trouble_of(self, error: Exception) -> PaddockError | None:
        """What to report for an error that is expected; None for any other, which is a bug."""
        if isinstance(error, ModuleNotFoundError):
            return UsageError(not_installed(error.name or "a library", "trainer"))
        return super().trouble_of(error)


def group(words: str = "", **options: Any) -> Group:
    """A group of commands; without `words` they are listed among the program's own."""
    return Group(words, EXIT_CODES, cls=Commands, **options)


def read_settings() -> "Settings":
    """The settings of this command; with --demo, those of the look-alike."""
    from collector.settings import load_settings
    from trainer.plugins import name_plugins

    settings = load_settings()
    name_plugins(settings.plugins)
    return settings.for_demo() if common().demo else settings


def directories() -> Directories:
    """The folders of this command's home."""
    return Directories(read_settings().home)


def warn(words: str) -> None:
    """Print a warning on stderr."""
    from collector.console.terminal import stderr

    stderr().print(f"warning: {words}", soft_wrap=True)


def print_rows(rows: Sequence[Mapping[str, str]], less: Sequence[str]) -> None:
    """Print a table without cutting names. On a narrow terminal the columns `less` are left out in that order, and
    named below it.
    """
    from collector.console.terminal import stdout

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


def _width(console: "Console", table: "Table") -> int:
    return console.measure(table, options=console.options.update(max_width=ANY_WIDTH)).maximum


def _table(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> "Table":
    from rich.table import Column, Table

    table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(row[name] for name in names))
    return table


@contextmanager
def progress(words: str, console: "Console | None" = None) -> Iterator[Any]:
    """Show a progress bar if the console is a terminal; yields `report(done, of)`.

    Everything that is printed meanwhile has to go to the same console, by default one on stderr. The bar is visible
    from the first report until all is done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from collector.console.terminal import stderr

    console = console or stderr()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None, visible=False)

        def report(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, visible=done < of)

        yield report


def absolute(path: Path) -> Path:
    """An absolute path, with `~` expanded."""
    return path.expanduser().absolute()
