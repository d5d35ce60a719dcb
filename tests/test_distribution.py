"""What is installed of the project: under a name that is ours, from here and from no index, whole, and with its rights.

The wheel is built once and laid into an environment of its own; what else it needs comes from this one.
"""

import os
import re
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.paths import ROOT
from trainer.jobs.cloud.task import INSTALL, TORCH

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENDLESS = 10_000_000  # bytes, more than any file of ours has
# What installs from an index by name, and the words behind it.
INSTALLS = re.compile(
    r"(?:pip3?\s+(?:install|download|wheel)|uv\s+(?:add|tool\s+(?:install|run))|\buvx|pipx\s+(?:install|run))\s+"
    r"((?:[^\s`;|&<>()]+[ \t]*)+)"
)
OURS = re.compile(r"(?:keiba[-_.])?paddock(?:\[[^\]]*\])?(?:[=<>~!@].*)?", re.IGNORECASE)


def tracked() -> list[Path]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def installs_of_ours(text: str) -> list[str]:
    """What a text would have installed of ours from an index: by a name, where a path or a wheel belongs."""
    words = [word.strip("'\"\\,") for found in INSTALLS.finditer(text) for word in found[1].split()]
    return [word for word in words if OURS.fullmatch(word)]


@pytest.mark.parametrize(
    "line",
    [
        "pip install 'paddock[trainer]'", "pip install -U paddock", "uv pip install keiba-paddock==0.1.0",
        'else uv pip install "paddock[cloud]" \'skypilot[aws]\'; fi', "pipx run paddock", "uvx keiba_paddock",
    ],
)  # fmt: skip
def test_an_install_by_name_is_seen(line: str) -> None:
    assert installs_of_ours(line)


@pytest.mark.parametrize(
    "line", ["pip install '.[trainer]'", "uv pip install -e .", "pip install ./keiba_paddock-0.1.0-py3-none-any.whl"]
)
def test_an_install_from_a_path_is_none_of_those(line: str) -> None:
    assert not installs_of_ours(line)


def test_no_file_has_us_installed_from_an_index() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in tracked()
        if path.is_file() and path != Path(__file__) and path.stat().st_size < ENDLESS
        if (names := installs_of_ours(path.read_bytes().decode(errors="replace")))
    }
    assert found == {}


def test_every_extra_that_a_message_names_is_there() -> None:
    mention = re.compile(r"""not_installed\([^)]*, "(\w+)"\)|'\.\[(\w+)\]'""")
    texts = [path.read_text() for path in tracked() if path.suffix in (".py", ".md") and path != Path(__file__)]
    named = {one or other for text in texts for one, other in mention.findall(text)}
    assert {"trainer", "notebook", "cloud"} <= named <= PROJECT["optional-dependencies"].keys()


def test_a_rented_machine_installs_the_torch_that_the_project_asks_for() -> None:
    (asked,) = (text for text in PROJECT["optional-dependencies"]["trainer"] if Requirement(text).name == "torch")
    assert Requirement(TORCH) == Requirement(asked)
    assert "--require-hashes --no-deps -r requirements-trainer.lock" in INSTALL


# --- wheel and sdist ----------------------------------------------------------------------------------------------


