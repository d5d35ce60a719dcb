"""How alike two small grey pictures are once one is moved and scaled onto the other. Pure."""

import numpy as np
from scipy.ndimage import uniform_filter

MARGIN = 0.12  # of each edge is left out: a copy may be cropped there, or have a border
STEPS = 3
FURTHEST = 0.12  # of the side: how far a picture is moved
SCALES = 0.82, 1.2
STRIDE = 2  # pixels between those that a step looks at
STEP = 1.5  # px that one step moves an edge at most
PATCH = 6  # px
DAMPING = 1e-5  # of the mean of the diagonal: a plain picture cannot say how it moved
LEAST = 1e-3  # keeps a division by the variance of a plain picture finite

Pictures = np.ndarray  # float32 (n, side, side)


def difference(one: Pictures, other: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """What differs in each pair after alignment, as shares of the variance, float32 (n,): of the whole, and in the
    patch that differs most. Brightness and contrast do not count.

    Copies differ a little everywhere. Two horses in front of the same fence differ much in one place.
    """
    ways = [_left_of(_towards(one, other), other), _left_of(_towards(other, one), one)]
    whole, worst = (np.stack([way[part] for way in ways]) for part in (0, 1))
    better = whole.argmin(axis=0)[None]
    return np.take_along_axis(whole, better, 0)[0], np.take_along_axis(worst, better, 0)[0]


def warp(pictures: Pictures, scale: np.ndarray, shift: np.ndarray) -> Pictures:
    """Each picture scaled about its middle and moved; `scale` and `shift` are (n, 2), for y and x, `shift` in px."""
    upright, across = (_sampling(pictures.shape[1], scale[:, axis], shift[:, axis]) for axis in (0, 1))
    return upright @ pictures @ across.transpose(0, 2, 1)


def _sampling(side: int, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Matrices (n, side, side) that interpolate between the pixels of a row."""
    pixels = np.arange(side, dtype=np.float32)
    middle = (side - 1) / 2
    asked = np.clip(middle + (pixels - middle) * scale[:, None] + shift[:, None], 0, side - 1)
    return np.maximum(0, 1 - np.abs(asked[:, :, None] - pixels)).astype(np.float32)


def _towards(moved: Pictures, fixed: Pictures) -> Pictures:
    """The first picture of each pair, moved onto the second (Lucas and Kanade, 1981)."""
    count, side, _ = moved.shape
    half = (side - 1) / 2
    scale, shift = np.ones((count, 2), np.float32), np.zeros((count, 2), np.float32)
    for _ in range(STEPS):
        found = _step(warp(moved, scale, shift), fixed)
        shift = np.clip(shift + found[:, 0::2], -FURTHEST * side, FURTHEST * side)
        scale = np.clip(scale + found[:, 1::2] / half, *SCALES)
    return warp(moved, scale, shift)


def _inner(side: int, stride: int = 1) -> slice:
    margin = round(side * MARGIN)
    return slice(margin, side - margin, stride)


def _step(moved: Pictures, fixed: Pictures) -> np.ndarray:
    """How far to move and to scale each picture, (n, 4): y, its scale, x, its scale; a scale in px at the edge.

    It is the least-squares answer if brightness changes linearly with both; contrast and brightness are fitted too.
    """
    count, side, _ = moved.shape
    inner = _inner(side, STRIDE)
    place = (np.arange(side, dtype=np.float32) - (side - 1) / 2)[inner] / ((side - 1) / 2)
    down, right = (slope[:, inner, inner] for slope in np.gradient(moved, axis=(1, 2)))
    seen = moved[:, inner, inner]
    parts = (seen, np.ones_like(seen), down, down * place[:, None], right, right * place)
    known = np.stack(parts, axis=1).reshape(count, len(parts), -1)
    wanted = fixed[:, inner, inner].reshape(count, -1, 1)
    square = known @ known.transpose(0, 2, 1)
    damping = DAMPING * np.einsum("nii->n", square)[:, None, None] / len(parts) + LEAST
    found = np.linalg.solve(square + damping * np.eye(len(parts), dtype=np.float32), known @ wanted)[:, :, 0]
    contrast = np.where(np.abs(found[:, :1]) < 0.2, 0.2, found[:, :1])  # a reversed picture does not lead far away
    return np.clip(found[:, 2:] / contrast, -STEP, STEP)


def _left_of(moved: Pictures, fixed: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """The share of the variance that the first picture's brightness, and its square, do not explain.

    The square is for light that makes the brightest parts white.
    """
    inner = _inner(fixed.shape[1])
    seen, wanted = (_standard(pictures[:, inner, inner]) for pictures in (moved, fixed))
    flat = seen.reshape(len(seen), -1)
    known = np.stack([np.ones_like(flat), flat, flat**2], axis=1)
    square = known @ known.transpose(0, 2, 1) + LEAST * np.eye(3, dtype=np.float32)
    tones = np.linalg.solve(square, known @ wanted.reshape(len(flat), -1, 1))
    left = wanted - (tones.transpose(0, 2, 1) @ known).reshape(wanted.shape)
    return (left**2).mean(axis=(1, 2)), uniform_filter(left**2, PATCH, axes=(1, 2)).max(axis=(1, 2))


def _standard(pictures: Pictures) -> Pictures:
    mean, deviation = (part(pictures, axis=(1, 2), keepdims=True) for part in (np.mean, np.std))
    return (pictures - mean) / (deviation + LEAST)
