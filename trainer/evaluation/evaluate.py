"""`trainer evaluate`: how good answers are on photos that were not learnt from, compared with baselines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from collector.console.measures import span_in_words
from collector.console.wording import counted
from collector.errors import UsageError
from collector.storage.racing import Axis
from trainer.dataset.data import Progress, load_pixels, no_progress, read_table
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.baselines import Baseline, answer_without_photos
from trainer.evaluation.crossfit import answer_out_of_fold, cost_in_seconds, missing_folds
from trainer.evaluation.folds import Fold, folds_of, make_folds, pool
from trainer.evaluation.gain import Gain, gain_over
from trainer.evaluation.groups import Averaging, averaging, by_group, by_horse, leak_of
from trainer.evaluation.ledger import Opening, note_opening
from trainer.evaluation.predictions import Answered, read_predictions
from trainer.evaluation.rivals import rivals_on, rivals_out_of_fold
from trainer.evaluation.scores import Bootstrap, Score, Scores, is_nearly_constant, measure, square, within
from trainer.evaluation.verdict import MATTERS, Verdict, verdict_on
from trainer.models.answers import Calibration, load_model
from trainer.models.device import Device
from trainer.models.features import answer_version
from trainer.runs.runs import Run, version_of
from trainer.training.learn import Report
from trainer.training.material import gather

OUT_OF_FOLD = "out_of_fold"  # in place of a side: all horses but those of the test side, each by a model without it
SAME = 1e-6  # labels that differ by less are the same


@dataclass(slots=True)
class Evaluation:
    """The result of evaluating answers on one side, or out of fold."""

    run: str  # or the name of the file of answers
    data: str
    side: str  # or OUT_OF_FOLD
    label_key: str  # definition/axis
    photos: int
    horses: int
    scores: Scores
    by_horse: Score  # MSE on 1..10 of the mean answer to all photos of a horse
    baselines: dict[str, Scores]
    gains: dict[str, Gain]  # over each baseline, on the same photos; that over the mean is R2
    best_baseline: str  # the one with the smallest error, the mean apart; the mean if there is no other
    rivals: dict[str, Scores]  # of the first attempt's models
    rival_gains: dict[str, Gain]
    groups: dict[str, dict[str, tuple[int, float, float]]]  # by year, course, sex: photos, MSE, MAE
    constant: bool
    verdict: Verdict
    averaging: Averaging | None = None  # what the mean of a horse's photos is worth; None if no horse has several
    coverage: Score | None = None  # share of labels within the interval of COVERAGE
    coverages: dict[str, float] = field(default_factory=dict)  # requested -> reached
    width: float | None = None  # mean width of the interval, 0..1
    leak: dict[str, tuple[int, float]] | None = None  # photos and MSE of horses that training knew, and of new ones
    promised: bool = True  # whether there were enough horses for intervals of COVERAGE
    missing: dict[str, str] = field(default_factory=dict)  # by preset of the first attempt: why it is not beside it
    unanswered: int = 0  # photos that there is no answer for
    by_time: bool = False  # out of fold, by models fitted to horses that were seen earlier
    opened: int | None = None  # how often the final test was opened, with this time

    @property
    def r2(self) -> Gain:
        """The share of the mean label's squared error that the answers save."""
        return self.gains[Baseline.MEAN]

    @property
    def skill(self) -> bool:
        """Whether the answers are better than the mean label."""
        return self.verdict.skill

    @property
    def has_types(self) -> bool:
        """Whether sprint, mile, middle and long mean anything on the label's axis."""
        return self.label_key.rpartition("/")[2] == Axis.DISTANCE

    def as_json(self) -> dict[str, Any]:
        """The evaluation as `--json` prints it."""
        return asdict(self) | {"skill": self.skill, "r2": asdict(self.r2), "matters": MATTERS}


