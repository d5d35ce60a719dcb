"""Paddock's own code as a job ships it: a rented machine runs what is here, and never what an index has by some name.

Nothing has to be built there. The packages lie in the folder that the job begins in, with the distribution's metadata
and the lock of what they need: Python finds them, and no version is installed but the locked ones.
"""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import trainer
from collector import __version__
from collector.errors import UsageError
from trainer.jobs.code import archive

NAME = "keiba-paddock"
VERSION = f"{NAME} {__version__}"  # stands for the commit
LOCK = "requirements-trainer.lock"
FOLDER = Path(trainer.__file__).parent.parent  # a checkout, or where a wheel was installed
SHIPPED = ("collector", "trainer", "METADATA")  # packages, and a file's name
INSTALLED_LOCK = f"trainer/{LOCK}"


def is_paddock(root: Path) -> bool:
    """Whether a project is Paddock itself, perhaps with changes of a person's own."""
    try:
        facts = tomllib.loads((root / "pyproject.toml").read_text())
    except (OSError, ValueError):
        return False
    return facts.get("project", {}).get("name") == NAME


def files() -> dict[str, Path]:
    """What is shipped of the Paddock that a wheel has installed: paths there, and the files here.

    Raises:
        UsageError: it was not installed from a wheel, and what belongs to it is not known.
    """
    found = {
        str(file): Path(str(file.locate()))
        for file in distribution(NAME).files or ()
        if (file.parts[0] in SHIPPED or file.name in SHIPPED) and file.suffix != ".pyc"
    }
    if INSTALLED_LOCK not in found:
        raise UsageError(f"{FOLDER} is in no git repository, and git says what is shipped: `git init` makes one.")
    found[LOCK] = found.pop(INSTALLED_LOCK)
    return dict(sorted(found.items()))


def pack() -> bytes:
    """The installed Paddock as a gzipped tar, byte for byte the same for the same files."""
    return archive(files())
