"""One job, one attempt: what is frozen, cut off or killed and comes back writes nothing, and nothing runs twice."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from tests.trainer import hurried
from tests.trainer.stable import WITHIN, Stable, alive
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.errors import Superseded
from trainer.jobs import attempt, bundles, hold, job_store, supervisor
from trainer.jobs.attempt import Attempt, Ending, send_beats
from trainer.jobs.command import environment_of
from trainer.jobs.database import Database
from trainer.jobs.folders import prepare
from trainer.jobs.hold import FROZEN, Pulse
from trainer.jobs.job_store import Connection
from trainer.jobs.task import Job, State, Task


def queued(connection: Connection, script: str = "true", name: str = "a", place: str = "stable") -> Job:
    queue = "fleet:cpu" if place == "stable" else "x:cpu"
    task = Task(command=("sh", "-c", script))
    return job_store.queue(connection, name, task, place=place, queue=queue, gpus=0, code=None, data=None)


def claim(connection: Connection, job: Job) -> Job:
    connection.execute(
        "UPDATE training_job SET state = 'running', attempts = attempts + 1, beat = 0, machine = 'm' WHERE id = %s",
        (job.id,),
    )
    return read(connection, job)


def read(connection: Connection, job: Job) -> Job:
    now = job_store.read_job(connection, job.id)
    assert now is not None
    return now


def bring_back(connection: Connection, job: Job, folder: Path, content: str) -> None:
    """As an attempt on another machine does it."""
    folder.mkdir(exist_ok=True)
    (folder / "checkpoint").write_text(content)
    with connection.transaction():
        digest, _ = bundles.keep_folder(connection, "output", folder)
        facts = {"job": job.id, "attempt": job.attempts, "output": digest}
        assert connection.execute(hold.KEEP_OUTPUT, facts).fetchone()


# --- what is gone on from ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other_brought_back", "goes_on_from"), [(True, "step 900"), (False, "step 100")], ids=["newer", "nothing newer"]
)
def test_a_job_back_on_a_machine_goes_on_from_the_newest_output(
    conninfo: str, tmp_path: Path, *, other_brought_back: bool, goes_on_from: str
) -> None:
    root = tmp_path / "jobs" / "a"
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        first = prepare(connection, job, Directories(tmp_path), root)
        bring_back(connection, job, tmp_path / "kept", "step 50")
        (first.output / "checkpoint").write_text("step 100")  # its engine is killed before it is brought back
        job = claim(connection, job)
        if other_brought_back:
            bring_back(connection, job, tmp_path / "elsewhere", "step 900")
        job = claim(connection, job)
        third = prepare(connection, job, Directories(tmp_path), root)
    assert (third.output / "checkpoint").read_text() == goes_on_from


def test_output_of_which_nobody_says_whose_it_is_is_not_gone_on_from(conninfo: str, tmp_path: Path) -> None:
    root = tmp_path / "jobs" / "a"
    with job_store.opened(conninfo) as connection:
        earlier = claim(connection, queued(connection))
        (prepare(connection, earlier, Directories(tmp_path), root).output / "checkpoint").write_text("another job's")
        job_store.stop(connection, earlier)
        connection.execute("UPDATE training_job SET state = 'stopped'")
        job_store.delete(connection, read(connection, earlier))
        same_name = claim(connection, queued(connection))
        folders = prepare(connection, same_name, Directories(tmp_path), root)
        assert list(folders.output.iterdir()) == []
        folders.marker.unlink()
        (folders.output / "checkpoint").write_text("nobody's")
        bring_back(connection, same_name, tmp_path / "elsewhere", "step 900")
        again = prepare(connection, claim(connection, same_name), Directories(tmp_path), root)
    assert (again.output / "checkpoint").read_text() == "step 900"


def test_a_namesake_of_another_database_is_another_job(conninfo: str, other_conninfo: str, tmp_path: Path) -> None:
    """The first job of each is called the same and has the same number; a home may be used with both."""
    root = tmp_path / "jobs" / "a"
    for its in (conninfo, other_conninfo):
        with job_store.opened(its) as connection:
            job = claim(connection, queued(connection))
            assert (job.id, job.attempts) == (1, 1)
            output = prepare(connection, job, Directories(tmp_path), root).output
            assert list(output.iterdir()) == []
            (output / "checkpoint").write_text(f"of {its}")


@pytest.mark.parametrize("marker", ["", "{", "{}", "null", "7", '{"job": 1, "attempt": 1}'])
def test_output_whose_marker_is_cut_off_is_nobodys(conninfo: str, tmp_path: Path, marker: str) -> None:
    root = tmp_path / "jobs" / "a"
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        folders = prepare(connection, job, Directories(tmp_path), root)
        bring_back(connection, job, tmp_path / "kept", "step 50")
        (folders.output / "checkpoint").write_text("torn")
        folders.marker.write_text(marker)
        again = prepare(connection, claim(connection, job), Directories(tmp_path), root)
    assert (again.output / "checkpoint").read_text() == "step 50"


# --- what may be written -------------------------------------------------------------------------------------

WRITES: dict[str, LiteralString] = {
    "beat": hold.BEAT, "log": hold.APPEND, "output": hold.KEEP_OUTPUT, "end": hold.FINISH, "again": hold.REQUEUE,
}  # fmt: skip


def give_back(connection: Connection, _job: Job) -> None:
    connection.execute("UPDATE training_job SET state = 'queued'")


def end(connection: Connection, _job: Job) -> None:
    connection.execute("UPDATE training_job SET state = 'stopped'")


def end_and_resume(connection: Connection, job: Job) -> None:
    end(connection, job)
    job_store.resume(connection, job)


def end_and_delete(connection: Connection, job: Job) -> None:
    end(connection, job)
    job_store.delete(connection, job)


EVENTS: dict[str, Callable[[Connection, Job], Any]] = {
    "claimed by another": claim, "queued again": give_back, "stopped": end, "stopped, resumed": end_and_resume,
    "deleted": end_and_delete,
}  # fmt: skip


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_under_a_number_that_is_no_longer_the_jobs(conninfo: str, write: str, event: str) -> None:
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        digest, _ = bundles.keep(connection, "output", BytesIO(b"x"))
        facts = {
            "job": job.id, "attempt": job.attempts, "seconds": 1.0, "start": 0, "size": 1, "content": b"x",
            "output": digest, "state": "done", "reason": "", "detail": Jsonb({}), "exit_code": 0, "killed": 0,
        }  # fmt: skip
        with connection.transaction(force_rollback=True):
            assert connection.execute(WRITES[write], facts).fetchone()  # as long as it is
        EVENTS[event](connection, job)
        rows = "SELECT * FROM training_job"
        before = connection.execute(rows).fetchall()
        assert connection.execute(WRITES[write], facts).fetchone() is None
        assert connection.execute(rows).fetchall() == before
        assert connection.execute("SELECT count(*) FROM training_log").fetchone() == (0,)


def test_a_piece_of_the_log_whose_answer_was_lost_is_kept_once(conninfo: str) -> None:
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        facts = {"job": job.id, "attempt": 1, "start": 0, "size": 2, "content": b"a\n"}
        for _ in range(2):
            assert connection.execute(hold.APPEND, facts).fetchone()
        assert connection.execute(hold.APPEND, facts | {"start": 2, "content": b"b\n"}).fetchone()
        assert b"".join(piece for _, piece in job_store.read_log(connection, job)) == b"a\nb\n"
        assert read(connection, job).log_bytes == 4


# --- an attempt that is overtaken ----------------------------------------------------------------------------


async def attempt_at(conninfo: str, root: Path, script: str) -> Attempt:
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection, script))
        folders = prepare(connection, job, Directories(root), root / "jobs" / job.name)
    return Attempt(job, folders, Database(job_store.conninfo_of_jobs(conninfo)))


async def run_it(one: Attempt, home: Path) -> Ending:
    holding = asyncio.create_task(send_beats(one))
    try:
        return await attempt.run(one, environment_of(one.job, one.folders, home, ()), ())
    finally:
        holding.cancel()
        await one.database.close()


STUBBORN = "trap '' TERM; echo $$ > {pid}; {says}"
SAYS = {"prints": "while :; do echo at work; sleep 0.1; done", "silent": "while :; do sleep 0.1; done"}


@pytest.mark.parametrize("event", ["claimed by another", "deleted", "stopped, resumed"])
@pytest.mark.parametrize("says", SAYS)
async def test_an_overtaken_attempt_ends_within_seconds_and_keeps_nothing(
    conninfo: str, tmp_path: Path, says: str, event: str
) -> None:
    pid = tmp_path / "pid"
    one = await attempt_at(conninfo, tmp_path, STUBBORN.format(pid=pid, says=SAYS[says]))
    running = asyncio.create_task(run_it(one, tmp_path))
    while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110  (another process makes it)
        await asyncio.sleep(0.05)
    (one.folders.output / "checkpoint").write_text("of the old one")
    with job_store.opened(conninfo) as connection:
        EVENTS[event](connection, one.job)
        overtaken = time.monotonic()
        with pytest.raises(Superseded):
            await running
        assert time.monotonic() - overtaken < 8
        assert not alive(int(pid.read_text()))
        now = job_store.read_job(connection, one.job.id)
        assert now is None or now.output is None


async def test_output_collected_when_another_took_over_replaces_nothing(conninfo: str, tmp_path: Path) -> None:
    one = await attempt_at(conninfo, tmp_path, "true")
    (one.folders.output / "checkpoint").write_text("step 31")
    with job_store.opened(conninfo) as connection:
        bring_back(connection, claim(connection, one.job), tmp_path / "elsewhere", "step 101")
        with pytest.raises(Superseded):
            attempt.collect(one)
        job = read(connection, one.job)
        assert job.output is not None
        assert bundles.read_file(connection, job.output, "checkpoint") == b"step 101"
        assert connection.execute("SELECT count(*) FROM bundle").fetchone() == (1,)


@pytest.mark.parametrize(
    ("event", "ends"), [("leaving", InterruptedError), ("stopping", InterruptedError), ("lost", Superseded)]
)
async def test_what_is_still_brought_ends_with_its_attempt_and_leaves_nothing(
    conninfo: str, tmp_path: Path, event: str, ends: type[Exception]
) -> None:
    one = await attempt_at(conninfo, tmp_path / "here", "true")
    with job_store.opened(conninfo) as connection:
        bring_back(connection, one.job, tmp_path / "kept", "x" * (bundles.PART * 2))
        job = read(connection, one.job)
        getattr(one, event).set()
        root = tmp_path / "there"
        with pytest.raises(ends):
            prepare(connection, job, Directories(tmp_path), root / "jobs" / "a", one.check)
        assert not (root / "jobs" / "a" / "output").exists()
        assert [path.name for path in (root / "jobs" / "a").iterdir()] == ["code"]


# --- the supervisor ----------------------------------------------------------------------------------------------


@contextmanager
def keep(tmp_path: Path, script: str, *, grace: float = 60, lease: float = 0) -> "Iterator[subprocess.Popen[bytes]]":
    words = [str(grace), str(lease), str(tmp_path), str(tmp_path / "pid"), ""]
    command = [sys.executable, "-I", "-S", str(attempt.SUPERVISOR), *words, "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as kept:
        yield kept


def say(kept: "subprocess.Popen[bytes]", word: bytes) -> None:
    assert kept.stdin is not None
    kept.stdin.write(word + b"\n")
    kept.stdin.flush()


def test_a_supervisor_that_hears_nothing_ends_the_command_and_says_why(tmp_path: Path) -> None:
    with keep(tmp_path, "trap 'touch saved; exit 0' TERM; while :; do sleep 0.1; done", lease=2) as kept:
        for _ in range(8):  # longer than the lease: it lasts as long as something is heard
            time.sleep(0.5)
            say(kept, b"on")
        assert kept.poll() is None
        assert kept.wait(timeout=WITHIN) == -signal.SIGHUP
    assert (tmp_path / "saved").exists()


def test_a_supervisor_without_a_lease_waits_and_kills_on_request(tmp_path: Path) -> None:
    with keep(tmp_path, "trap '' TERM; touch begun; while :; do sleep 0.1; done") as kept:
        deadline = time.monotonic() + WITHIN
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        say(kept, b"end")
        time.sleep(1)
        assert kept.poll() is None  # it may save
        sent = time.monotonic()
        say(kept, b"kill")
        assert kept.wait(timeout=WITHIN) == 128 + signal.SIGKILL
        assert time.monotonic() - sent < 5


# --- processes beyond their numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("left", ["{pid}", "{pid} 1 {boot}", "{pid} {began} another-boot", "", "no number", "-1"])
def test_a_pid_file_that_an_earlier_attempt_left_ends_no_stranger(conninfo: str, tmp_path: Path, left: str) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pid, began, boot = supervisor.identify(stranger.pid).split()
    try:
        with job_store.opened(conninfo) as connection:
            job = claim(connection, queued(connection))
            folders = prepare(connection, job, Directories(tmp_path), tmp_path / "jobs" / "a")
            folders.pid.write_text(left.format(pid=pid, began=began, boot=boot))
            prepare(connection, job, Directories(tmp_path), tmp_path / "jobs" / "a")
        time.sleep(0.2)
        assert stranger.poll() is None
        assert not folders.pid.exists()
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("killed", ["supervisor", "engine and supervisor"])
def test_detached_processes_are_ended_when_nobody_is_left_to_keep_them(stable: Stable, killed: str) -> None:
    """As the workers of several GPUs do: each begins a session of its own."""
    script = (
        "[ $PADDOCK_ATTEMPT = 2 ] && exit 0; for i in 1 2; do setsid sleep 301 & done; "
        "setsid sh -c 'setsid sleep 302 & wait' & echo begun > $PADDOCK_OUTPUT/begun; wait"
    )
    name = stable.run("--", "sh", "-c", script)
    command, engine = stable.child_pid(name), stable.engine_pid()
    stable.wait_until((stable.home / "jobs" / name / "output" / "begun").exists)

    def detached() -> list[int]:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"PADDOCK_JOB={name}\0PADDOCK".encode() in path.read_bytes() and alive(int(path.parts[2])):
                    found += [int(path.parts[2])] * (str(stable.home).encode() in path.read_bytes())
        return found

    stable.wait_until(lambda: len(detached()) >= 5)
    supervisor_pid = int(Path(f"/proc/{command}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (engine, supervisor_pid)[killed == "supervisor" :]:
        os.kill(pid, signal.SIGKILL)
    stable.type("job", "list")
    assert stable.wait(name).attempts == 2
    assert detached() == []


def test_an_orphaned_command_is_ended_before_the_next_attempt(stable: Stable) -> None:
    script = "echo $PADDOCK_ATTEMPT >> $PADDOCK_OUTPUT/tries; [ $PADDOCK_ATTEMPT = 2 ] || sleep 300"
    name = stable.run("--", "sh", "-c", script)
    command, engine = stable.child_pid(name), stable.engine_pid()
    stable.wait_until((stable.home / "jobs" / name / "output" / "tries").exists)
    supervisor_pid = int(Path(f"/proc/{command}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (engine, supervisor_pid):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    assert alive(command)
    stable.type("job", "list")
    assert stable.wait(name).state is State.DONE
    assert not alive(command)


# --- the counter -----------------------------------------------------------------------------------------------


def test_an_attempt_is_silent_after_so_many_looks_without_a_beat() -> None:
    pulse = Pulse(2.0)
    row = {"job": 1, "attempt": 1, "beat": 5}
    looks = FROZEN // 2
    assert [pulse.silent([row]) for _ in range(looks)] == [[]] * looks
    assert pulse.silent([row]) == [row]
    for changed in ({"beat": 6}, {"beat": 6, "attempt": 2}):
        assert pulse.silent([row | changed]) == []
    assert pulse.silent([]) == []  # not seen, it is forgotten
    assert pulse.silent([row | {"attempt": 2, "beat": 6}]) == []


def test_a_clock_that_jumps_takes_no_job_away(conninfo: str) -> None:
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        connection.execute(
            "UPDATE training_job SET started_at = now() - interval '1 year', queued_at = now() + interval '1 year'"
        )
        job_store.stop(connection, job)
        pulse = Pulse(1.0)
        for _ in range(FROZEN - 1):
            job_store.stop_silent(connection, pulse)
        assert read(connection, job).state is State.RUNNING
        for _ in range(2):
            job_store.stop_silent(connection, pulse)
        assert read(connection, job).state is State.STOPPED


# --- whole machines --------------------------------------------------------------------------------------------

# Counts from what is there, and saves what it has counted.
COUNTING = (
    "n=$(cat $PADDOCK_OUTPUT/step 2>/dev/null || echo 0); echo attempt $PADDOCK_ATTEMPT begins at $n; "
    "while :; do n=$((n+1)); echo $n > $PADDOCK_OUTPUT/step; sleep 0.05; done"
)


@pytest.fixture
def fleet(stable: Stable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stable]:
    """Two machines of a fleet, on which nothing runs yet, and which wait no longer than they must."""
    monkeypatch.setattr(hold, "FROZEN", hurried.FROZEN)
    (stable.home / "profiles.toml").write_text('[stable]\nkind = "fleet"\n')
    machines = [
        Stable(tmp_path / name, stable.project, stable.conninfo, "tests.trainer.hurried") for name in ("one", "two")
    ]
    for machine in machines:
        machine.home.mkdir()
    return machines


@pytest.fixture
def workers() -> Any:
    """Workers that are ended afterwards, whatever has become of them."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for worker in begun:
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGCONT)
        worker.kill()
        worker.communicate()


