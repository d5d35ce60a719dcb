"""What labels there are, how reliable they are, and how far they agree: the numbers behind `trainer labels`. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import exp
from typing import Any

import numpy as np

from collector.storage.racing import Axis, Kind, kind_of
from trainer.labels.agreement import Figure, disattenuated, rank_correlation, split_half
from trainer.labels.definition import Observed, Wanted
from trainer.labels.observing import Observations, Settled
from trainer.labels.shrink import Prior

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the horses, at which the distribution of labels is given
AT_LEAST = (1, 3, 5, 10, 20)  # pieces of evidence behind both labels that are compared


@dataclass(frozen=True, slots=True)
class LabelSurvey:
    """What there is of one label."""

    key: str  # definition/axis
    words: str
    subjects: int  # photos or horses with the label
    horses: int
    absent: dict[str, int]  # subjects by WhyNone
    labels: dict[str, float]  # by share of the horses
    values: dict[str, float]  # the same in the unit of the definition; metres for distances
    kinds: dict[str, int]  # horses by type; empty unless the axis is distance
    pieces: dict[str, float]  # reviews or starts behind a label, by share of the horses; empty where none is known
    split_half: Figure | None  # reliability, of the horses with two halves of evidence
    ceiling: Figure | None  # agreement of two judges on the same horse; a model can hardly agree better with one
    prior: Prior


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two labels agree."""

    one: str
    other: str
    rank: Figure | None  # of all horses with both
    true_rank: Figure | None  # without the chance in them, as far as it is known
    by_evidence: dict[int, Figure | None]  # of the horses with at least that many reviews or starts behind both


@dataclass(frozen=True, slots=True)
class Survey:
    """All labels, and how each two agree."""

    about: str  # photos or horses
    labels: list[LabelSurvey]
    agreements: list[Agreement]

    def as_json(self) -> dict[str, Any]:
        """The survey as `--json` prints it."""
        return asdict(self)


def survey(observations: Observations, settled: Settled, about: str) -> Survey:
    """The survey of what was observed; a horse counts once, with its first subject."""
    by_horse = {one.key: first_of_each(observations.found[one.key].values()) for one in observations.wanted}
    labels = [_label(one, observations, settled, by_horse[one.key]) for one in observations.wanted]
    reliability = {label.key: label.split_half or label.ceiling for label in labels}
    pairs = [pair for pair in combinations(observations.wanted, 2) if pair[0].axis == pair[1].axis]
    agreements = [_agreement(one, other, by_horse, reliability) for one, other in pairs]
    return Survey(about, labels, agreements)


def first_of_each(observed: Iterable[Observed]) -> dict[str, Observed]:
    """The first observation of each horse, by its id."""
    found: dict[str, Observed] = {}
    for one in observed:
        found.setdefault(one.horse_id, one)
    return found


def _label(
    wanted: Wanted, observations: Observations, settled: Settled, by_horse: Mapping[str, Observed]
) -> LabelSurvey:
    labels = [settled.labels[wanted.key][one.key].value for one in by_horse.values()]
    values = [wanted.scale.value(label) for label in labels]
    kinds = Counter(kind_of(label).value for label in labels) if wanted.axis == Axis.DISTANCE else {}
    return LabelSurvey(
        key=wanted.key,
        words=wanted.definition.words,
        subjects=len(observations.found[wanted.key]),
        horses=len(by_horse),
        absent=dict(Counter(why.value for why in observations.absent[wanted.key].values())),
        labels=_shares(labels),
        values=_shares([exp(value) for value in values] if wanted.scale.metres else values),
        kinds={kind.value: kinds[kind.value] for kind in Kind} if kinds else {},
        pieces=_shares([one.n for one in by_horse.values() if one.n is not None]),
        split_half=split_half([one.halves for one in by_horse.values() if one.halves]),
        ceiling=_agreement_of_judges([one.pair for one in by_horse.values() if one.pair]),
        prior=settled.priors[wanted.key],
    )


def _agreement_of_judges(pairs: Sequence[tuple[float, float]]) -> Figure | None:
    return rank_correlation([one for one, _ in pairs], [other for _, other in pairs])


def _shares(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {f"{share:g}": float(its) for share, its in zip(SHARES, np.quantile(values, SHARES), strict=True)}


def _agreement(
    one: Wanted,
    other: Wanted,
    by_horse: Mapping[str, Mapping[str, Observed]],
    reliability: Mapping[str, Figure | None],
) -> Agreement:
    others = by_horse[other.key]
    both = [(its, others[horse]) for horse, its in by_horse[one.key].items() if horse in others]
    rank = _rank(both)
    # Definitions of one unit look at the same evidence, so they share their chance, which cannot be taken out.
    apart = one.definition.unit != other.definition.unit
    known = [reliability[one.key], reliability[other.key]] if apart else []
    with_evidence = {least: [pair for pair in both if _least(pair) >= least] for least in AT_LEAST}
    return Agreement(
        one=one.key,
        other=other.key,
        rank=rank,
        true_rank=disattenuated(rank, known) if rank else None,
        by_evidence={least: _rank(pairs) for least, pairs in with_evidence.items()},
    )


def _rank(pairs: Sequence[tuple[Observed, Observed]]) -> Figure | None:
    return rank_correlation([one.value for one, _ in pairs], [other.value for _, other in pairs])


def _least(pair: tuple[Observed, Observed]) -> int:
    """The pieces of evidence behind the label of the two that has fewer; a label that does not say counts as enough."""
    return min((one.n for one in pair if one.n is not None), default=max(AT_LEAST))
