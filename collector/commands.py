"""What each command does: opens what it needs, calls one function, prints one result."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, TypeVar

import psycopg
import typer
from rich.console import Console

from collector import database
from collector import forget as forgetting
from collector import reparse as reparsing
from collector.crawl import crawl as run_crawl
from collector.errors import ExitCode, UsageError
from collector.frontier import read_scope
from collector.jobs import Workplace
from collector.jobs import work as run_worker
from collector.plan import print_plan, robots_verdict
from collector.politeness import Connection, host_name
from collector.progress import Progress, stderr_console
from collector.report import print_changes, print_forgotten, print_status, print_summary
from collector.settings import Settings, load_settings
from collector.status import report

LOG_FIELDS = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class EventFormatter(logging.Formatter):
    """A fixed sentence first, then the facts as fields."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {key: value for key, value in record.__dict__.items() if key not in LOG_FIELDS}
        return f"{super().format(record)}{''.join(f' {key}={value}' for key, value in facts.items())}"


def _settings(*, demo: bool) -> Settings:
    settings = load_settings()
    return settings.for_demo() if demo else settings


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("collector").setLevel(level)
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what goes wrong in a lane, the lane tells


T = TypeVar("T")


def _run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the fastest loop there is."""
    try:
        import uvloop
    except ImportError:  # no wheel for this platform
        run = asyncio.run
    else:
        run = uvloop.run
    try:
        return run(main)
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(
            f"The database went away ({reason}). What was committed is kept; run the same command again."
        ) from error


def _print_json(facts: Any) -> None:
    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    sys.stdout.write(json.dumps(facts, default=plain, ensure_ascii=False) + "\n")


@contextmanager
def _connected(settings: Settings) -> Iterator[Callable[[], Awaitable[Connection]]]:
    """The database of these settings, as a way to connect to it."""
    with database.opened(settings.database_url, settings.home) as conninfo:
        yield lambda: psycopg.AsyncConnection.connect(conninfo, autocommit=True)


def _workplace(settings: Settings, conninfo: str) -> Workplace:
    return Workplace(conninfo, settings.contact, settings.sites, settings.crawl_delay, settings.hours)


@asynccontextmanager
async def _site(settings: Settings) -> AsyncIterator[None]:
    """The look-alike site, where it is wanted, for as long as it is needed."""
    if not settings.demo:
        yield
        return
    from collector.demo.site import serving

    async with serving(port=settings.demo_port):
        yield


def _stop_on_signals(place: Workplace) -> None:
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


def crawl(
    since: str | None, until: str | None, limit: int | None, *, dry_run: bool, as_json: bool, demo: bool
) -> ExitCode:
    """`collector crawl`."""
    settings = _settings(demo=demo)
    scope = read_scope(since, until, limit)
    settings.check_crawl()
    console = stderr_console()
    _log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        place = _workplace(settings, conninfo)
        async with _site(settings):
            if dry_run:
                return await print_plan(place, settings.keibado_url, scope, as_json=as_json)
            _stop_on_signals(place)
            with Progress(console) as progress:
                summary, code = await run_crawl(place, settings.keibado_url, scope, progress.show)
        if as_json:
            _print_json(summary.as_json())
        else:
            print_summary(Console(highlight=False), summary)
        _say_how_it_ended(console, code, demo=demo)
        return code

    with database.opened(settings.database_url, settings.home) as conninfo:
        return _run(main(conninfo))


ENDINGS = {
    ExitCode.INTERRUPTED: "Interrupted; everything fetched is kept, the same command goes on from here.",
    ExitCode.BLOCKED: "The site closed or refused us; the work stays queued. `collector status{demo}` says more.",
    ExitCode.SOME_FAILED: "Some pages failed; they are tried again when due. `collector status{demo}` says which.",
    ExitCode.LAYOUT_CHANGED: "The layout of pages has changed; they are archived, not stored as data."
    " `collector status{demo}` names the field.",
}


def _say_how_it_ended(console: Console, code: ExitCode, *, demo: bool) -> None:
    if code in ENDINGS:
        console.print(ENDINGS[code].format(demo=" --demo" if demo else ""), soft_wrap=True)


def work(*, demo: bool) -> ExitCode:
    """`collector worker`."""
    settings = _settings(demo=demo)
    settings.check_crawl()
    _log_to_stderr(logging.INFO)

    async def main(conninfo: str) -> ExitCode:
        place = _workplace(settings, conninfo)
        _stop_on_signals(place)
        async with _site(settings):
            await run_worker(place)
        return ExitCode.INTERRUPTED if place.interrupted else ExitCode.DONE

    with database.opened(settings.database_url, settings.home) as conninfo:
        return _run(main(conninfo))


def status(*, as_json: bool, demo: bool) -> None:
    """`collector status`."""
    with _connected(_settings(demo=demo)) as connect:

        async def main() -> dict[str, Any]:
            async with await connect() as connection:
                return await report(connection)

        facts = _run(main())
    if as_json:
        _print_json(facts)
    else:
        print_status(Console(highlight=False), facts)


def reparse(since: str | None, *, dry_run: bool, as_json: bool, demo: bool) -> ExitCode:
    """`collector reparse`."""
    console = stderr_console()
    first_day = read_scope(since, None, None).since

    def show(done: int, total: int) -> None:
        if console.is_terminal:
            console.print(f"{done} of {total} pages", end="\r")

    with _connected(_settings(demo=demo)) as connect:

        async def main() -> reparsing.Changes:
            async with await connect() as connection:
                return await reparsing.reparse(connection, first_day, dry_run=dry_run, show=show)

        changes = _run(main())
    if as_json:
        _print_json(changes.as_json())
    else:
        print_changes(Console(highlight=False), changes, dry_run=dry_run)
    if changes.still_changed:
        return ExitCode.LAYOUT_CHANGED
    return ExitCode.SOME_FAILED if changes.unreadable else ExitCode.DONE


def robots(url: str, *, as_json: bool, demo: bool) -> ExitCode:
    """`collector robots`."""
    settings = _settings(demo=demo)
    site = next((site for site in settings.sites if host_name(site) == host_name(url)), None)
    if site is None:
        raise UsageError(f"{url} is not on one of the sites ({', '.join(settings.sites)}), so it is never asked for.")
    settings.check_crawl()

    async def main(conninfo: str) -> dict[str, Any]:
        async with _site(settings):
            return await robots_verdict(_workplace(settings, conninfo), site, url)

    with database.opened(settings.database_url, settings.home) as conninfo:
        facts = _run(main(conninfo))
    if as_json:
        _print_json(facts)
    else:
        console = Console(highlight=False)
        for name, value in facts.items():
            console.print(
                f"{name.replace('_', ' '):15} {'-' if value is None else value}", markup=False, soft_wrap=True
            )
    return ExitCode.DONE if facts["allowed"] else ExitCode.BLOCKED


def forget(url: str | None, host: str | None, *, yes: bool, as_json: bool, demo: bool) -> None:
    """`collector forget`."""
    if (url is None) == (host is None):
        raise UsageError("Name either the address of a photo, or --host HOST.")
    if url is not None and not host_name(url):
        raise UsageError(f"{url} is no address; write it as http://old.keibado.ne.jp/keibabook/160104/photo01.html.")
    if not yes:
        what = url or f"everything from {host}"
        typer.confirm(f"Remove {what} for good, and never ask for it again?", abort=True, err=True)

    with _connected(_settings(demo=demo)) as connect:

        async def main() -> forgetting.Forgotten:
            async with await connect() as connection:
                if url is not None:
                    return await forgetting.forget_url(connection, url)
                assert host is not None
                return await forgetting.forget_host(connection, host)

        forgotten = _run(main())
    if as_json:
        _print_json(forgotten.as_json())
    else:
        print_forgotten(Console(highlight=False), forgotten)


def demo_site(host: str, port: int | None, issues: int, photos: int, crawl_delay: float, hostile: list[str]) -> None:
    """`collector demo-site`."""
    from collector.demo.site import run

    run(
        host=host,
        port=port or load_settings().demo_port,
        issues=issues,
        photos=photos,
        crawl_delay=crawl_delay,
        hostile=hostile,
    )
