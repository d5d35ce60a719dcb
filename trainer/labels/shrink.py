"""From observations to labels: values of little evidence are drawn towards the mean of the training horses. Pure.

A horse's true value is unknown. Its observed value is that plus chance. With the variance of true values between
horses and that of chance, the best guess is between the observed value and the mean (Efron & Morris 1975).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.labels.definition import Observed, Wanted
from trainer.labels.label import Label
from trainer.labels.scales import Scale


@dataclass(frozen=True, slots=True)
class Prior:
    """What training horses say of all horses, in the unit of a definition."""

    mean: float
    between: float  # variance of the true values of horses
    within: float | None  # variance of one piece of evidence of a horse; None: values state their own variance
    horses: int


def estimate(observed: Sequence[Observed]) -> Prior:
    """The prior from one observation for each of some horses.

    The variance between horses is what the values vary more than chance explains, by the method of moments
    (DerSimonian & Laird 1986, with equal weights).
    """
    spreads = [one.spread for one in observed if one.spread is not None]
    freedom = sum(spread.freedom for spread in spreads)
    within = sum(spread.squares for spread in spreads) / freedom if freedom else None
    values = np.array([one.value for one in observed])
    chance = np.array([_chance(one, within) for one in observed])
    if len(values) < 2:
        return Prior(float(values.mean()) if len(values) else 0.0, 0.0, within, len(values))
    between = max(0.0, float(values.var(ddof=1) - chance.mean()))
    total = between + chance
    weight = np.ones_like(total) if not total.all() else 1 / total
    return Prior(float(np.average(values, weights=weight)), between, within, len(values))


def _chance(one: Observed, within: float | None) -> float:
    """The variance of an observed value around the truth."""
    if one.variance is not None:
        return one.variance
    return within / one.spread.pieces if one.spread is not None and within is not None else 0.0


def settle(
    wanted: Wanted, observed: Mapping[str, Observed], training: Collection[str]
) -> tuple[dict[str, Label], Prior]:
    """The labels by subject, and the prior from the `training` horses. Values are not shrunk without any of these."""
    first = dict[str, Observed]()
    for one in observed.values():
        if one.horse_id in training:
            first.setdefault(one.horse_id, one)  # a horse counts once, no matter how many photos it has
    prior = estimate(list(first.values()))
    shrunk = wanted.definition.shrunk and prior.horses > 1
    label = _shrunk if shrunk else _as_is
    return {key: label(one, prior, wanted.scale) for key, one in observed.items()}, prior


def _shrunk(one: Observed, prior: Prior, scale: Scale) -> Label:
    chance = _chance(one, prior.within)
    reliability = prior.between / (prior.between + chance) if prior.between + chance else 1.0
    value = prior.mean + reliability * (one.value - prior.mean)
    variance = reliability * chance * scale.slope(value) ** 2
    return Label(scale.label(value), variance, reliability, one.n, evidence_text(one))


def _as_is(one: Observed, _prior: Prior, scale: Scale) -> Label:
    return Label(scale.label(one.value), one.variance, None, one.n, evidence_text(one))


def evidence_text(one: Observed) -> str:
    """The evidence of an observation as JSON."""
    return json.dumps(dict(one.evidence), ensure_ascii=False, sort_keys=True)
