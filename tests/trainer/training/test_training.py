"""The loop: the same twice, the same after an interruption, honest about a loss that is not a number."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from typer.testing import CliRunner

from tests.commands import run_command
from tests.paths import ROOT
from tests.trainer.conftest import CPU, start, trained
from trainer.cli.app import app
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.dataset.rows import Rows
from trainer.directories import Directories
from trainer.errors import Diverged
from trainer.locks import alone
from trainer.models.answers import load_model
from trainer.runs.config import make_config
from trainer.runs.runs import list_runs, read_run
from trainer.training import step as stepping
from trainer.training.augment import augment, draw
from trainer.training.batches import Photos, batches, indices_at, resident_batches
from trainer.training.learn import Report, learn
from trainer.training.material import gather
from trainer.training.step import rate_at

QUICK = ("height=16", "width=16", "epochs=3", "batch=64")
COMMAND = [sys.executable, "-m", "trainer"]


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath, "PADDOCK_HOME": str(home), "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(home / "mpl"),
        "PYTHONPATH": str(ROOT), "HOME": str(home),
    }  # fmt: skip


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_one_configuration_and_one_seed_give_one_model(directories: Directories, version: Version) -> None:
    first, _, _ = trained(directories, version, "first-cnn", *QUICK)
    second, _, _ = trained(directories, version, "first-cnn", *QUICK)
    assert same(weights(first.folder), weights(second.folder))
    metrics = [
        [{key: line[key] for key in ("epoch", "loss", "validation_mse")} for line in run.metrics()]
        for run in (first, second)
    ]
    assert metrics[0] == metrics[1]
    other, _, _ = trained(directories, version, "first-cnn", *QUICK, "random_seed=1")
    assert not same(weights(first.folder), weights(other.folder))


@pytest.mark.parametrize("stop_at", [1, 5, 9])
def test_a_run_that_was_stopped_anywhere_ends_with_the_same_weights(
    directories: Directories, version: Version, stop_at: int
) -> None:
    settings = (*QUICK, "ema=0.9", "schedule=cosine", "batch=32")
    undisturbed, _, material = trained(directories, version, "first-cnn", *settings)
    run = start(directories, version, undisturbed.config)
    checks = iter(range(10_000))
    with pytest.raises(KeyboardInterrupt):
        learn(run, material, CPU, Report(stopping=lambda: next(checks) + 1 >= stop_at))
    assert run.facts.status == "stopped"
    assert "Stopped by hand" in run.facts.words
    assert not run.ready
    learn(run, material, CPU, Report())
    assert run.facts.words == ""
    assert same(weights(run.folder), weights(undisturbed.folder))
    assert [line["validation_mse"] for line in run.metrics()] == [
        line["validation_mse"] for line in undisturbed.metrics()
    ]
    assert not list(run.folder.glob("checkpoint-*"))


def test_a_killed_run_resumes_and_ends_with_the_same_weights(directories: Directories, version: Version) -> None:
    words = ["train", "--preset", "first-cnn", "--data", version.name, "--device", "cpu"]
    words += [word for setting in (*QUICK, "epochs=12") for word in ("--set", setting)]
    done = CliRunner(env=environment(directories.home)).invoke(app, [*words, "--name", "whole"])
    assert done.exit_code == 0, done.stderr
    killed = subprocess.Popen([*COMMAND, *words, "--name", "killed"], env=environment(directories.home))
    folder = directories.runs / "killed"
    while not list(folder.glob("checkpoint-*.json")):
        assert killed.poll() is None
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (folder / "model.json").exists()
    again = run_command("trainer", "train", "--resume", "--name", "killed", env=environment(directories.home))
    assert again.returncode == 0, again.stderr
    assert "Resuming at step" in again.stderr
    assert same(weights(folder), weights(directories.runs / "whole"))


def test_two_processes_learn_what_one_learns_and_stop_together(directories: Directories, version: Version) -> None:
    settings = (*QUICK, "batch=16", "dropout=0")
    alone, _, material = trained(directories, version, "first-cnn", *settings)
    pair = start(directories, version, alone.config, "pair")
    checks = iter(range(10_000))
    with pytest.raises(KeyboardInterrupt):
        learn(pair, material, CPU, Report(stopping=lambda: next(checks) > 8))
    several = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["-m", "trainer", "train", "--device", "cpu", "--resume", "--name", "pair"]
    followed = importlib.util.find_spec("wandb") is not None
    here = environment(directories.home) | {"WANDB_MODE": "offline", "WANDB_DIR": str(directories.home)}
    done = subprocess.run(
        [*several, *words, *(("--track", "wandb") if followed else ())],
        env=here, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(directories.home.glob("wandb/offline-run-*"))) == int(followed)  # only the first one reports
    assert "Resuming at step" in done.stderr
    pair = read_run(directories.runs / "pair")
    # Not bit for bit: sums over two halves round differently, and Adam magnifies small differences at the start.
    for name in ("loss", "validation_mse"):
        metrics = [[line[name] for line in run.metrics()] for run in (pair, alone)]
        assert metrics[0] == pytest.approx(metrics[1], rel=0.02)
    assert "2 processes" in done.stderr


def test_a_run_that_is_being_trained_is_left_alone_by_others(directories: Directories, version: Version) -> None:
    run = start(directories, version, make_config("first-cnn", QUICK), "busy")
    command = CliRunner(env={"PADDOCK_HOME": str(directories.home)})
    with alone(run.folder, "never"):
        for words in (["train", "--resume", "--name", "busy"], ["runs", "delete", "busy", "--yes"]):
            done = command.invoke(app, words)
            assert done.exit_code == 2
            assert "is being trained" in done.stderr
        done = command.invoke(app, ["train", "--resume", "--preset", "first-cnn", "--name", "other"])
        assert done.exit_code == 2
    assert run.folder.exists()
    assert command.invoke(app, ["runs", "delete", "busy", "--yes"]).exit_code == 0


def test_a_run_goes_on_with_its_data_set_wherever_that_lies(
    directories: Directories, version: Version, tmp_path: Path
) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere" / version.name
    shutil.copytree(version.folder, elsewhere)
    run = start(Directories(home), Version(elsewhere, version.manifest), make_config("first-cnn", QUICK), "begun")
    command = CliRunner(env={"PADDOCK_HOME": str(home)})
    assert "No data set version yet" in command.invoke(app, ["train", "--resume", "--data", "other"]).stderr
    done = command.invoke(app, ["train", "--resume", "--name", "begun"])
    assert done.exit_code == 0, done.stderr
    assert read_run(run.folder).facts.status == "done"


def test_ctrl_c_ends_also_what_takes_no_steps(directories: Directories, version: Version) -> None:
    words = ["train", "--preset", "probe", "--data", version.name, "--device", "cpu", "--name", "interrupted"]
    words += ["--set", "height=320", "--set", "width=416"]  # so that it takes long enough to be interrupted
    training = subprocess.Popen(
        [*COMMAND, *words], env=environment(directories.home), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert training.stderr is not None
    assert training.stderr.readline().startswith("interrupted: probe learns poll/distance of")
    time.sleep(0.3)
    training.send_signal(signal.SIGINT)
    _, errors = training.communicate(timeout=20)
    assert training.returncode == 130
    assert "`trainer train --resume --name interrupted` goes on" in errors
    assert read_run(directories.runs / "interrupted").facts.status == "stopped"
    assert not list(directories.cache.glob("*.part.npy"))


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_best(
    directories: Directories, version: Version
) -> None:
    config = make_config("first-cnn", (*QUICK, "epochs=2"))
    run = start(directories, version, config)
    material = gather(version, config, directories.cache)
    learn(run, material, CPU, Report())
    wild = start(directories, version, make_config("first-cnn", (*QUICK, "rate=1e6", "epochs=30")))
    with pytest.raises(Diverged, match=r"not a number.*--set rate=100000"):
        learn(wild, material, CPU, Report())
    assert wild.facts.status == "diverged"
    assert wild.ready == bool(wild.metrics())  # the model of the best epoch, if any epoch had ended
    words = ["train", "--preset", "first-cnn", "--data", version.name, "--set", "rate=1e6", "--set", "epochs=30"]
    done = CliRunner(env={"PADDOCK_HOME": str(directories.home)}).invoke(app, [*words, "--name", "wild"])
    assert done.exit_code == 6
    assert "Training stopped by step" in done.stderr
    assert [one.facts.status for one in list_runs(directories.runs) if one.name == "wild"] == ["diverged"]


def test_the_best_epoch_of_a_run_that_diverged_answers(
    directories: Directories, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(directories, version, make_config("first-cnn", (*QUICK, "epochs=9")))
    material = gather(version, run.config, directories.cache)
    steps = -(-len(material.table.on(Side.TRAIN)) // run.config.batch)
    monkeypatch.setattr(stepping, "rate_at", lambda step, *_: 1.0 if step < 2 * steps else 1e30)
    with pytest.raises(Diverged, match=r"the best epoch so far, [12], is kept"):
        learn(run, material, CPU, Report())
    assert run.facts.status == "diverged"
    assert load_model(run, CPU)[1].widths


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 5), st.integers(0, 9))
def test_every_epoch_shows_every_photo_once(photos: int, batch: int, epoch: int, random_seed: int) -> None:
    config = make_config("first-cnn", (f"batch={batch}", f"random_seed={random_seed}"))
    steps = -(-photos // batch)
    seen = Counter(
        int(index) for step in range(epoch * steps, (epoch + 1) * steps) for index in indices_at(step, photos, config)
    )
    assert seen == Counter(range(photos))


@given(st.integers(1, 500), st.floats(0, 1))
def test_the_rate_rises_falls_and_never_leaves_its_range(steps: int, warmup: float) -> None:
    config = make_config("finetune", (f"warmup={warmup}",))
    rates = [rate_at(step, steps, config) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[: top + 1] == sorted(rates[: top + 1])


def test_batches_of_photos_on_the_device_are_those_read_from_memory() -> None:
    draws = np.random.default_rng(0)
    pixels = draws.integers(0, 255, (11, 4, 6, 3), dtype=np.uint8)
    rows = np.array([10, 1, 3, 4, 5, 7, 9])
    photos = Photos(pixels, draws.random((7, 1), np.float32), draws.random((7, 1), np.float32) + 0.1, rows)
    config = make_config("first-cnn", ("batch=3",))
    read = list(batches(photos, config, CPU, range(1, 8)))
    resident = list(resident_batches(photos, torch.from_numpy(pixels[rows]), config, CPU, range(1, 8)))
    assert [batch.count for batch in read] == [3, 1, 3, 3, 1, 3, 3]
    for one, other in zip(read, resident, strict=True):
        assert (one.share, one.count) == (other.share, other.count)
        assert torch.equal(one.pixels, other.pixels)
        assert torch.equal(one.label, other.label)
        torch.testing.assert_close(one.weight, other.weight)


# --- augmentation -----------------------------------------------------------------------------------------


def disc() -> torch.Tensor:
    """A photo of a white disc on black: (1, 3, 96, 128)."""
    down, across = torch.meshgrid(torch.arange(96) - 48, torch.arange(128) - 64, indexing="ij")
    return ((down**2 + across**2 < 25**2).float() * 255).expand(1, 3, -1, -1).contiguous()


@pytest.mark.parametrize("step", range(12))
def test_a_zoomed_horse_keeps_its_proportions(step: int) -> None:
    config = make_config("finetune", ("zoom=0.3", "contrast=0", "light=0", "blur=0", "flip=false"))
    bright = augment(disc(), config, draw(config, step, slice(0, 1), 1))[0, 0] > 127
    height, width = int(bright.any(1).sum()), int(bright.any(0).sum())
    assert abs(height - width) <= 1


def test_a_step_changes_photos_alike_every_time_and_everywhere() -> None:
    config = make_config("finetune")
    photos = torch.rand(8, 3, 32, 48) * 255
    whole = augment(photos, config, draw(config, 3, slice(0, 8), 8))
    halves = [augment(photos[share], config, draw(config, 3, share, 8)) for share in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(whole, torch.cat(halves))
    assert not torch.equal(whole, augment(photos, config, draw(config, 4, slice(0, 8), 8)))
    assert not torch.equal(whole, photos)
    assert whole.min() >= 0
    assert whole.max() <= 255


def test_photos_that_are_not_for_training_are_never_changed(directories: Directories, version: Version) -> None:
    material = gather(version, make_config("first-cnn", QUICK), directories.cache)
    side = material.table.on(Side.VALIDATION)
    assert isinstance(material.pixels, Rows)
    assert not material.pixels.flags.writeable
    assert np.array_equal(material.photos(side).take(np.arange(len(side))), material.pixels[side])
