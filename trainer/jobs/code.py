"""The code of a project that is shipped: the files git tracks or would add, without those that `.jobignore` names.

Ignored files never reach a job. The same files give the same archive, so its digest says whether it was sent before.
The archive keeps the executable bit of scripts, and links within the project.
"""

import gzip
import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from collector.console.measures import limit_in_words
from collector.errors import UsageError

IGNORE = ".jobignore"  # in the format of .gitignore
LARGEST = 200 << 20  # bytes of code, packed or not
EPOCH = 0


def find_root(folder: Path) -> Path | None:
    """The root of the git project that a folder is in; None if it is not in one."""
    root = _git(folder, "rev-parse", "--show-toplevel")
    return Path(root.decode().strip()) if root is not None else None


def _git(folder: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except OSError as error:
        raise UsageError("git is not installed, and it says what a job's code is: install git.") from error
    return done.stdout if done.returncode == 0 else None


def commit_of(root: Path) -> str:
    """The commit of a project, marked if there are changes since; empty before the first commit."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain")
    return f"{commit.decode().strip()}{' and changes' if changed else ''}" if commit else ""


def list_files(root: Path) -> list[str]:
    """The paths within the project of the files that are shipped, sorted."""
    known = _names(root, "--cached", "--others", "--exclude-standard")
    if (root / IGNORE).is_file():
        rules = f"--exclude-from={IGNORE}"
        known -= _names(root, "--cached", "--ignored", rules) | _names(root, "--others", "--ignored", rules)
    return sorted(name for name in known if (root / name).is_symlink() or (root / name).is_file())


def _names(root: Path, *words: str) -> set[str]:
    listed = _git(root, "ls-files", "-z", *words)
    if listed is None:
        raise UsageError(f"git cannot list the files of {root}; is {root / IGNORE} readable?")
    return {name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name}


def pack(root: Path) -> bytes:
    """The project as a gzipped tar, byte for byte the same for the same files.

    Raises:
        UsageError: there is nothing to ship, or too much.
    """
    names = list_files(root)
    if not names:
        raise UsageError(f"{root} has no file to ship: git lists none, or {IGNORE} leaves all of them out.")
    size = sum((root / name).lstat().st_size for name in names)
    if size > LARGEST:
        largest = max(names, key=lambda name: (root / name).lstat().st_size)
        raise UsageError(
            f"The code is {limit_in_words(size)}, more than {limit_in_words(LARGEST)} (the largest file is {largest}): "
            f"name what no job needs in {root / IGNORE}, written like a .gitignore."
        )
    return archive({name: root / name for name in names})


def archive(files: Mapping[str, Path]) -> bytes:
    """A gzipped tar of files; the keys are their paths in it."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=EPOCH, filename="") as packed:
        _write_tar(packed, files)
    return file.getvalue()


def _write_tar(file: gzip.GzipFile, files: Mapping[str, Path]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files.items():
            entry = tar.gettarinfo(path, name)
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = EPOCH, 0, 0, "", ""
            entry.mode = 0o755 if entry.mode & 0o100 else 0o644
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            elif entry.issym():
                tar.addfile(entry)


def unpack(body: bytes, folder: Path) -> None:
    """Unpack an archive; nothing in it can be written outside of the folder (PEP 706's `data` filter)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:*") as tar:
        tar.extractall(folder, filter="data")
