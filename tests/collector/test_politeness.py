"""The gate: one row a host, on the database's clock, for the whole fleet."""

import asyncio
import itertools
from datetime import timedelta
from typing import LiteralString

import psycopg
import pytest

from collector.errors import LaneLost
from collector.politeness import Blocked, Connection, Gate, Pace, host_name

HOST = "stable.example"


async def take(connection: Connection, job_id: int = 1, delay: float = 1.0) -> Gate:
    return await Gate.take(connection, HOST, job_id, Pace(delay), asyncio.Event())


async def one(connection: Connection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return row and row[0]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://Old.Keibado.ne.jp/a", "old.keibado.ne.jp"),
        ("http://old.keibado.ne.jp:80/a", "old.keibado.ne.jp"),
        ("https://old.keibado.ne.jp:443/", "old.keibado.ne.jp"),
        ("http://127.0.0.1:8766/robots.txt", "127.0.0.1:8766"),
    ],
)
def test_a_gate_is_a_host_and_its_unusual_port(url: str, name: str) -> None:
    assert host_name(url) == name


async def test_slots_are_a_delay_apart_however_fast_they_are_asked_for(connection: Connection) -> None:
    gate = await take(connection, delay=0.5)
    slots = [await gate.reserve() for _ in range(5)]
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in itertools.pairwise(slots)]
    # Each slot also waits for the request before it, which may be open until it is finished.
    assert min(gaps) >= 0.5


async def test_a_finished_request_frees_the_next_slot(connection: Connection) -> None:
    gate = await take(connection, delay=0.5)
    first = await gate.reserve()
    await connection.execute("SELECT finish_slot(%s, %s, %s, 0.5, 'test')", (HOST, gate.epoch, first.at))
    second = await gate.reserve()
    assert second.at - first.at == timedelta(seconds=0.5)


async def test_a_late_request_moves_the_next_slot(connection: Connection) -> None:
    gate = await take(connection, delay=0.5)
    first = await gate.reserve()
    started = first.at + timedelta(seconds=0.2)
    await connection.execute("SELECT finish_slot(%s, %s, %s, 0.5, 'test')", (HOST, gate.epoch, started))
    second = await gate.reserve()
    assert second.at - started == timedelta(seconds=0.5)


async def test_a_process_that_comes_late_to_its_slot_takes_a_new_one(connection: Connection) -> None:
    gate = await take(connection, delay=0.5)
    slot = await gate.reserve()
    await asyncio.sleep(0.3)  # held up: the machine was busy, or the process frozen
    renewed = await gate.wait(slot)
    assert renewed is not None
    assert (renewed.at - slot.at).total_seconds() > 0.25
    assert await one(connection, "SELECT EXTRACT(EPOCH FROM next_at - clock_timestamp()) > 0.4 FROM host")


async def test_an_older_lane_can_neither_ask_nor_finish_nor_block(connection: Connection, conninfo: str) -> None:
    old = await take(connection)
    slot = await old.reserve()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        new = await take(other, job_id=2)
        assert new.epoch == old.epoch + 1
        for act in (old.reserve, lambda: old.release(slot), lambda: old.block(None, "busy"), lambda: old.wait(slot)):
            await asyncio.sleep(0.01)
            with pytest.raises(LaneLost):
                await act()


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


async def test_retry_after_is_kept_to_the_second_and_never_capped(connection: Connection) -> None:
    gate = await take(connection)
    await gate.block(7 * 86400.0, "429")
    assert await one(connection, "SELECT blocked_until - clock_timestamp() > interval '6 days 23:59' FROM host")
    with pytest.raises(Blocked, match="429"):
        await gate.reserve()


async def test_incidents_double_up_to_a_day(connection: Connection) -> None:
    gate = await take(connection)
    waits = []
    for _ in range(14):
        until = await gate.block(None, "503")
        waits.append((until - await one(connection, "SELECT clock_timestamp()")).total_seconds())  # pyright: ignore
        await connection.execute("UPDATE host SET blocked_until = clock_timestamp()")  # the block is over
    for number, wait in enumerate(waits):
        wanted = min(60 * 2**number, 86400)
        assert wanted - 1 < wait < wanted * 1.1 + 1


async def test_failures_within_one_block_are_one_incident(connection: Connection) -> None:
    gate = await take(connection)
    for _ in range(5):
        await gate.block(None, "503")
    assert await one(connection, "SELECT incidents FROM host") == 1


async def test_thirty_quiet_minutes_forgive(connection: Connection) -> None:
    gate = await take(connection)
    for _ in range(4):
        await gate.block(None, "503")
        await connection.execute("UPDATE host SET blocked_until = clock_timestamp()")
    await connection.execute("UPDATE host SET blocked_until = clock_timestamp() - interval '31 minutes'")
    await gate.block(None, "503")
    assert await one(connection, "SELECT incidents FROM host") == 1


async def test_a_slot_given_back_is_there_for_the_next(connection: Connection) -> None:
    gate = await take(connection)
    slot = await gate.reserve()
    await gate.release(slot)
    assert (await gate.reserve()).at - slot.at < timedelta(seconds=0.5)


async def test_a_forgotten_host_is_closed_for_good(connection: Connection) -> None:
    gate = await take(connection)
    await connection.execute("UPDATE host SET excluded_at = now()")
    with pytest.raises(Blocked) as caught:
        await gate.reserve()
    assert caught.value.until is None
