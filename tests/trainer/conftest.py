"""A data set version of the look-alike world, made once a test process, and what stands around it."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from collector.demo.world.world import World
from tests.databases import EMPTY, copy_of, filled_once
from tests.filled import fill
from tests.trainer.exported import A_SHARD
from tests.trainer.stable import Stable
from trainer.cli.app import app
from trainer.dataset import card
from trainer.dataset import export as exporting
from trainer.dataset.export import Request, export
from trainer.dataset.manifest import Version, find_version
from trainer.directories import Directories
from trainer.evaluation import report
from trainer.models.device import Device
from trainer.models.networks import Network
from trainer.runs.config import RunConfig, make_config
from trainer.runs.runs import Facts, Run, begin, now
from trainer.training.learn import Report, learn
from trainer.training.material import Material, gather

WORLD = World()  # some 730 labelled photos of 320 horses
FEW = World(years=range(2015, 2017))  # some 140
CPU = Device("cpu", channels_last=True)
SMALL = ("height=64", "width=96")  # pictures on which the look-alike photos can still be learnt from


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home with one data set version in it; runs of a test process share it."""
    folder = Path(tempfile.mkdtemp(prefix="paddock-home-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def make_version(cluster: str, root: Path, world: World, request: Request) -> Version:
    """Fill a database of its own with a world, and export it without plots."""
    draw, card.draw_plots = card.draw_plots, lambda *_: None
    try:
        with copy_of(cluster, EMPTY) as conninfo:
            fill(conninfo, world)
            return export(conninfo, root, request)
    finally:
        card.draw_plots = draw


def drawn_once(cluster: str, shared: Path, world: World, root: Path) -> Version:
    """A world's photos under the horse split: drawn by one test process, and copied by the others."""
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            make_version(cluster, shared.with_suffix(".part"), world, Request())
            shared.with_suffix(".part").rename(shared)
    shutil.copytree(shared, root, dirs_exist_ok=True)
    return find_version(root, "last")


def share_cache(home: Directories, shared: Path) -> None:
    """Photos are unpacked, and features computed, by one test process for all: the cache is made for several."""
    home.cache.symlink_to(shared / "cache")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """A folder that all test processes of this run know."""
    folder = tmp_path_factory.getbasetemp().parent / f"shared-{testrun_uid}"
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def version(cluster: str, home: Path, shared: Path) -> Version:
    """The whole world, for what has to be learnt from photos."""
    share_cache(Directories(home), shared)
    return drawn_once(cluster, shared / "version", WORLD, home / "datasets")


@pytest.fixture(scope="session")
def few(cluster: str, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Directories, Version]:
    """Few photos in a home of their own, for what is true of a data set of any size."""
    directories = Directories(tmp_path_factory.mktemp("home-of-few"))
    share_cache(directories, shared)
    return directories, drawn_once(cluster, shared / "few", FEW, directories.datasets)


@pytest.fixture(scope="session")
def directories(home: Path) -> Directories:
    """The folders of that home."""
    return Directories(home)


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """One, as in every command that a test starts: also where torch was loaded before the environment said so."""
    torch.set_num_threads(1)


def start(directories: Directories, version: Version, config: RunConfig, name: str | None = None) -> Run:
    """A run that has not begun to train."""
    facts = Facts("training", version.name, str(version.folder), "test", "none", "cpu", now())
    return begin(directories.runs, name or f"run-{uuid.uuid4().hex[:8]}", config, facts)


Trained = tuple[Run, Network, Material]


def trained(
    directories: Directories,
    version: Version,
    preset: str,
    *settings: str,
    report: Report | None = None,
    freeze: tuple[str, ...] = (),
) -> Trained:
    """A run of a preset, trained to its end."""
    config = make_config(preset, settings, freeze)
    run = start(directories, version, config)
    material = gather(version, config, directories.cache)
    return run, learn(run, material, CPU, report or Report()), material


@pytest.fixture(scope="session")
def probe(directories: Directories, version: Version) -> Trained:
    """A run of the quick preset on small pictures, which no test changes."""
    return trained(directories, version, "probe", *SMALL)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards without plots, which cost a second and are not what is asked here; several shards a side."""
    monkeypatch.setattr(card, "draw_plots", lambda *_: None)
    monkeypatch.setattr(exporting, "PHOTOS_A_SHARD", A_SHARD)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of evaluations without plots, likewise."""
    for name in ("scatter", "intervals", "grid", "_draw_calibration", "save"):
        monkeypatch.setattr(report, name, lambda *_: None)


@pytest.fixture
def template(request: pytest.FixtureRequest, template: str, cluster: str) -> str:
    """Some sixty photos, for the tests that ask for them."""
    return filled_once(cluster, "template_filled", fill) if "filled" in request.fixturenames else template


@pytest.fixture
def filled(conninfo: str) -> str:
    """A database with some sixty photos."""
    return conninfo


@pytest.fixture
def command(
    filled: str, probe: Trained, directories: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Run a command on a database with photos, in a home with one trained run; what it prints."""
    (tmp_path / "runs").symlink_to(directories.runs)
    monkeypatch.setenv("PADDOCK_DATABASE_URL", filled)
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    name = probe[0].name

    def run_it(words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, words.format(run=name).split(), catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stderr if code else done.stdout

    return run_it


@pytest.fixture
def stable(conninfo: str, tmp_path: Path) -> Iterator[Stable]:
    """An empty home, a project of one script, and afterwards no process of theirs."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (home / "profiles.toml").write_text("[local]\nslots = 2\n")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / "say.sh").write_text("#!/bin/sh\necho said by $PADDOCK_JOB\n")
    (project / "say.sh").chmod(0o755)
    found = Stable(home, project, conninfo)
    yield found
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"PADDOCK_HOME={home}".encode() in path.read_bytes():
                os.kill(int(path.parts[2]), signal.SIGKILL)
        except OSError:
            continue