def step_of(stable: Stable, name: str) -> int:
    job = stable.job(name)
    with job_store.opened(stable.conninfo) as connection:
        body = bundles.read_file(connection, job.output, "step") if job.output else None
    return int(body or 0)


def step_at(machine: Stable, name: str) -> int:
    path = machine.home / "jobs" / name / "output" / "step"
    return int((path.read_text() if path.exists() else "") or 0)


def test_a_machine_that_comes_back_goes_on_where_the_others_have_come_to(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """It stopped at one step, another went on to a later one, and it begins again with its old folder."""
    name = stable.run("--where", "stable", "--", "sh", "-c", COUNTING)
    reached = 0
    for machine in (fleet[0], fleet[1], fleet[0]):
        worker = machine.start("worker")
        workers.append(worker)
        # Its own folder, which is an older one at first where it was here before.
        stable.wait_until(lambda: "attempt" in stable.log(name) and step_at(machine, name) > reached + 10)  # noqa: B023
        worker.terminate()
        worker.communicate(timeout=WITHIN)
        assert stable.job(name).state is State.QUEUED
        assert step_of(stable, name) > reached
        reached = step_of(stable, name)
    begun = [int(line.split()[-1]) for line in stable.log(name).splitlines()]
    assert len(begun) == 3
    assert begun == sorted(set(begun))


def test_a_frozen_machine_ends_its_job_first_and_woken_it_writes_nothing(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """Only its engine is frozen here: what it has started would run on beside the other."""
    name = stable.run("--where", "stable", "--", "sh", "-c", COUNTING)
    workers.append(fleet[0].start("worker"))
    command = fleet[0].child_pid(name)
    stable.wait_until(lambda: step_at(fleet[0], name) > 5)
    workers[0].send_signal(signal.SIGSTOP)
    workers.append(fleet[1].start("worker"))
    stable.wait(name, lambda job: job.attempts == 2)
    assert not alive(command)
    stable.wait_until(lambda: step_at(fleet[1], name) > 5)
    workers[0].send_signal(signal.SIGCONT)
    time.sleep(4 * hurried.BEAT_EVERY)
    job = stable.job(name)
    assert (job.state, job.attempts) == (State.RUNNING, 2)
    assert alive(fleet[1].child_pid(name))
    assert workers[0].poll() is None  # it takes the next job
    assert [line.split()[1] for line in stable.log(name).splitlines()] == ["1", "2"]
    stable.type("job", "stop", name)
    assert stable.job(name).output_attempt == 2


def test_a_job_of_a_frozen_machine_can_be_stopped_and_deleted(
    stable: Stable, fleet: list[Stable], workers: list["subprocess.Popen[str]"]
) -> None:
    """No other machine is there to stop it."""
    name = stable.run("--where", "stable", "--name", "a", "--", "sh", "-c", COUNTING)
    workers.append(fleet[0].start("worker"))
    command = fleet[0].child_pid(name)
    stable.wait_until(lambda: step_at(fleet[0], name) > 5)
    workers[0].send_signal(signal.SIGSTOP)
    assert "a: stopped (stopped by hand)" in stable.type("job", "stop", name)
    stable.type("job", "delete", name, "--yes")
    assert not alive(command)
    again = stable.run("--where", "stable", "--name", "a", "--", "sh", "-c", "ls $PADDOCK_OUTPUT; echo anew")
    workers[0].send_signal(signal.SIGCONT)
    job = stable.wait(again)
    assert (job.state, job.attempts) == (State.DONE, 1)
    assert stable.log(again) == "anew\n"


async def test_an_unreachable_database_ends_no_job_of_this_machine(
    cluster: str, conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(cluster, autocommit=True) as admin:
        name = conninfo_to_dict(conninfo)["dbname"]

        def let_in(words: LiteralString) -> None:
            admin.execute(SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS " + words).format(Identifier(str(name))))

        one = await attempt_at(
            conninfo, tmp_path, "for i in $(seq 50); do echo $i; sleep 0.1; done; touch $PADDOCK_OUTPUT/x"
        )
        running = asyncio.create_task(run_it(one, tmp_path))
        await asyncio.sleep(1.5)
        let_in("false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        await asyncio.sleep(6)  # the command ends meanwhile
        assert not running.done()
        let_in("true")
        ending = await running
    assert ending.exit_code == 0
    with job_store.opened(conninfo) as connection:
        job = read(connection, one.job)
        assert b"".join(piece for _, piece in job_store.read_log(connection, job)).decode().split() == [
            str(i) for i in range(1, 51)
        ]
        assert job.output is not None


def test_what_could_not_be_kept_is_kept_when_the_job_is_resumed(stable: Stable) -> None:
    """The database takes no more: as a full disk it says so, and is there otherwise."""
    with psycopg.connect(stable.conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;"
            "CREATE TRIGGER full_disk BEFORE INSERT ON training.bundle FOR EACH ROW WHEN (NEW.kind = 'output')"
            " EXECUTE FUNCTION full_disk()"
        )
        made = stable.home / "jobs" / "a" / "output" / "model"
        name = stable.run(
            "--name", "a", "--", "sh", "-c", "test -e $PADDOCK_OUTPUT/model || date > $PADDOCK_OUTPUT/model"
        )
        job = stable.wait(name)
        assert job.state is State.FAILED
        assert "could not be kept (could not extend file); it is in" in job.why
        content = made.read_text()
        connection.execute("DROP TRIGGER full_disk ON training.bundle")
    stable.type("job", "resume", name)
    job = stable.wait(name)
    assert job.state is State.DONE
    stable.type("job", "output", name, "--out", str(stable.home / "got"))
    assert (stable.home / "got" / "model").read_text() == content
    stable.wait_until(lambda: not made.exists())


def test_a_machine_that_slept_brings_the_output_again(stable: Stable) -> None:
    """The database ends a session that does nothing within a transaction, so that it keeps nobody waiting."""
    with psycopg.connect(stable.conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE SEQUENCE once; CREATE FUNCTION slept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF nextval('once') = 1 THEN RAISE EXCEPTION 'terminating connection' USING ERRCODE = '25P03'; END IF;"
            " RETURN NEW; END $$;"
            "CREATE TRIGGER slept BEFORE INSERT ON training.bundle FOR EACH ROW WHEN (NEW.kind = 'output')"
            " EXECUTE FUNCTION slept()"
        )
    job = stable.wait(stable.run("--", "sh", "-c", "echo 42 > $PADDOCK_OUTPUT/model"))
    assert (job.state, job.attempts, job.reason) == (State.DONE, 1, "")
    assert job.output is not None


# --- two that make the same ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["keeps", "drops"])
def test_what_two_jobs_bring_back_alike_is_dropped_by_neither(conninfo: str, tmp_path: Path, first: str) -> None:
    """One keeps what is there already of the other's, which lets go of it before the first has named it."""
    same, other = tmp_path / "same", tmp_path / "other"
    for folder, content in ((same, "alike"), (other, "newer")):
        folder.mkdir()
        (folder / "checkpoint").write_text(content)
    with job_store.opened(conninfo) as connection, job_store.opened(conninfo) as dropping:
        ours, theirs = (claim(connection, queued(connection, name=name)) for name in ("a", "b"))
        bring_back(dropping, theirs, tmp_path / "kept", "alike")
        at = (tmp_path / "kept" / "checkpoint").stat().st_mtime_ns
        os.utime(same / "checkpoint", ns=(at, at))

        def let_go() -> None:
            bring_back(dropping, theirs, tmp_path / "newer", "newer")
            bundles.drop_unused(dropping)

        if first == "drops":
            let_go()
        with connection.transaction():
            digest, sent = bundles.keep_folder(connection, "output", same)
            assert (sent == 0) == (first == "keeps")
            if first == "keeps":
                let_go()
            facts = {"job": ours.id, "attempt": ours.attempts, "output": digest}
            assert connection.execute(hold.KEEP_OUTPUT, facts).fetchone()
        bundles.drop_unused(dropping)
        assert bundles.read_file(connection, digest, "checkpoint") == b"alike"


async def test_what_is_being_dropped_is_kept_anew_by_who_needs_it(conninfo: str, tmp_path: Path) -> None:
    with job_store.opened(conninfo) as connection, job_store.opened(conninfo) as dropping:
        job = claim(connection, queued(connection))
        bundles.keep(connection, "output", BytesIO(b"alike"))

        def need() -> str:
            with connection.transaction():
                digest, _ = bundles.keep(connection, "output", BytesIO(b"alike"))
                facts = {"job": job.id, "attempt": job.attempts, "output": digest}
                assert connection.execute(hold.KEEP_OUTPUT, facts).fetchone()
            return digest

        with dropping.transaction():
            assert bundles.drop_unused(dropping) == 5
            needing = asyncio.create_task(asyncio.to_thread(need))
            await asyncio.sleep(0.5)
            assert not needing.done()
        digest = await needing
        assert bundles.read(connection, digest) == b"alike"


def test_output_that_is_replaced_while_it_is_brought_comes_whole(conninfo: str, tmp_path: Path) -> None:
    with job_store.opened(conninfo) as connection, job_store.opened(conninfo) as running:
        job = claim(connection, queued(connection))
        bring_back(running, job, tmp_path / "kept", "x" * (bundles.PART * 2))
        digest = read(connection, job).output
        assert digest is not None

        def replace() -> None:
            bring_back(running, job, tmp_path / "kept", "newer")
            bundles.drop_unused(running)

        bundles.restore(connection, digest, tmp_path / "brought", check=replace)
    assert (tmp_path / "brought" / "checkpoint").stat().st_size == bundles.PART * 2


def test_two_jobs_of_one_machine_that_want_the_same_data_bring_it_once(
    conninfo: str, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with job_store.opened(conninfo) as connection:
        bundles.keep_folder(connection, f"data {version.name}", version.folder)
        jobs = [
            job_store.queue(
                connection, name, Task(command=("true",)), place="stable", queue="fleet:cpu", gpus=0, code=None,
                data=version.name,
            )
            for name in ("a", "b", "c")
        ]  # fmt: skip
    restore, brought = bundles.restore, list[str]()

    def slowly(connection: Connection, digest: str, folder: Path, check: Callable[[], None]) -> None:
        brought.append(digest)
        time.sleep(0.5)
        restore(connection, digest, folder, check)

    def lay_for(job: Job) -> Path | None:
        with job_store.opened(conninfo) as connection:
            return prepare(connection, job, Directories(tmp_path), tmp_path / "jobs" / job.name).input

    monkeypatch.setattr(bundles, "restore", slowly)
    with ThreadPoolExecutor(3) as machine:
        inputs = list(machine.map(lay_for, jobs))
    assert inputs == [tmp_path / "cache" / "inputs" / version.name] * 3
    assert len(brought) == 1
