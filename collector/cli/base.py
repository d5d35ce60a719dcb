"""What every command stands on: the options that several take, the exit codes, settings, the log, the loop.

Nothing here, nor in the modules of the commands, imports what only some command needs before that command runs: help
and mistakes are answered at once.
"""

import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from collector.console.command_line import Group
from collector.console.common import common

if TYPE_CHECKING:
    from collector.settings import Settings

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use or configuration; 3 the site blocked or refused us, the work stays queued; "
    "4 some pages failed; 5 the layout of pages has changed; 7 a file, a folder or a full disk stood in the way; 130 "
    "interrupted, everything fetched is kept."
)

Since = Annotated[str | None, typer.Option(metavar="YEAR|DATE", help="First issue: 2016 or 2016-05-23.")]
Until = Annotated[str | None, typer.Option(metavar="YEAR|DATE", help="Last issue: 2017 or 2017-12-25.")]

T = TypeVar("T")


def group(words: str = "", **options: Any) -> Group:
    """Commands that belong together; without words of their own they stand among the program's."""
    return Group(words, EXIT_CODES, **options)


def read_settings() -> "Settings":
    """The settings of this command: with --demo those of the look-alike."""
    from collector.settings import load_settings

    settings = load_settings()
    return settings.for_demo() if common().demo else settings


def check_crawl(settings: "Settings") -> None:
    """Refuse to crawl a real site without a contact, or too fast.

    Raises:
        UsageError: with the variable to set.
    """
    from collector.sources.registry import addresses

    settings.check_crawl(addresses(settings))


def log_to_stderr(level: int) -> None:
    """Send the log to stderr, the collector's own from this level on."""
    from collector.console.terminal import EventFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("collector").setLevel(level)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it logs each try; the code that waits for it says why


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the fastest loop there is."""
    try:
        from uvloop import run
    except ImportError:  # no wheel for this platform
        from asyncio import run
    return run(main)
