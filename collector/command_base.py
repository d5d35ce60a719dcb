"""What every command stands on: settings, log, loop, database, the look-alike site, signals, and the last word."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from rich.console import Console

from collector import database
from collector.errors import ExitCode
from collector.jobs import Workplace
from collector.politeness import Connection
from collector.program import takes_everything
from collector.schedule import Schedule, check_cron
from collector.settings import Settings, load_settings
from collector.status import report
from collector.terminal import EventFormatter
from collector.visible import json_text


def read_settings(*, demo: bool) -> Settings:
    settings = load_settings()
    return settings.for_demo() if demo else settings


def log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("collector").setLevel(level)
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # that it tries again; whoever waits for it tells why


T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the fastest loop there is."""
    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        run = asyncio.run
    else:
        run = uvloop.run
    return run(main)


def print_json(facts: Any) -> None:
    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    sys.stdout.write(json_text(facts, plain, ensure_ascii=not takes_everything(sys.stdout)) + "\n")


@contextmanager
def connected(settings: Settings) -> Iterator[Callable[[], Awaitable[Connection]]]:
    """The database of these settings, as a way to connect to it."""
    with database.opened(settings.database_url, settings.home) as conninfo:
        yield lambda: psycopg.AsyncConnection.connect(conninfo, autocommit=True)


@contextmanager
def opened_database(settings: Settings, console: Console) -> Iterator[str]:
    """The database of these settings; a person at a terminal is told of it, as its first start takes seconds."""
    with contextlib.ExitStack() as stack:
        with console.status("Opening the database ...") if console.is_terminal else contextlib.nullcontext():
            conninfo = stack.enter_context(database.opened(settings.database_url, settings.home))
        yield conninfo


def workplace(settings: Settings, conninfo: str) -> Workplace:
    return Workplace(
        conninfo,
        settings.contact,
        settings.sites,
        settings.crawl_delay,
        settings.hours,
        settings.netkeiba_url,
        settings.netkeiba_race,
    )


@asynccontextmanager
async def look_alike(settings: Settings) -> AsyncIterator[None]:
    """The look-alike site, where it is wanted, for as long as it is needed."""
    if not settings.demo:
        yield
        return
    from collector.demo.site import serving

    async with serving(port=settings.demo_port):
        yield


def stop_on_signals(place: Workplace) -> None:
    """The first Ctrl-C (or SIGTERM) ends the work after the page at hand, the second at once."""

    def stop() -> None:
        if place.interrupted:
            raise KeyboardInterrupt
        place.interrupted = True
        place.stopping.set()

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


async def say_how_it_ended(console: Console, place: Workplace, code: ExitCode) -> None:
    """The last words of a crawl: what went wrong, or what to do next."""
    if code in ENDINGS:
        console.print(ENDINGS[code], soft_wrap=True)
        return
    async with await place.connect() as connection:
        for thing in (await report(connection))["next"]:
            console.print(f"Next: {thing}", soft_wrap=True)


def read_schedule(settings: Settings) -> Schedule:
    named = {"labels": settings.labels_cron, "back_numbers": settings.back_numbers_cron}
    if settings.netkeiba_url is None:
        named["labels"] = None
    return Schedule(**{name: check_cron(cron) if cron else None for name, cron in named.items()})
