"""Where jobs run: GPUs, a fleet of machines; and what is made of jobs: sweeps, prices, notebooks."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.trainer.stable import PATH, WITHIN, Stable, alone_in
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.jobs import job_store, machine
from trainer.jobs.task import LOCAL, State
from trainer.jobs.turn import queue_of


def test_gpus_are_given_out_one_job_each(stable: Stable, tmp_path: Path) -> None:
    # The number of GPUs comes from the driver's own program.
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA A\nNVIDIA B'\n")
    (tools / "nvidia-smi").chmod(0o755)
    path = f"{tools}:{PATH}"
    words = ("job", "run", "--json", "--gpu", "1", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES; sleep 2")
    names = [json.loads(stable.type(*words, PATH=path))["name"] for _ in range(2)]
    both = json.loads(stable.type(*(*words[:4], "2", "--", "sh", "-c", "echo $CUDA_VISIBLE_DEVICES"), PATH=path))[
        "name"
    ]
    for name in (*names, both):
        assert stable.wait(name).state is State.DONE
    assert {stable.log(name).strip() for name in names} == {"0", "1"}
    assert sorted(stable.log(both).strip().split(",")) == ["0", "1"]
    assert "has 2 GPUs" in stable.type("job", "run", "--gpu", "3", "--", "true", code=2, PATH=path)


def test_a_fleet_machine_fetches_once_and_brings_the_run_back(
    stable: Stable, few: tuple[Directories, Version], tmp_path: Path
) -> None:
    _, version = few
    (stable.home / "profiles.toml").write_text('[stable]\nkind = "fleet"\n')
    refused = stable.type("job", "run", "--where", "stable", "--gpu", "1", "--", "true", code=2)
    assert "of the 0 machines" in refused
    other = Stable(tmp_path / "other", stable.project, stable.conninfo)
    other.home.mkdir()
    given = ["--data", str(version.folder), "--where", "stable"]
    first, second = (json.loads(stable.type("job", "run", "--json", "--preset", "svr", *given)) for _ in range(2))
    assert first["sent"] > second["sent"] == 0
    stable.type("job", "stop", second["name"])
    reading = stable.run(*given, "--", "sh", "-c", "test -e $PADDOCK_INPUT/manifest.json")
    worker = other.start("worker")
    try:
        for name in (first["name"], reading):
            job = stable.wait(name)
            assert job.state is State.DONE, stable.log(name)
            assert job.machine == machine.plain_name(other.home)
        stable.type("job", "output", first["name"], "--out", str(tmp_path / "got"))
        assert (tmp_path / "got" / first["name"] / "model.safetensors").exists()
        assert len(list((other.home / "cache" / "inputs").iterdir())) == 1
    finally:
        worker.terminate()
        worker.communicate(timeout=WITHIN)
    assert worker.returncode == 0


def test_a_job_of_a_dead_machine_is_taken_over_by_another(stable: Stable, tmp_path: Path) -> None:
    (stable.home / "profiles.toml").write_text('[stable]\nkind = "fleet"\n')
    machines = [
        Stable(tmp_path / name, stable.project, stable.conninfo, "tests.trainer.hurried") for name in ("one", "two")
    ]
    for one in machines:
        one.home.mkdir()
    worker = machines[0].start("worker")
    name = stable.run("--where", "stable", "--", "sh", "-c", "[ $PADDOCK_ATTEMPT = 2 ] || sleep 60")
    machines[0].child_pid(name)
    worker.kill()
    worker.communicate()
    other = machines[1].start("worker")
    try:
        job = stable.wait(name)
        assert (job.state, job.machine) == (State.DONE, machine.plain_name(machines[1].home))
    finally:
        other.terminate()
        other.communicate(timeout=WITHIN)


def test_machines_of_one_name_are_distinct_and_keep_their_names(conninfo: str, tmp_path: Path) -> None:
    """Another machine's home, at the same path of a machine of the same name: here it takes the other's place."""
    same, ours, theirs = tmp_path / "home", tmp_path / "ours", tmp_path / "theirs"

    def called(home: Path) -> str:
        home.rename(same)
        try:
            with job_store.opened(conninfo) as connection:
                return machine.machine_name(connection, same)
        finally:
            same.rename(home)

    ours.mkdir()
    theirs.mkdir()
    with job_store.opened(conninfo) as connection:  # as a version before marks has left it
        connection.execute(
            "INSERT INTO machine (name, gpus, slots, fleet) VALUES (%s, '{}', 1, true)", (machine.plain_name(same),)
        )
    names = [called(home) for home in (ours, theirs, ours, theirs)]
    assert names[0] == machine.plain_name(same)
    assert names[1].startswith(f"{names[0]} (")
    assert names[2:] == names[:2]
    assert queue_of(LOCAL, names[0], 0) != queue_of(LOCAL, names[1], 0)


def test_a_home_has_one_name_whichever_way_leads_there(conninfo: str, tmp_path: Path) -> None:
    home, link = tmp_path / "home", tmp_path / "link"
    home.mkdir()
    link.symlink_to(home)
    with job_store.opened(conninfo) as connection:
        ways = (home, link, home / ".." / "home", Path("home"))
        assert {machine.machine_name(connection, way) for way in ways} == {machine.plain_name(home)}


def test_many_processes_of_one_machine_agree_on_its_name(conninfo: str, tmp_path: Path) -> None:
    def ask(_: int) -> str:
        with job_store.opened(conninfo) as connection:
            return machine.machine_name(connection, tmp_path)

    with ThreadPoolExecutor(8) as asking:
        assert set(asking.map(ask, range(24))) == {machine.plain_name(tmp_path)}


def test_a_job_for_this_machine_is_left_alone_by_another_of_its_name(stable: Stable) -> None:
    aside, held = stable.home.with_name("aside"), stable.project / "gate"
    (stable.home / "jobs").mkdir()
    with alone_in(stable.home):  # no engine takes it yet
        name = stable.run("--", "sh", "-c", "exit 0")
    stable.home.rename(aside)
    shutil.copytree(aside, stable.home, ignore=shutil.ignore_patterns("jobs"))
    worker = stable.start("worker")
    try:
        other = stable.run("--", "touch", str(held))
        assert stable.wait(other).state is State.DONE
        assert stable.job(name).state is State.QUEUED
    finally:
        worker.terminate()
        worker.communicate(timeout=WITHIN)
    shutil.rmtree(stable.home)
    aside.rename(stable.home)
    stable.type("job", "list")
    assert stable.wait(name).state is State.DONE


def test_a_sweep_runs_every_combination_and_says_which_is_the_best(
    stable: Stable, few: tuple[Directories, Version]
) -> None:
    _, version = few
    values = ("height=16", "width=16", "svr_c=1,5")
    words = [word for value in values for word in ("--set", value)]
    words = ["sweep", "--preset", "svr", *words, "--data", str(version.folder), "--name", "try"]
    rows = json.loads(stable.type(*words, "--json"))
    assert {row["job"] for row in rows} == {"try-1", "try-2"}
    errors = [row["validation_mse"] for row in rows]
    assert errors == sorted(errors)
    assert "The best on validation is" in stable.type(*words)  # asked again, it shows what there is
    assert len(json.loads(stable.type("job", "list", "try", "--json"))) == 2
    assert "names of" not in stable.type("sweep", "--preset", "probe", "--set", "rate=1", "--set", "rate=2", code=2)
    (stable.home / "profiles.toml").write_text(
        '[local]\nwatts = 1000\nprice_per_kwh = 0.5\npurchase_price = 300\ncurrency = "EUR"\n'
        '[rented]\nkind = "fleet"\nprice_per_hour = 2\ncurrency = "EUR"\n'
    )
    ours = [word for value in (*values[:2], "svr_c=1") for word in ("--set", value)]
    words = ["job", "price", "--preset", "svr", *ours, "--data", str(version.folder), "--json"]
    local, rented = json.loads(stable.type(*words))
    assert local["seconds"] == pytest.approx(stable.job("try-1").seconds)
    assert local["price"] == pytest.approx(local["seconds"] / 3600 * 0.5)
    assert (rented["speed"], rented["price"], rented["break_even"]) == (None, None, 200)


@pytest.mark.skipif(find_spec("jupyterlab") is None, reason="JupyterLab is not installed")
def test_a_notebook_asks_for_its_token_and_keeps_what_is_written_in_it(stable: Stable) -> None:
    name = json.loads(stable.type("job", "notebook", "--idle", "0.05", "--json"))["name"]
    stable.wait(name, lambda job: job.state is State.RUNNING)
    url = json.loads(stable.type("job", "open", name, "--json"))["url"]
    base, _, token = url.partition("/lab?token=")

    def status(path: str) -> int:
        try:
            with urlopen(base + path) as answer:
                return answer.status
        except HTTPError as error:
            return error.code
        except URLError:
            return 0

    stable.wait_until(lambda: status("/api") == 200)
    assert status("/api/contents") == 403
    assert status(f"/api/contents?token={token}") == 200
    # JupyterLab checks once a minute whether it is used, too seldom for a test: only the limit that it gets is checked.
    assert "--ServerApp.shutdown_no_activity_timeout=3" in stable.job(name).task.command
    request = Request(f"{base}/api/contents/notes.txt?token={token}", method="PUT")
    request.data = json.dumps({"type": "file", "format": "text", "content": "legs"}).encode()
    with urlopen(request) as answer:
        assert answer.status == 201
    stable.type("job", "stop", name)
    assert "notes.txt" in stable.type("job", "output", name)
    assert token not in stable.type("job", "info", name, "--json") + stable.type("job", "list")
    assert "its page is not there" in stable.type("job", "open", name, code=2)
