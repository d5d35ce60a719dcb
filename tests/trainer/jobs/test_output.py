"""Output of jobs: an attempt goes on from the newest, and what two jobs make alike is kept for both."""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

from tests.trainer.jobs.attempts import bring_back, claim, queued, read
from tests.trainer.stable import Stable
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs import bundles, hold, job_store
from trainer.jobs.folders import prepare
from trainer.jobs.job_store import Connection
from trainer.jobs.task import Job, State, Task


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


def test_output_without_a_known_attempt_is_not_used(conninfo: str, tmp_path: Path) -> None:
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
        (folders.output / "checkpoint").write_text("of no job")
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
def test_output_whose_marker_is_cut_off_is_not_used(conninfo: str, tmp_path: Path, marker: str) -> None:
    root = tmp_path / "jobs" / "a"
    with job_store.opened(conninfo) as connection:
        job = claim(connection, queued(connection))
        folders = prepare(connection, job, Directories(tmp_path), root)
        bring_back(connection, job, tmp_path / "kept", "step 50")
        (folders.output / "checkpoint").write_text("torn")
        folders.marker.write_text(marker)
        again = prepare(connection, claim(connection, job), Directories(tmp_path), root)
    assert (again.output / "checkpoint").read_text() == "step 50"


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
    """The database ends a session that does nothing within a transaction, so that no other session waits for it."""
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


async def test_a_bundle_that_is_being_dropped_is_kept_for_a_job_that_needs_it(conninfo: str, tmp_path: Path) -> None:
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


def test_two_jobs_of_one_machine_that_need_the_same_data_bring_it_once(
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
