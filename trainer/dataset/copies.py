"""Finds photos that are copies of one another: saved again, made smaller, cropped, with a border, mirrored. Pure.

Candidates are the nearest neighbours by a few numbers computed from a photo's look; pixels confirm them. The numbers
are those projections of its low frequencies that vary much between the collection's photos and little between a photo
and its crops (Fisher's linear discriminant). Paddock photos are alike: a fixed hash misses crops, or takes different
horses for copies. No library does this: ImageHash has fixed hashes, faiss finds neighbours only.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from scipy.fft import dctn
from scipy.linalg import eigh
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree

from trainer.dataset.alignment import difference, warp
from trainer.dataset.rows import Indexed
from trainer.dataset.split import Pair

LEFT, LEFT_IN_A_PATCH = 0.05, 0.12  # of the variance, at most, between copies; see docs/benchmarks.md
BLUR = 0.6  # px; two ways of making a photo small differ in the finest details
PLAIN = 2.0  # standard deviation of grey below which a photo shows nothing that could be compared

FREQUENCIES = 12  # a direction
FADE = 0.25  # of the side, over which the edges are faded out: crops and borders change them
SAMPLE = 1000  # photos from which the numbers are learned
SHRUNK = 0.05  # how much of the mean variance within copies is added in each direction
NUMBERS, FIRST = 32, 12  # of a photo, and those by which neighbours are looked up: more make a tree slow
NEAR, NEAR_FIRST = 90.0, 40.0  # squared distances of copies at most, by all numbers and by the first
NEIGHBOURS = 8  # of a photo that are looked at
AT_ONCE, PAIRS = 4096, 256  # photos and pairs that are computed at once
# The copies from which the numbers are learned. Crops: scales and shifts (px, of 48), y, x, y, x.
CROPS = (
    (0.9, 0.9, 0.0, 0.0), (1.1, 1.1, 0.0, 0.0), (0.95, 0.95, 1.2, 1.2), (0.95, 0.95, -1.2, 1.2), (1.05, 0.97, 0.0, 1.0),
    (0.97, 1.05, 1.0, 0.0),
)  # fmt: skip
BRIGHTER = 1.25  # its brightest parts become white


def find_copies(looks: Indexed) -> list[Pair]:
    """Index pairs of photos that are copies of one another, or of one another's mirror images.

    Of photos with the same look, only the first is paired with others. Memory is a few numbers a photo.
    """
    first: dict[bytes, int] = {}
    same: list[Pair] = []
    for index in range(len(looks)):
        look = np.asarray(looks[index])
        if look.any():  # a photo that could not be unpacked is black
            held = first.setdefault(hashlib.sha256(look.tobytes()).digest(), index)
            same += [(held, index)] if held != index else []
    # In the order of their digests, so that the answer does not depend on the order of the photos.
    kept = [first[digest] for digest in sorted(first) if np.std(looks[first[digest]]) >= PLAIN]
    return same + [(min(pair), max(pair)) for pair in _near_pairs(looks, np.array(kept, np.int64))]


def _near_pairs(looks: Indexed, kept: np.ndarray) -> Iterator[Pair]:
    if len(kept) < 2:
        return
    rule = _learn(looks[kept[:SAMPLE]])
    numbers = _numbers(looks, kept, rule, turned=False)
    for turned in (False, True):
        asked = _numbers(looks, kept, rule, turned=True) if turned else numbers
        pairs = kept[_candidates(numbers, asked)]
        pieces = [pairs[begin : begin + PAIRS] for begin in range(0, len(pairs), PAIRS)]
        with ThreadPoolExecutor() as room:  # numpy computes outside of Python's lock
            for found in room.map(partial(_confirmed, looks, turned), pieces):
                yield from ((int(one), int(other)) for one, other in found)


def _confirmed(looks: Indexed, turned: bool, pairs: np.ndarray) -> np.ndarray:
    """Those of the index pairs whose pixels are alike."""
    one, other = _smooth(looks[pairs[:, 0]]), _smooth(looks[pairs[:, 1]])
    whole, worst = difference(one[:, :, ::-1] if turned else one, other)
    return pairs[(whole <= LEFT) & (worst <= LEFT_IN_A_PATCH)]


def _smooth(looks: np.ndarray) -> np.ndarray:
    return gaussian_filter(looks.astype(np.float32), (0, BLUR, BLUR))


def _candidates(held: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Position pairs (n, 2), each once, of photos whose numbers are near."""
    tree, found = KDTree(held[:, :FIRST]), [np.zeros((0, 2), np.int64)]
    for begin in range(0, len(asked), AT_ONCE):
        some = asked[begin : begin + AT_ONCE]
        _, near = tree.query(some[:, :FIRST], NEIGHBOURS + 1, distance_upper_bound=NEAR_FIRST**0.5, workers=-1)
        one, other = np.repeat(np.arange(begin, begin + len(some)), NEIGHBOURS + 1), near.ravel()
        one, other = one[other < len(held)], other[other < len(held)]  # the rest was further away
        close = (one != other) & (((asked[one] - held[other]) ** 2).sum(axis=1) <= NEAR)
        found.append(np.sort(np.stack([one[close], other[close]], axis=1), axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _numbers(looks: Indexed, kept: np.ndarray, rule: np.ndarray, *, turned: bool) -> np.ndarray:
    """The numbers of photos, or of their mirror images, float32 (n, NUMBERS)."""
    made = np.zeros((len(kept), rule.shape[1]), np.float32)
    for begin in range(0, len(kept), AT_ONCE):
        some = looks[kept[begin : begin + AT_ONCE]]
        made[begin : begin + AT_ONCE] = _frequencies(some[:, :, ::-1] if turned else some) @ rule
    return made


def _learn(looks: np.ndarray) -> np.ndarray:
    """The projection of frequencies to numbers, (frequencies, NUMBERS), in units of what differs between copies."""
    seen = np.concatenate([looks, looks[:, :, ::-1]]).astype(np.float32)
    held = _frequencies(seen)
    within = np.zeros((held.shape[1],) * 2)
    for copies in _made_from(seen):
        change = _frequencies(copies) - held
        within += change.T @ change / len(seen) / (len(CROPS) + 1)
    within += np.eye(len(within)) * (SHRUNK * np.trace(within) / len(within) + 1e-9)
    _, directions = eigh(np.cov(held.T), within)
    return directions[:, ::-1][:, :NUMBERS].astype(np.float32)


def _made_from(looks: np.ndarray) -> Iterator[np.ndarray]:
    """Copies of all photos, one kind after the other."""
    yield np.minimum(looks * BRIGHTER, 255)
    for crop in CROPS:
        scale, shift = (np.tile(np.array(part, np.float32), (len(looks), 1)) for part in (crop[:2], crop[2:]))
        yield warp(looks, scale, shift)


def _frequencies(looks: np.ndarray) -> np.ndarray:
    """The low frequencies of photos whose edges are faded out, float32 (n, FREQUENCIES² - 1)."""
    side = looks.shape[1]
    place = (np.arange(side, dtype=np.float32) + 0.5) / side
    ramp = np.minimum(1, np.minimum(place, 1 - place) / FADE)
    ramp = ramp * ramp * (3 - 2 * ramp)
    window = np.outer(ramp, ramp)
    seen = looks.astype(np.float32)
    seen = (seen - (seen * window).sum(axis=(1, 2), keepdims=True) / window.sum()) * window
    seen /= np.maximum(np.sqrt((seen**2).sum(axis=(1, 2), keepdims=True)), 1e-3)
    low = np.asarray(dctn(seen, axes=(1, 2), norm="ortho"))[:, :FREQUENCIES, :FREQUENCIES]
    return low.reshape(len(looks), -1)[:, 1:].astype(np.float32)
