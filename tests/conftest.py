"""A real Postgres for every test that asks for one: a cluster for all, a fresh copy of a template for each test."""

import fcntl
import gc
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from collector.engine.crawl_jobs import Crawler
from collector.politeness.gate import Connection
from collector.storage import database
from collector.storage.embedded import lease
from tests.databases import EMPTY, administered, copy_of, filled_once

# The first input takes seconds on a busy machine, while tables of characters are built; durations prove nothing here.
settings.register_profile("paddock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paddock")

# A folder that Postgres can reach, whose user is not root; all test processes share it.
FOLDER = pytest.StashKey[Path]()
NAME = "paddock-test-"
MEMORY, SPACE = Path("/dev/shm"), 4 * 2**30  # bytes


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of the chaos test takes: another seed, more strikes, only some kinds of them."""
    group = parser.getgroup("chaos")
    group.addoption("--chaos-seed", type=int, default=20261125, help="which strikes, and when")
    group.addoption("--chaos-strikes", type=int, default=12, help="how many; `make siege` has 60")
    group.addoption("--chaos-kinds", help="only these, separated by commas: kill a worker, cut a session, ...")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all test processes share; the process that has started the others removes it.

    What tests write is in it too. `--basetemp` names a folder that stays.
    All of them keep what Python has compiled. Where the environment forbids that, each compiles 460 files: ten seconds.
    None of them computes on several threads, which wait for each other where every core has its process already:
    `trainer diagnose` took 18 s of computing in place of 7.
    """
    if hasattr(config, "workerinput"):
        config.stash[FOLDER] = Path(config.workerinput["folder"])  # pyright: ignore[reportAttributeAccessIssue]
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # noqa: TID251
    os.environ["OMP_NUM_THREADS"] = "1"  # noqa: TID251
    folder = config.stash[FOLDER] = _made_folder(_in_memory() or Path(tempfile.gettempdir()))
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)  # noqa: TID251
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)  # after -100, `multiprocessing`'s own folder in it


def _made_folder(place: Path) -> Path:
    """Make a folder in a place, and remove those of runs that were killed; the lock on it lasts as long as this run.

    A killed run leaves up to a gigabyte. Its Postgres ends by itself when it misses its folder.
    """
    with _locked(place, fcntl.LOCK_EX):
        for left in place.glob(f"{NAME}*"):
            with suppress(OSError), _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=NAME, dir=place))
        folder.chmod(0o1777)  # as /tmp
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)
    return folder


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, how)
        yield
    finally:
        os.close(opened)


def _in_memory() -> Path | None:
    """Where files are in memory, if both have space and programs may run there.

    A database is 400 files. To copy and to remove them takes 20 ms of computing in memory, on a disk up to 400.
    """
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return None
    found = os.statvfs(MEMORY)
    (available,) = re.findall(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    roomy = min(found.f_bavail * found.f_frsize, int(available) * 1024) > SPACE
    return MEMORY if roomy and not found.f_flag & os.ST_NOEXEC else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Name that folder to a test process."""
    node.workerinput["folder"] = str(node.config.stash[FOLDER])


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Keep what is imported and collected out of every later search for garbage, which would take 0.4 s each time."""
    gc.disable()
    try:
        with _first_alone(session.config.stash[FOLDER]):
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _first_alone(folder: Path) -> Iterator[None]:
    """Let one process import everything before the others do: in a new checkout, what it compiles is theirs as well."""
    with (folder / "imported").open("a") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not os.fstat(mark.fileno()).st_size:
            yield
            mark.write("by one")
            return
    yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped, and how to have it run, in one line; why is for each test to say."""
    skipped = terminalreporter.stats.get("skipped", [])
    whys = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if whys:
        terminalreporter.write_line("Skipped: " + "; ".join(f"{count} ({why})" for why, count in whys.most_common()))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own PADDOCK_* and .env have no say here."""
    for name in [name for name in os.environ if name.startswith("PADDOCK_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def shared_folder(pytestconfig: pytest.Config) -> Path:
    """A folder of all test processes, which another user can reach: Postgres does not run as root."""
    return pytestconfig.stash[FOLDER]


@pytest.fixture(scope="session")
def open_folder(shared_folder: Path) -> Path:
    """A folder of this test process in it."""
    folder = shared_folder / str(os.getpid())
    folder.mkdir()
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def cluster(shared_folder: Path) -> Iterator[str]:
    """A running Postgres with a migrated database, as a connection string; the last test process stops it."""
    with lease(shared_folder / "postgres", fast_and_unsafe=True) as conninfo, administered(conninfo):
        filled_once(conninfo, EMPTY, database.upgrade, "template1")
        yield conninfo


@pytest.fixture
def template() -> str:
    """What a test's database is a copy of; a folder whose tests want a full one says another."""
    return EMPTY


@pytest.fixture
def conninfo(cluster: str, template: str) -> Iterator[str]:
    """A migrated database of this test's own, empty unless its folder fills it."""
    with copy_of(cluster, template) as copy:
        yield copy


@pytest.fixture
def other_conninfo(cluster: str) -> Iterator[str]:
    """A second migrated, empty database, to compare with."""
    with copy_of(cluster, EMPTY) as copy:
        yield copy


@pytest.fixture
def empty_conninfo(cluster: str) -> Iterator[str]:
    """A database without a single table."""
    with copy_of(cluster, "template1") as copy:
        yield copy


@pytest.fixture
async def connection(conninfo: str) -> AsyncIterator[Connection]:
    """A connection to this test's database."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as opened:
        yield opened


@pytest.fixture
def crawler(conninfo: str) -> Crawler:
    """A crawler without a site; tests put in their own."""
    return Crawler(conninfo, contact=None, sites=(), crawl_delay=0.0)
