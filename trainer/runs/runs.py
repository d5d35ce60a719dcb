"""Runs on disk: one configuration, one folder."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector import __version__
from collector.errors import UsageError
from trainer.dataset.manifest import Version, find_version, read_version
from trainer.directories import BEST, LAST, Directories, pick, write_file
from trainer.runs.config import RunConfig, read_config

CONFIG, FACTS, METRICS = "config.json", "run.json", "metrics.jsonl"
NAME = re.compile(r"\w[\w-]*")
TRAIN_FIRST = "`trainer train` makes one."


@dataclass(slots=True)
class Facts:
    """The facts about a run that are kept in run.json."""

    status: str  # training, done, stopped or diverged
    data: str  # name of the data set version
    data_folder: str
    code: str  # commit, or the version of the package
    weights: str  # digest of the backbone's weights
    device: str
    started: str
    seconds: float = 0.0  # of training, over all sessions
    epoch: int = 0
    parameters: int = 0
    frozen: int = 0
    train_mse: float | None = None  # on the scale 1..10
    validation_mse: float | None = None
    words: str = ""  # a note to the user about how it ended


@dataclass(slots=True)
class Run:
    """A run on disk."""

    folder: Path
    config: RunConfig
    facts: Facts

    @property
    def name(self) -> str:
        """The name of the run on the command line."""
        return self.folder.name

    def save(self) -> None:
        """Write its facts to run.json."""
        write_file(self.folder / FACTS, json.dumps(asdict(self.facts), ensure_ascii=False, indent=1) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics, an entry for each epoch."""
        path = self.folder / METRICS
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def write_metrics(self, lines: list[dict[str, Any]]) -> None:
        """Replace the metrics of all epochs."""
        write_file(self.folder / METRICS, "".join(json.dumps(line) + "\n" for line in lines))

    @property
    def ready(self) -> bool:
        """Whether it has a model to predict with."""
        return (self.folder / "model.json").exists()


def check_name(name: str | None) -> None:
    """Check the name of a run; a job's name may be used, as its run gets it.

    Raises:
        UsageError: it is not valid.
    """
    if name is not None and (not NAME.fullmatch(name) or name in (LAST, BEST)):
        raise UsageError(f"--name {name!r} is not a valid name; use letters, digits, - and _.")


def begin(root: Path, name: str | None, config: RunConfig, facts: Facts) -> Run:
    """A new run, with its folder and its configuration.

    Raises:
        UsageError: a run has that name already.
    """
    root.mkdir(parents=True, exist_ok=True)
    check_name(name)
    if name is None:
        taken = {folder.name for folder in root.iterdir()}
        name = next(f"{config.preset}-{n}" for n in range(1, 10**6) if f"{config.preset}-{n}" not in taken)
    folder = root / name
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise UsageError(f"There is a run {name} already; give another --name, or --resume to continue it.") from error
    write_file(folder / CONFIG, config.model_dump_json(indent=1) + "\n")
    run = Run(folder, config, facts)
    run.save()
    return run


def read_run(folder: Path) -> Run:
    """The run in a folder.

    Raises:
        UsageError: its files cannot be read.
    """
    try:
        facts = Facts(**json.loads((folder / FACTS).read_text()))
        return Run(folder, read_config((folder / CONFIG).read_text()), facts)
    except (OSError, ValueError, TypeError, UsageError) as error:
        raise UsageError(
            f"{folder} cannot be read ({error}): `trainer runs delete {folder.name}` removes it."
        ) from error


def list_runs(root: Path) -> list[Run]:
    """All runs that can be read, oldest first; `list_broken` names the others."""
    return sorted((run for run in _read_all(root) if isinstance(run, Run)), key=lambda run: run.facts.started)


def list_broken(root: Path) -> list[str]:
    """A sentence for each run that cannot be read."""
    return [found for found in _read_all(root) if isinstance(found, str)]


def _read_all(root: Path) -> Iterator[Run | str]:
    folders = sorted(folder for folder in root.iterdir() if _is_run(folder)) if root.is_dir() else []
    for folder in folders:
        try:
            yield read_run(folder)
        except UsageError as error:
            yield str(error)


def _is_run(folder: Path) -> bool:
    return (folder / FACTS).exists()


def find_run(root: Path, word: str, *, ready: bool = True) -> Run:
    """The run of a name, of the beginning of a name, or the `last` one.

    Raises:
        UsageError: none or several match, or the run has no model yet.
    """
    run = read_run(find_folder(root, word, ready=ready))
    if ready and not run.ready:
        raise UsageError(
            f"The run {run.name} has no model yet ({run.facts.status}); `trainer train --resume` trains it."
        )
    return run


def find_folder(root: Path, word: str, *, ready: bool) -> Path:
    """The folder of a run; one that cannot be read is found only by its full name.

    Raises:
        UsageError: none or several match.
    """
    if word == Path(word).name and _is_run(root / word):
        return root / word
    held = list_runs(root)
    if word == LAST and ready:
        held = [run for run in held if run.ready]
    return pick([run.folder for run in held], word, "run", TRAIN_FIRST)


def version_of(run: Run, directories: Directories) -> Version:
    """The data set version that a run was trained on.

    Raises:
        UsageError: it was removed.
    """
    folder = Path(run.facts.data_folder)
    return read_version(folder) if folder.is_dir() else find_version(directories.datasets, run.facts.data)


def code_version() -> str:
    """The commit of the code, marked if there are changes since; the package's version if it is not in git."""
    if shipped := os.environ.get("PADDOCK_CODE"):  # noqa: TID251  (set for a job, which has no repository)
        return shipped
    package = Path(__file__).parents[1]

    def git(*words: str) -> str | None:
        try:
            result = subprocess.run(["git", "-C", str(package), *words], capture_output=True, text=True, check=False)
        except OSError:
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD")
    # Only if the package itself is under version control, not a project that it is installed in.
    if not commit or git("ls-files", "--error-unmatch", "__init__.py") is None:
        return f"paddock {__version__}"
    return f"{commit}{' and changes' if git('status', '--porcelain', '--', '.') else ''}"


def now() -> str:
    """The time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
