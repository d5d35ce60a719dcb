"""The engine: lanes as Procrastinate jobs, workers that run them, and a reaper for those whose worker is gone.

One job a host and scope, never one a URL. `lock="lane:<host>"` keeps a host's lanes apart, whatever scope they are
for; the gate's epoch makes sure of it even for a process that was frozen and wakes up again. A crawl's jobs are in
a queue named after its scope: whoever crawls the same scope, and every worker, can take them over.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.worker import Worker

from collector import drift
from collector.errors import LaneLost, PaddockError
from collector.fetch import Fetcher, Timeouts
from collector.frontier import IN_SCOPE, Scope, scope_parameters
from collector.lane import Lane, LaneEnd
from collector.matching import match_photos
from collector.politeness import Blocked, Connection, Gate, Pace, host_name
from collector.robots import next_opening
from collector.robots_copy import robots_in_force
from collector.settings import is_loopback
from collector.sources import netkeiba
from collector.wanted import want_coming_days, want_from_results

logger = logging.getLogger(__name__)

SLICE = 60.0  # seconds that a lane works before another may have its turn
FROZEN = 30  # seconds without a heartbeat, after which a worker counts as gone
REAP_EVERY = 0.5  # seconds
POLL_EVERY = 0.5  # seconds; a job whose time comes sends no notice

# A lane is dead when its session's lock is gone (its process was killed), or its worker's heart stands still.
DEAD_LANES = """
SELECT job.id, job.queue_name, job.lock, job.args FROM procrastinate_jobs AS job
LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
WHERE job.status = 'doing' AND job.task_name = 'lane'
  AND (NOT lane_alive(job.id) OR COALESCE(worker.last_heartbeat < now() - make_interval(secs => %s), true))
FOR UPDATE OF job SKIP LOCKED
"""
FINISH = "SELECT procrastinate_finish_job_v1(%s, 'failed', true)"
# A lane that has looked at the frontier for the last time will not do what is found from now on.
WAITING = """
SELECT count(*) FROM procrastinate_jobs WHERE queue_name = %s AND lock = %s
AND (status = 'todo' OR status = 'doing' AND NOT args ? 'ended')
"""
ENDED = "UPDATE procrastinate_jobs SET args = args || '{\"ended\": true}' WHERE id = %s"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext(%s))"
ANYTHING_DUE = f"""
SELECT EXISTS (SELECT FROM page WHERE host = ANY (%(hosts)s) AND due_at <= clock_timestamp() AND kind <> 'robots'
               AND {IN_SCOPE})
"""
# A host that is closed has a lane already that waits, or none until somebody crawls again.
OPEN = """
SELECT excluded_at IS NULL AND COALESCE(blocked_until <= clock_timestamp(), true) FROM host WHERE name = %s
"""


@dataclass(slots=True)
class Workplace:
    """What every lane of this process shares."""

    conninfo: str
    contact: str | None
    sites: tuple[str, ...]
    crawl_delay: float  # seconds
    hours: tuple[time, time] | None = None
    netkeiba: str | None = None  # where the photos' races are asked for; None: photos only
    netkeiba_race: str | None = None  # where calendars and races to come are asked for
    timeouts: Timeouts = field(default_factory=Timeouts)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False  # told to stop from outside (Ctrl-C, SIGTERM)
    fetcher: Fetcher | None = None

    @property
    def hosts(self) -> list[str]:
        """The hosts that a crawl asks, each once, that of the photos first."""
        return list(dict.fromkeys(host_name(site) for site in self.sites))

    async def connect(self) -> Connection:
        """A connection of one's own, each statement a transaction unless said otherwise."""
        return await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True)


def lane_lock(host: str) -> str:
    """What keeps the lanes of one host apart."""
    return f"lane:{host}"


def build_app(place: Workplace) -> App:
    """The engine of this process, with its one task."""
    app = App(connector=PsycopgConnector(conninfo=place.conninfo, min_size=1, max_size=4))

    @app.task(name="lane", pass_context=True)
    async def lane(context: JobContext, **arguments: Any) -> None:
        assert context.job.id is not None
        try:
            await run_lane(place, app, context.job.id, arguments)
        except psycopg.OperationalError as error:
            logger.error("lane cut off from the database", extra={"reason": str(error).strip().splitlines()[0]})
            raise
        except PaddockError as error:
            logger.error("lane ended: %s", error)  # a mistake to be mended, no error of ours
            raise
        except Exception:
            logger.exception("lane failed")
            raise

    return app


async def defer_lane(
    app: App,
    connection: Connection,
    queue: str,
    host: str,
    arguments: dict[str, Any],
    at: datetime | None = None,
) -> None:
    """Queue a lane, on the given connection and so within its transaction."""
    task = app.configure_task("lane", queue=queue, lock=lane_lock(host), schedule_at=at, connection=connection)
    await task.defer_async(**arguments)


async def start_lane(app: App, connection: Connection, source: str, site: str, scope: Scope) -> None:
    """Queue the lane of a crawl, unless it is queued or running already."""
    host = host_name(site)
    async with connection.transaction():
        await connection.execute(ONE_AT_A_TIME, (f"{scope.token} {host}",))
        row = await (await connection.execute(WAITING, (scope.token, lane_lock(host)))).fetchone()
        if row and not row[0]:
            arguments = {
                "source": source,
                "site": site,
                "since": str(scope.since),
                "until": str(scope.until),
                "limit": scope.limit,
                "all_races": scope.all_races,
            }
            await defer_lane(app, connection, scope.token, host, arguments)


