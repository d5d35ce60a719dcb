"""Crawlers and workers as processes of their own, to be killed and frozen; and a proxy that cuts off the database."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from multiprocessing.process import BaseProcess

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.commands import forked

YEARS = (date(2006, 1, 1), date(2017, 12, 31))


def crawl_in_process(
    conninfo: str, base: str, delay: float, since: date, until: date, netkeiba: str | None = None
) -> None:
    """One `collector crawl`; ends with its exit code."""
    from collector.engine.crawl import Tick, crawl
    from collector.engine.crawl_jobs import Crawler
    from collector.frontier.scope import Scope
    from tests.sites import sites_at

    async def show(_: Tick) -> None: ...

    async def main() -> int:
        crawler = Crawler(conninfo, None, sites_at(base, netkeiba, race=netkeiba), delay)
        _, code = await crawl(crawler, Scope(since, until, all_races=netkeiba is not None), show)
        return int(code)

    os._exit(asyncio.run(main()))


def work_in_process(conninfo: str, base: str, delay: float, netkeiba: str | None = None) -> None:
    """One `collector worker`, until it is killed."""
    from collector.engine.crawl_jobs import Crawler
    from collector.engine.schedule import Schedule
    from collector.engine.worker import work
    from tests.sites import sites_at

    os.nice(5)  # who measures comes before who is measured
    asyncio.run(work(Crawler(conninfo, None, sites_at(base, netkeiba), delay), Schedule()))


def command_in_process(folder: str, environment: dict[str, str], *words: str) -> None:
    """A command as a person types it, in a folder of its own that keeps what it says; ends with its exit code."""
    os.chdir(folder)
    os.environ.update(environment)  # noqa: TID251
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.argv = ["collector", *words]
    from collector.cli.app import main

    main()


def start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start one of the above."""
    process = forked.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def send(process: BaseProcess, number: signal.Signals) -> None:
    """Send a signal, also to a process that has just ended."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


async def ended(process: BaseProcess) -> int | None:
    """Wait for a process; its exit code, negative for a signal."""
    while process.is_alive():  # noqa: ASYNC110  (a process has no event)
        await asyncio.sleep(0.01)
    process.join()
    return process.exitcode


@asynccontextmanager
async def database_proxy(
    conninfo: str, on_answer: Callable[[], bool], late: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[str]:
    """The same database, seen through a wire that may be cut before an answer arrives.

    `on_answer` is asked at each answer of the server; where it says False, the answer is swallowed: what the
    statement did is committed, and the client never hears of it. `late` says by how many seconds it is held up.
    """
    facts = conninfo_to_dict(conninfo)
    socket = f"{facts['host']}/.s.PGSQL.{facts.get('port', 5432)}"

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, watched: bool) -> None:
        try:
            while data := await reader.read(65536):
                if watched:
                    if not on_answer():
                        break
                    await asyncio.sleep(late())
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    open_wires = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_unix_connection(socket)
        except OSError:
            writer.close()
            return
        pumps = pump(reader, upstream_writer, False), pump(upstream_reader, writer, True)
        both = [asyncio.create_task(one) for one in pumps]
        open_wires.update(both)
        await asyncio.wait(both)
        open_wires.difference_update(both)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield make_conninfo("", **(facts | {"host": "127.0.0.1", "port": port}))
    finally:
        server.close()
        for wire in open_wires:
            wire.cancel()
        if open_wires:
            await asyncio.wait(open_wires)
