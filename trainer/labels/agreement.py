"""How reliable labels are, and how far two of them agree. Pure.

Every horse counts once, so the intervals are those of independent horses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, inf, sqrt, tanh

import numpy as np

LEAST = 4  # horses, without which a correlation has no interval
NORMAL = 1.959964  # of the standard normal distribution, for an interval of 95 %


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval of 95 %."""

    value: float
    low: float
    high: float
    horses: int

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> Figure | None:
    """Spearman's correlation of two numbers of each horse; None if it is not defined.

    The interval is that of Bonett & Wright (2000): the variance of Fisher's z is (1 + r^2 / 2) / (n - 3).
    """
    from scipy.stats import spearmanr  # half a second to import

    horses = len(one)
    if horses < LEAST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    value = float(np.asarray(spearmanr(one, other))[0])
    if abs(value) >= 1:
        return Figure(value, value, value, horses)
    wide = NORMAL * sqrt((1 + value**2 / 2) / (horses - 3))
    return Figure(value, tanh(atanh(value) - wide), tanh(atanh(value) + wide), horses)


def split_half(halves: Sequence[tuple[float, float]]) -> Figure | None:
    """The reliability of a label from the values of two halves of its evidence; None if it is not defined.

    Spearman (1910) and Brown (1910): 2 r / (1 + r) of the correlation r of the halves.
    """
    found = rank_correlation([one for one, _ in halves], [other for _, other in halves])
    if found is None:
        return None
    return Figure(_whole(found.value), _whole(found.low), _whole(found.high), found.horses)


def _whole(half: float) -> float:
    return 2 * half / (1 + half) if half > -1 else -inf


def disattenuated(found: Figure, reliabilities: Sequence[Figure | None]) -> Figure | None:
    """The correlation of what two labels measure, without the chance in them (Spearman 1904); None if it is not known.

    Only what is known of their reliability is taken out. The interval leaves out how sure the reliabilities are, so
    there is no figure where one of them may be zero.
    """
    known = [its for its in reliabilities if its is not None]
    if not known or min(its.low for its in known) <= 0:
        return None
    factor = 1 / sqrt(float(np.prod([its.value for its in known])))
    return Figure(found.value * factor, found.low * factor, found.high * factor, found.horses)
