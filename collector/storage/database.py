"""The one database: where it is, its shape, and connections to it (psycopg 3 throughout).

Everything reaches Postgres by a libpq connection string that `conninfo_for` has made: it fixes the search path
and the time zone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from collector.console.trouble import reason_of
from collector.errors import UsageError
from collector.storage.embedded import lease
from collector.storage.embedded_keeper import kept_up

PACKAGE = Path(__file__).parents[1]
SHIPPED = PACKAGE / "_migrations"  # where a wheel has them; a checkout has them beside the package
MIGRATIONS = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent / "migrations"
# Of the characters that end a part of an address, a user and a password hold none as it is; nor does a host.
URL = re.compile(r"[a-z]+://([^:/?#@]*(:[^:/?#@]*)?@)?[^@?#]*(\?.*)?", re.DOTALL)
NOT_UNDERSTOOD = (
    "PADDOCK_DATABASE_URL cannot be understood (it may hold a password, so it is not shown): write it as "
    "postgresql://user:password@host:5432/name, with : / ? # @ % in the password as %3A %2F %3F %23 %40 %25."
)
TAKEN = (errors.DuplicateTable, errors.DuplicateFunction, errors.DuplicateObject, errors.DuplicateSchema)
SHUT = "SELECT nspname FROM pg_namespace WHERE nspname = %s AND NOT has_schema_privilege(oid, 'USAGE')"
ENCODING = "UTF8"  # pages and names are stored as they came: no other encoding has all their characters
SESSION_OPTIONS = "-c search_path=public -c timezone=UTC"


def conninfo_for(database_url: str) -> str:
    """A libpq connection string from what a user may write (postgres://, postgresql+psycopg://, key=value).

    Raises:
        UsageError: it cannot be understood. Nothing of it is told, not even in a cause: it may hold a password.
    """
    try:
        given = _parsed(database_url)
    except (psycopg.Error, ValueError):
        raise UsageError(NOT_UNDERSTOOD) from None
    options = f"{given.pop('options', '') or ''} {SESSION_OPTIONS}".strip()
    given.setdefault("application_name", "paddock")
    given.setdefault("connect_timeout", "10")
    # A machine that vanishes must not hold its lane's lock for the two hours that the kernel's default takes.
    given.setdefault("keepalives_idle", "15")
    given.setdefault("keepalives_interval", "5")
    given.setdefault("keepalives_count", "3")
    return make_conninfo("", **given | {"options": options, "client_encoding": "UTF8"})


def _parsed(database_url: str) -> dict[str, Any]:
    """What a URL says. One that libpq would take apart elsewhere than its writer meant is refused: libpq then tells a
    part of the password as a host or a port.
    """
    url = database_url.strip().replace("postgresql+psycopg://", "postgresql://", 1)
    given = conninfo_to_dict(url)
    if "://" in url and not URL.fullmatch(url):
        raise ValueError
    if not all(port.isdecimal() or not port for port in str(given.get("port") or "").split(",")):
        raise ValueError
    return dict(given)


def engine_for(conninfo: str) -> Engine:
    """An SQLAlchemy engine on the same database, for migrations, reports and exports."""

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(conninfo)

    return create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)


def _alembic(engine: Engine, action: str, *arguments: str, **options: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["configure_logger"] = False
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, action)(config, *arguments, **options)


def upgrade(conninfo: str, revision: str = "head") -> None:
    """Bring the schema up to a revision; safe to call from several processes at once.

    Raises:
        UsageError: the database is of a later version, in another encoding, or holds something that is not ours.
    """
    check_fit(conninfo)
    engine = engine_for(conninfo)
    try:
        _alembic(engine, "upgrade", revision)
    except ProgrammingError as error:
        if not isinstance(error.orig, TAKEN):
            raise
        raise UsageError(
            f"The database cannot be set up, it holds something else already ({reason_of(error.orig)}): "
            "give Paddock a database of its own. Nothing was changed."
        ) from error
    finally:
        engine.dispose()


def downgrade(conninfo: str, revision: str) -> None:
    """Take the schema back to a revision (`base` for none). Raises where that would lose data."""
    _alembic(engine_for(conninfo), "downgrade", revision)


def check(conninfo: str) -> None:
    """Raise alembic's AutogenerateDiffsDetected when tables and models disagree."""
    _alembic(engine_for(conninfo), "check")


def head_revision() -> str:
    """The newest revision that this code knows."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def known_revisions() -> set[str]:
    """All revisions that this code can upgrade from."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def current_revision(conninfo: str) -> str | None:
    """The revision a database is at; None for an empty one."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return _revision(connection)


def _revision(connection: psycopg.Connection[Any]) -> str | None:
    row = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
    if not (row and row[0]):
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return row[0] if row else None


def check_known(revision: str | None, what: str = "The database") -> None:
    """See to it that this code knows a revision.

    Raises:
        UsageError: it does not.
    """
    if revision is not None and revision not in known_revisions():
        raise UsageError(
            f"{what} is at revision {revision}, which this version of Paddock (revision {head_revision()}) does not "
            "know: a later version has upgraded it. Use that version here, too."
        )


def check_current(revision: str | None) -> None:
    """See to it that a revision is the newest.

    Raises:
        UsageError: it is an older one.
    """
    if revision != (needed := head_revision()):
        raise UsageError(
            f"The database is at revision {revision or 'none'}, this version needs {needed}: "
            "run `collector db upgrade`."
        )


def check_encoding(connection: psycopg.Connection[Any]) -> None:
    """See to it that a database can hold any page's text.

    Raises:
        UsageError: it cannot; says what to make in its place.
    """
    encoding, name = connection.info.parameter_status("server_encoding"), connection.info.dbname
    if encoding != ENCODING:
        raise UsageError(
            f"The database {name} is in the encoding {encoding}, which does not hold every character that a page may "
            f"have. Make one in {ENCODING} and name it in PADDOCK_DATABASE_URL: "
            f"CREATE DATABASE {name}_utf8 ENCODING '{ENCODING}' TEMPLATE template0 LOCALE 'C.UTF-8'."
        )


def check_fit(conninfo: str, engine: str | None = None) -> str | None:
    """The revision of a database that this code can work on, or could after an upgrade; with the schema of a job
    `engine`, where that is needed, too.

    Raises:
        UsageError: it is in another encoding, a later version has upgraded it, or this role has no use of the engine.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        check_encoding(connection)
        revision = _revision(connection)
        check_known(revision)
        if engine and connection.execute(SHUT, (engine,)).fetchone():
            # What a role may not use is not there for it at all, so no error would say why.
            raise UsageError(
                f"The database does not let this role ({connection.info.user}) use the schema {engine}, where jobs are "
                "kept. Nothing was changed; use the role that owns the tables, or grant what is missing."
            )
    return revision


@contextmanager
def opened(
    database_url: str | None, home: Path, *, check_revision: bool = True, engine: str | None = None
) -> Iterator[str]:
    """The database of these settings, ready to use, as a connection string; also for the jobs of an `engine` (the
    schema that they are kept in).

    With a URL it must be there and up to date; without one the embedded Postgres under `home` is started
    (or joined) for as long as the context lasts, and upgraded.

    Raises:
        UsageError: it cannot be used as it is, or `collector db upgrade` has to be run first.
        psycopg.Error: it cannot be reached; see `collector.console.trouble`.
    """
    if database_url:
        conninfo = conninfo_for(database_url)
        if check_revision:
            check_current(check_fit(conninfo, engine))
        yield conninfo
        return
    with lease(home / "postgres") as socket_conninfo, kept_up(home / "postgres"):
        conninfo = conninfo_for(socket_conninfo)
        if check_revision and current_revision(conninfo) != head_revision():
            upgrade(conninfo)
        yield conninfo
