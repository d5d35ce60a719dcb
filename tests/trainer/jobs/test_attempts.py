"""One job, one attempt: what is frozen, cut off or overtaken and comes back writes nothing."""

import asyncio
import time
from io import BytesIO
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from tests.trainer.jobs.attempts import EVENTS, attempt_at, bring_back, claim, queued, read, run_it
from tests.trainer.stable import alive
from trainer.directories import Directories
from trainer.errors import Superseded
from trainer.jobs import attempt, bundles, hold, job_store
from trainer.jobs.folders import prepare
from trainer.jobs.hold import FROZEN, Pulse
from trainer.jobs.task import State

# --- what may be written -------------------------------------------------------------------------------------
WRITES: dict[str, LiteralString] = {
    "beat": hold.BEAT, "log": hold.APPEND, "output": hold.KEEP_OUTPUT, "end": hold.FINISH, "again": hold.REQUEUE,
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


# --- an attempt that is overtaken -----------------------------------------------------------------------

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


# --- the counter -----------------------------------------------------------------------------------------------
def test_an_attempt_is_silent_after_enough_looks_without_a_beat() -> None:
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
