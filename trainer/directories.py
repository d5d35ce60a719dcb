"""The folders of a home, and how a user names one in them: by its name, the beginning of it, or `last`."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import UsageError

LAST, BEST = "last", "best"


@dataclass(frozen=True, slots=True)
class Directories:
    """The folders of one home."""

    home: Path

    @property
    def datasets(self) -> Path:
        """The folder of the data set versions."""
        return self.home / "datasets"

    @property
    def runs(self) -> Path:
        """The folder of the training runs."""
        return self.home / "runs"

    @property
    def jobs(self) -> Path:
        """The folder of the running training jobs, and the engine's locks."""
        return self.home / "jobs"

    @property
    def cache(self) -> Path:
        """The folder of what can be computed again: unpacked pixels and features."""
        return self.home / "cache"


def pick(folders: Sequence[Path], word: str, what: str, advice: str) -> Path:
    """The folder that a word names, of folders in order of age.

    Raises:
        UsageError: none or several match.
    """
    if not folders:
        raise UsageError(f"No {what} yet: {advice}")
    if word == LAST:
        return folders[-1]
    exact = [folder for folder in folders if folder.name == word]
    named = [folder for folder in folders if folder.name.rpartition("-")[0] == word]  # the name that a user gave it
    near = exact or named or [folder for folder in folders if word in (folder.name, *_parts(folder.name, word))]
    if len(near) == 1:
        return near[0]
    held = ", ".join(folder.name for folder in (near or folders)[-5:])
    several = f"Several {what}s are called" if named else f"Several {what}s begin with"
    problem = several if near else f"No {what} is called"
    raise UsageError(f"{problem} {word!r}; {'they are' if near else 'the latest are'} {held}.")


def _parts(name: str, word: str) -> tuple[str, ...]:
    """The shortened forms of a name: its beginning, or the beginning of the part after its last dash."""
    return tuple(part[: len(word)] for part in (name, name.rpartition("-")[2]) if word and part.startswith(word))


def as_file_name(words: str) -> str:
    """A safe file name for the words: different words give different names."""
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in words)[-60:].lstrip(".") or "_"
    # `a b.jpg` and `a_b.jpg` are two photos: a name that was changed gets a digest of the words.
    return name if name == words else f"{name}-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:8]}"


def for_us_alone(path: str, flags: int) -> int:
    """An opener for `open` that makes a file readable for its owner only: photos are for private study."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, for the owner only."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all, for the owner only."""
    part = path.with_name(path.name + ".part")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(part, "wb", opener=for_us_alone) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
