"""The database: its address, its schema, and connections to it (psycopg 3 everywhere).

All connections use a libpq connection string from `conninfo_for`, which fixes the search path and the time zone.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from collector.console.trouble import reason_of
from collector.errors import UsageError
from collector.storage.embedded import lease
from collector.storage.embedded_watchdog import watched

if TYPE_CHECKING:
    from sqlalchemy import Engine

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "_migrations"  # in a wheel; in a checkout they are beside the package
MIGRATIONS = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent / "migrations"
REVISION = re.compile(r'^revision: str = "(\w+)"$.*?^down_revision: str \| None = (?:"(\w+)"|None)$', re.M | re.S)
# A user, a password and a host must not contain a raw character that ends a part of an address.
URL = re.compile(r"[a-z]+://([^:/?#@]*(:[^:/?#@]*)?@)?[^@?#]*(\?.*)?", re.DOTALL)
NOT_UNDERSTOOD = (
    "PADDOCK_DATABASE_URL cannot be understood (it may hold a password, so it is not shown): write it as "
    "postgresql://user:password@host:5432/name, with : / ? # @ % in the password as %3A %2F %3F %23 %40 %25."
)
TAKEN = (errors.DuplicateTable, errors.DuplicateFunction, errors.DuplicateObject, errors.DuplicateSchema)
SHUT = "SELECT nspname FROM pg_namespace WHERE nspname = %s AND NOT has_schema_privilege(oid, 'USAGE')"
ENCODING = "UTF8"  # pages and names are stored as they came; no other encoding has all their characters
# At the end of a pipeline that an error has ended, psycopg also logs that error, which is raised all the same.
logging.getLogger("psycopg").addFilter(lambda record: not record.msg.startswith("error ignored terminating"))
SESSION_OPTIONS = "-c search_path=public -c timezone=UTC"


def conninfo_for(database_url: str) -> str:
    """A libpq connection string from a user's text (postgres://, postgresql+psycopg://, key=value).

    Raises:
        UsageError: it cannot be parsed. Neither the error nor its cause shows the text, because it may hold a password.
    """
    try:
        given = _parsed(database_url)
    except (psycopg.Error, ValueError):
        raise UsageError(NOT_UNDERSTOOD) from None
    options = f"{given.pop('options', '') or ''} {SESSION_OPTIONS}".strip()
    given.setdefault("application_name", "paddock")
    given.setdefault("connect_timeout", "10")
    # A machine that disappears must not hold its lane's lock for two hours, the kernel's default.
    given.setdefault("keepalives_idle", "15")
    given.setdefault("keepalives_interval", "5")
    given.setdefault("keepalives_count", "3")
    return make_conninfo("", **given | {"options": options, "client_encoding": "UTF8"})


def _parsed(database_url: str) -> dict[str, Any]:
    """The parts of a URL. A URL that libpq would split at the wrong character is refused: libpq's error would show a
    part of the password as a host or a port.
    """
    url = database_url.strip().replace("postgresql+psycopg://", "postgresql://", 1)
    given = conninfo_to_dict(url)
    if "://" in url and not URL.fullmatch(url):
        raise ValueError
    if not all(port.isdecimal() or not port for port in str(given.get("port") or "").split(",")):
        raise ValueError
    return dict(given)


def engine_for(conninfo: str) -> "Engine":
    """An SQLAlchemy engine for the same database, for migrations, reports and exports."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(conninfo)

    return create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)


def _alembic(engine: "Engine", action: str, *arguments: str, **options: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(stdout=sys.stdout)  # the default is what stood there when alembic was imported
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["configure_logger"] = False
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, action)(config, *arguments, **options)


def upgrade(conninfo: str, revision: str = "head") -> None:
    """Upgrade the schema to a revision; several processes may call it at once.

    Raises:
        UsageError: the database is of a later version, has another encoding, or holds other tables.
    """
    from sqlalchemy.exc import ProgrammingError

    check_fit(conninfo)
    engine = engine_for(conninfo)
    try:
        _alembic(engine, "upgrade", revision)
    except ProgrammingError as error:
        if not isinstance(error.orig, TAKEN):
            raise
        raise UsageError(
            f"The database cannot be set up, it already holds something else ({reason_of(error.orig)}): "
            "give Paddock a database of its own. Nothing was changed."
        ) from error
    finally:
        engine.dispose()


