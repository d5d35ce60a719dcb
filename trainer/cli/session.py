"""Training a run from the command line: select it, watch it, and stop it."""

import shutil
import signal
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from collector.console.measures import span_in_words
from collector.console.terminal import stderr
from collector.errors import UsageError
from trainer.cli.base import progress
from trainer.dataset.manifest import Version, find_version
from trainer.directories import LAST, Directories
from trainer.locks import alone, is_locked
from trainer.models.device import Device, has_gpu
from trainer.runs.config import RunConfig
from trainer.runs.preset_file import config_of, name_of
from trainer.runs.runs import (
    Facts,
    Run,
    begin,
    check_name,
    code_version,
    find_run,
    list_runs,
    now,
    read_run,
    version_of,
)
from trainer.training.learn import Report, learn
from trainer.training.material import gather
from trainer.training.track import followed
from trainer.training.trackers import Tracker


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The run that a command names, and its folders."""

    where: Directories
    root: Path  # of the runs
    name: str | None
    preset: str | None
    data: str
    device: str


def begin_run(request: RunRequest, settings: Sequence[str], freeze: Sequence[str]) -> tuple[Run, Version, Device]:
    """A new run, with its data set version and its device."""
    check_name(request.name)
    config = config_of(request.preset or ("finetune" if has_gpu() else "probe"), settings, freeze)
    device = Device.find(request.device, config.precision)
    version = find_version(request.where.datasets, request.data)
    config = config.model_copy(update=_labels_of(config, version))
    facts = Facts("training", version.name, str(version.folder), code_version(), "none", device.words, now())
    # Only one of several processes writes the folder; the others learn its name.
    run = begin(request.root, request.name, config, facts) if device.rank == 0 else None
    agreed = device.agree(run.name if run else "")
    return run or Run(request.root / agreed, config, facts), version, device


def _labels_of(config: RunConfig, version: Version) -> dict[str, Any]:
    """The labels that a run learns, by their full names.

    Raises:
        UsageError: the data set does not have one of them.
    """
    manifest = version.manifest
    label = manifest.label(config.label).key
    named = [its.key for its in manifest.labels] if config.also == ("all",) else config.also
    others = dict.fromkeys(manifest.label(key).key for key in named)
    return {"label": label, "also": tuple(key for key in others if key != label)}


def continue_run(request: RunRequest) -> tuple[Run, Version, Device]:
    """An unfinished run, with its data set version and its device."""
    run = _unfinished(request.root, request.name, name_of(request.preset) if request.preset else None)
    device = Device.find(request.device, run.config.precision)
    run = read_run(request.root / device.agree(run.name))  # the same run in every process
    # On another machine the data set is in another folder, and --data names it.
    named = request.data != LAST
    version = find_version(request.where.datasets, request.data) if named else version_of(run, request.where)
    if version.name != run.facts.data:
        raise UsageError(f"{run.name} was begun on {run.facts.data}, and {version.name} is another data set.")
    return run, version, device


def learn_watched(run: Run, version: Version, device: Device, cache: Path, tracker: Tracker | None = None) -> None:
    """Train a run until it ends or is stopped; then it has a checkpoint. With a tracker, it is followed there."""
    console = stderr()
    with _alone(run, device), _reporting(run, device, console) as report, _stopping(report) as stopping:
        if device.rank == 0:
            labels = ", ".join(key or version.manifest.label().key for key in run.config.labels)
            words = f"{run.name}: {run.config.preset} learns {labels} of {version.name}, {device.words}"
            console.print(words, soft_wrap=True)
        report.stopping = stopping
        try:
            unpacking = partial(report.progress, "photos")
            material = gather(version, run.config, cache, unpacking)
            # Of several processes only the first one reports.
            with followed(run, None if device.rank else tracker, report, partial(_warn, console)):
                learn(run, material, device, report)
        except UsageError:
            _forget_empty(run)
            raise
        except KeyboardInterrupt:
            if device.rank == 0:
                run.facts.status = "stopped"
                run.save()
                words = f"{run.name} is stopped: `trainer train --resume --name {run.name}` goes on with it."
                console.print(words, soft_wrap=True)
            raise


def _warn(console: Console, words: str) -> None:
    console.print(f"warning: {words}", soft_wrap=True)


def _alone(run: Run, device: Device) -> AbstractContextManager[None]:
    """Lock the run's folder; of several processes only the first does."""
    busy = f"The run {run.name} is being trained already: wait until it has ended, or begin one with another --name."
    return alone(run.folder, busy) if device.rank == 0 else nullcontext()


def _forget_empty(run: Run) -> None:
    """Remove a run that could not begin."""
    if not run.metrics() and not run.ready and not any(run.folder.glob("*.safetensors")):
        shutil.rmtree(run.folder, ignore_errors=True)


def _unfinished(root: Path, name: str | None, preset: str | None) -> Run:
    if name:
        run = find_run(root, name, ready=False)
        if run.facts.status == "done":
            raise UsageError(f"The run {run.name} has ended; there is nothing to continue.")
        if preset not in (None, run.config.preset):
            raise UsageError(f"The run {run.name} was begun as {run.config.preset}; leave out --preset {preset}.")
        return run
    held = [run for run in list_runs(root) if run.facts.status != "done" and not is_locked(run.folder)]
    held = [run for run in held if preset in (None, run.config.preset)]
    if not held:
        raise UsageError("No unfinished run to continue; leave out --resume to begin one.")
    return held[-1]


@contextmanager
def _stopping(report: Report) -> Iterator[Callable[[], bool]]:
    """Ctrl-C or SIGTERM ends training after the step at hand, with a checkpoint; anything else, and a second one, at
    once."""
    asked = False

    def ask(_number: int, _frame: types.FrameType | None) -> None:
        nonlocal asked
        if asked or not report.stepping:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _reporting(run: Run, device: Device, console: Console) -> Iterator[Report]:
    if device.rank:
        yield Report()
        return

    def metrics(facts: dict[str, Any]) -> None:
        left = facts["seconds"] / facts["step"] * (facts["steps"] - facts["step"])
        line = f"epoch {facts['epoch']:3} of {run.config.epochs}  loss {facts['loss']:.3f}"
        if "validation_mse" in facts:
            line += f"  validation MSE {facts['validation_mse']:.2f} (1..10)"
        console.print(
            f"{line}  {facts['photos_a_second']:.0f} photos/s  {span_in_words(left)} left",
            highlight=False,
            soft_wrap=True,
        )

    with progress("photos", console) as show:
        yield Report(progress=lambda _work, done, of: show(done, of), metrics=metrics, message=console.print)
