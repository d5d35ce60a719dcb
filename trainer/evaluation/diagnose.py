"""`trainer diagnose`: where the error comes from, and what to do next. The workflow is Andrew Ng's (Machine Learning
Yearning, 2018): human level, training, train-dev, dev and test error side by side."""

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

LOOKED_AT = 64  # photos that tell what the network sees
FLAT = 0.5  # features that vary less than this share of what the right scale shows are too flat to learn from
CONSTANT = 1e-3  # a feature that varies less than this share of the mean feature is constant
MANY_DEAD = 0.8  # share of dead units from which on they explain a constant answer


@dataclass(frozen=True, slots=True)
class Sight:
    """What the frozen features show of photos: between-photo variation and the share that never varies."""

    variation: float  # mean standard deviation over photos / mean size
    constant: float  # share of features


@dataclass(slots=True)
class Diagnosis:
    """Everything that a diagnosis says; errors are MSE on the scale 1..10."""

    run: str
    errors: dict[str, Score]  # by side, where the data set has it
    human: float | None
    noise_floor: float | None  # what the labels' own noise costs at worst, as an estimate
    floor_photos: int  # labels with a number of reviews, from which it is
    gaps: dict[Gap, float]
    constant: bool
    std: dict[str, float]  # of the answers, by side
    dead: float  # share of units behind the first dense layer that answer nothing to any photo
    sight: Sight | None  # what the backbone sees at the run's scale
    right_sight: Sight | None  # and at the scale that it was made for
    causes: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    curve: Curve | None = None
    frame: tuple[float, float] | None = None  # share of saliency on the frame, and what it would be by chance

    def as_json(self) -> dict[str, Any]:
        """The diagnosis as `--json` prints it."""
        return asdict(self)


def diagnose(
    run: Run, network: Network, table: Table, pixels: Indexed, device: Device, human: float | None
) -> Diagnosis:
    """The diagnosis of a run; the learning curve and the saliency are added by whoever wants to wait for them."""
    answers = {side: answer(network, pixels, device, table.on(side)) for side in Side if len(table.on(side))}
    errors = {
        side.value: Bootstrap(table.horse[table.on(side)]).mean(square(its.value, table.label[table.on(side)]))
        for side, its in answers.items()
    }
    floor, counted = noise_floor(table)
    looked = as_photos(device.put(torch.from_numpy(np.array(pixels[table.on(Side.TRAIN)[:LOOKED_AT]]))))
    seen, right = _sights(network, run.config, looked, device)
    known = table.on(Side.VALIDATION) if Side.VALIDATION in answers else table.on(Side.TRAIN)
    told = answers[Side.VALIDATION if Side.VALIDATION in answers else Side.TRAIN]
    found = Diagnosis(
        run=run.name,
        errors=errors,
        human=human,
        noise_floor=floor,
        floor_photos=counted,
        gaps=_gaps(errors, human, floor),
        constant=is_nearly_constant(told.value, table.label[known]),
        std={side.value: float(its.value.std()) for side, its in answers.items()},
        dead=dead_share(network, device.photos(looked)),
        sight=seen,
        right_sight=right,
    )
    found.causes = _causes(found, run, told, table)
    found.advice = _advice(found)
    return found


def noise_floor(table: Table) -> tuple[float | None, int]:
    """What the labels' own noise costs at worst, as an estimate, and how many labels it is from.

    A label of n reviews is a mean of n opinions of 0..1, whose variance is p (1 - p) at most, where p is what everybody
    would say on the average (Bhatia & Davis 2000); so the label strays by at most p (1 - p) / n around p. Of the label
    v itself, v (1 - v) / (n - 1) estimates that without bias for opinions of 0 and 1, the worst case; one review alone
    says nothing of it, and counts as 1/4, which is the most there can be.
    """
    its = [(row["label"], row["reviews"]) for row in table.rows if row["reviews"]]
    if not its:
        return None, 0
    strays = [label * (1 - label) / (reviews - 1) if reviews > 1 else 0.25 for label, reviews in its]
    return float((HIGH - LOW) ** 2 * np.mean(strays)), len(its)


def _gaps(errors: dict[str, Score], human: float | None, floor: float | None) -> dict[Gap, float]:
    """What each step from the best possible to the test adds."""
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
    del floor  # an upper bound explains no gap by itself; it is told beside them
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


