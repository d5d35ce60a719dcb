"""The first attempt's models on the same photos, to set a run beside them."""

import numpy as np

from trainer.dataset.data import Table, load_pixels
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.crossfit import answer_out_of_fold, missing_folds
from trainer.evaluation.folds import Fold
from trainer.models.answers import answer, load_model
from trainer.models.closed_form import fit_svr
from trainer.models.device import Device
from trainer.runs.config import RunConfig, make_config
from trainer.runs.runs import Run, list_runs
from trainer.training.material import gather

FIRST = ("svr", "first-cnn")  # presets of the first attempt's models
Rivals = tuple[dict[str, np.ndarray], list[str]]  # answers by preset, and the presets without a run


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
    found, missing = {}, []
    for preset in _presets(run):
        rival = _last_run(preset, run, table, directories)
        config = rival.config if rival else _config(preset, table)
        pixels = load_pixels(version, config.preparation, directories.cache)
        if rival:
            network, _ = load_model(rival, device)
        elif preset == "svr":
            network = device.place(fit_svr(config, pixels[inside], table.label[inside]).eval())
        else:
            missing.append(preset)
            continue
        found[preset] = answer(network, pixels, device, outside)[0].value
    return found, missing


def rivals_out_of_fold(
    run: Run, table: Table, version: Version, directories: Directories, device: Device, folds: list[Fold]
) -> Rivals:
    """The answers of the first attempt's runs that were evaluated out of fold already; others would take long."""
    found, missing = {}, []
    for preset in _presets(run):
        rival = _last_run(preset, run, table, directories)
        material = gather(version, rival.config, directories.cache) if rival else None
        if rival and material and not missing_folds(rival, material, folds):
            found[preset] = answer_out_of_fold(rival, material, device, folds)[0].value
        else:
            missing.append(preset)
    return found, missing


def _presets(run: Run) -> list[str]:
    return [preset for preset in FIRST if preset != run.config.preset]


def _last_run(preset: str, run: Run, table: Table, directories: Directories) -> Run | None:
    held = [
        one
        for one in list_runs(directories.runs)
        if one.ready and one.config == _config(preset, table) and one.facts.data == run.facts.data
    ]
    return held[-1] if held else None


def _config(preset: str, table: Table) -> RunConfig:
    """The configuration of a preset that learns the table's label."""
    return make_config(preset).model_copy(update={"label": table.key})
