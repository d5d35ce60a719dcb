"""How the horses of a race walk in the paddock, as far as times of photos and a few names say it. Pure.

The model is a hidden Markov model (Rabiner, Proceedings of the IEEE 77, 1989) of the passes of horses that a camera
took. Its state is the horse whose turn it is. From one pass to the next, the walk goes on by as many horses as fit the
time between them. How far each horse is behind the one before it, how many of them the photographer takes, and whether
one of them is led behind the last one are not known: they are hypotheses, each weighted by how well it explains the
times and what a person named, and corrected by them (expectation and maximisation). The answer is the mean over them,
so what they do not agree on is not certain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

LAPS = np.geomspace(50, 170, 16)  # seconds of a round
SHARES = np.linspace(0.25, 1.0, 7)  # of the round that the horses take up, from the first to the first
EARLY = 0.8  # seconds by which a photo is early or late against the one before
UNEVEN = (0.35, 0.25, 0.18, 0.15)  # of the mean distance by which a horse is off its place, as that becomes known
MOVING = 0.4  # the same in the answer: from round to round horses come nearer and fall back
DRIFT = 0.03  # rounds by which a round is longer or shorter than the last
STEADY, KEEN = 0.85, (0.3, 0.6, 0.85)  # how often one goes on photographing, and how many of the horses that pass then
FARTHER, MOST = 1.1, 300  # after a pause, k horses have passed in proportion to 1 / k ** FARTHER; MOST at most
AGAIN, A_WHILE = 0.15, 2.0  # how often the next photo is of the same horse, as it still passes: within some seconds
ELSEWHERE, LONG = 0.03, 300.0  # how often the walk goes on at any other place, after a halt: within seconds
ASTRAY = 0.02  # how often a photo shows another horse than the one whose turn it is
LED_LAST = 0.15  # how often one of the horses is led behind the last one
KEPT = 10  # hypotheses that are looked at closely
CAUTION = 0.4  # the power of the hypotheses' weights: they are fewer than there are walks
HELD = 1_000_000  # steps between two places, of some walks: 8 MB an array
AT_ONCE = 50_000  # of these, as many as are worked out at once: arrays that stay in a processor's cache
ALIKE = 9  # decimals of a fit: of walks that the names leave alike, always the same ones are kept

SQRT = np.sqrt(2 * np.pi)
PASSED = np.arange(1, MOST + 1)
AFTER_PAUSE = PASSED**-FARTHER / (PASSED**-FARTHER).sum()
# How often that number of places lies between two photos, for each of KEEN; without any it is not a step.
OFTEN = np.array([
    [0.0, *(STEADY * keen * (1 - keen) ** (PASSED - 1) + (1 - STEADY) * AFTER_PAUSE)] for keen in KEEN
])  # fmt: skip
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Taken:
    """The passes of one camera."""

    at: Array
    named: list[int]  # the horse's place in the list of horses; -1: not named


@dataclass(frozen=True, slots=True)
class Walks:
    """Hypotheses of a walk, one a row."""

    orders: npt.NDArray[np.intp]  # the horse at each place of the walk: (walks, places)
    regular: Array  # seconds from each place to the next, were the horses evenly apart: (walks, places)
    gaps: Array  # the same, as they are taken to be
    keen: Array  # how many of the horses that pass are photographed
    prior: Array  # logarithms of how likely each is beforehand

    def some(self, rows: npt.NDArray[np.intp]) -> "Walks":
        return Walks(self.orders[rows], self.regular[rows], self.gaps[rows], self.keen[rows], self.prior[rows])

    def parts(self, pairs: int) -> Iterator["Walks"]:
        """Some walks at a time, of which each has steps between this number of pairs of places."""
        many = max(1, HELD // pairs)
        for row in range(0, len(self.gaps), many):
            yield self.some(np.arange(row, min(row + many, len(self.gaps))))


def _walks(count: int) -> Walks:
    """Walks in the order of the numbers, evenly apart."""
    trios = [(lap, share, keen) for lap in LAPS for share in SHARES for keen in KEEN]
    gaps = np.array(
        [[lap * share / count] * (count - 1) + [lap * (1 - share + share / count)] for lap, share, _ in trios]
    )
    orders = np.tile(np.arange(count), (len(trios), 1))
    return Walks(orders, gaps, gaps, np.array([keen for _, _, keen in trios]), np.zeros(len(trios)))


def _orders(count: int) -> tuple[npt.NDArray[np.intp], Array]:
    """The order of the numbers, and those with one of the horses behind the last one; how likely each is beforehand."""
    own = np.arange(count)
    if count < 3:
        return own[None], np.zeros(1)
    prior = np.full(count, np.log(LED_LAST / (count - 1)))
    prior[0] = np.log(1 - LED_LAST)
    return np.array([own, *(np.append(np.delete(own, horse), horse) for horse in own[:-1])]), prior


class Steps(NamedTuple):
    """The steps from each pass to the next one; each array is of (steps, walks, from, to), or of (steps, walks, pairs)
    of places."""

    likely: Array  # of the horses that walk by
    spread: Array  # seconds
    rounds: Array  # whole ones that were walked between
    all: Array  # with what is not a step: the horse still passes, or the walk goes on elsewhere


def _steps(walks: Walks, taken: Taken, uneven: float) -> Steps:
    """How likely each step is from each place to each other."""
    count = walks.gaps.shape[1]
    since = np.cumsum(walks.gaps, 1) - walks.gaps
    between = (since[:, None, :] - since[:, :, None]) % walks.gaps.sum(1)[:, None, None]
    ahead = (np.arange(count)[None, :] - np.arange(count)[:, None]) % count
    found = _steps_of(walks, taken, uneven, ahead.ravel(), between.reshape(len(between), -1))
    return Steps(*(one.reshape(*one.shape[:2], count, count) for one in found))


def _even_steps(walks: Walks, taken: Taken, uneven: float) -> Array:
    """The same, `all` of it, of horses that are evenly apart: only how many places a step goes on or back counts."""
    count = walks.gaps.shape[1]
    onward = np.arange(1 - count, count)
    between = onward * walks.gaps[:, :1] % walks.gaps.sum(1)[:, None]
    found = _steps_of(walks, taken, uneven, onward % count, between).all
    return sliding_window_view(found, count, -1)[:, :, ::-1]


def _steps_of(walks: Walks, taken: Taken, uneven: float, ahead: npt.NDArray[np.intp], between: Array) -> Steps:
    """How likely steps are between pairs of places, by the horses and (of each walk) the seconds between the two.

    Of all rounds that may lie between, those count that fit the time best.
    """
    count = walks.gaps.shape[1]
    laps = walks.gaps.sum(1)[:, None]
    apart = np.sort(walks.regular, 1)[:, count // 2, None]
    off_place = EARLY**2 + (uneven * apart) ** 2 * np.minimum(ahead, count - ahead)
    which = np.searchsorted(KEEN, walks.keen)[:, None]

    def some(waited: Array) -> Steps:
        late = waited - between
        rounds = np.maximum(np.rint(late / laps), ahead == 0)
        passed = np.minimum(ahead + rounds * count, MOST).astype(np.intp)
        spread = np.sqrt(off_place + (DRIFT * laps) ** 2 * passed / count)
        off = (late - rounds * laps) / spread
        likely = (1 - AGAIN - ELSEWHERE) * OFTEN[which, passed] / spread * np.exp(-0.5 * off**2) / SQRT
        again = AGAIN / A_WHILE * np.exp(-waited / A_WHILE) * (ahead == 0)
        return Steps(likely, spread, rounds, likely + again + ELSEWHERE / (count * LONG))

    waited, many = np.diff(taken.at)[:, None, None], max(1, AT_ONCE // between.size)
    parts = [some(waited[row : row + many]) for row in range(0, max(1, len(waited)), many)]
    return Steps(*map(np.concatenate, zip(*parts, strict=True)))


def _seen(orders: npt.NDArray[np.intp], taken: Taken) -> Array:
    """How likely what a person named is, for each place in walks of these orders: (passes, orders, places)."""
    named = np.array(taken.named)[:, None, None]
    astray = ASTRAY / max(orders.shape[1] - 1, 1)
    return np.where(named < 0, 1.0, np.where(orders == named, 1 - ASTRAY, astray))


def _forward(seen: Array, steps: Array) -> tuple[Array, Array, Array]:
    """The places given all passes up to each, scaled; the scales; the logarithm of how likely all is."""
    states, scales = np.empty(seen.shape), np.empty(seen.shape[:-1])
    state = np.full(seen.shape[1:], 1 / seen.shape[-1])
    for row in range(len(seen)):
        if row:
            state = np.einsum("...wi,wij->...wj", state, steps[row - 1])
        state = state * seen[row]
        scales[row] = state.sum(-1)
        states[row] = state = state / scales[row][..., None]
    return states, scales, np.log(scales).sum(0)


def _backward(seen: Array, steps: Array, scales: Array) -> Array:
    later = np.ones_like(seen)
    for row in range(len(seen) - 1, 0, -1):
        later[row - 1] = np.einsum("wij,wj->wi", steps[row - 1], seen[row] * later[row]) / scales[row][:, None]
    return later


def _fit(walks: Walks, orders: npt.NDArray[np.intp], taken: Sequence[Taken]) -> Array:
    """The logarithm of how likely all is, were the horses evenly apart and in each of these orders: (orders, walks)."""
    longest, count = max(len(one.at) for one in taken), orders.shape[1]
    seen = [_seen(orders, one)[:, :, None] for one in taken]
    fits = list[Array]()
    for part in walks.parts(longest * 2 * count):
        size = (len(orders), len(part.gaps), count)
        each = [_forward(np.broadcast_to(its, (len(its), *size)), _even_steps(part, one, UNEVEN[0]))[2]
                for one, its in zip(taken, seen, strict=True)]  # fmt: skip
        fits.append(np.sum(each, 0))
    return np.concatenate(fits, 1)


def _best(fits: Array) -> npt.NDArray[np.intp]:
    return np.argsort(-np.round(fits, ALIKE), axis=None, kind="stable")[:KEPT]


def _likeliest(count: int, taken: Sequence[Taken]) -> Walks:
    """The walks that explain the photos best: first in the order of the numbers, then with a horse behind the last."""
    orders, prior = _orders(count)
    walks = _walks(count)
    walks = walks.some(_best(_fit(walks, orders[:1], taken)))
    fits = prior[:, None] + _fit(walks, orders, taken)
    order, walk = np.unravel_index(_best(fits), fits.shape)
    return replace(walks.some(walk), orders=orders[order], prior=prior[order])


def _corrected(walks: Walks, taken: Sequence[Taken], uneven: float) -> Walks:
    """The walks with the horses as far apart as the photos have them, and no longer evenly."""
    count = walks.gaps.shape[1]
    start, place = np.arange(count)[:, None, None], np.arange(count)
    arcs = ((place - start) % count < (place[None, :, None] - start) % count).astype(float)  # (from, to, gap)
    pull = 1 / (UNEVEN[0] * walks.regular) ** 2
    left = np.einsum("wk,kl->wkl", pull, np.eye(count))
    right = pull * walks.regular
    for one in taken:
        steps, seen = _steps(walks, one, uneven), _seen(walks.orders, one)
        states, scales, _ = _forward(seen, steps.all)
        after = seen[1:] * _backward(seen, steps.all, scales)[1:] / scales[1:, :, None]
        weight = steps.likely * states[:-1, :, :, None] * after[:, :, None, :] / steps.spread**2
        some, rounds = weight.sum(0), steps.rounds
        cross = np.einsum("wij,ijk->wk", (weight * rounds).sum(0), arcs)
        left += np.einsum("wij,ijk,ijl->wkl", some, arcs, arcs, optimize=True)
        left += cross[:, :, None] + cross[:, None, :] + (weight * rounds**2).sum((0, 2, 3))[:, None, None]
        timed = np.einsum("swij,s->swij", weight, np.diff(one.at))
        right += np.einsum("wij,ijk->wk", timed.sum(0), arcs) + (timed * rounds).sum((0, 2, 3))[:, None]
    return replace(walks, gaps=np.maximum(np.linalg.solve(left, right[:, :, None])[:, :, 0], 0.5))


def _shown(walks: Walks, taken: Sequence[Taken]) -> tuple[Array, list[Array]]:
    """How likely each walk is, and which horse each pass of each camera then shows: (walks, passes, horses)."""
    count = walks.gaps.shape[1]
    fits, found = walks.prior, list[Array]()
    for one in taken:
        steps, seen = _steps(walks, one, MOVING).all, _seen(walks.orders, one)
        states, scales, fit = _forward(seen, steps)
        states *= _backward(seen, steps, scales)
        states /= states.sum(2, keepdims=True)
        shown = np.empty_like(states)
        np.put_along_axis(shown, np.broadcast_to(walks.orders, shown.shape), states, 2)
        if count > 1:
            shown = (1 - ASTRAY) * shown + ASTRAY / (count - 1) * (1 - shown)
        for row, horse in enumerate(one.named):
            if horse >= 0:
                shown[row] = np.arange(count) == horse
        fits = fits + fit
        found.append(shown.transpose(1, 0, 2))
    return fits, found


def answers(count: int, taken: Sequence[Taken]) -> list[Array]:
    """How likely each of `count` horses is for each pass, by camera: (passes, horses)."""
    walks = _likeliest(count, taken)
    for uneven in UNEVEN:
        walks = _corrected(walks, taken, uneven)
    fits, found = _shown(walks, taken)
    weights = np.exp(CAUTION * (fits - fits.max()))
    weights /= weights.sum()
    return [np.einsum("w,wph->ph", weights, likely) for likely in found]