def evaluate(
    run: Run, side: Side, directories: Directories, device: Device, progress: Progress = no_progress, label: str = ""
) -> tuple[Evaluation, Answered]:
    """Evaluate a run on a side of the data set that it was trained on, by one of its labels (by default the first); the
    test side's ledger gets a line.

    `progress` gets the number of photos prepared or answered, and of all that have to be.

    Raises:
        UsageError: the side has no photo, the run has not learnt the label, or the data set does not exist any more.
    """
    version = version_of(run, directories)
    network, calibration = load_model(run, device, label)
    table = read_table(version, label or run.config.label)
    inside, outside = table.on(Side.TRAIN), table.on(side)
    if not len(outside):
        raise UsageError(f"{version.name} has no photo on the side {side}; `trainer dataset show` lists its sides.")
    pixels = load_pixels(version, run.config.preparation, directories.cache, progress)
    cache = directories.cache
    answers = answer_version(network, run.config, version, pixels, device, cache, outside, progress)[0]
    answered = Answered(table, outside, answers.value, calibration.interval(answers.value, answers.spread))
    rivals, missing = rivals_on(run, version, table, directories, device, inside, outside)
    baselines = answer_without_photos(table, [Fold(1, inside, outside)])
    found = judge(run.name, version, side, answered, baselines, rivals)
    found.missing, found.promised = missing, calibration.promises
    found.coverages = _coverages(answered, answers.spread, calibration)
    found.leak = leak_of(answered, inside)
    return _noted(found, version), answered


def evaluate_out_of_fold(
    run: Run,
    directories: Directories,
    device: Device,
    report: Report | None = None,
    label: str = "",
    *,
    by_time: bool = False,
) -> tuple[Evaluation, Answered]:
    """Evaluate a run's configuration out of fold, on all horses but those of the test side, by one of its labels (by
    default the first).

    Raises:
        UsageError: there are too few horses, the run has not learnt the label, or the data set does not exist any more.
    """
    report, place = report or Report(), run.config.place_of(label)
    version = version_of(run, directories)
    material = gather(version, run.config, directories.cache, partial(report.progress, "photos"))
    asked = pool(*material.tables)
    whole = make_folds(material.table, asked, by_time=by_time)
    table, examples = material.tables[place], np.concatenate([fold.outside for fold in whole])
    folds = folds_of(table, whole)
    missing = missing_folds(run, material, whole)
    if missing and not run.config.closed_form:
        span = span_in_words(cost_in_seconds(run, material, missing))
        report.message(
            f"{run.name} is trained {counted(len(missing), 'time')}, about {span}; each time is kept, so Ctrl-C "
            "is safe."
        )
    answers = answer_out_of_fold(run, material, device, whole, report)[place]
    known = np.isin(examples, np.concatenate([fold.outside for fold in folds]))
    ends = answers.low[known], answers.high[known]
    answered = Answered(table, examples[known], answers.value[known], ends, answers.fold[known])
    rivals, without = rivals_out_of_fold(run, version, table, directories, device, folds, by_time=by_time)
    found = judge(run.name, version, OUT_OF_FOLD, answered, answer_without_photos(table, folds), rivals)
    found.missing, found.promised = without, bool((ends[1] - ends[0] < 1).any())
    found.unanswered, found.by_time = int((~np.isnan(table.label[asked])).sum() - known.sum()), by_time
    return found, answered


