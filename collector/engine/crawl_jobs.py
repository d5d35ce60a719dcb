"""Crawl jobs: the ranges that somebody asked for, kept in Postgres until they are done.

A job says what is wanted and on which hosts, never who does it: a host's work is one thing, whatever asked for it, and
any process that is there does it (`collector.engine.crew`).

A command attends its job while it waits for it. A job that nobody attends,
because its command was interrupted or because the schedule made it, is the workers' to do; the same command
takes it up again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

import psycopg

from collector.fetch.fetcher import Fetcher, Timeouts
from collector.frontier.scope import IN_SCOPE, Scope, scope_parameters
from collector.politeness import accepted
from collector.politeness.gate import Connection, Gate, Pace, host_name
from collector.politeness.leave import Leave
from collector.settings import is_loopback
from collector.sources import Kind, Role, Site

ATTENDED_FOR = 30.0  # seconds for which a command says that it is there

# The same range asked for again is the same job. Its limit begins anew unless another command is counting it down.
ASK = """
INSERT INTO crawl_job AS held (scope, since, until, "limit", all_races, hosts, pages_left, attended_until)
VALUES (%(scope)s, %(since)s, %(until)s, %(limit)s, %(all_races)s, %(hosts)s, %(pages)s,
        clock_timestamp() + make_interval(secs => %(attended)s))
ON CONFLICT (scope, hosts) DO UPDATE SET
    attended_until = GREATEST(held.attended_until, EXCLUDED.attended_until),
    pages_left = CASE WHEN held.attended_until > clock_timestamp() THEN held.pages_left ELSE EXCLUDED.pages_left END
RETURNING id
"""
ATTEND = """
UPDATE crawl_job SET attended_until = clock_timestamp() + make_interval(secs => %s) WHERE id = %s
"""
LEAVE = "UPDATE crawl_job SET attended_until = NULL WHERE id = %s"
OPEN = """
SELECT id, since, until, "limit", all_races, hosts, pages_left FROM crawl_job
WHERE hosts && %(hosts)s AND (%(everything)s OR attended_until > clock_timestamp()) ORDER BY id
"""
# A page that is being asked for stays due until what came of it is committed, together with what it links to. So where
# nothing is due, nobody is at work on the job either.
DUE_HOSTS = f"""
SELECT name FROM host WHERE name = ANY (%(hosts)s) AND excluded_at IS NULL AND EXISTS (
    SELECT FROM page WHERE host = name AND due_at <= clock_timestamp() AND role <> 'robots' AND {IN_SCOPE})
"""
COUNT_DOWN = "UPDATE crawl_job SET pages_left = pages_left - 1 WHERE id = %s AND pages_left > 0"
COUNT_BACK = "UPDATE crawl_job SET pages_left = pages_left + 1 WHERE id = %s"
DONE = "DELETE FROM crawl_job WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of pages whose addresses are built, not found."""

    site: Site
    name: str  # of the kind
    kind: Kind

    def page(self, about: int | str | date, dated: date) -> dict[str, Any]:
        """The page about a year, a day, a horse or a name, as a row of the frontier."""
        assert self.kind.address is not None
        return {
            "url": self.kind.address(self.site.url, about), "host": host_name(self.site.url),
            "source": self.site.source.name, "kind": self.name, "role": self.kind.role, "priority": self.kind.rank,
            "about": about if isinstance(about, str) else None, "dated": dated, "found_on": None,
        }  # fmt: skip


