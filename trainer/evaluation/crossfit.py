"""Out-of-fold answers of a run: its configuration is trained again for each fold, and answers the horses left out."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.directories import make_folder, write_file
from trainer.evaluation.folds import Fold, deal_by_name
from trainer.locks import alone
from trainer.models.answers import Answers, answer, calibrate, load_whole
from trainer.models.closed_form import fit_probe, fit_svr
from trainer.models.device import Device
from trainer.models.features import answer_version, features_of
from trainer.models.networks import build
from trainer.models.registry import digest_of_added
from trainer.runs.runs import Run
from trainer.training.learn import Report, learn, whole_or_gone
from trainer.training.material import Material

FOLDER = "out-of-fold"
HELD_OUT = 10  # a tenth of the horses that a fold is fitted to chooses the best epoch, as the validation side does


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Answers to one label for the folds' examples, one fold after the other, (n,) each."""

    value: np.ndarray
    low: np.ndarray  # of the interval, calibrated on the other folds
    high: np.ndarray
    fold: np.ndarray  # its number


def cost_in_seconds(run: Run, material: Material, folds: Sequence[Fold]) -> float:
    """About how long a run trained in steps takes for these folds, by the time of its training; 0 in closed form."""
    photos, trained = sum(len(fold.inside) for fold in folds), len(material.on(Side.TRAIN))
    return 0.0 if run.config.closed_form else run.facts.seconds * photos / max(1, trained)


def missing_folds(run: Run, material: Material, folds: Sequence[Fold]) -> list[Fold]:
    """The folds whose answers are not kept in the run's folder yet."""
    return [fold for fold in folds if not _path(run, material, fold).exists()]


def answer_out_of_fold(
    run: Run, material: Material, device: Device, folds: Sequence[Fold], report: Report | None = None
) -> list[OutOfFold]:
    """Answer each label of each fold with a model that was fitted to the others. The answers of a finished fold are
    kept in the run's folder, so that an interrupted call goes on where it was, and a second one only reads.

    Raises:
        UsageError: another process is at it.
    """
    report = report or Report()
    make_folder(run.folder / FOLDER)
    busy = f"The run {run.name} is being evaluated already: wait until that has ended."
    with alone(run.folder / FOLDER, busy):
        missing = missing_folds(run, material, folds)
        if missing:
            fit = _fitter(run, material, device, report)
            for done, fold in enumerate(missing):
                report.progress("folds", done, len(missing))
                _write(run, material, fold, fit(fold))
            report.progress("folds", len(missing), len(missing))
        by_label = zip(*(_read(run, material, fold) for fold in folds), strict=True)
        return [_together(table, folds, its) for table, its in zip(material.tables, by_label, strict=True)]


def _fitter(run: Run, material: Material, device: Device, report: Report) -> Callable[[Fold], list[Answers]]:
    if run.config.network == "probe":
        return _probe(run, material, device, report)
    if run.config.network == "svr":
        return partial(_svr, run, material, device)
    return partial(_trained, run, material, device, report)


def _probe(run: Run, material: Material, device: Device, report: Report) -> Callable[[Fold], list[Answers]]:
    """Regressions on features that are computed once."""
    network = device.place(build(run.config, starts=[0.5] * len(material.tables)))
    progress = partial(report.progress, "features")
    features = features_of(network, run.config, material.version, material.pixels, device, material.cache, progress)

    def fit(fold: Fold) -> list[Answers]:
        label, horse, weight = (its[fold.inside] for its in (material.label, material.table.horse, material.weight))
        fit_probe(network, run.config, features.part(fold.inside), label, horse, weight)
        version, pixels = material.version, material.pixels
        return answer_version(device.place(network), run.config, version, pixels, device, material.cache, fold.outside)

    return fit


def _svr(run: Run, material: Material, device: Device, fold: Fold) -> list[Answers]:
    network = fit_svr(run.config, material.pixels[fold.inside], material.table.label[fold.inside])
    return answer(device.place(network.eval()), material.pixels, device, fold.outside)