def evaluate_file(
    path: Path, version: Version, side: str, label: str = "", *, by_time: bool = False
) -> tuple[Evaluation, Answered]:
    """Evaluate a file of anybody's answers to a label (by default the first), out of fold or on a side, by the same
    rules.

    Raises:
        UsageError: the file is not valid, or has no answer to the photos that are asked for.
    """
    table = read_table(version, label)
    given = read_predictions(path, table)
    if side == Side.TEST:
        # What the answers were fitted to is not known, so baselines may use all but the test.
        folds = [Fold(1, pool(table), table.on(Side.TEST))]
    else:
        folds = make_folds(table, pool(table), by_time=by_time)
    places = {example: place for place, example in enumerate(np.concatenate([fold.outside for fold in folds]).tolist())}
    asked = np.array([its for its in places if side in (OUT_OF_FOLD, table.rows[its]["side"])], np.int64)
    answered = given.some(np.flatnonzero(np.isin(given.examples, asked)))
    if not len(answered.examples):
        raise UsageError(f"{path.name} has no answer to any of the {counted(len(asked), 'judged photo')} ({side}).")
    order = np.array([places[example] for example in answered.examples.tolist()], np.int64)
    baselines = {name: value[order] for name, value in answer_without_photos(table, folds).items()}
    found = judge(path.name, version, side, answered, baselines, {})
    found.unanswered, found.by_time = len(asked) - len(order), by_time
    return _noted(found, version), answered


def judge(
    name: str,
    version: Version,
    side: str,
    answered: Answered,
    baselines: Mapping[Baseline, np.ndarray],
    rivals: Mapping[str, np.ndarray],
) -> Evaluation:
    """The evaluation of answers beside those of baselines and of the first attempt's models, to the same photos."""
    label, horse, value = _judged_labels(answered, side), answered.horse, answered.value
    bootstrap, errors = Bootstrap(horse), square(value, label)
    gains = {str(its): gain_over(square(its_value, label), errors, bootstrap) for its, its_value in baselines.items()}
    others = {its: gain for its, gain in gains.items() if its != Baseline.MEAN}
    scores = {str(its): measure(its_value, label, bootstrap) for its, its_value in baselines.items()}
    constant, horses = is_nearly_constant(value, label), len(np.unique(horse))
    verdict = verdict_on(gains[Baseline.MEAN], others.values(), constant=constant, horses=horses)
    ends = answered.interval
    return Evaluation(
        run=name,
        data=version.name,
        side=str(side),
        label_key=answered.table.key,
        photos=len(label),
        horses=horses,
        scores=measure(value, label, bootstrap),
        by_horse=by_horse(answered),
        averaging=averaging(answered),
        baselines=scores,
        gains=gains,
        best_baseline=min(others or gains, key=lambda its: scores[its].mse.value),
        rivals={its: measure(its_value, label, bootstrap) for its, its_value in rivals.items()},
        rival_gains={its: gain_over(square(its_value, label), errors, bootstrap) for its, its_value in rivals.items()},
        groups=by_group(answered),
        constant=constant,
        verdict=Verdict.LEARNT if side == Side.TRAIN else verdict,
        coverage=None if ends is None else bootstrap.mean(within(label, *ends)),
        width=None if ends is None else float((ends[1] - ends[0]).mean()),
    )


def _judged_labels(answered: Answered, side: str) -> np.ndarray:
    """The labels of the answered photos, (n,).

    Raises:
        UsageError: they are all the same.
    """
    horses = len(np.unique(answered.horse))
    if horses > 1 and np.ptp(answered.label) < SAME:
        raise UsageError(
            f"The label {answered.table.key} is the same for all {counted(horses, 'horse')} that are judged ({side}), "
            "so no answer can be better than their mean. Collect more, or judge another label."
        )
    return answered.label


def _noted(evaluation: Evaluation, version: Version) -> Evaluation:
    """The same evaluation; one of the final test is counted."""
    if evaluation.side == Side.TEST:
        opening = Opening(evaluation.run, evaluation.verdict, evaluation.r2.value, evaluation.photos, evaluation.horses)
        evaluation.opened = note_opening(version, opening)
    return evaluation


def _coverages(answered: Answered, spread: np.ndarray | None, calibration: Calibration) -> dict[str, float]:
    """For each calibrated coverage, the share of labels within its intervals."""
    return {
        coverage: float(within(answered.label, *calibration.interval(answered.value, spread, float(coverage))).mean())
        for coverage in calibration.widths
    }