def _causes(found: Diagnosis, run: Run, told: Answers, table: Table) -> list[str]:
    """Why the answers hardly differ, likeliest first; nothing where they do differ."""
    if not found.constant:
        return []
    causes = []
    if found.sight and found.right_sight and found.sight.variation < FLAT * found.right_sight.variation:
        causes.append(
            f"Scale of the input: the backbone's features vary by {found.sight.variation:.2f} of their size between "
            f"photos, and by {found.right_sight.variation:.2f} at the scale that it was made for "
            f"({found.sight.constant:.0%} of them are constant instead of {found.right_sight.constant:.0%}). "
            "Try --set scaling=expected."
        )
    if found.dead > MANY_DEAD:
        causes.append(
            f"Dead units: {found.dead:.0%} of the first dense layer's units answer nothing to any photo. Try a lower "
            "--set rate, and --set bias_at_mean=true, so that the first steps do not push them below zero."
        )
    if not run.config.bias_at_mean and run.config.network not in ("svr", "probe"):
        causes.append(
            f"Start of the output: it began at {-LOW / (HIGH - LOW):.2f} on 0..1 and the labels lie around "
            f"{table.label.mean():.2f}, so the first steps were spent on one number. Try --set bias_at_mean=true."
        )
    losses = [line["loss"] for line in run.metrics()]
    if len(losses) > 1 and losses[-1] > 0.98 * losses[0]:
        causes.append(
            f"Rate: the loss went from {losses[0]:.2f} to {losses[-1]:.2f}, so nothing was learnt at a rate of "
            f"{run.config.rate:g}. Try ten times less, and ten times more."
        )
    mean = float(told.value.mean())
    causes.append(f"Or there is nothing to learn: the best constant is also an answer, and the run's is {mean:.2f}.")
    return causes


def _advice(found: Diagnosis) -> list[str]:
    """What to do next and why, for the largest gap."""
    if found.causes:
        return [f"First let the answers differ: {found.causes[0]}"]
    if not found.gaps:
        return ["There is no side beside training to compare with; export with another split."]
    name = max(found.gaps, key=lambda gap: found.gaps[gap])
    advice = [ADVICE[name].format(gap=found.gaps[name]) + _how_sure(name, found)]
    train = found.errors["train"].value
    if found.noise_floor is not None and found.errors.get("validation") and found.noise_floor > train:
        advice.append(
            f"Better labels: what the labels' own noise may cost, some {found.noise_floor:.2f} at worst, is more than "
            f"the training error of {train:.2f}, so some of what was learnt may be noise. Try --min-reviews 3 at the "
            "export."
        )
    if found.human is None:
        advice.append("How well people do is not known: `trainer guess` measures it, or give it with --human.")
    return advice


SIDES = {
    Gap.VARIANCE: ("train", "train_dev"),
    Gap.MISMATCH: ("train_dev", "validation"),
    Gap.VARIANCE_AND_MISMATCH: ("train", "validation"),
    Gap.OVERFIT: ("validation", "test"),
}


def _how_sure(name: Gap, found: Diagnosis) -> str:
    """What a gap is worth: nothing to build on where the intervals of its two sides explain it."""
    if name not in SIDES:
        return "" if found.human is not None else " (Counted from an error of 0, since human level is not known.)"
    before, after = (found.errors[side] for side in SIDES[name])
    chance = float(np.hypot(before.high - before.value, after.value - after.low))
    return "" if found.gaps[name] > chance else " So few horses may show such a gap by chance: collect more first."


ADVICE = {
    Gap.BIAS: "Bias is the largest gap ({gap:.2f}): the model does not even fit its training photos as well as it "
    "could. A bigger model, a longer training, a higher resolution.",
    Gap.VARIANCE: "Variance is the largest gap ({gap:.2f}): it does well on photos it has learnt and worse on other "
    "horses of the same years. More horses, more regularisation (weight decay, dropout, augmentation), fewer weights.",
    Gap.MISMATCH: "Mismatch is the largest gap ({gap:.2f}): horses of later years are harder than new horses of the "
    "training years. Photos of later years, augmentation that looks like them (light, contrast, blur).",
    Gap.VARIANCE_AND_MISMATCH: "Variance is the largest gap ({gap:.2f}): it does well on photos it has learnt and "
    "worse on others. More horses, more regularisation; the split has no train_dev side that would tell new years "
    "apart.",
    Gap.OVERFIT: "The test is harder than the validation ({gap:.2f}): settings may have been chosen for "
    "the validation side, or it is too small. More horses in both.",
}
