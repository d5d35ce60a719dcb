"""`trainer evaluate`: how good a run is on photos that it has not seen, compared with baselines."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from collector.errors import UsageError
from trainer.dataset.data import Table, load_pixels, read_table
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.baselines import WITHOUT_PHOTOS
from trainer.evaluation.scores import Bootstrap, Score, Scores, is_nearly_constant, measure, square
from trainer.evaluation.verdict import Verdict, has_skill, verdict_on
from trainer.models.answers import Answers, Calibration, answer, load_model
from trainer.models.closed_form import fit_svr
from trainer.models.device import Device
from trainer.runs.config import make_config
from trainer.runs.runs import Run, list_runs, version_of

LEAST = 5  # photos that a year, a racecourse or a sex needs for a line of its own
FIRST = ("svr", "first-cnn")  # presets of the first attempt's models


@dataclass(slots=True)
class Evaluation:
    """The result of evaluating a run on one side."""

    run: str
    data: str
    side: Side
    photos: int
    horses: int
    scores: Scores
    by_horse: Score  # MSE on 1..10 of the mean answer to all photos of a horse
    baselines: dict[str, Scores]
    gains: dict[str, Score]  # how much lower the MSE is than a baseline's, on the same photos
    coverage: Score  # share of labels within the interval of COVERAGE
    coverages: dict[str, float]  # requested -> reached
    width: float  # mean width of the interval, 0..1
    groups: dict[str, dict[str, tuple[int, float, float]]]  # by year, course, sex: photos, MSE, MAE
    leak: dict[str, tuple[int, float]] | None  # photos and MSE of horses that training knew, and of new ones
    constant: bool
    promised: bool  # whether there were enough horses for intervals of COVERAGE
    missing: list[str] = field(default_factory=list)  # presets that have no run to compare with

    @property
    def skill(self) -> bool:
        """Whether it is better than the constant median."""
        return has_skill(self.side, self.gains["constant median"].low)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the run."""
        return verdict_on(self.side, self.gains["constant median"].low, constant=self.constant)

    def as_json(self) -> dict[str, Any]:
        """The evaluation as `--json` prints it."""
        return asdict(self) | {"skill": self.skill, "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers behind an evaluation, all (n,), for the plots."""

    rows: list[dict[str, Any]]
    indices: np.ndarray  # in the table of the version
    label: np.ndarray
    value: np.ndarray
    low: np.ndarray  # of the interval
    high: np.ndarray


def evaluate(run: Run, side: Side, directories: Directories, device: Device) -> tuple[Evaluation, Answered]:
    """Evaluate a run on a side of the data set that it was trained on.

    Raises:
        UsageError: the side has no photo, or the data set does not exist any more.
    """
    version = version_of(run, directories)
    table = read_table(version, run.config.label)
    inside, outside = table.on(Side.TRAIN), table.on(side)
    if not len(outside):
        raise UsageError(f"{version.name} has no photo on the side {side}; `trainer dataset show` lists its sides.")
    network, calibration = load_model(run, device)
    pixels = load_pixels(version, run.config.preparation, directories.cache)
    answers = answer(network, pixels, device, outside)
    label, horse = table.label[outside], table.horse[outside]
    bootstrap = Bootstrap(horse)
    others, missing = _others(run, version, table, directories, device, inside, outside)
    low, high = calibration.interval(answers.value, answers.spread)
    errors = square(answers.value, label)
    evaluation = Evaluation(
        run=run.name,
        data=version.name,
        side=side,
        photos=len(outside),
        horses=len(np.unique(horse)),
        scores=measure(answers.value, label, bootstrap),
        by_horse=_by_horse(answers.value, label, horse),
        baselines={name: measure(value, label, bootstrap) for name, value in others.items()},
        gains={name: bootstrap.mean(square(value, label) - errors) for name, value in others.items()},
        coverage=bootstrap.mean(_inside(label, low, high)),
        coverages=_coverages(answers, calibration, label),
        width=float((high - low).mean()),
        groups=_groups(table, outside, errors, np.abs(answers.value - label)),
        leak=_leak(table, inside, outside, errors),
        constant=is_nearly_constant(answers.value, label),
        promised=calibration.promises,
        missing=missing,
    )
    rows = [table.rows[index] for index in outside]
    return evaluation, Answered(rows, outside, label, answers.value, low, high)


def _inside(label: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return ((low <= label) & (label <= high)).astype(float)


def _coverages(answers: Answers, calibration: Calibration, label: np.ndarray) -> dict[str, float]:
    """For each calibrated coverage, the share of labels within its intervals."""
    return {
        coverage: float(_inside(label, *calibration.interval(answers.value, answers.spread, float(coverage))).mean())
        for coverage in calibration.widths
    }


def _others(
    run: Run,
    version: Version,
    table: Table,
    directories: Directories,
    device: Device,
    inside: np.ndarray,
    outside: np.ndarray,
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The baselines' answers to the same photos, and the presets that have no run."""
    found = {name: compute(table, inside, outside) for name, compute in WITHOUT_PHOTOS.items()}
    missing = []
    for preset in FIRST:
        if preset == run.config.preset:
            continue
        held = [one for one in list_runs(directories.runs) if _is_baseline(one, preset, run)]
        config = held[-1].config if held else make_config(preset)
        pixels = load_pixels(version, config.preparation, directories.cache)
        if held:
            network, _ = load_model(held[-1], device)
        elif preset == "svr":
            network = device.place(fit_svr(config, pixels[inside], table.label[inside]).eval())
        else:
            missing.append(preset)
            continue
        found[preset] = answer(network, pixels, device, outside).value
    return found, missing


def _is_baseline(one: Run, preset: str, run: Run) -> bool:
    return (
        one.ready
        and one.config == make_config(preset).model_copy(update={"label": run.config.label})
        and one.facts.data == run.facts.data
    )


def _by_horse(value: np.ndarray, label: np.ndarray, horse: np.ndarray) -> Score:
    names, its = np.unique(horse, return_inverse=True)
    counts = np.bincount(its)
    means = [np.bincount(its, numbers) / counts for numbers in (value, label)]
    return Bootstrap(names).mean(square(*means))


def _groups(
    table: Table, outside: np.ndarray, errors: np.ndarray, misses: np.ndarray
) -> dict[str, dict[str, tuple[int, float, float]]]:
    columns = {
        "year": [str(table.rows[index]["issue_date"].year) for index in outside],
        "course": [table.rows[index]["racecourse"] or "not known" for index in outside],
        "sex": [table.rows[index]["sex"] or "not known" for index in outside],
    }
    found: dict[str, dict[str, tuple[int, float, float]]] = {}
    for column, names in columns.items():
        found[column] = {}
        for name, count in sorted(Counter(names).items()):
            its = np.array(names) == name
            if count >= LEAST:
                found[column][name] = (count, float(errors[its].mean()), float(misses[its].mean()))
    return found


def _leak(
    table: Table, inside: np.ndarray, outside: np.ndarray, errors: np.ndarray
) -> dict[str, tuple[int, float]] | None:
    """Photos and MSE of horses that are in training and of new ones; None if all horses are new."""
    known = np.isin(table.horse[outside], table.horse[inside])
    if not known.any():
        return None
    return {
        name: (int(its.sum()), float(errors[its].mean()))
        for name, its in (("horses that training knew", known), ("new horses", ~known))
        if its.any()
    }
