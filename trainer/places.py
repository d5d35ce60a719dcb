"""Where things are kept, and how a person names them: by name, by the beginning of it, or as `last`."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import UsageError

LAST = "last"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one home."""

    home: Path

    @property
    def datasets(self) -> Path:
        """Data set versions, a folder each."""
        return self.home / "datasets"

    @property
    def runs(self) -> Path:
        """Training runs, a folder each."""
        return self.home / "runs"

    @property
    def jobs(self) -> Path:
        """Training jobs at work, a folder each, and the engine's locks."""
        return self.home / "jobs"

    @property
    def cache(self) -> Path:
        """What can be made again: unpacked pixels and features."""
        return self.home / "cache"


def pick(folders: Sequence[Path], word: str, what: str, advice: str) -> Path:
    """The one folder that a person means, of these in order of age.

    Raises:
        UsageError: there is none, or several begin so.
    """
    if not folders:
        raise UsageError(f"There is no {what} yet: {advice}")
    if word == LAST:
        return folders[-1]
    exact = [folder for folder in folders if folder.name == word]
    named = [folder for folder in folders if folder.name.rpartition("-")[0] == word]  # what a person called it
    near = exact or named or [folder for folder in folders if word in (folder.name, *_parts(folder.name, word))]
    if len(near) == 1:
        return near[0]
    held = ", ".join(folder.name for folder in (near or folders)[-5:])
    several = f"Several {what}s are called" if named else f"Several {what}s begin with"
    problem = several if near else f"There is no {what}"
    raise UsageError(f"{problem} {word!r}; {'they are' if near else 'the latest are'} {held}.")


def _parts(name: str, word: str) -> tuple[str, ...]:
    """What a name may be shortened to: its beginning, or the beginning of what follows its last dash."""
    return tuple(part[: len(word)] for part in (name, name.rpartition("-")[2]) if word and part.startswith(word))


def as_file_name(words: str) -> str:
    """Words as the name of a file, without anything that a file system or a shell would mind; others for others."""
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in words)[-60:].lstrip(".") or "_"
    # `a b.jpg` and `a_b.jpg` are two photos: what had to be changed says so by a digest of what it was.
    return name if name == words else f"{name}-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:8]}"


def for_us_alone(path: str, flags: int) -> int:
    """How `open` opens a file that nobody else may read: what it holds is for private study."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for us alone."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all, for us alone."""
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
