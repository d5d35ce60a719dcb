"""Workers that are started again when they end, as a container's restart policy does it, and commands beside them."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from psycopg.conninfo import make_conninfo

from tests.chaos.processes import command_in_process, ended, send, start
from tests.chaos.watched_site import WatchedSite

AGAIN_AFTER = 0.2  # seconds until a process that has ended is started again
NEVER = "0 0 29 2 *"  # a schedule whose moment does not come while a test runs


class Fleet:
    """Processes that work on one database and one site, each under a name of its own."""

    def __init__(self, folder: Path, conninfo: str, site: WatchedSite, crawl_delay: float) -> None:
        self._folder = folder
        self._conninfo = conninfo
        self._site = site
        self._crawl_delay = crawl_delay
        self.workers: dict[str, BaseProcess] = {}
        self.command: BaseProcess | None = None
        self.ends: list[tuple[float, str, int | None]] = []  # when which process ended, and how

    def _environment(self, name: str) -> dict[str, str]:
        # Of two workers one has a schedule and one has none: they keep an eye on the database in different ways.
        cron = NEVER if name == "worker-1" else ""
        return {
            "PADDOCK_HOME": str(self._folder),
            "PADDOCK_DATABASE_URL": make_conninfo(self._conninfo, application_name=name),
            "PADDOCK_KEIBADO_URL": self._site.base,
            "PADDOCK_NETKEIBA_URL": self._site.netkeiba,
            "PADDOCK_CRAWL_DELAY": str(self._crawl_delay),
            "PADDOCK_LABELS_CRON": cron,
            "PADDOCK_BACK_NUMBERS_CRON": cron,
        }

    async def start(self, name: str, *words: str) -> BaseProcess:
        """Start one command; what it says is kept under its name."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return await asyncio.to_thread(start, command_in_process, str(folder), self._environment(name), *words)

    async def run(self, *words: str) -> int | None:
        """Run one command to its end; its exit code."""
        return await ended(await self.start("command", *words))

    async def begin(self, *words: str) -> None:
        """Start a command that is not started again when it ends."""
        self.command = await self.start("command", *words)

    async def supervise(self, count: int) -> None:
        """Keep this number of workers running."""
        for number in range(1, count + 1):
            self.workers[f"worker-{number}"] = await self.start(f"worker-{number}", "worker")
        while True:
            for name, worker in list(self.workers.items()):
                if not worker.is_alive():
                    self.ends.append((time.monotonic(), name, worker.exitcode))
                    await asyncio.sleep(AGAIN_AFTER)
                    self.workers[name] = await self.start(name, "worker")
            await asyncio.sleep(0.02)

    def said(self) -> str:
        """The last words of each process."""
        files = sorted(self._folder.glob("*/said"))
        return "\n".join(f"--- {file.parent.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)

    def kill(self) -> None:
        """End everything at once."""
        for process in (*self.workers.values(), self.command):
            if process is not None:
                send(process, signal.SIGKILL)


@asynccontextmanager
async def fleet(
    folder: Path, conninfo: str, site: WatchedSite, crawl_delay: float, workers: int = 2
) -> AsyncIterator[Fleet]:
    """Workers under a supervisor."""
    ships = Fleet(folder, conninfo, site, crawl_delay)
    supervisor = asyncio.create_task(ships.supervise(workers))
    try:
        yield ships
    finally:
        supervisor.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervisor
        ships.kill()