def _trained(run: Run, material: Material, device: Device, report: Report, fold: Fold) -> list[Answers]:
    """Train in steps, in a folder of its own, from which an interrupted training goes on."""
    folder = run.folder / FOLDER / f"{_path(run, material, fold).stem}-run"
    make_folder(folder)
    trial = Run(folder, run.config, replace(run.facts, status="training", words="", seconds=0.0))
    if trial.ready:  # stopped between training and answering
        network, _ = load_whole(trial, device)
    else:
        tables = [_sides_of(table, fold) for table in material.tables]
        with whole_or_gone(trial, device):
            network = learn(trial, replace(material, tables=tables), device, report)
    found = answer(network, material.pixels, device, fold.outside)
    shutil.rmtree(folder)
    return found


def _sides_of(table: Table, fold: Fold) -> Table:
    """The table for a fold's training: what it answers is on no side, and some of its horses are for validation."""
    horses = np.unique(table.horse[fold.inside])
    held = horses[deal_by_name([str(horse) for horse in horses], HELD_OUT)[0][1]] if len(horses) > HELD_OUT else []
    validation = np.isin(table.horse, held)
    inside = np.zeros(len(table), bool)
    inside[fold.inside] = True
    sides = np.where(inside, np.where(validation, Side.VALIDATION, Side.TRAIN), "")
    moved = replace(table, rows=[row | {"side": side} for row, side in zip(table.rows, sides.tolist(), strict=True)])
    moved.__dict__.update(label=table.label, horse=table.horse)  # they are the same, and computed already
    return moved


def _together(table: Table, folds: Sequence[Fold], parts: Sequence[Answers]) -> OutOfFold:
    """All answers, with intervals that are calibrated on the answers of the other folds."""
    examples, number = (
        np.concatenate(its)
        for its in ([fold.outside for fold in folds], [np.full(len(fold.outside), fold.number) for fold in folds])
    )
    value, spread = np.concatenate([part.value for part in parts]), _spread(parts)
    low, high = np.zeros_like(value), np.ones_like(value)
    labelled = ~np.isnan(table.label[examples])
    for fold in folds:
        mine, others = number == fold.number, (number != fold.number) & labelled
        known = Answers(value[others], None if spread is None else spread[others])
        calibration = calibrate(known, table.label[examples[others]], table.horse[examples[others]])
        low[mine], high[mine] = calibration.interval(value[mine], None if spread is None else spread[mine])
    return OutOfFold(value, low, high, number)


def _spread(parts: Sequence[Answers]) -> np.ndarray | None:
    spreads = [part.spread for part in parts if part.spread is not None]
    return np.concatenate(spreads) if len(spreads) == len(parts) else None


def _path(run: Run, material: Material, fold: Fold) -> Path:
    """The file of a fold's answers; its name has a digest of all that they follow from.

    Settings at their defaults are left out, so that a release with a new setting keeps the answers.
    """
    table = material.table
    facts = {
        "version": table.version, "config": run.config.model_dump(mode="json", exclude_defaults=True),
        "weights": run.facts.weights,
        "inside": [table.rows[example]["photo"] for example in fold.inside],
        "outside": [table.rows[example]["photo"] for example in fold.outside],
    }  # fmt: skip
    whole = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    whole.update(material.label[fold.inside].tobytes() + material.weight[fold.inside].tobytes())
    whole.update(digest_of_added(run.config).encode())
    return run.folder / FOLDER / f"{fold.number}-{whole.hexdigest()[:12]}.npz"


def _write(run: Run, material: Material, fold: Fold, found: Sequence[Answers]) -> None:
    buffer, arrays = io.BytesIO(), {}
    for place, answers in enumerate(found):
        arrays[f"value{place}"] = answers.value
        if answers.spread is not None:
            arrays[f"spread{place}"] = answers.spread
    np.savez(buffer, **arrays)
    write_file(_path(run, material, fold), buffer.getvalue())


def _read(run: Run, material: Material, fold: Fold) -> list[Answers]:
    with np.load(_path(run, material, fold)) as held:
        places = range(len(material.tables))
        return [Answers(held[f"value{place}"], held.get(f"spread{place}")) for place in places]
