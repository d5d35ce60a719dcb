"""What a database or an operating system does to us, in one sentence each: the one place that knows SQLSTATE and errno.

Such errors go up as they were raised, to where a person is answered or a log kept (a command line, a server, a lane),
and that one asks here what to say and whether to try again. What is not in these tables is an error of our own: it
keeps its traceback.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from collector.errors import ExitCode, Trouble

KEPT = "What was committed is kept; run the same command again"


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of trouble. `{reason}` in its sentence is what the database or the system says of it."""

    sentence: str
    exit_code: ExitCode = ExitCode.USAGE
    passes: bool = False


# --- the database -----------------------------------------------------------------------------------------

LOST = Kind(f"The database went away ({{reason}}). {KEPT}.", passes=True)
UNREACHABLE = Kind(
    "The database cannot be reached ({reason}). See whether it is up, and whether PADDOCK_DATABASE_URL is right.",
    passes=True,
)
CANCELLED = Kind(
    f"The database broke off a statement ({{reason}}). {KEPT}; where it has a statement_timeout, give it a longer one.",
    passes=True,
)
LOCKED = Kind(
    f"Something else holds what is needed in the database ({{reason}}). {KEPT} when that has ended.", passes=True
)
CROSSED = Kind(f"Something else worked on the same rows of the database ({{reason}}). {KEPT}.", passes=True)
NO_ROOM = Kind(
    f"The database has not enough room for this now ({{reason}}). {KEPT} when less is going on there, or give it more.",
    passes=True,
)
FULL = Kind(f"The database's disk is full ({{reason}}). {KEPT} when there is space.", ExitCode.DISK, passes=True)
READ_ONLY = Kind(
    "The database is read-only ({reason}): it is a standby, or it or this role is set so "
    "(default_transaction_read_only). Nothing was changed; use one that can be written."
)
NO_RIGHT = Kind(
    "The database does not let this role do that ({reason}). Nothing was changed; use the role that owns the tables, "
    "or grant what is missing."
)
DAMAGED = Kind(
    "The database cannot read or write its own files ({reason}). See its log; a backup brings everything back "
    "(`collector db restore`).",
    ExitCode.DISK,
)

# By SQLSTATE, or by its class, the first two characters (appendix A of Postgres' documentation).
BY_SQLSTATE = {
    "08": LOST,
    "25006": READ_ONLY,
    "25P03": LOST,  # idle_in_transaction_session_timeout
    "25P04": CANCELLED,  # transaction_timeout
    "28": UNREACHABLE,  # a wrong password, no entry in pg_hba.conf
    "3D000": UNREACHABLE,  # no such database
    "40": CROSSED,  # a deadlock, a serialization failure, a conflict with recovery on a standby
    "42501": NO_RIGHT,
    "53": NO_ROOM,  # memory, connections
    "53100": FULL,
    "55006": LOCKED,  # object in use
    "55P03": LOCKED,  # lock_timeout
    "57014": CANCELLED,  # statement_timeout, or somebody cancelled it
    "57P": LOST,  # shutting down, crashed, idle_session_timeout
    "57P03": UNREACHABLE,  # starting up, or in recovery
    "58": DAMAGED,  # I/O errors, missing files
    "F0": DAMAGED,  # its configuration
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}  # fmt: skip
# What libpq and psycopg say before there is a connection; such errors have no SQLSTATE.
CONNECTING = (
    "connection failed",
    "connection timeout",
    "connection is bad",
    "failed to resolve",
    "Multiple connection",
)


def kind_of_sqlstate(sqlstate: str) -> Kind | None:
    """What a SQLSTATE stands for; None: an error of our own."""
    return BY_SQLSTATE.get(sqlstate) or BY_SQLSTATE.get(sqlstate[:3]) or BY_SQLSTATE.get(sqlstate[:2])


def _kind_of_database(error: psycopg.Error) -> Kind | None:
    if error.sqlstate:
        return kind_of_sqlstate(error.sqlstate)
    if isinstance(error, psycopg.OperationalError):
        return UNREACHABLE if str(error).startswith(CONNECTING) else LOST
    return None


# --- files ------------------------------------------------------------------------------------------------

DISK_FULL = Kind(
    "The disk is full ({reason}); nothing is half-written. Free some space and run the same command again.",
    ExitCode.DISK,
    passes=True,
)
NOT_USABLE = Kind("A file or folder cannot be read or written ({reason}); nothing is half-written.", ExitCode.DISK)
TOO_MANY = Kind(
    "Too many files are open ({reason}). Raise the limit (`ulimit -n`) and run the same command again.", ExitCode.DISK
)

BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), DISK_FULL),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), TOO_MANY),
    **dict.fromkeys(
        (
            errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
            errno.ELOOP, errno.EIO, errno.EFBIG, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETXTBSY, errno.EXDEV,
        ),
        NOT_USABLE,
    ),
}  # fmt: skip


def disk_error(said: str, path: Path) -> OSError | None:
    """What another program says of a disk, as the error that it stands for; None where it says no such thing."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG):
        if os.strerror(number) in said:
            return OSError(number, os.strerror(number), str(path))
    return None


# --- both -------------------------------------------------------------------------------------------------


def trouble_of(error: BaseException) -> Trouble | None:
    """What to say of an error that the machine has caused; None: it is one of our own.

    What wraps such an error (SQLAlchemy's, groups of errors) is looked through.
    """
    found = None
    for cause in _causes(error):
        if isinstance(cause, Trouble):
            return cause
        kind = _kind(cause)
        if kind is None:
            return None
        found = found or Trouble(kind.sentence.format(reason=reason_of(cause)), kind.exit_code, passes=kind.passes)
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    elif isinstance(inner := getattr(error, "orig", None), psycopg.Error):  # an error that SQLAlchemy has wrapped
        yield inner
    else:
        yield error


def _kind(error: BaseException) -> Kind | None:
    if isinstance(error, psycopg.Error):
        return _kind_of_database(error)
    if isinstance(error, OSError):
        return BY_ERRNO.get(error.errno or 0)
    return None


def reason_of(error: BaseException) -> str:
    """Why, on one line, as the database or the system says it; nothing in it can move a terminal's cursor."""
    if isinstance(error, psycopg.Error):
        said = error.diag.message_primary or str(error)
    elif isinstance(error, OSError) and error.strerror:
        said = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        said = str(error)
    # Of several addresses of one host, each has failed; the first line says so only.
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [type(error).__name__]
    line = lines[1] if lines[0].startswith("Multiple connection") and len(lines) > 1 else lines[0]
    line = line.removeprefix("connection failed: ").removeprefix("connection is bad: ")
    return "".join(letter if letter.isprintable() else " " for letter in line)
