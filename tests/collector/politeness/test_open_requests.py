"""A request that is open when its lane ends: the next lane waits until it is closed."""

import asyncio
import signal
import subprocess
import sys
import time
from datetime import timedelta

import psycopg
import pytest

from collector.errors import LaneLost
from collector.fetch.fetcher import PAGE_BYTES, Fetcher, Timeouts
from collector.politeness import holder
from collector.politeness.gate import Connection, Gate
from tests.collector.politeness.gates import HOST, one, take
from tests.demo_site import DemoSite, demo_site
from tests.paths import ROOT


async def test_the_next_lane_waits_for_the_open_request_of_a_frozen_one(connection: Connection, conninfo: str) -> None:
    frozen = await take(connection)
    slot = await frozen.reserve()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        new = await take(other, job_id=2)
        assert ((await new.reserve()).at - slot.at).total_seconds() > 30


async def test_the_request_of_a_killed_process_is_closed(connection: Connection, conninfo: str) -> None:
    killed = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    slot = await (await take(killed)).reserve()
    await killed.close()
    while await one(connection, "SELECT lane_alive(1)"):  # noqa: ASYNC110  (the database has no event for it)
        await asyncio.sleep(0.01)
    new = await take(connection, job_id=2)
    assert (await new.reserve()).at - slot.at == timedelta(seconds=1)


STALL = "/keibabook/bn/2016.html"


async def asking(gate: Gate, fetcher: Fetcher, site: DemoSite) -> asyncio.Task:
    """A request that is never answered, under way."""
    slot = await gate.wait(await gate.reserve())
    assert slot is not None
    task = asyncio.create_task(gate.watch(fetcher.get(f"{site.base}{STALL}", max_bytes=PAGE_BYTES)))
    while not site.log.open_requests:  # noqa: ASYNC110  (the site has no event for it)
        await asyncio.sleep(0.01)
    return task


async def closed(site: DemoSite) -> None:
    began = time.monotonic()
    while site.log.open_requests:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.01)


async def test_a_cut_lane_closes_its_request_and_the_next_waits_for_that(connection: Connection, conninfo: str) -> None:
    async with (
        demo_site(hostile=[f"stall@{STALL}"]) as site,
        Fetcher(None, [site.base], Timeouts()) as fetcher,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as cut,
    ):
        old = await take(cut, delay=0.1)
        task = await asking(old, fetcher, site)
        await connection.execute("SELECT pg_terminate_backend(%s)", (cut.info.backend_pid,))
        while await one(connection, "SELECT lane_alive(1)"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        early = await take(connection, job_id=2)  # its session is gone, its request is not
        assert site.log.open_requests == 1
        assert (await early.reserve()).due - asyncio.get_running_loop().time() > 30
        with pytest.raises(psycopg.OperationalError):
            await task
        await closed(site)


async def test_the_next_lane_goes_on_as_soon_as_the_request_is_closed(connection: Connection, conninfo: str) -> None:
    async with (
        demo_site(hostile=[f"stall@{STALL}"]) as site,
        Fetcher(None, [site.base], Timeouts()) as fetcher,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as cut,
    ):
        task = await asking(await take(cut, delay=0.1), fetcher, site)
        await connection.execute("SELECT pg_terminate_backend(%s)", (cut.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await task
        await closed(site)
        assert (await (await take(connection, job_id=2)).reserve()).due - asyncio.get_running_loop().time() < 1


async def test_a_lane_that_was_taken_over_closes_its_request(connection: Connection, conninfo: str) -> None:
    async with (
        demo_site(hostile=[f"stall@{STALL}"]) as site,
        Fetcher(None, [site.base], Timeouts()) as fetcher,
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other,
    ):
        task = await asking(await take(connection), fetcher, site)
        await take(other, job_id=2)
        with pytest.raises(LaneLost):
            await task
        await closed(site)


HOLD = """
import asyncio, sys, psycopg
from collector.politeness.gate import Gate, Pace
async def main():
    connection = await psycopg.AsyncConnection.connect(sys.argv[1], autocommit=True)
    gate = await Gate.take(connection, sys.argv[2], 7, Pace(0.1), asyncio.Event())
    await gate.wait(await gate.reserve())
    print("holds", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("killed", [True, False])
async def test_the_next_lane_waits_unless_the_process_is_gone(
    connection: Connection, conninfo: str, killed: bool
) -> None:
    """Its session ends either way; only the kernel closes what a process has open."""
    command = [sys.executable, "-c", HOLD, conninfo, HOST]
    process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    try:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
        if killed:
            process.send_signal(signal.SIGKILL)  # and not waited for: its number stays taken
        else:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        while await one(connection, "SELECT lane_alive(7)"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        gate = await take(connection, job_id=8)
        wait = (await gate.reserve()).due - asyncio.get_running_loop().time()
        assert wait < 1 if killed else wait > 30
    finally:
        process.kill()
        process.communicate()


async def test_a_lane_in_between_does_not_hide_an_open_request(connection: Connection, conninfo: str) -> None:
    """The second lane never asks; the third still waits for the first, whose request is open."""
    first = await take(connection)
    await first.wait(await first.reserve())
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        await take(other, job_id=2)
        await connection.execute("SELECT pg_advisory_unlock_all()")
        third = await take(other, job_id=3)
        assert (await third.reserve()).due - asyncio.get_running_loop().time() > 30


def test_a_holder_of_another_machine_or_of_none_is_never_known_to_be_gone() -> None:
    machine, pid, started, number = holder.new_holder().split()
    assert not holder.is_gone(None)
    assert not holder.is_gone("")
    assert not holder.is_gone(f"elsewhere/{machine} {pid} {started} {number}")
    assert not holder.is_gone(f"{machine} 1 ? 1")  # there, and when it started is not known
    assert holder.is_gone(f"{machine} {pid} 1 {number}")  # the number was used before
    assert holder.is_gone(f"{machine} 4194304 1 1")  # beyond all numbers
