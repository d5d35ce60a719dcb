"""Pictures are decoded in processes that end: by time, by memory, with a cancelled call, with their parent."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.errors import BrokenPicture
from collector.storage.decoder_process import Limits
from collector.storage.decoders import PATIENCE, PROCESSES, Decoders, decoders
from tests import heavy
from tests.paths import ROOT

TIGHT = Limits(seconds=1, memory=200_000_000)


@pytest.fixture
def room() -> Iterator[Decoders]:
    with Decoders(2, TIGHT) as room:
        yield room


def is_there(pid: int) -> bool:
    """Whether a process runs and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # before it was opened, or before it was read
        return False


def wait_for(path: Path) -> int:
    """The process that has written its id to a file."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if path.exists() and (word := path.read_text()):
            return int(word)
        time.sleep(0.01)
    raise AssertionError(f"{path} was never written")


def gone_within(pid: int, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while is_there(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    return not is_there(pid)


def test_a_call_is_done_in_another_process_which_is_kept(room: Decoders) -> None:
    assert room.run(heavy.add, 2, other=3) == 5
    first = room.run(heavy.own_pid)
    assert first != os.getpid()
    assert room.run(heavy.own_pid) == first


def test_what_a_function_says_of_a_picture_comes_back_as_it_is(room: Decoders) -> None:
    with pytest.raises(BrokenPicture, match="cut off"):
        room.run(heavy.refuse, "cut off")


def test_a_call_that_takes_too_long_is_ended_and_its_process_replaced(room: Decoders) -> None:
    process = room.run(heavy.own_pid)
    with pytest.raises(BrokenPicture, match="more than 1 s"):
        room.run(heavy.compute_for_ever)
    assert not is_there(process)
    assert room.run(heavy.add, 1, 1) == 2


def test_each_call_has_its_own_seconds(room: Decoders) -> None:
    for _ in range(2):
        with pytest.raises(BrokenPicture, match="more than 1 s"):
            room.run(heavy.compute_for_ever)
    assert room.run(heavy.add, 1, 1) == 2


def test_a_call_that_needs_too_much_memory_is_refused_alone(room: Decoders) -> None:
    for _ in range(3):
        with pytest.raises(BrokenPicture, match=r"more than 0\.2 GB"):
            room.run(heavy.take_memory, 400_000_000)
        assert room.run(heavy.take_memory, 100_000_000) == 100_000_000


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS])
def test_a_call_that_kills_its_process_is_tried_once_more_only(
    room: Decoders, how: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(BrokenPicture, match=how.name):
        room.run(heavy.die, how)
    assert [record.getMessage() for record in caplog.records].count("a decoder died") == 2
    assert room.run(heavy.add, 1, 1) == 2


def test_one_whose_process_was_killed_from_outside_comes_after_all(room: Decoders, tmp_path: Path) -> None:
    assert room.run(heavy.die_once, tmp_path / "mark") == "done"


def test_a_fault_of_the_library_is_a_broken_picture_and_is_logged(
    room: Decoders, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), pytest.raises(BrokenPicture, match="an inner thing is wrong"):
        room.run(heavy.trip)
    assert "heavy.py" in caplog.records[-1].__dict__["trace"]


async def test_other_calls_go_on_while_one_is_unpacked(room: Decoders, tmp_path: Path) -> None:
    hard = asyncio.create_task(room.ask(heavy.sleep, 300, tmp_path / "mark"))
    await asyncio.to_thread(wait_for, tmp_path / "mark")
    assert [await room.ask(heavy.add, number, 1) for number in range(20)] == list(range(1, 21))
    assert not hard.done()
    hard.cancel()


async def test_a_cancelled_call_ends_its_process(room: Decoders, tmp_path: Path) -> None:
    task = asyncio.create_task(room.ask(heavy.sleep, 300, tmp_path / "mark"))
    process = await asyncio.to_thread(wait_for, tmp_path / "mark")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(gone_within, process, 20)
    assert await room.ask(heavy.add, 1, 1) == 2


async def test_a_call_that_is_cancelled_before_its_turn_never_begins(room: Decoders, tmp_path: Path) -> None:
    busy = [asyncio.create_task(room.ask(heavy.sleep, 1)) for _ in range(2)]
    late = asyncio.create_task(room.ask(heavy.sleep, 300, tmp_path / "mark"))
    await asyncio.sleep(0.1)
    late.cancel()
    assert await asyncio.gather(*busy) == ["slept", "slept"]
    assert await room.ask(heavy.add, 1, 1) == 2
    assert not (tmp_path / "mark").exists()


async def test_calls_take_turns_on_the_processes_that_are_there(room: Decoders) -> None:
    there = {room.run(heavy.own_pid)}
    assert {await room.ask(heavy.own_pid) for _ in range(5)} == there
    assert {room.run(heavy.own_pid) for _ in range(5)} == there


async def test_an_idle_process_that_was_killed_is_replaced(room: Decoders) -> None:
    for call in range(3):
        os.kill(room.run(heavy.own_pid), signal.SIGKILL)
        assert await room.ask(heavy.add, call, 1) == call + 1


async def test_a_picture_that_ends_an_idle_process_is_tried_twice_and_then_broken(
    room: Decoders, tmp_path: Path
) -> None:
    room.run(heavy.add, 1, 1)
    assert await room.ask(heavy.die_once, tmp_path / "mark") == "done"
    with pytest.raises(BrokenPicture, match="died 2 times"):
        await room.ask(heavy.die)
    room.run(heavy.add, 1, 1)
    with pytest.raises(BrokenPicture, match="takes more than"):
        await room.ask(heavy.compute_for_ever)


async def test_a_cancelled_call_ends_the_idle_process_that_it_took(room: Decoders, tmp_path: Path) -> None:
    room.run(heavy.add, 1, 1)
    await test_a_cancelled_call_ends_its_process(room, tmp_path)


async def test_a_room_that_closes_ends_a_call_of_an_idle_process(tmp_path: Path) -> None:
    room = Decoders(1, TIGHT)
    room.run(heavy.add, 1, 1)
    task = asyncio.create_task(room.ask(heavy.sleep, 300, tmp_path / "mark"))
    late = asyncio.create_task(room.ask(heavy.add, 1, 1))
    process = await asyncio.to_thread(wait_for, tmp_path / "mark")
    await asyncio.to_thread(room.close)
    async with asyncio.timeout(PATIENCE / 2):  # at once, and not when its patience ends
        await asyncio.gather(task, late, return_exceptions=True)
    assert task.cancelled()
    assert late.cancelled()
    assert not is_there(process)


async def test_more_waiting_calls_do_not_start_more_processes(room: Decoders) -> None:
    found = await asyncio.gather(*(room.ask(heavy.own_pid) for _ in range(60)))
    assert len(set(found)) <= 2


def test_a_room_that_closes_ends_what_it_is_at(tmp_path: Path) -> None:
    room = Decoders(1, TIGHT)
    room.submit(heavy.sleep, 300, tmp_path / "mark")
    process = wait_for(tmp_path / "mark")
    room.close()
    assert not is_there(process)


def test_a_process_that_cannot_be_started_is_not_the_pictures_fault(
    room: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(OSError, match="nowhere"):
        room.run(heavy.add, 1, 1)
    monkeypatch.undo()
    assert room.run(heavy.add, 1, 1) == 2


PARENT = """
import sys
from pathlib import Path
from collector.storage.decoder_process import Limits
from collector.storage.decoders import Decoders
from tests import heavy
Decoders(1, Limits(seconds=600, memory=1_000_000_000)).run(getattr(heavy, sys.argv[1]), *eval(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit of seconds ends it")
@pytest.mark.parametrize("call", ["compute_for_ever", "sleep"])
def test_a_parent_that_is_killed_leaves_no_process_behind(tmp_path: Path, call: str) -> None:
    mark = tmp_path / "mark"
    arguments = f"({'300, ' if call == 'sleep' else ''}Path({str(mark)!r}),)"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, call, arguments], cwd=ROOT)
    try:
        child = wait_for(mark)
        assert is_there(child)
    finally:
        parent.kill()
        parent.wait()
    assert gone_within(child, 20)


