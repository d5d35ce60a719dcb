"""`trainer diagnose`: where the error comes from, and what to do next.

The method is Andrew Ng's (Machine Learning Yearning, 2018): compare human level, training, train-dev, validation and
test error.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.dataset.rows import Indexed
from trainer.evaluation.curve import Curve
from trainer.evaluation.scores import Bootstrap, Score, is_nearly_constant, square
from trainer.evaluation.verdict import Gap
from trainer.models.answers import Answers, answer
from trainer.models.backbones import Backbone
from trainer.models.device import Device
from trainer.models.heads import HIGH, LOW
from trainer.models.networks import Network, Scaling, as_photos, dead_share
from trainer.runs.config import RunConfig
from trainer.runs.runs import Run

PROBED = 64  # training photos on which features and dead units are measured
FLAT = 0.5  # features whose variation is below this share of that at the right scale vary too little to learn from
CONSTANT = 1e-3  # a feature that varies less than this share of the mean feature is constant
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
    noise_floor: float | None  # estimate of the error that label noise causes at worst
    floor_photos: int  # photos with a known number of reviews, on which the estimate is based
    gaps: dict[Gap, float]
    constant: bool
    std: dict[str, float]  # of the answers, by side
    dead: float  # share of the first dense layer's units whose output is zero for every photo
    sight: Sight | None  # with the input at the run's scale
    right_sight: Sight | None  # with the input at the scale that the backbone was trained on
    causes: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    curve: Curve | None = None
    frame: tuple[float, float] | None = None  # share of saliency on the frame, and the share expected by chance

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as `--json` prints it."""
        return asdict(self)


def diagnose(
    run: Run, network: Network, table: Table, pixels: Indexed, device: Device, human: float | None
) -> Diagnosis:
    """The diagnosis of a run, without the learning curve and the saliency, which take longer; the caller adds them."""
    answers = {side: answer(network, pixels, device, table.on(side)) for side in Side if len(table.on(side))}
    errors = {
        side.value: Bootstrap(table.horse[table.on(side)]).mean(square(its.value, table.label[table.on(side)]))
        for side, its in answers.items()
    }
    floor, counted = noise_floor(table)
    probed = as_photos(device.put(torch.from_numpy(np.array(pixels[table.on(Side.TRAIN)[:PROBED]]))))
    seen, right = _sights(network, run.config, probed, device)
    known = table.on(Side.VALIDATION) if Side.VALIDATION in answers else table.on(Side.TRAIN)
    on_known = answers[Side.VALIDATION if Side.VALIDATION in answers else Side.TRAIN]
    found = Diagnosis(
        run=run.name,
        errors=errors,
        human=human,
        noise_floor=floor,
        floor_photos=counted,
        gaps=_gaps(errors, human),
        constant=is_nearly_constant(on_known.value, table.label[known]),
        std={side.value: float(its.value.std()) for side, its in answers.items()},
        dead=dead_share(network, device.photos(probed)),
        sight=seen,
        right_sight=right,
    )
    found.causes = _causes(found, run, on_known, table)
    found.advice = _advice(found)
    return found


def noise_floor(table: Table) -> tuple[float | None, int]:
    """An estimate of the error that label noise causes at worst, and the number of labels that it is based on.

    A label of n reviews is the mean of n opinions of 0..1. If p is the mean opinion of all people, the variance of one
    opinion is at most p (1 - p) (Bhatia & Davis 2000), so the variance of the label is at most p (1 - p) / n. In the
    worst case, opinions of 0 and 1, v (1 - v) / (n - 1) estimates it from the label v without bias. A label of one
    review allows no estimate and counts as 1/4, the largest possible variance.
    """
    its = [(row["label"], row["n"]) for row in table.rows if row["n"] and row["label"] is not None]
    if not its:
        return None, 0
    variances = [label * (1 - label) / (reviews - 1) if reviews > 1 else 0.25 for label, reviews in its]
    return float((HIGH - LOW) ** 2 * np.mean(variances)), len(its)


def _gaps(errors: dict[str, Score], human: float | None) -> dict[Gap, float]:
    """The error that each step from human level to the test side adds."""
    found: dict[Gap, float] = {}
    best = human if human is not None else 0.0
    chain = [(Gap.BIAS, best, "train"), (Gap.VARIANCE, "train", "train_dev"), (Gap.MISMATCH, "train_dev", "validation")]
    chain.append((Gap.OVERFIT, "validation", "test"))
    if "train_dev" not in errors:
        chain[1:3] = [(Gap.VARIANCE_AND_MISMATCH, "train", "validation")]
    for name, before, after in chain:
        start = errors[before].value if isinstance(before, str) and before in errors else before
        if after in errors and isinstance(start, float):
            found[name] = errors[after].value - start
    return found


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
    if not found.gaps:
        return ["There is only a training side, so there is nothing to compare it with; export with another split."]
    name = max(found.gaps, key=lambda gap: found.gaps[gap])
    advice = [ADVICE[name].format(gap=found.gaps[name]) + _how_sure(name, found)]
    train = found.errors["train"].value
    if found.noise_floor is not None and found.errors.get("validation") and found.noise_floor > train:
        advice.append(
            f"Better labels: label noise may cause an error of up to {found.noise_floor:.2f}, more than "
            f"the training error of {train:.2f}, so the model may have learnt noise. Try --min-reviews 3 at the "
            "export."
        )
    if found.human is None:
        advice.append("Human level is not known: `trainer guess` measures it, or give it with --human.")
    return advice


SIDES = {
    Gap.VARIANCE: ("train", "train_dev"),
    Gap.MISMATCH: ("train_dev", "validation"),
    Gap.VARIANCE_AND_MISMATCH: ("train", "validation"),
    Gap.OVERFIT: ("validation", "test"),
}


def _how_sure(name: Gap, found: Diagnosis) -> str:
    """A warning if a gap is not reliable, because the intervals of its two sides can explain it; else empty."""
    if name not in SIDES:
        return "" if found.human is not None else " (Measured from an error of 0, because human level is not known.)"
    before, after = (found.errors[side] for side in SIDES[name])
    chance = float(np.hypot(before.high - before.value, after.value - after.low))
    return "" if found.gaps[name] > chance else " With so few horses, chance can cause such a gap: collect more first."


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
    Gap.OVERFIT: "The test error is higher than the validation error (by {gap:.2f}): settings may have been chosen for "
    "the validation side, or that side is too small. Get more horses for both.",
}
