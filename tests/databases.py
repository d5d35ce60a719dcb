"""Databases for tests: one cluster for all test processes, templates that are filled once, a copy for each test."""

import fcntl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Composed, Identifier

from collector.storage import database

EMPTY = "template_paddock"  # migrated, without a row
Fill = Callable[[str], object]  # takes a connection string
_administrators: dict[str, psycopg.Connection[Any]] = {}  # of clusters
# Postgres copies the files: for some ten megabytes that costs a third of what it costs to log each page.
CREATE = "CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"


def conninfo_of(cluster: str, name: str) -> str:
    """The connection string of a database in this cluster."""
    return database.conninfo_for(make_conninfo(cluster, dbname=name))


@contextmanager
def copy_of(cluster: str, template: str) -> Iterator[str]:
    """A new database with what the template holds, until the context ends; its connection string."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _change(cluster, SQL(CREATE).format(name=Identifier(name), template=Identifier(template)))
    try:
        yield conninfo_of(cluster, name)
    finally:
        _change(cluster, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def filled_once(cluster: str, name: str, fill: Fill, template: str = EMPTY) -> str:
    """The name of a database that the first test process which asks for it fills; the others wait for it."""
    folder = Path(str(conninfo_to_dict(cluster)["host"])).parent
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists(cluster, name):
            part = f"{name}_{uuid.uuid4().hex[:12]}"
            _change(cluster, SQL(CREATE).format(name=Identifier(part), template=Identifier(template)))
            fill(conninfo_of(cluster, part))
            _change(cluster, SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(part), Identifier(name)))
    return name


def _exists(cluster: str, name: str) -> bool:
    held = _administrators[cluster].execute("SELECT FROM pg_database WHERE datname = %s", (name,))
    return held.fetchone() is not None


@contextmanager
def administered(cluster: str) -> Iterator[None]:
    """One connection for all databases that are made and dropped meanwhile: to connect is a third of the work."""
    with psycopg.connect(cluster, autocommit=True) as connection:
        _administrators[cluster] = connection
        yield
        del _administrators[cluster]


def _change(cluster: str, statement: Composed) -> None:
    _administrators[cluster].execute(statement)
