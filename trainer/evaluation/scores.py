"""How far answers are from labels, with intervals. Horses are resampled, as photos of a horse are not independent."""

from dataclasses import dataclass

import numpy as np

from trainer.models.heads import HIGH, LOW

RESAMPLES = 2_000  # of the horses, with replacement
AT_ONCE = 250  # resamples whose counts are numbers with a point at the same time
LEVEL = 0.95
EDGES = np.array([0.2, 0.4, 0.6])  # between the four types
NEARLY = 0.05  # answers are nearly constant if they vary less than this share of the labels' variation


@dataclass(frozen=True, slots=True)
class Score:
    """A number and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Scores:
    """The quality of answers on some examples."""

    mse: Score  # on the scale 1..10, as in the first attempt
    mae: Score  # on 0..1, like the other scores
    spearman: Score
    accuracy: Score  # of the four types
    std: float  # of the answers


class Bootstrap:
    """Resamples of the horses, the same for all numbers that are compared."""

    def __init__(self, horse: np.ndarray, random_seed: int = 0) -> None:
        self.names, self.its = np.unique(horse, return_inverse=True)
        draw = np.random.default_rng(random_seed)
        count = len(self.names)
        # How often each resample contains each horse, (resamples, horses).
        times = draw.multinomial(count, np.full(count, 1 / count), RESAMPLES) if count else np.zeros((0, 0))
        self.times = times.astype(np.uint8 if times.max(initial=0) < 256 else np.int64)

    def by_horse(self, values: np.ndarray) -> np.ndarray:
        """The sum of one number a photo, (n,), over the photos of each horse, (horses,)."""
        return np.bincount(self.its, values, len(self.names))

    def resampled(self, *columns: np.ndarray) -> np.ndarray:
        """The sums of columns (horses,) over the horses of each resample, (columns, resamples)."""
        numbers = np.stack(columns, axis=1).astype(float)
        parts = [self.times[start : start + AT_ONCE] @ numbers for start in range(0, len(self.times), AT_ONCE)]
        return np.concatenate(parts).T

    def means(self, values: np.ndarray) -> np.ndarray:
        """The mean of one number a photo, (n,), in each resample."""
        sums, counts = self.resampled(self.by_horse(values), self.by_horse(np.ones(len(values))))
        return sums / counts

    def mean(self, values: np.ndarray) -> Score:
        """The mean of one number a photo, (n,)."""
        return as_score(float(values.mean()), self.means(values))

    def correlation(self, one: np.ndarray, other: np.ndarray) -> Score:
        """Pearson's correlation of two numbers a photo, (n,); of ranks it is Spearman's. 0 where one is constant."""
        one, other = one - one.mean(), other - other.mean()
        columns = (np.ones(len(one)), one, other, one**2, other**2, one * other)
        by_horse = [self.by_horse(column) for column in columns]
        whole = _correlation(np.array([[column.sum()] for column in by_horse]))
        return as_score(float(whole[0]), _correlation(self.resampled(*by_horse)))


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Correlations from the sums of ones, of both numbers, of their squares and of their product, (6, k)."""
    count, one, other, ones, others, both = sums
    spread = (ones - one**2 / count).clip(min=0) * (others - other**2 / count).clip(min=0)
    varies = spread > 1e-9
    return np.where(varies, both - one * other / count, 0) / np.sqrt(np.where(varies, spread, 1))


def as_score(value: float, resampled: np.ndarray) -> Score:
    """A number with the interval of LEVEL of its resamples."""
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return Score(value, float("nan"), float("nan"))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return Score(value, float(low), float(high))


def square(value: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Squared errors on the scale 1..10; values and labels are 0..1."""
    return (HIGH - LOW) ** 2 * (value - label) ** 2


def within(label: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """1.0 for each label that lies within its interval, else 0.0, (n,)."""
    return ((low <= label) & (label <= high)).astype(float)


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each number, from 1 on; equal numbers get their mean rank."""
    from scipy.stats import rankdata  # half a second to import

    return rankdata(values)


def kinds(values: np.ndarray) -> np.ndarray:
    """0 sprint, 1 mile, 2 middle, 3 long."""
    return np.searchsorted(EDGES, values, side="right")


def measure(value: np.ndarray, label: np.ndarray, bootstrap: Bootstrap) -> Scores:
    """The scores of answers (n,) to photos with labels (n,)."""
    return Scores(
        mse=bootstrap.mean(square(value, label)),
        mae=bootstrap.mean(np.abs(value - label)),
        spearman=bootstrap.correlation(ranks(value), ranks(label)),
        accuracy=bootstrap.mean((kinds(value) == kinds(label)).astype(float)),
        std=float(value.std()),
    )


def is_nearly_constant(value: np.ndarray, label: np.ndarray) -> bool:
    """Whether a model gives nearly the same answer to every photo."""
    return bool(value.std() < NEARLY * label.std())
