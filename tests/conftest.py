"""A real Postgres for every test that asks for one: a cluster a test process, a fresh copy of a template a test."""

import os
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from collector.engine.crawl_jobs import Crawler
from collector.politeness.gate import Connection
from collector.storage import database
from collector.storage.embedded import lease

# The first input takes seconds on a busy machine, while tables of characters are built; durations prove nothing here.
settings.register_profile("paddock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paddock")

MakeTemplate = Callable[[str, Callable[[str], object]], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of the chaos test can be told: another seed, more strikes, only some kinds of them."""
    group = parser.getgroup("chaos")
    group.addoption("--chaos-seed", type=int, default=20261125, help="which strikes, and when")
    group.addoption("--chaos-strikes", type=int, default=60, help="how many")
    group.addoption("--chaos-kinds", help="only these, separated by commas: kill a worker, cut a session, ...")


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
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach: Postgres does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="paddock-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(open_folder: Path) -> Iterator[str]:
    """A running Postgres with a migrated database `template_paddock`, as a connection string."""
    with lease(open_folder / "postgres", fast_and_unsafe=True) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_paddock")
        database.upgrade(database.conninfo_for(make_conninfo(conninfo, dbname="template_paddock")))
        yield conninfo


def _fresh(cluster: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        names = {"name": Identifier(name), "template": Identifier(template)}
        connection.execute(SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield database.conninfo_for(make_conninfo(cluster, dbname=name))
        connection.execute(SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


@pytest.fixture(scope="session")
def make_template(cluster: str) -> MakeTemplate:
    """Fill a migrated database once a test process; the name under which tests copy it, in a tenth of the time."""
    made = set[str]()

    def make(name: str, fill: Callable[[str], object]) -> str:
        if name not in made:
            with psycopg.connect(cluster, autocommit=True) as connection:
                connection.execute(SQL("CREATE DATABASE {} TEMPLATE template_paddock").format(Identifier(name)))
            fill(database.conninfo_for(make_conninfo(cluster, dbname=name)))
            made.add(name)
        return name

    return make


@pytest.fixture
def template() -> str:
    """What a test's database is a copy of; a folder whose tests want a full one says another."""
    return "template_paddock"


@pytest.fixture
def conninfo(cluster: str, template: str) -> Iterator[str]:
    """A migrated database of this test's own, empty unless its folder fills it."""
    yield from _fresh(cluster, template)


@pytest.fixture
def other_conninfo(cluster: str) -> Iterator[str]:
    """A second migrated, empty database, to compare with."""
    yield from _fresh(cluster, "template_paddock")


@pytest.fixture
def empty_conninfo(cluster: str) -> Iterator[str]:
    """A database without a single table."""
    yield from _fresh(cluster, "template1")


@pytest.fixture
async def connection(conninfo: str) -> AsyncIterator[Connection]:
    """A connection to this test's database."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as opened:
        yield opened


@pytest.fixture
def crawler(conninfo: str) -> Crawler:
    """A crawler without a site; tests put in their own."""
    return Crawler(conninfo, contact=None, sites=(), crawl_delay=0.0)