@dataclass(slots=True)
class Crawler:
    """The crawler of this process: its sites, its pace, and what all its lanes share."""

    conninfo: str
    contact: str | None
    sites: tuple[Site, ...]  # those with photos first
    crawl_delay: float  # seconds
    hours: tuple[time, time] | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False  # asked to stop from outside (Ctrl-C, SIGTERM)
    fetcher: Fetcher | None = None

    @property
    def hosts(self) -> list[str]:
        """The hosts that a crawl asks, each once, those of the photos first."""
        return list(dict.fromkeys(host_name(site.url) for site in self.sites))

    @property
    def addresses(self) -> list[str]:
        """The addresses of the sites, each once."""
        return list(dict.fromkeys(site.url for site in self.sites))

    def site_of(self, host: str) -> Site:
        """The site that a host is asked as."""
        return next(site for site in self.sites if host_name(site.url) == host)

    def asked_for(self, role: Role) -> list[Asked]:
        """The kinds of pages of a role that are asked for without a link to them, each with its site."""
        return [
            Asked(site, name, kind)
            for site in self.sites
            for name, kind in site.source.kinds.items()
            if kind.role is role and kind.site == site.name and kind.address
        ]

    async def check_leave(self, hosts: Sequence[str]) -> None:
        """Refuse to work on hosts whose sources' terms nobody has accepted, before anything is written or asked.

        Raises:
            UsageError: with the terms and the command.
        """
        if leaves := self._leaves(hosts):
            async with await self.connect() as connection:
                await accepted.check(connection, leaves)

    def _leaves(self, hosts: Sequence[str]) -> list[Leave]:
        at = [site for site in self.sites if host_name(site.url) in hosts]
        return [leave for site in at if (leave := site.leave)]

    async def claim(self, connection: Connection, host: str, *, lease: float, who: str) -> Gate | None:
        """Take one of its hosts, for the seconds of the lease unless renewed; None where a lane is at work on it.

        Raises:
            UsageError: nobody has accepted the terms of one of the sources that are asked there.
        """
        pace = Pace(self.crawl_delay, is_loopback(self.site_of(host).url))
        return await Gate.claim(connection, host, pace, self.stopping, self._leaves([host]), lease=lease, who=who)

    async def connect(self) -> Connection:
        """A connection of one's own, each statement a transaction unless said otherwise."""
        return await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True)


@dataclass(frozen=True, slots=True)
class CrawlJob:
    """A range that is wanted, and where."""

    id: int
    scope: Scope
    hosts: tuple[str, ...]
    pages_left: int | None  # None: no limit


async def ask_for(connection: Connection, hosts: Sequence[str], scope: Scope, *, attended: bool) -> int:
    """Want a range, on the given connection and so within its transaction; the job's id."""
    facts = {
        "scope": scope.token,
        "since": scope.since,
        "until": scope.until,
        "limit": scope.limit,
        "all_races": scope.all_races,
        "hosts": sorted(hosts),
        "pages": scope.pages,
        "attended": ATTENDED_FOR if attended else None,
    }
    row = await (await connection.execute(ASK, facts)).fetchone()
    assert row is not None
    return row[0]


async def attend(connection: Connection, job_id: int) -> bool:
    """Say that a command still waits for its job; False when the job is done."""
    return (await connection.execute(ATTEND, (ATTENDED_FOR, job_id))).rowcount > 0


async def leave(connection: Connection, job_id: int) -> None:
    """Leave a job to other processes."""
    await connection.execute(LEAVE, (job_id,))


async def open_jobs(connection: Connection, hosts: Sequence[str], *, everything: bool) -> list[CrawlJob]:
    """The jobs that these hosts have a part in, oldest first: all, or only those that a command waits for."""
    rows = await (await connection.execute(OPEN, {"hosts": list(hosts), "everything": everything})).fetchall()
    return [
        CrawlJob(job_id, Scope(since, until, limit, all_races), tuple(its_hosts), pages_left)
        for job_id, since, until, limit, all_races, its_hosts, pages_left in rows
    ]


async def due_hosts(connection: Connection, job: CrawlJob) -> list[str]:
    """The hosts on which pages of a job are due now."""
    if job.pages_left is not None and job.pages_left <= 0:
        return []
    rows = await (await connection.execute(DUE_HOSTS, scope_parameters(job.hosts, job.scope))).fetchall()
    return [name for (name,) in rows]


async def count_down(connection: Connection, job: CrawlJob) -> bool:
    """Take one page from a job's limit before it is asked for: a killed process never makes a job exceed it."""
    return job.pages_left is None or (await connection.execute(COUNT_DOWN, (job.id,))).rowcount > 0


async def count_back(connection: Connection, job: CrawlJob) -> None:
    """Give back a page that was not asked for."""
    if job.pages_left is not None:
        await connection.execute(COUNT_BACK, (job.id,))


async def finish(connection: Connection, job_id: int) -> None:
    """The job is done."""
    await connection.execute(DONE, (job_id,))
