"""The first attempt's models on the same photos, to set a run beside them."""

import numpy as np

from trainer.dataset.data import Table, load_pixels
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.crossfit import answer_out_of_fold, missing_folds
from trainer.evaluation.folds import Fold, make_folds, pool
from trainer.models.answers import answer, load_model
from trainer.models.closed_form import fit_svr
from trainer.models.device import Device
from trainer.runs.config import RunConfig, make_config
from trainer.runs.runs import Run, list_runs
from trainer.training.material import gather

FIRST = ("svr", "first-cnn")  # presets of the first attempt's models
Rivals = tuple[dict[str, np.ndarray], dict[str, str]]  # by preset: the answers, or what is missing and how to get it


def rivals_on(
    run: Run,
    version: Version,
    table: Table,
    directories: Directories,
    device: Device,
    inside: np.ndarray,
    outside: np.ndarray,
) -> Rivals:
    """The answers of the first attempt's models, which were fitted to `inside`, for `outside`."""
    found, missing = {}, {}
    for preset in _presets(run):
        rival = _last_run(preset, run, table, directories)
        config = rival.config if rival else _config(preset, table)
        pixels = load_pixels(version, config.preparation, directories.cache)
        if rival:
            network, _ = load_model(rival, device)
        elif preset == "svr":
            network = device.place(fit_svr(config, pixels[inside], table.label[inside]).eval())
        else:
            missing[preset] = _why_no_run(preset, run, version, table, directories)
            continue
        found[preset] = answer(network, pixels, device, outside)[0].value
    return found, missing


def rivals_out_of_fold(
    run: Run,
    version: Version,
    table: Table,
    directories: Directories,
    device: Device,
    folds: list[Fold],
    *,
    by_time: bool = False,
) -> Rivals:
    """The answers of the first attempt's runs that were evaluated out of fold already; others would take long.

    A rival learns one label, so its folds are those of that label alone, whatever else `run` has learnt.
    """
    found, missing = {}, {}
    asked = np.concatenate([fold.outside for fold in folds])
    for preset in _presets(run):
        rival = _last_run(preset, run, table, directories)
        if rival is None:
            missing[preset] = _why_no_run(preset, run, version, table, directories)
            continue
        material = gather(version, rival.config, directories.cache)
        own = make_folds(material.table, pool(material.table), by_time=by_time)
        held = {example: place for place, example in enumerate(np.concatenate([its.outside for its in own]).tolist())}
        if not held.keys() >= set(asked.tolist()):
            missing[preset] = f"by time {rival.name} does not answer all of these photos."
        elif missing_folds(rival, material, own):
            how = " by time" if by_time else ""
            option = " --by-time" if by_time else ""
            missing[preset] = f"`trainer evaluate {rival.name}{option}` answers out of fold{how} with it first."
        else:
            order = [held[example] for example in asked.tolist()]
            found[preset] = answer_out_of_fold(rival, material, device, own)[0].value[order]
    return found, missing


def _presets(run: Run) -> list[str]:
    return [preset for preset in FIRST if preset != run.config.preset]


def _last_run(preset: str, run: Run, table: Table, directories: Directories) -> Run | None:
    held = [one for one in _runs_of(preset, directories) if not _difference(one, preset, run, table)]
    return held[-1] if held else None


def _runs_of(preset: str, directories: Directories) -> list[Run]:
    return [one for one in list_runs(directories.runs) if one.ready and one.config.preset == preset]


def _difference(rival: Run, preset: str, run: Run, table: Table) -> str:
    """Why a run of a preset cannot stand beside `run` on a table; empty if it can."""
    if rival.facts.data != run.facts.data:
        return f"learnt from {rival.facts.data}"
    if table.key not in rival.config.labels:
        return f"learnt {', '.join(rival.config.labels)}"
    return "" if rival.config == _config(preset, table) else "has other settings"


def _why_no_run(preset: str, run: Run, version: Version, table: Table, directories: Directories) -> str:
    """What there is of a preset in place of a run to compare with, and how to train one."""
    label = "" if table.key == version.manifest.label().key else f" --set label={table.key}"
    command = f"`trainer train --preset {preset} --data {version.name}{label}` trains one."
    held = _runs_of(preset, directories)
    if not held:
        return f"there is no run of it; {command}"
    return f"its run {held[-1].name} {_difference(held[-1], preset, run, table)}; {command}"


def _config(preset: str, table: Table) -> RunConfig:
    """The configuration of a preset that learns the table's label."""
    return make_config(preset).model_copy(update={"label": table.key})
