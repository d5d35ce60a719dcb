"""Runs that are followed: what each library keeps of one, and that a library that fails costs the run nothing."""

import importlib
import json
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.trainer.conftest import start
from trainer.cli.app import app
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.runs.config import make_config
from trainer.runs.runs import Run, code_version, read_run
from trainer.training import track, trackers
from trainer.training.learn import Report

Kept = dict[str, dict[str, Any]]  # by the id of a run: its config, its ending, and by name the metrics of each epoch


def kept_by_trackio(folder: Path) -> Kept:
    """What trackio's own database has."""
    with sqlite3.connect(folder / "paddock.db") as held:
        configs = held.execute("SELECT run_id, config FROM configs").fetchall()
        logged = held.execute("SELECT run_id, step, metrics FROM metrics ORDER BY id").fetchall()
    found = {run: {"config": json.loads(config), "metrics": {}, "end": {}} for run, config in configs}
    for run, step, line in logged:
        metrics = json.loads(line)
        if "status" in metrics:
            found[run]["end"] = metrics
        else:
            found[run]["metrics"].setdefault(step, {}).update(metrics)
    return found


def kept_by_mlflow(folder: Path) -> Kept:
    """What MLflow's client reads in its database."""
    client = importlib.import_module("mlflow").MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = {}
    for run in client.search_runs([client.get_experiment_by_name("paddock").experiment_id]):
        histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
        epochs: dict[int, dict[str, float]] = {}
        for name, values in histories.items():
            for one in values if not name.startswith("final") else ():
                epochs.setdefault(one.step, {})[name] = one.value
        end = run.data.tags | {name: one for name, one in run.data.metrics.items() if name.startswith("final")}
        found[run.info.run_id] = {"config": run.data.params, "metrics": epochs, "end": end}
    return found


def kept_by_wandb(folder: Path) -> Kept:
    """What wandb's files have, which `wandb sync` would send."""
    found: Kept = {}
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        run_id, one = "", {"metrics": {}, "end": {}}
        for record in records_of(path.read_bytes()):
            if record.HasField("run"):
                run_id = record.run.run_id
                assert record.run.host == trackers.PROJECT  # and not the name of this machine
                one["config"] = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            if line := {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}:
                one["metrics"].setdefault(line["epoch"], {}).update(line)
            one["end"] |= {item.key: json.loads(item.value_json) for item in record.summary.update}
        found[run_id] = one
    return found


def records_of(body: bytes) -> Iterator[Any]:
    """The records of a file of wandb, which is a log of LevelDB after seven bytes; a short one has no broken record."""
    record = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    place = 7
    while place < len(body):
        _checksum, length, kind = struct.unpack_from("<IHB", body, place)
        assert (kind, place + length < 32768) == (1, True)
        yield record.FromString(body[place + 7 : place + 7 + length])
        place += 7 + length


