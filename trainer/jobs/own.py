"""Paddock's own code as a job ships it: a rented machine runs this code, never a package from an index.

Nothing is built there. The job starts in a folder with the packages, the distribution's metadata and the lock of their
dependencies. Python finds the packages there, and only locked versions are installed.
"""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import trainer
from collector import __version__
from collector.errors import UsageError
from trainer.jobs.code import archive

NAME = "keiba-paddock"
VERSION = f"{NAME} {__version__}"  # in place of a commit
LOCK = "requirements-trainer.lock"
FOLDER = Path(trainer.__file__).parent.parent  # a checkout, or where a wheel was installed
SHIPPED = ("collector", "trainer", "METADATA")  # two packages and a file
INSTALLED_LOCK = f"trainer/{LOCK}"


def is_paddock(root: Path) -> bool:
    """Whether a project is Paddock itself, perhaps with local changes."""
    try:
        facts = tomllib.loads((root / "pyproject.toml").read_text())
    except (OSError, ValueError):
        return False
    return facts.get("project", {}).get("name") == NAME


def files() -> dict[str, Path]:
    """The files to ship of a Paddock that was installed from a wheel: by their paths in the archive.

    Raises:
        UsageError: it was not installed from a wheel, so its files are not known.
    """
    found = {
        str(file): Path(str(file.locate()))
        for file in distribution(NAME).files or ()
        if (file.parts[0] in SHIPPED or file.name in SHIPPED) and file.suffix != ".pyc"
    }
    if INSTALLED_LOCK not in found:
        raise UsageError(f"{FOLDER} is not in a git repository, and git says what is shipped: `git init` makes one.")
    found[LOCK] = found.pop(INSTALLED_LOCK)
    return dict(sorted(found.items()))


def pack() -> bytes:
    """The installed Paddock as a gzipped tar, byte for byte the same for the same files."""
    return archive(files())
