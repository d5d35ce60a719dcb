"""The gate: one row a host, on the database's clock, for the whole fleet."""

import asyncio
import itertools
from datetime import timedelta

import psycopg
import pytest

from collector.codes import Block
from collector.errors import LaneLost
from collector.pipeline.forget import forget_host, forget_url
from collector.politeness.gate import Blocked, Connection, Gate, host_name
from tests.collector.politeness.gates import HOST, one, take


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


async def test_a_pause_is_judged_by_the_delay_in_force_then(connection: Connection) -> None:
    """robots.txt asks for a longer one later: the earlier ones were kept all the same."""
    gate = await take(connection)
    least = "SELECT round(least_slack::numeric, 3)::float8 FROM host"
    began = (await gate.reserve()).at
    # Seconds after the first request, the delay that its answer leaves behind, and the least slack from then on.
    for seconds, delay, slack in [(0, 0.5, None), (0.6, 0.5, 0.1), (1.1, 5.0, 0.0), (6.2, 0.2, 0.0), (6.3, 9.0, -0.1)]:
        values = (HOST, gate.epoch, began + timedelta(seconds=seconds), delay)
        await connection.execute("SELECT finish_slot(%s, %s, %s, %s, 'test')", values)
        assert await one(connection, least) == slack


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
        for act in (
            old.reserve,
            lambda: old.release(slot),
            lambda: old.block(None, Block.BUSY, "429"),
            lambda: old.wait(slot),
        ):
            await asyncio.sleep(0.01)
            with pytest.raises(LaneLost):
                await act()


async def test_retry_after_is_kept_to_the_second_and_never_capped(connection: Connection) -> None:
    gate = await take(connection)
    await gate.block(7 * 86400.0, Block.BUSY, "429")
    assert await one(connection, "SELECT blocked_until - clock_timestamp() > interval '6 days 23:59' FROM host")
    with pytest.raises(Blocked, match="429"):
        await gate.reserve()


@pytest.mark.parametrize("asked", [None, 0.0, 1.0, 59.0])
async def test_our_own_back_off_is_the_least(connection: Connection, asked: float | None) -> None:
    gate = await take(connection)
    await gate.block(asked, Block.BUSY, "429")
    assert await one(connection, "SELECT blocked_until - clock_timestamp() > interval '59 seconds' FROM host")


async def test_incidents_double_up_to_a_day(connection: Connection) -> None:
    gate = await take(connection)
    waits = []
    for _ in range(14):
        until = await gate.block(None, Block.BUSY, "503")
        waits.append((until - await one(connection, "SELECT clock_timestamp()")).total_seconds())  # pyright: ignore
        await connection.execute("UPDATE host SET blocked_until = clock_timestamp()")  # the block is over
    for number, wait in enumerate(waits):
        wanted = min(60 * 2**number, 86400)
        assert wanted - 1 < wait < wanted * 1.1 + 1


async def test_failures_within_one_block_are_one_incident(connection: Connection) -> None:
    gate = await take(connection)
    for _ in range(5):
        await gate.block(None, Block.BUSY, "503")
    assert await one(connection, "SELECT incidents FROM host") == 1


async def test_thirty_quiet_minutes_forgive(connection: Connection) -> None:
    gate = await take(connection)
    for _ in range(4):
        await gate.block(None, Block.BUSY, "503")
        await connection.execute("UPDATE host SET blocked_until = clock_timestamp()")
    await connection.execute("UPDATE host SET blocked_until = clock_timestamp() - interval '31 minutes'")
    await gate.block(None, Block.BUSY, "503")
    assert await one(connection, "SELECT incidents FROM host") == 1


async def test_a_slot_given_back_is_there_for_the_next(connection: Connection) -> None:
    gate = await take(connection)
    slot = await gate.reserve()
    await gate.release(slot)
    assert (await gate.reserve()).at - slot.at < timedelta(seconds=0.5)