KEPT: dict[str, Callable[[Path], Kept]] = {
    "trackio": kept_by_trackio,
    "mlflow": kept_by_mlflow,
    "wandb": kept_by_wandb,
}


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own that each library keeps its runs in, without a network."""
    here = {
        "TRACKIO_DIR": str(tmp_path), "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db", "HOME": str(tmp_path),
        "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path),
    }  # fmt: skip
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    for name in ("MLFLOW_EXPERIMENT_NAME", "TRACKIO_SERVER_URL", "TRACKIO_SPACE_ID", "WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    for name in trackers.DEFAULTS:
        monkeypatch.setenv(name, trackers.DEFAULTS[name])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if "wandb" in sys.modules:
        importlib.import_module("wandb").teardown()  # ends its own process, and forgets these variables


def train(directories: Directories, *words: str) -> Result:
    """`trainer train` in this process, on a data set of few photos."""
    small = ("--preset", "first-cnn") if "--resume" not in words else ()
    sizes = [word for one in ("height=16", "width=16", "epochs=2") if small for word in ("--set", one)]
    command = CliRunner(env={"PADDOCK_HOME": str(directories.home)})
    return command.invoke(app, ["train", "--device", "cpu", *small, *sizes, *words], catch_exceptions=False)


@pytest.mark.parametrize("tracker", list(trackers.Tracker))
def test_a_library_keeps_what_a_run_is_how_it_learns_and_how_it_ends(
    directories: Directories, version: Version, apart: Path, tracker: str
) -> None:
    pytest.importorskip(tracker, reason=f"{tracker} is not installed: pip install '.[{tracker}]'")
    done = train(directories, "--name", f"followed-{tracker}", "--track", tracker)
    assert (done.exit_code, "warning" in done.stderr) == (0, False), done.stderr
    run = read_run(directories.runs / f"followed-{tracker}")
    first, again = run.metrics(), None
    for _ in range(2):
        ((run_id, kept),) = KEPT[tracker](apart).items()
        facts = read_run(run.folder).facts
        asked = {"preset": "first-cnn", "label": "poll/distance", "data": version.name, "code": code_version()}
        assert {name: str(kept["config"][name]) for name in asked} == asked
        assert {epoch: kept["metrics"][epoch]["validation_mse"] for epoch in (1, 2)} == {
            line["epoch"]: line["validation_mse"] for line in first
        }
        assert (kept["end"]["status"], kept["end"]["final_train_mse"]) == ("done", facts.train_mse)
        assert str(directories.home) not in json.dumps(kept)
        assert again in (None, run_id)  # resumed, it is the same run there
        run.facts.status, again = "stopped", run_id
        run.save()
        assert train(directories, "--resume", "--name", run.name, "--track", tracker).exit_code == 0


@pytest.mark.parametrize("tracker", list(trackers.Tracker))
def test_each_epoch_of_each_random_seed_is_kept(
    directories: Directories, version: Version, apart: Path, tracker: str
) -> None:
    pytest.importorskip(tracker, reason=f"{tracker} is not installed: pip install '.[{tracker}]'")
    done = train(directories, "--set", "seeds=2", "--data", version.name, "--track", tracker)
    assert (done.exit_code, "warning" in done.stderr) == (0, False), done.stderr
    ((_, kept),) = KEPT[tracker](apart).items()
    for epoch in (1, 2):
        losses = [kept["metrics"][epoch][f"seed-{seed}/loss"] for seed in (0, 1)]
        assert losses[0] != losses[1]


def test_paths_in_options_stay_here_and_names_of_labels_do_not(few: tuple[Directories, Version]) -> None:
    options = {"file": "/home/me/a", "files": ["/home/me/b", 3]}
    config = make_config("probe").model_copy(update={"also": ("poll/surface",), "options": options})
    found = track.described(start(*few, config))
    assert found["options"] == {"file": "a path", "files": ["a path", 3]}
    assert found["also"] == ["poll/surface"]


def test_a_library_that_is_away_costs_a_run_one_warning(
    directories: Directories, version: Version, apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "online")
    done = train(directories, "--name", "away", "--track", "wandb")
    (warning,) = (line for line in done.stderr.splitlines() if "warning" in line)
    assert warning == (
        "warning: wandb does not get its configuration: No API key configured. Use `wandb login` to log in. "
        "The run itself loses nothing."
    )
    assert (done.exit_code, read_run(directories.runs / "away").facts.status) == (0, "done")


class Failing:
    """A library that is lost after the first epoch."""

    id = "1"
    heard: tuple[int, ...] = ()

    def log(self, _metrics: dict[str, float], epoch: int) -> None:
        type(self).heard += (epoch,)
        if epoch == 2:
            raise ConnectionError("the server\nis away.")

    def end(self, *_facts: object) -> None:
        raise AssertionError("nothing more is sent")


def test_a_library_that_is_lost_on_the_way_gets_nothing_more(
    directories: Directories, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "follow", lambda *_: Failing())
    run, report, warned, shown = start(directories, version, make_config("probe")), Report(), [], []
    report.metrics = shown.append
    with track.followed(run, trackers.Tracker.WANDB, report, warned.append):
        for epoch in (1, 2, 3):
            report.metrics({"epoch": epoch, "loss": 0.5})
    assert (Failing.heard, len(shown)) == ((1, 2), 3)
    assert warned == ["wandb does not get the metrics from epoch 2 on: the server. The run itself loses nothing."]


def test_how_a_run_ended_is_sent_also_where_an_error_ended_it(directories: Directories, version: Version) -> None:
    run = start(directories, version, make_config("probe"))
    assert track.ending(run) == {"status": "failed", "words": ""}
    run.facts.status, run.facts.words, run.facts.train_mse = "diverged", "It diverged.", 2.5
    assert track.ending(run) == {"status": "diverged", "words": "It diverged.", "final_train_mse": 2.5}


def test_no_path_of_this_machine_is_sent(directories: Directories, version: Version) -> None:
    config = make_config("finetune", ("backbone=local-dir:/home/me/net", "weights=../mine.safetensors"))
    run = start(directories, version, config.model_copy(update={"label": "poll/distance"}))
    sent = track.described(run)
    assert (sent["backbone"], sent["weights"], sent["label"]) == ("a path", "a path", "poll/distance")
    assert track.described(Run(run.folder, make_config("probe"), run.facts))["weights"] == "package"


def test_a_library_that_is_not_installed_is_said_before_anything_is_done(
    directories: Directories, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda _name: None)
    done = train(directories, "--name", "unfollowed", "--track", "mlflow")
    assert (done.exit_code, "in Paddock's folder, `pip install '.[mlflow]'`" in done.stderr) == (2, True)
    assert not (directories.runs / "unfollowed").exists()