def build(source: Path, target: str, folder: Path) -> Path:
    """A distribution as the build backend makes it, from a folder."""
    words = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(words, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_two_roots_and_the_migrations_as_data_of_one(wheel: Path) -> None:
    names = names_in(wheel)
    assert {name.partition("/")[0] for name in names} == {"collector", "trainer", "keiba_paddock-0.1.0.dist-info"}
    here = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert {f"collector/_migrations/versions/{name}" for name in here} <= names
    assert "collector/_migrations/env.py" in names


def test_the_wheel_speaks_both_languages(wheel: Path, installed: Path) -> None:
    here = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/locale/*/LC_MESSAGES/*.po")}
    assert len(here) == 8
    assert here <= names_in(wheel)
    say = "from trainer.web.words import PAGES; print(PAGES.path('ja'), PAGES.read('ja')['ask'])"
    done = subprocess.run([str(installed), "-c", say], cwd="/", capture_output=True, text=True, check=True)
    path, word = done.stdout.split()
    assert Path(path).is_relative_to(installed.parents[1])
    assert word == "推定する"


def test_the_wheel_says_its_name_its_rights_and_its_pythons(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        facts = HeaderParser().parsestr(archive.read("keiba_paddock-0.1.0.dist-info/METADATA").decode())
        licence = archive.read("keiba_paddock-0.1.0.dist-info/licenses/LICENSE").decode()
    assert facts["Name"] == "keiba-paddock"
    assert (facts["License-Expression"], facts.get_all("License-File")) == ("MIT", ["LICENSE"])
    assert licence == (ROOT / "LICENSE").read_text()
    assert licence.startswith("MIT License")
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in (facts.get_all("Classifier") or [])
    assert "Typing :: Typed" in (facts.get_all("Classifier") or [])
    assert {"collector/py.typed", "trainer/py.typed"} <= names_in(wheel)


def test_the_sdist_has_what_a_wheel_is_built_of_and_nothing_else(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    there = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    known = {path.relative_to(ROOT).as_posix() for path in tracked()} | {"PKG-INFO"}
    untracked = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    assert there - known - set(untracked.stdout.decode().split("\0")) == set()
    assert "LICENSE" in there
    assert {name.partition("/")[0] for name in there} == {
        "collector", "migrations", "trainer", "LICENSE", "README.md", "requirements-trainer.lock", "pyproject.toml",
        ".gitignore", "PKG-INFO",
    }  # fmt: skip
    assert names_in(build(source, "wheel", tmp_path / "again")) == names_in(wheel)


# --- an installed wheel, far from any checkout --------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the wheel lies; its libraries are this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3.*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")  # of which no .pth is read
    return folder / "bin" / "python"


@pytest.fixture
def demo_home(open_folder: Path, tmp_path: Path) -> dict[str, str]:
    """An environment whose home Postgres can reach."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = open_folder / f"installed-{tmp_path.name}"
    home.mkdir()
    known = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return known | {"PADDOCK_HOME": str(home), "PADDOCK_DEMO_PORT": str(port)}


def ran(python: Path, words: list[str], env: dict[str, str]) -> str:
    """What a command of the installed wheel prints."""
    start = f"from {words[0]}.cli.app import main; main()"
    done = subprocess.run([str(python), "-c", start, *words[1:]], env=env, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_commands_of_an_installed_wheel_find_the_migrations_in_it(installed: Path, demo_home: dict[str, str]) -> None:
    where = [str(installed), "-c", "from collector.storage import database; print(database.MIGRATIONS)"]
    found = Path(subprocess.run(where, env=demo_home, cwd="/", capture_output=True, text=True).stdout.strip())
    assert found.is_relative_to(installed.parent.parent)
    ran(installed, ["collector", "db", "upgrade"], demo_home)
    ran(installed, ["collector", "crawl", "--demo", "--since", "2016", "--limit", "1"], demo_home)
    assert "1 issue," in ran(installed, ["collector", "status", "--demo"], demo_home)


def test_an_installed_wheel_ships_itself_and_runs_on_a_bare_machine(installed: Path, tmp_path: Path) -> None:
    pack = f"from trainer.jobs import own; open({str(tmp_path / 'own.tar.gz')!r}, 'wb').write(own.pack())"
    subprocess.run([str(installed), "-c", pack], cwd="/", check=True)
    with tarfile.open(tmp_path / "own.tar.gz") as archive:
        archive.extractall(tmp_path / "there", filter="data")
    there = {path.relative_to(tmp_path / "there").as_posix() for path in (tmp_path / "there").rglob("*")}
    assert {"requirements-trainer.lock", "keiba_paddock-0.1.0.dist-info/METADATA", "trainer/cli/train.py"} <= there
    assert not [name for name in there if "RECORD" in name or "direct_url" in name or name.endswith(".pyc")]
    bare = tmp_path / "bare"
    venv.create(bare, symlinks=True)
    (site,) = bare.glob("lib/python3.*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    done = subprocess.run(
        [str(bare / "bin" / "python"), "-m", "trainer", "train", "--help"], cwd="/", capture_output=True, text=True,
        env={"PYTHONPATH": str(tmp_path / "there"), "PATH": os.defpath},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