async def test_a_slot_that_was_used_cannot_be_given_back(connection: Connection) -> None:
    gate = await take(connection)
    slot = await gate.reserve()
    await connection.execute("SELECT finish_slot(%s, %s, %s, 1.0, 'test')", (HOST, gate.epoch, slot.at))
    await gate.release(slot)
    later = await gate.reserve()
    assert later.at - slot.at == timedelta(seconds=1)
    await gate.release(slot)  # another one is reserved now
    assert (await gate.reserve()).at > later.at + timedelta(seconds=30)


async def slot_ahead(gate: Gate) -> None:
    """Leave the gate with its next slot a delay away."""
    slot = await gate.reserve()
    values = (gate.host, gate.epoch, slot.at, gate.delay)
    await gate.connection.execute("SELECT finish_slot(%s, %s, %s, %s, 'test')", values)


async def test_a_slot_is_given_back_when_the_process_is_to_stop(connection: Connection) -> None:
    gate = await take(connection)
    await slot_ahead(gate)
    slot = await gate.reserve()
    gate._stopping.set()
    assert await gate.wait(slot) is None
    assert await one(connection, "SELECT open_until IS NULL AND slot_at IS NULL FROM host")
    assert (await gate.reserve()).at == slot.at


async def test_nothing_is_asked_for_after_a_host_is_forgotten(connection: Connection, conninfo: str) -> None:
    gate = await take(connection, delay=0.3)
    await slot_ahead(gate)
    slot = await gate.reserve()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as other:
        await forget_host(other, HOST)
    assert await gate.wait(slot) is None
    assert await one(connection, "SELECT open_until IS NULL FROM host")


async def page_of(connection: Connection, url: str) -> int:
    query = (
        "INSERT INTO page (url, host, source, kind, role, dated) VALUES (%s, %s, 'keibado', 'image', 'picture', now())"
        " RETURNING id"
    )
    row = await (await connection.execute(query, (url, HOST))).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_page_is_not_asked_for_after_it_is_forgotten(
    connection: Connection, conninfo: str, taken: bool
) -> None:
    """It was taken up and waits for its slot; or it was tried before, and its next slot is there at once."""
    gate = await take(connection, delay=0.3)
    if taken:
        await slot_ahead(gate)
    doomed, other = [await page_of(connection, f"http://{HOST}/{number}") for number in range(2)]
    slot = await gate.reserve()
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as person:
        await forget_url(person, f"http://{HOST}/0")
    assert await gate.wait(slot, doomed, taken=taken) is None
    assert await one(connection, "SELECT open_until IS NULL AND slot_at IS NULL FROM host")
    assert await gate.wait(await gate.reserve(), other, taken=taken) is not None


async def test_a_host_that_closes_while_a_slot_is_waited_for_says_until_when(connection: Connection) -> None:
    gate = await take(connection, delay=0.3)
    await slot_ahead(gate)
    slot = await gate.reserve()
    until = await gate.block(None, Block.BUSY, "503")
    with pytest.raises(Blocked, match="503") as caught:
        await gate.wait(slot)
    assert caught.value.until == until


async def test_a_late_slot_of_a_forgotten_host_is_not_renewed(connection: Connection) -> None:
    gate = await take(connection)
    slot = await gate.reserve()
    await asyncio.sleep(0.02)
    await connection.execute("UPDATE host SET excluded_at = now()")
    assert await gate.wait(slot) is None


async def test_an_error_is_not_its_own_cause(connection: Connection) -> None:
    gate = await take(connection)
    with pytest.raises(psycopg.errors.DivisionByZero) as caught:
        await gate._call("SELECT 1/0, %s, %s")
    assert caught.value.__cause__ is None


async def test_a_forgotten_host_is_closed_for_good(connection: Connection) -> None:
    gate = await take(connection)
    await connection.execute("UPDATE host SET excluded_at = now()")
    with pytest.raises(Blocked) as caught:
        await gate.reserve()
    assert caught.value.until is None
