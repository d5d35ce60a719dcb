"""`trainer diagnose`: where the error comes from, and what to do next.

The method is Andrew Ng's (Machine Learning Yearning, 2018): compare human level, training, train-dev and validation
error. The test side is left alone: each look at it would have to be counted.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from trainer.dataset.data import Progress, Table, no_progress
from trainer.dataset.examples import Side
from trainer.evaluation.curve import Curve
from trainer.evaluation.scores import Bootstrap, Score, as_score, is_nearly_constant, square
from trainer.evaluation.verdict import Gap
from trainer.models.answers import Answers
from trainer.models.backbones import Backbone
from trainer.models.device import Device
from trainer.models.features import answer_version
from trainer.models.heads import HIGH, LOW
from trainer.models.networks import Network, Scaling, as_photos, dead_share
from trainer.runs.config import RunConfig
from trainer.runs.runs import Run
from trainer.training.material import Material

PROBED = 64  # training photos on which features and dead units are measured
FLAT = 0.5  # features whose variation is below this share of that at the right scale vary too little to learn from
CONSTANT = 1e-3  # a feature that varies less than this share of the mean feature is constant
LEAST = 10  # horses of a side, fewer of which say nothing about a step
SIDES = (Side.TRAIN, Side.TRAIN_DEV, Side.VALIDATION)
MANY_DEAD = 0.8  # above this share, dead units explain a constant answer


@dataclass(frozen=True, slots=True)
class Sight:
    """How much the backbone's features vary between photos, and the share of them that does not vary."""

    variation: float  # mean standard deviation over photos / mean size
    constant: float  # share of features