async def follow_up(place: Workplace, app: App, connection: Connection, scope: Scope) -> None:
    """Queue what the pages read so far call for on other hosts. Done after every slice too, so never lost."""
    for site, want in ((place.netkeiba, want_from_results), (place.netkeiba_race, want_coming_days)):
        if site is None:
            continue
        host = host_name(site)
        await connection.execute("INSERT INTO host (name) VALUES (%s) ON CONFLICT DO NOTHING", (host,))
        await want(connection, site, scope)
        is_open = await (await connection.execute(OPEN, (host,))).fetchone()
        due = await (await connection.execute(ANYTHING_DUE, scope_parameters([host], scope))).fetchone()
        if is_open and is_open[0] and due and due[0]:
            await start_lane(app, connection, netkeiba.SOURCE, site, scope)


async def run_lane(place: Workplace, app: App, job_id: int, arguments: dict[str, Any]) -> None:
    """One slice of a lane; its successor is queued before it ends."""
    site, source = arguments["site"], arguments["source"]
    host = host_name(site)
    since, until = date.fromisoformat(arguments["since"]), date.fromisoformat(arguments["until"])
    scope = Scope(since, until, arguments["limit"], arguments.get("all_races", False))
    async with await place.connect() as connection:
        pace = Pace(place.crawl_delay, is_loopback(site))
        gate = await Gate.take(connection, host, job_id, pace, place.stopping)
        try:
            end, pages_left = await _slice(place, gate, source, site, scope, arguments.get("pages_left", scope.pages))
        except LaneLost as lost:
            logger.warning("lane lost", extra={"host": host, "reason": str(lost)})
            return
        logger.info("lane ended", extra={"host": host, "why": end.why, "reason": end.reason})
        await match_photos(connection)
        await follow_up(place, app, connection, scope)
        async with connection.transaction():
            await connection.execute(ONE_AT_A_TIME, (f"{scope.token} {host}",))
            more = end.why == "idle" and await _found_more(connection, host, scope, pages_left)
            if more or end.next_at or end.why in ("slice", "stopped"):
                successor = arguments | {"pages_left": pages_left}
                await defer_lane(app, connection, scope.token, host, successor, end.next_at)
            else:
                await connection.execute(ENDED, (job_id,))


async def _found_more(connection: Connection, host: str, scope: Scope, pages_left: int | None) -> bool:
    """Whether pages of this host are due that its lane, being done, has not seen."""
    row = await (await connection.execute(ANYTHING_DUE, scope_parameters([host], scope))).fetchone()
    return pages_left != 0 and row is not None and row[0]


async def _slice(
    place: Workplace, gate: Gate, source: str, site: str, scope: Scope, pages_left: int | None
) -> tuple[LaneEnd, int | None]:
    """Work for a slice of time; says how it ended, and how many pages may still be asked for."""
    assert place.fetcher is not None
    row = await (await gate.connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    if (opens_at := next_opening(row[0], place.hours, None)) > row[0]:
        # Not even robots.txt is asked for.
        return LaneEnd("closed", opens_at, "outside the opening hours"), pages_left
    try:
        robots = await robots_in_force(gate, place.fetcher, source, site)
    except Blocked as blocked:
        return LaneEnd("blocked", blocked.until, str(blocked)), pages_left
    if robots is None:
        return LaneEnd("stopped"), pages_left
    stopped = await drift.stopped_kinds(gate.connection)
    lane = Lane(gate, place.fetcher, robots, place.hours, scope, stopped, pages_left)
    return await lane.run(SLICE), lane.pages_left


async def reap(app: App, connection: Connection, suspects: set[int]) -> set[int]:
    """End the jobs of workers that are gone, and queue their lanes anew.

    A lane is without its session for a moment when it begins and when it ends, so only those are reaped that
    the last look found dead too. Returns the suspects for the next look.
    """
    async with connection.transaction():
        dead = await (await connection.execute(DEAD_LANES, (FROZEN,))).fetchall()
        for job_id, queue, lock, arguments in dead:
            if job_id not in suspects:
                continue
            await connection.execute(FINISH, (job_id,))
            row = await (await connection.execute(WAITING, (queue, lock))).fetchone()
            if row and not row[0] and "ended" not in arguments:
                await defer_lane(app, connection, queue, lock.removeprefix("lane:"), arguments)
            logger.warning("took over the lane of a worker that is gone", extra={"job": job_id, "lock": lock})
    return {job_id for job_id, *_ in dead}


async def _reap_for_ever(place: Workplace, app: App) -> None:
    suspects: set[int] = set()
    async with await place.connect() as connection:
        while True:
            suspects = await reap(app, connection, suspects)
            await asyncio.sleep(REAP_EVERY)


@contextlib.asynccontextmanager
async def working(place: Workplace, queues: list[str] | None) -> AsyncIterator[tuple[App, asyncio.Task[None]]]:
    """A worker in this process, for these queues (None: all), with its reaper, until the context ends."""
    app = build_app(place)
    async with Fetcher(place.contact, place.sites, place.timeouts) as place.fetcher, app.open_async():
        worker = Worker(
            app,
            queues=queues,
            concurrency=len(place.sites) + 1,
            fetch_job_polling_interval=POLL_EVERY,
            delete_jobs="successful",
            install_signal_handlers=False,
            stalled_worker_timeout=FROZEN,
        )
        running = asyncio.create_task(worker.run())
        reaper = asyncio.create_task(_reap_for_ever(place, app))
        try:
            yield app, running
        finally:
            place.stopping.set()
            reaper.cancel()
            worker.stop()
            results = await asyncio.gather(running, reaper, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
