"""How often each verdict is right, where the truth is known: simulated features and labels, no photos.

    OMP_NUM_THREADS=1 python benchmarks/verdicts.py

Horses, sires, photos and features are drawn once. A model (ridge on the features) answers out of fold and is judged as
`trainer evaluate` does it; beside it stands the rule before: the test side's plain interval of the gain over the
constant median. Needs no GPU and no network; some minutes on one core.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri

from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.evaluation.baselines import Baseline, answer_without_photos
from trainer.evaluation.folds import Fold, make_folds, pool
from trainer.evaluation.gain import gain_over
from trainer.evaluation.scores import Bootstrap, is_nearly_constant, square
from trainer.evaluation.shrinking import ridge
from trainer.evaluation.verdict import MATTERS, Verdict, verdict_on

HORSES, SIRES, FEATURES = 2_252, 220, 60
BLUR = 0.3  # standard deviation of a photo's features around its horse's
SHUFFLES, SIMULATIONS = 200, 20
POWER = (0.02, 0.05, 0.10)  # true R2
# How many of 2,252 labels with reviews are in each twentieth of 0..1: what the first attempt published (2017).
POLL = (154, 153, 180, 132, 94, 127, 138, 161, 181, 257, 201, 150, 99, 66, 37, 36, 24, 31, 19, 12)
Solve = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # features, label, horse, asked


@dataclass(frozen=True)
class World:
    """Horses with photos, without labels."""

    table: Table
    features: np.ndarray  # (n, FEATURES), of the photos
    shown: np.ndarray  # (horses,), the feature that a signal may follow; each photo shows it with some error
    sire: np.ndarray  # (horses,)
    folds: list[Fold]
    bootstrap: Bootstrap  # of the folds' examples
    bootstrap_before: Bootstrap  # of the newest horses


def make_world(draw: np.random.Generator, horses: int) -> World:
    """Horses of sires with uneven numbers of offspring, each with one photo or more."""
    sire = np.minimum(draw.geometric(4 / SIRES, horses), SIRES)
    photos = 1 + draw.poisson(1.0, horses)
    horse = np.repeat(np.arange(horses), photos)
    shown = draw.normal(size=(horses, FEATURES))
    features = shown[horse] + BLUR * draw.normal(size=(len(horse), FEATURES))
    begin = date(2005, 1, 1)
    rows = [
        {
            "photo": f"s:{place}/1", "horse_id": f"h{number:05}", "side": Side.TRAIN, "label": 0.0,
            "sire": f"s{sire[number]}",
            "sex": ["male", "female"][number % 2], "age": 3 + place % 3, "horse_weight": 470 + int(draw.normal(0, 25)),
            "racecourse": f"c{place % 7}", "distance": int(draw.choice([1200, 1400, 1600, 1800, 2000, 2400])),
            "source": "s", "origin": None, "issue_date": begin + timedelta(days=number), "near_duplicate_of": None,
        }
        for place, number in enumerate(horse.tolist())
    ]  # fmt: skip
    table = Table("simulated", rows)
    folds = make_folds(table, pool(table))
    examples = np.concatenate([fold.outside for fold in folds])
    newest = Bootstrap(horse[horse >= round(0.85 * horses)])
    return World(table, features, shown[:, 0], sire, folds, Bootstrap(table.horse[examples]), newest)


def poll(draw: np.random.Generator, count: int) -> np.ndarray:
    """Labels shaped like the poll's."""
    twentieth = draw.choice(len(POLL), count, p=np.array(POLL) / sum(POLL))
    return (twentieth + draw.random(count)) / len(POLL)


def skewed(draw: np.random.Generator, count: int) -> np.ndarray:
    """Labels of which most are near 0 and few near 1."""
    return draw.beta(0.4, 4.0, count)


def explained(signal: np.ndarray, share: float, draw: np.random.Generator) -> np.ndarray:
    """Labels of the poll's shape, one a horse, of whose variance the signal (mean 0, variance 1) explains a share."""
    labels, count = np.sort(poll(draw, len(signal))), len(signal)
    # Sorting along a normal number loses some of the correlation, because labels are not normal.
    kept = np.corrcoef(labels, ndtri((np.arange(count) + 0.5) / count))[0, 1] ** 2
    mixed = np.sqrt(share / kept) * signal + np.sqrt(1 - share / kept) * draw.normal(size=count)
    found = np.empty_like(labels)
    found[np.argsort(mixed)] = labels
    return found


