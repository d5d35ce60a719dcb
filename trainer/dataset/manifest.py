"""A data set version and its manifest. The manifest is written last: without one, the export has not ended."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from collector.errors import UsageError
from trainer.dataset.examples import BY_WORDS, FACTS, OWN_FACTS
from trainer.dataset.older import modern_manifest
from trainer.directories import pick, write_file
from trainer.labels.scales import Scale

MANIFEST = "manifest.json"
JOURNAL = "shards.jsonl"  # the finished shards of an unfinished export
PART = ".part"  # suffix of an unfinished version's folder
WHOLE_NAME = re.compile(r"\w+-[0-9a-f]{12}")
EXPORT_FIRST = "`trainer export` makes one."


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a data set; of an image folder, one folder."""

    path: str  # within the version's folder
    side: str
    photos: int
    size: int  # bytes
    digest: str  # SHA-256 of its content


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """One label of a version: what it means, and what the training horses say of it."""

    key: str  # definition/axis
    words: str
    unit: str
    low: str  # the end at 0
    high: str
    knots: list[list[float]]  # value in the unit, label
    metres: bool  # whether values are logarithms of metres
    photos: dict[str, int]  # by side
    shrunk: bool  # whether values of little evidence are drawn towards the mean
    mean: float  # of training horses, in the unit
    between: float  # variance of the true values of training horses
    within: float | None  # variance of one piece of evidence; None: values state their own variance
    training_horses: int

    @property
    def axis(self) -> str:
        """Its axis."""
        return self.key.partition("/")[2]

    @property
    def scale(self) -> Scale:
        """From its unit to 0..1."""
        return Scale(self.low, self.high, tuple((value, label) for value, label in self.knots), self.metres)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a version: all settings behind its id, and its content."""

    version: str
    name: str
    labels: list[LabelFacts]  # the first one is learnt unless another is asked for
    format: str
    query: dict[str, Any]
    split: str
    code: dict[str, Any]
    photos: dict[str, int]  # by side
    horses: dict[str, int]
    horses_in_all: int  # a horse counts once, even if it is on several sides
    kinds: dict[str, dict[str, int]]  # types by side, of the first label; empty if its axis is not distance
    left_out: dict[str, int]  # photos by Skip and WhyNone
    leaks: dict[str, int]
    newest_photo: str | None  # date of the newest issue
    newest_label: str | None  # when the newest label was observed, or the last start behind one was run
    # Whose pages it is from, what their keepers allow, and who permitted more; older versions do not say it.
    sources: list[dict[str, Any]] = field(default_factory=list)
    stated: list[dict[str, Any]] = field(default_factory=list)  # whose the facts beside photos are; likewise
    shards: list[Shard] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)  # digest by path of the card, its plots and croissant.json

    @property
    def own(self) -> bool:
        """Whether it has photos of its maker alone, and may be published."""
        return self.query.get("rights") == "own"

    @property
    def facts(self) -> Sequence[str]:
        """Its columns of one value."""
        return OWN_FACTS if self.own else FACTS

    def as_json(self) -> dict[str, Any]:
        """The content of the manifest file."""
        return asdict(self)

    def label(self, key: str = "") -> LabelFacts:
        """The label of that name; the first one for an empty name.

        Raises:
            UsageError: the version has no such label.
        """
        if not self.labels:
            raise UsageError(f"{self.name}-{self.version} has no labels: `trainer export --label NAME` writes some.")
        found = next((label for label in self.labels if key in ("", label.key)), None)
        if found is None:
            names = ", ".join(label.key for label in self.labels)
            raise UsageError(f"{self.name}-{self.version} has no label {key}; it has {names}.")
        return found


@dataclass(frozen=True, slots=True)
class Version:
    """A finished version on disk."""

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """The name of the version on the command line."""
        return self.folder.name


def read_version(folder: Path) -> Version:
    """The version in a folder.

    Raises:
        UsageError: the folder has no version, it is unfinished, or its manifest cannot be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"{folder} is not a data set version: it has no {MANIFEST}, so its export has not ended.")
    try:
        facts = json.loads(path.read_text())
        shards = [Shard(**shard) for shard in facts.pop("shards")]
        facts = modern_manifest(facts)
        labels = [LabelFacts(**label) for label in facts.pop("labels")]
        facts["left_out"] = {BY_WORDS.get(why, why): count for why, count in facts["left_out"].items()}
        return Version(folder, Manifest(**facts, labels=labels, shards=shards))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path} cannot be read ({error}): `trainer dataset delete {folder.name}`, then export it again."
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest atomically."""
    write_file(folder / MANIFEST, json.dumps(manifest.as_json(), ensure_ascii=False, indent=1) + "\n")


def list_versions(root: Path) -> list[Version]:
    """The finished versions in a folder, oldest first, without those in `list_broken`."""
    return [found for found in _read_all(root) if isinstance(found, Version)]


def list_broken(root: Path) -> list[str]:
    """One sentence for each version whose manifest cannot be read."""
    return [found for found in _read_all(root) if isinstance(found, str)]


def _read_all(root: Path) -> Iterator[Version | str]:
    folders = [path for path in root.iterdir() if _is_finished(path)] if root.is_dir() else []
    for folder in sorted(folders, key=lambda path: (path / MANIFEST).stat().st_mtime_ns):
        try:
            yield read_version(folder)
        except UsageError as error:
            yield str(error)


def _is_finished(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and not folder.name.endswith(PART)


def list_unfinished(root: Path) -> list[Path]:
    """Folders of exports that have not ended."""
    return sorted(root.glob(f"*{PART}")) if root.is_dir() else []


def find_version(root: Path, word: str) -> Version:
    """The version of a folder, a name, the beginning of a name, or `last`.

    Raises:
        UsageError: no version matches, or several do.
    """
    return read_version(find_folder(root, word))


def find_folder(root: Path, word: str) -> Path:
    """The folder of a version, named as for `find_version`; one that cannot be read needs its full name.

    Raises:
        UsageError: no version matches, or several do.
    """
    for folder in (Path(word), root / word):
        if _is_finished(folder):
            return folder.resolve()
    folders = [version.folder for version in list_versions(root)]
    if WHOLE_NAME.fullmatch(word):  # a full name, as a run stores it
        raise UsageError(
            f"No data set version is called {word!r}; if it was deleted, the same `trainer export` makes it again, "
            "as long as the database has not changed."
        )
    return pick(folders, word, "data set version", EXPORT_FIRST)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    if path.is_dir():
        whole = hashlib.sha256()
        for inner in sorted(path.iterdir()):
            whole.update(f"{inner.name} {digest_of(inner)}\n".encode())
        return whole.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(path: Path) -> int:
    """The size in bytes of a file, or of a folder's files."""
    if path.is_dir():
        return sum(inner.stat().st_size for inner in path.iterdir())
    return path.stat().st_size


