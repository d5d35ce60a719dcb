"""What a command at work needs: the database, the look-alike site, the schedule, signals, and the last word."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import psycopg
from rich.console import Console

from collector.cli.base import run
from collector.errors import ExitCode
from collector.storage import database

if TYPE_CHECKING:  # importing the engine takes half a second, which a command that only reads does without
    from collector.engine.crawl_jobs import Crawler
    from collector.engine.schedule import Schedule
    from collector.politeness.gate import Connection
    from collector.settings import Settings


@contextmanager
def connected(settings: "Settings") -> Iterator[Callable[[], Awaitable["Connection"]]]:
    """The database of these settings, as a way to connect to it."""
    with database.opened(settings.database_url, settings.home) as conninfo:
        yield lambda: psycopg.AsyncConnection.connect(conninfo, autocommit=True)


@contextmanager
def opened_database(settings: "Settings", console: Console) -> Iterator[str]:
    """The database of these settings; a person at a terminal sees that it starts, as the first start takes seconds."""
    with contextlib.ExitStack() as stack:
        with console.status("Opening the database ...") if console.is_terminal else contextlib.nullcontext():
            conninfo = stack.enter_context(database.opened(settings.database_url, settings.home))
        yield conninfo


@contextmanager
def opened_to_ask(settings: "Settings", console: Console) -> Iterator[str]:
    """The same for a command that asks sites: what PADDOCK_ACCEPT names counts as accepted.

    Raises:
        UsageError: it names something else than a source that is asked.
    """
    from collector.politeness.accepted import accept_first
    from collector.sources.registry import asked_source

    leaves = [asked_source(name).leave for name in settings.accept]

    async def record(conninfo: str) -> None:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
            await accept_first(connection, leaves)

    with opened_database(settings, console) as conninfo:
        if leaves:
            run(record(conninfo))
        yield conninfo


def crawler(settings: "Settings", conninfo: str, *, photos_alone: bool = False) -> "Crawler":
    """Where and as whom a crawl works; `photos_alone`: only on sites that have photos."""
    from collector.engine.crawl_jobs import Crawler
    from collector.sources.registry import sites

    return Crawler(
        conninfo,
        settings.contact,
        tuple(site for site in sites(settings) if site.source.has_photos or not photos_alone),
        settings.crawl_delay,
        settings.hours,
    )


@asynccontextmanager
async def look_alike(settings: "Settings") -> AsyncIterator[None]:
    """The look-alike site, where it is wanted, for as long as it is needed."""
    if not settings.demo:
        yield
        return
    from collector.demo.site import serving

    async with serving(port=settings.demo_port):
        yield


def stop_on_signals(crawler: "Crawler") -> None:
    """The first Ctrl-C (or SIGTERM) ends the work after the page at hand, the second at once."""

    def stop() -> None:
        if crawler.interrupted:
            raise KeyboardInterrupt
        crawler.interrupted = True
        crawler.stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop)


ENDINGS = {
    ExitCode.INTERRUPTED: "Interrupted; everything fetched is kept, the same command goes on from here.",
    ExitCode.BLOCKED: "The site closed or refused us; the work stays queued. `collector status` says more.",
    ExitCode.SOME_FAILED: "Some pages failed; they are tried again when due. `collector status` says which.",
    ExitCode.LAYOUT_CHANGED: "The layout of pages has changed; they are archived, not stored as data."
    " `collector status` names the field.",
}


async def say_how_it_ended(console: Console, crawler: "Crawler", code: ExitCode) -> None:
    """The last words of a crawl: what went wrong, or what to do next."""
    if code in ENDINGS:
        console.print(ENDINGS[code], soft_wrap=True)
        return
    from collector.frontier.status import report

    async with await crawler.connect() as connection:
        for thing in (await report(connection))["next"]:
            console.print(f"Next: {thing}", soft_wrap=True)


def read_schedule(settings: "Settings") -> "Schedule":
    """When labels are refreshed and new back numbers are looked for.

    Raises:
        UsageError: a setting is not a cron expression.
    """
    from collector.engine.schedule import Schedule, check_cron
    from collector.sources import Gift
    from collector.sources.registry import is_given

    named = {"labels": settings.labels_cron, "back_numbers": settings.back_numbers_cron}
    if not is_given(settings, Gift.APTITUDES):
        named["labels"] = None
    return Schedule(**{name: check_cron(cron) if cron else None for name, cron in named.items()})