IDLE = """
import os, signal, sys
from collector.storage.decoders import decoders
from tests import heavy
print(decoders().run(heavy.own_pid), flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["by itself", "killed"])
def test_an_idle_process_ends_with_its_parent_however_that_ends(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IDLE, how], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert gone_within(int(done.stdout), 20)


@pytest.mark.parametrize("after", [0.0, 0.03, 0.06, 0.3])
def test_a_ctrl_c_is_the_parents_also_while_a_process_starts(tmp_path: Path, after: float) -> None:
    """The terminal sends it to all processes. The parent ends its process, and none of them prints a traceback."""
    mark = tmp_path / "mark"
    words = (PARENT.replace("Decoders(1", "try:\n    print(flush=True)\n    Decoders(1")
             + "except KeyboardInterrupt:\n    sys.exit(130)\n")  # fmt: skip
    parent = subprocess.Popen(
        [sys.executable, "-c", words, "sleep", f"(300, Path({str(mark)!r}))"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    parent.stdout.readline()
    time.sleep(after)
    os.killpg(parent.pid, signal.SIGINT)
    _, output = parent.communicate(timeout=60)
    assert (parent.returncode, output) == (130, "")
    if mark.exists() and (word := mark.read_text()):
        assert gone_within(int(word), 20)


def test_a_program_has_one_room_and_it_is_small() -> None:
    assert decoders() is decoders()
    assert PROCESSES == 2