@dataclass(slots=True)
class Diagnosis:
    """The result of a diagnosis; errors are MSE on the scale 1..10."""

    run: str
    errors: dict[str, Score]  # by side, for the sides that the data set has
    human: float | None
    noise_floor: float | None  # the error that label noise causes; None where labels do not state their variance
    floor_photos: int  # photos whose label states its variance
    gaps: dict[Gap, Score]  # steps between sides of at least LEAST horses each
    constant: bool
    std: dict[str, float]  # of the answers, by side
    dead: float  # share of the first dense layer's units whose output is zero for every photo
    sight: Sight | None  # with the input at the run's scale
    right_sight: Sight | None  # with the input at the scale that the backbone was trained on
    causes: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    curve: Curve | None = None
    frame: tuple[Score, float] | None = None  # share of saliency on the frame, and the share expected by chance

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as `--json` prints it."""
        return asdict(self)


def diagnose(
    run: Run,
    network: Network,
    material: Material,
    device: Device,
    human: float | None,
    progress: Progress = no_progress,
) -> Diagnosis:
    """The diagnosis of a run, without the learning curve and the saliency, which take longer; the caller adds them.

    `progress` gets the number of photos answered, and of all.
    """
    table = material.table
    answers = _answers_by_side(run, network, material, device, progress)
    missed = {side: _Missed.of(side, its, table) for side, its in answers.items()}
    floor, counted = noise_floor(table)
    probed = as_photos(device.put(torch.from_numpy(np.array(material.pixels[table.on(Side.TRAIN)[:PROBED]]))))
    seen, right = _sights(network, run.config, probed, device)
    known = table.on(Side.VALIDATION) if Side.VALIDATION in answers else table.on(Side.TRAIN)
    on_known = answers[Side.VALIDATION if Side.VALIDATION in answers else Side.TRAIN]
    found = Diagnosis(
        run=run.name,
        errors={side.value: its.error for side, its in missed.items()},
        human=human,
        noise_floor=floor,
        floor_photos=counted,
        gaps=_gaps(missed, human),
        constant=is_nearly_constant(on_known.value, table.label[known]),
        std={side.value: float(its.value.std()) for side, its in answers.items()},
        dead=dead_share(network, device.photos(probed)),
        sight=seen,
        right_sight=right,
    )
    found.causes = _causes(found, run, on_known, table)
    found.advice = _advice(found)
    return found


def _answers_by_side(
    run: Run, network: Network, material: Material, device: Device, progress: Progress
) -> dict[Side, Answers]:
    sides = [side for side in SIDES if len(material.table.on(side))]
    asked = np.concatenate([material.table.on(side) for side in sides])
    found = answer_version(
        network, run.config, material.version, material.pixels, device, material.cache, asked, progress
    )[0]
    parts: dict[Side, Answers] = {}
    for side in sides:
        its = np.isin(asked, material.table.on(side))
        parts[side] = found.some(its)
    return parts


@dataclass(frozen=True, slots=True)
class _Missed:
    """The error on a side, on the scale 1..10."""

    horses: int
    error: Score
    resampled: np.ndarray

    @classmethod
    def of(cls, side: Side, answers: Answers, table: Table) -> "_Missed":
        its = table.on(side)
        # Other resamples for each side, as their horses are not the same.
        bootstrap = Bootstrap(table.horse[its], random_seed=list(Side).index(side))
        errors = square(answers.value, table.label[its])
        return cls(len(bootstrap.names), bootstrap.mean(errors), bootstrap.means(errors))


def noise_floor(table: Table) -> tuple[float | None, int]:
    """The error that label noise causes, and the number of labels that state their variance.

    Only what a label definition knows counts. From the number of reviews alone nothing follows: graded opinions vary
    far less than those of 0 and 1.
    """
    its = [(row.get("labels") or {}).get(table.key) or {} for row in table.rows]
    variances = [one["variance"] for one in its if one.get("variance") is not None]
    return (float((HIGH - LOW) ** 2 * np.mean(variances)), len(variances)) if variances else (None, 0)


def frame_of(shares: Sequence[tuple[float, float]]) -> tuple[Score, float]:
    """The mean share of saliency on the frame with its interval over photos, and the share expected by chance; from
    both of each photo."""
    values, chance = np.array(shares).T
    half = 2.2 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.inf  # t of some 12 photos
    middle = float(values.mean())
    return Score(middle, float(middle - half), float(middle + half)), float(chance[0])


def _gaps(missed: dict[Side, _Missed], human: float | None) -> dict[Gap, Score]:
    """The error that each step from human level, if known, to validation adds; none that rests on few horses."""
    start = None if human is None else _Missed(LEAST, Score(human, human, human), np.full(1, human))
    train, train_dev, validation = (missed.get(side) for side in SIDES)
    steps: list[tuple[Gap, _Missed | None, _Missed | None]] = [(Gap.BIAS, start, train)]
    if train_dev:
        steps += [(Gap.VARIANCE, train, train_dev), (Gap.MISMATCH, train_dev, validation)]
    else:
        steps.append((Gap.VARIANCE_AND_MISMATCH, train, validation))
    return {
        name: as_score(after.error.value - before.error.value, after.resampled - before.resampled)
        for name, before, after in steps
        if before and after and min(before.horses, after.horses) >= LEAST
    }


@torch.inference_mode()
def _sights(
    network: Network, config: RunConfig, photos: torch.Tensor, device: Device
) -> tuple[Sight | None, Sight | None]:
    if not isinstance(network.backbone, Backbone):
        return None, None
    network.eval()
    right = copy.copy(network)
    right._modules = dict(network._modules)

    def column(values: Any) -> torch.Tensor:
        return torch.tensor(values, device=device.name).view(3, 1, 1)

    right.scaling = Scaling(column(network.backbone.mean), column(network.backbone.std))
    seen = _sight(network.maps(device.photos(photos)))
    return seen, seen if config.scaling == "expected" else _sight(right.maps(device.photos(photos)))


def _sight(stages: Sequence[torch.Tensor]) -> Sight:
    flat = torch.cat([maps.flatten(1) for maps in stages], 1).float()
    size = flat.abs().mean().clamp(min=1e-12)
    spread = flat.std(0)
    return Sight(float(spread.mean() / size), float((spread < CONSTANT * size).float().mean()))


def _causes(found: Diagnosis, run: Run, answers: Answers, table: Table) -> list[str]:
    """Why the answers hardly differ, the likeliest cause first; empty if they do differ."""
    if not found.constant:
        return []
    causes = []
    if found.sight and found.right_sight and found.sight.variation < FLAT * found.right_sight.variation:
        causes.append(
            f"Scale of the input: the backbone's features vary by {found.sight.variation:.2f} of their size between "
            f"photos, and by {found.right_sight.variation:.2f} at the scale that it was trained on "
            f"({found.sight.constant:.0%} of them are constant instead of {found.right_sight.constant:.0%}). "
            "Try --set scaling=expected."
        )
    if found.dead > MANY_DEAD:
        causes.append(
            f"Dead units: {found.dead:.0%} of the first dense layer's units output zero for every photo. Try a lower "
            "--set rate, and --set bias_at_mean=true, so that the first steps do not push them below zero."
        )
    if not run.config.bias_at_mean and run.config.network not in ("svr", "probe"):
        causes.append(
            f"Start of the output: it began at {-LOW / (HIGH - LOW):.2f} on 0..1 and the labels lie around "
            f"{np.nanmean(table.label):.2f}, so the first steps were spent on one number. Try --set bias_at_mean=true."
        )
    losses = [line["loss"] for line in run.metrics()]
    if len(losses) > 1 and losses[-1] > 0.98 * losses[0]:
        causes.append(
            f"Rate: the loss went from {losses[0]:.2f} to {losses[-1]:.2f}, so nothing was learnt at a rate of "
            f"{run.config.rate:g}. Try ten times less, and ten times more."
        )
    mean = float(answers.value.mean())
    causes.append(f"Or there is nothing to learn: the best constant is also an answer, and the run's is {mean:.2f}.")
    return causes


def _advice(found: Diagnosis) -> list[str]:
    """What to do next and why, for the largest gap."""
    if found.causes:
        return [f"First let the answers differ: {found.causes[0]}"]
    sure = {name: gap for name, gap in found.gaps.items() if gap.low > 0}
    if not sure:
        return [
            "None of the steps is surely above zero: more horses, or a human level (`trainer guess`), would show where "
            "the error comes from."
        ]
    name = max(sure, key=lambda gap: sure[gap].value)
    advice = [ADVICE[name].format(gap=sure[name].value)]
    train = found.errors[Side.TRAIN].value
    if found.noise_floor is not None and found.noise_floor > train:
        advice.append(
            f"Better labels: label noise causes an error of {found.noise_floor:.2f}, more than the training error of "
            f"{train:.2f}, so the model has learnt noise."
        )
    if found.human is None:
        advice.append("Human level is not known: `trainer guess` measures it, or give it with --human.")
    return advice


ADVICE = {
    Gap.BIAS: "Bias is the largest gap ({gap:.2f}): the model does not even fit its training photos as well as it "
    "could. Try a bigger model, longer training or a higher resolution.",
    Gap.VARIANCE: "Variance is the largest gap ({gap:.2f}): the model does well on training photos and worse on "
    "other horses of the same years. Try more horses, more regularisation (weight decay, dropout, augmentation) or a "
    "smaller model.",
    Gap.MISMATCH: "Mismatch is the largest gap ({gap:.2f}): horses of later years are harder than new horses of the "
    "training years. Try photos of later years, or augmentation that looks like them (light, contrast, blur).",
    Gap.VARIANCE_AND_MISMATCH: "Variance is the largest gap ({gap:.2f}): the model does well on training "
    "photos and worse on others. Try more horses or more regularisation. The split has no train_dev side, so new years "
    "cannot be distinguished from new horses.",
}