def verify(version: Version) -> list[str]:
    """One sentence for each file of a version that is missing or changed."""
    wrong = []
    shards = {shard.path: shard.digest for shard in version.manifest.shards}
    for name, digest in (shards | version.manifest.beside).items():
        path = version.folder / name
        if not path.exists():
            wrong.append(f"{name} is missing.")
        elif digest_of(path) != digest:
            wrong.append(f"{name} has changed since it was written.")
    return wrong


def delete(folder: Path) -> int:
    """Remove a version, finished or not; returns the bytes freed.

    The manifest goes first, so that a partly deleted version does not count as finished.
    """
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    folder.chmod(folder.stat().st_mode | 0o700)
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(path.stat().st_mode | 0o700)  # the inputs of a job are read-only
    shutil.rmtree(folder)
    return freed


def read_journal(folder: Path) -> Iterator[Shard]:
    """The finished shards of an unfinished export, without those that are missing or changed."""
    path = folder / JOURNAL
    for line in path.read_text().splitlines() if path.is_file() else ():
        shard = Shard(**json.loads(line))
        if (folder / shard.path).exists() and digest_of(folder / shard.path) == shard.digest:
            yield shard


def note_shards(folder: Path, shards: Iterable[Shard]) -> None:
    """Write the journal of finished shards, so that an interrupted export can resume after them."""
    write_file(folder / JOURNAL, "".join(json.dumps(asdict(shard)) + "\n" for shard in shards))