def by_ridge(features: np.ndarray, label: np.ndarray, horse: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """A model that shrinks as much as its own cross-validation wants."""
    return ridge(csr_array(features), label, horse, csr_array(asked))


def by_least_squares(features: np.ndarray, label: np.ndarray, _horse: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """A model that does not shrink."""
    middle = features.mean(0)
    return label.mean() + (asked - middle) @ np.linalg.lstsq(features - middle, label - label.mean())[0]


def answers_of(world: World, model: "Model", label: np.ndarray, folds: Sequence[Fold]) -> np.ndarray:
    """The model's answers, one fold after the other."""
    its, horse = model.features, world.table.horse
    return np.concatenate(
        [model.solve(its[fold.inside], label[fold.inside], horse[fold.inside], its[fold.outside]) for fold in folds]
    )


@dataclass(frozen=True)
class Model:
    """What answers."""

    features: np.ndarray  # (n, p), of the photos
    solve: Solve = by_ridge


def judged(world: World, model: Model, by_horse: np.ndarray) -> tuple[Verdict, float]:
    """Today's verdict on a model that learns these labels (horses,), and its R2."""
    table = Table("simulated", world.table.rows)
    table.__dict__.update(label=by_horse[world.table.horse].astype(np.float32), horse=world.table.horse)
    label = table.label[np.concatenate([fold.outside for fold in world.folds])]
    value = answers_of(world, model, table.label, world.folds)
    errors, constant = square(value, label), is_nearly_constant(value, label)
    horses = len(by_horse)
    level = np.concatenate([np.full(len(fold.outside), table.label[fold.inside].mean()) for fold in world.folds])
    mean = gain_over(square(level, label), errors, world.bootstrap)
    if constant or mean.low <= 0:
        return verdict_on(
            mean, [], constant=constant, horses=horses
        ), mean.value  # which the other baselines do not change
    others = answer_without_photos(table, world.folds)
    del others[Baseline.MEAN]
    gains = [gain_over(square(its, label), errors, world.bootstrap) for its in others.values()]
    return verdict_on(mean, gains, constant=constant, horses=horses), mean.value


def judged_before(world: World, model: Model, by_horse: np.ndarray) -> bool:
    """`skill` by the rule before: the newest 15 % of the horses, the constant median, the percentile interval."""
    label, horse = by_horse[world.table.horse], world.table.horse
    edge = round(0.85 * len(by_horse))
    inside, outside = np.flatnonzero(horse < round(0.7 * len(by_horse))), np.flatnonzero(horse >= edge)
    value = answers_of(world, model, label, [Fold(1, inside, outside)])
    median = np.full(len(outside), np.median(label[inside]))
    saved = square(median, label[outside]) - square(value, label[outside])
    return world.bootstrap_before.mean(saved).low > 0


@dataclass(frozen=True)
class Case:
    """A truth, and how often each verdict was given."""

    name: str
    verdicts: Counter[Verdict]
    before: int
    r2: float  # mean, out of fold
    rounds: int

    def line(self) -> str:
        """A line of the table."""
        shown = " | ".join(f"{self.verdicts[verdict] / self.rounds:.1%}" for verdict in SHOWN)
        return f"| {self.name} | {self.rounds} | {self.r2:.3f} | {shown} | {self.before / self.rounds:.1%} |"


SHOWN = (
    Verdict.BEYOND_PEDIGREE_AND_RACE, Verdict.SKILL, Verdict.UNDECIDED, Verdict.NO_SKILL, Verdict.WORSE,
    Verdict.CONSTANT,
)  # fmt: skip


def run_case(
    name: str, world: World, model: Model, labels: Callable[[np.random.Generator], np.ndarray], rounds: int
) -> None:
    """Judge a model on labels that are drawn anew each time."""
    verdicts, before, r2 = Counter[Verdict](), 0, 0.0
    for seed in range(rounds):
        label = labels(np.random.default_rng(1_000 + seed))
        verdict, its = judged(world, model, label)
        verdicts[verdict] += 1
        r2 += its / rounds
        before += judged_before(world, model, label)
    print(Case(name, verdicts, before, r2, rounds).line(), flush=True)


def sizes(draw: np.random.Generator, rounds: int) -> None:
    """How often three tests find a gain at the level of 2.5 % where there is none, for gains that are skewed."""
    print("\n| horses | gains | percentile | t | sign flips | bootstrap-t |\n|--:|---|--:|--:|--:|--:|")
    for horses in (100, 300):
        for name, shape in (("even", 0.0), ("few large losses", -1.0), ("few large gains", 1.0)):
            found = np.zeros(4)
            flips = draw.choice([-1.0, 1.0], (1_000, horses))
            bootstrap = Bootstrap(np.arange(horses))
            for _ in range(rounds):
                base = draw.gamma(2.0, 1.0, horses)
                saved = draw.normal(0, 1, horses) if not shape else shape * (draw.gamma(0.3, 1.0, horses) - 0.3)
                error = saved.std(ddof=1) / np.sqrt(horses)
                flipped = flips @ saved
                found += [
                    bootstrap.mean(saved).low > 0,
                    saved.mean() / error > 1.96,
                    (flipped >= saved.sum()).mean() < 0.025,
                    gain_over(base, base - saved, bootstrap).low > 0,
                ]
            shares = " | ".join(f"{share:.1%}" for share in found / rounds)
            print(f"| {horses} | {name} | {shares} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shuffles", type=int, default=SHUFFLES)
    options.add_argument("--simulations", type=int, default=SIMULATIONS)
    options.add_argument("--horses", type=int, default=HORSES)
    asked = options.parse_args()
    world = make_world(np.random.default_rng(7), asked.horses)
    print(f"{len(world.table)} photos of {asked.horses} horses, {FEATURES} features; R2 that matters: {MATTERS}\n")
    print("| truth | rounds | R2 |", " | ".join(verdict.words for verdict in SHOWN), "| `skill` before |")
    print("|---|--:|--:|" + "--:|" * (len(SHOWN) + 1))
    for shape in (poll, skewed):
        shuffled = partial(_shuffled, shape(np.random.default_rng(3), asked.horses))
        for words, solve in (("", by_ridge), (", least squares", by_least_squares)):
            name = f"nothing, {shape.__name__} labels{words}"
            run_case(name, world, Model(world.features, solve), shuffled, asked.shuffles)
    effect = np.random.default_rng(5).normal(size=SIRES + 1)[world.sire]
    effect = (effect - effect.mean()) / effect.std()
    names = np.eye(SIRES + 1)[world.sire][world.table.horse]  # photos that say which sire it is, and no more
    run_case("the sire alone, R2 0.10", world, Model(names), partial(explained, effect, 0.10), asked.shuffles)
    for share in POWER:
        labels = partial(explained, world.shown, share * (1 + BLUR**2))
        run_case(f"the photo, R2 {share:.2f}", world, Model(world.features), labels, asked.simulations)
    sizes(np.random.default_rng(11), 5 * asked.shuffles)


def _shuffled(labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return draw.permutation(labels)


if __name__ == "__main__":
    main()