def downgrade(conninfo: str, revision: str) -> None:
    """Downgrade the schema to a revision (`base`: empty). Raises where that would lose data."""
    _alembic(engine_for(conninfo), "downgrade", revision)


def check(conninfo: str) -> None:
    """Raise alembic's AutogenerateDiffsDetected when tables and models disagree."""
    _alembic(engine_for(conninfo), "check")


@cache
def _revisions() -> dict[str, str | None]:
    """Each revision with the one before it, as the migrations' first lines say.

    Every command asks for them. Alembic would import SQLAlchemy and run all migrations' modules for it: 0.13 s.
    """
    texts = (path.read_text(encoding="utf-8") for path in (MIGRATIONS / "versions").glob("*.py"))
    return {found[1]: found[2] for text in texts if (found := REVISION.search(text))}


def head_revision() -> str:
    """The newest revision that this code knows."""
    (head,) = _revisions().keys() - _revisions().values()
    return head


def known_revisions() -> set[str]:
    """All revisions that this code can upgrade from."""
    return set(_revisions())


def current_revision(conninfo: str) -> str | None:
    """A database's revision; None for an empty one."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return _revision(connection)


def _revision(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
    if not (row and row[0]):
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return row[0] if row else None


def check_known(revision: str | None, what: str = "The database") -> None:
    """Check that this code knows a revision.

    Raises:
        UsageError: it does not.
    """
    if revision is not None and revision not in known_revisions():
        raise UsageError(
            f"{what} is at revision {revision}, which this version of Paddock (revision {head_revision()}) does not "
            "know: a later version has upgraded it. Use that version here, too."
        )


def check_current(revision: str | None) -> None:
    """Check that a revision is the newest.

    Raises:
        UsageError: it is an older one.
    """
    if revision != (needed := head_revision()):
        raise UsageError(
            f"The database is at revision {revision or 'none'}, this version needs {needed}: "
            "run `collector db upgrade`."
        )


def check_encoding(connection: psycopg.Connection[Any]) -> None:
    """Check that a database can store every page's text.

    Raises:
        UsageError: it cannot; says which database to create.
    """
    encoding, name = connection.info.parameter_status("server_encoding"), connection.info.dbname
    if encoding != ENCODING:
        raise UsageError(
            f"The database {name} has the encoding {encoding}, which lacks characters that a page may "
            f"have. Create one with {ENCODING} and set PADDOCK_DATABASE_URL to it: "
            f"CREATE DATABASE {name}_utf8 ENCODING '{ENCODING}' TEMPLATE template0 LOCALE 'C.UTF-8'."
        )


def check_fit(conninfo: str, engine: str | None = None) -> str | None:
    """The revision of a database. Checks that this code can use the database, perhaps after an upgrade, and, if given,
    the schema of the job `engine`.

    Raises:
        UsageError: it has another encoding, a later version has upgraded it, or this role may not use the engine.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        check_encoding(connection)
        revision = _revision(connection)
        check_known(revision)
        if engine and connection.execute(SHUT, (engine,)).fetchone():
            # For a role without the privilege, the schema seems not to exist, so no error would say why.
            raise UsageError(
                f"The database does not let this role ({connection.info.user}) use the schema {engine}, where jobs are "
                "kept. Nothing was changed; use the role that owns the tables, or grant what is missing."
            )
    return revision


@contextmanager
def opened(
    database_url: str | None, home: Path, *, check_revision: bool = True, engine: str | None = None
) -> Iterator[str]:
    """The connection string of the database of these settings, ready to use; also for the jobs of an `engine` (the
    schema that holds them).

    With a URL, the database must exist and be up to date. Without one, the embedded Postgres under `home` is started
    (or joined) until the context ends, and upgraded.

    Raises:
        UsageError: it cannot be used, or needs `collector db upgrade` first.
        psycopg.Error: it cannot be reached; see `collector.console.trouble`.
    """
    if database_url:
        conninfo = conninfo_for(database_url)
        if check_revision:
            check_current(check_fit(conninfo, engine))
        yield conninfo
        return
    with lease(home / "postgres") as socket_conninfo, watched(home / "postgres"):
        conninfo = conninfo_for(socket_conninfo)
        if check_revision and current_revision(conninfo) != head_revision():
            upgrade(conninfo)
        yield conninfo
