"""The photos of a data set version in a run's feature space: which horses look most like the one on a photo, and
whether the photo looks like any training photo.

Features are reduced to their main components and the distance from these. Distances between two photos then are not
larger than in the full space, and hardly smaller.
"""

import hashlib
import json
import logging
import os
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from trainer.dataset.data import Progress, Table, load_pixels, read_table
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version, digest_of
from trainer.dataset.pixels import describe
from trainer.dataset.rows import digest_of_code
from trainer.models import answers, backbones, features, necks, networks
from trainer.models import device as devices
from trainer.models.answers import BATCH, see
from trainer.models.backbones import Backbone
from trainer.models.device import Device
from trainer.models.features import features_of, pooled_neck
from trainer.models.first_attempt import KernelMachine
from trainer.models.necks import Pooled
from trainer.models.networks import Network
from trainer.models.registry import digest_of_added
from trainer.runs.runs import Run

logger = logging.getLogger(__name__)

COMPONENTS = 128  # of the features, at most
NEAR = 5  # nearest training photos whose mean distance shows how usual a photo is
USUAL = 0.99  # share of validation photos that count as usual
MARGIN = 1.1  # factor by which other photos of horses may be farther away than these


@dataclass(frozen=True)
class Index:
    """The photos of a version in a run's feature space."""

    table: Table
    centre: np.ndarray  # float32 (k,)
    components: np.ndarray  # float32 (k, c)
    points: np.ndarray  # float32 (n, c + 1), in the order of the table
    farthest: float | None  # largest distance of a usual photo; None: this run cannot judge it
    space: str = ""  # names the feature space: points of one name can be compared

    def project(self, features: np.ndarray) -> np.ndarray:
        """The points (n, c + 1) of photos with these features (n, k)."""
        centred = features.astype(np.float64) - self.centre
        main = centred @ self.components
        off = np.sqrt(np.maximum((centred**2).sum(1) - (main**2).sum(1), 0))
        return np.column_stack([main, off]).astype(np.float32)

    def looks_strange(self, point: np.ndarray) -> bool | None:
        """Whether the photo at a point is farther from the training photos than usual; None if that is not known."""
        if self.farthest is None:
            return None
        return bool(usual_distance(point[None], self._training)[0] > self.farthest)

    @cached_property
    def _training(self) -> np.ndarray:
        return self.points[self.table.on(Side.TRAIN)]

    def nearest(self, point: np.ndarray, count: int, but: str | None = None) -> list[tuple[int, float]]:
        """Rows and distances of the nearest photos with a label, one photo a horse, without the horse `but`."""
        away = distances(point[None], self.points)[0]
        found: dict[str, tuple[int, float]] = {}
        for row in np.argsort(away, kind="stable"):
            horse = self.table.rows[row]["horse_id"]
            if horse != but and self.table.rows[row]["label"] is not None:
                found.setdefault(horse, (int(row), float(away[row])))
            if len(found) == count:
                break
        return list(found.values())

    @cached_property
    def by_digest(self) -> dict[str, int]:
        """The row of a photo by the SHA-256 of its bytes."""
        return {row["digest"]: number for number, row in enumerate(self.table.rows)}


def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, m) between points (n, c) and (m, c)."""
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    return np.sqrt(np.maximum(squares, 0))


def usual_distance(some: np.ndarray, training: np.ndarray) -> np.ndarray:
    """The mean distance of points (n, c) from their NEAR nearest training photos, (n,)."""
    near = min(NEAR, len(training))
    return np.sort(distances(some, training), 1)[:, :near].mean(1)


def has_features(network: Network) -> bool:
    """Whether a network computes features; a kernel machine works on the pixels."""
    return not isinstance(network.neck, KernelMachine)


def is_pretrained(run: Run, network: Network) -> bool:
    """Whether the backbone was pretrained on pictures of all kinds, so that its features can recognise a horse."""
    return isinstance(network.backbone, Backbone) and run.config.weights != "none"


def find_index(
    run: Run,
    network: Network,
    version: Version,
    device: Device,
    cache: Path,
    progress: Progress,
    label: str = "",
) -> Index | None:
    """The index of a run and a data set version with one of its labels (by default the first), from the cache if it is
    there; None for a run without features."""
    if not has_features(network):
        return None
    table = read_table(version, label or run.config.label)
    how = _how(run, table.key)
    path = cache / f"neighbours-{version.manifest.version}-{_digest(how | _on(device))}.npz"
    index = _read(path, table)
    if index is None:
        seen = _features(run, network, version, device, cache, progress)
        index = build_index(table, seen, pretrained=is_pretrained(run, network))
        _write(path, index)
    # Another device rounds otherwise, which moves a point far less than two photos are apart.
    return replace(index, space=f"{run.name} {version.manifest.version} {_digest(how)}")


def _how(run: Run, label: str) -> dict[str, Any]:
    """What a feature space depends on besides the version: the model and the code."""
    return {
        "code": digest_of_code(answers, backbones, devices, features, necks, networks, sys.modules[__name__]),
        "config": run.config.model_dump_json(), "model": digest_of(run.folder / "model.safetensors"),
        "pixels": describe(run.config.preparation), "label": label,
        "plugins": digest_of_added(run.config),
    }  # fmt: skip


def _on(device: Device) -> dict[str, Any]:
    """What its points depend on besides, in their last digits."""
    return {"device": device.name.partition(":")[0], "bf16": device.bf16, "torch": torch.__version__}


def _digest(how: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]


def _read(path: Path, table: Table) -> Index | None:
    """The cached index; None if it is missing, damaged or of another length than the table."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            farthest = float(kept["farthest"]) if kept["farthest"].size else None
            index = Index(table, kept["centre"], kept["components"], kept["places"], farthest)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:  # such as a file cut off by a full disk
        logger.warning("%s cannot be read and is computed again (%s)", path.name, error)
        return None
    return index if len(index.points) == len(table) else None


def build_index(table: Table, features: np.ndarray, *, pretrained: bool) -> Index:
    """The index of photos with these features (n, k), in the order of the table; see `is_pretrained`."""
    training = features[table.on(Side.TRAIN)]
    centre = training.mean(0, dtype=np.float64).astype(np.float32)
    components = _main_components((training - centre).astype(np.float64), min(COMPONENTS, len(training) - 1))
    index = Index(table, centre, components, np.zeros((0, 0), np.float32), None)
    points = index.project(features)
    outside = points[table.on(Side.VALIDATION)]
    farthest = None
    if pretrained and len(outside):
        farthest = MARGIN * float(np.quantile(usual_distance(outside, points[table.on(Side.TRAIN)]), USUAL))
    return Index(table, centre, components, points, farthest)


def _main_components(centred: np.ndarray, count: int) -> np.ndarray:
    """The `count` directions (k, c) of the largest variance of centred points (n, k)."""
    if len(centred) < centred.shape[1]:  # the smaller product has the same components
        sizes, mixes = np.linalg.eigh(centred @ centred.T)
        sizes, mixes = sizes[::-1][:count], mixes[:, ::-1][:, :count]
        real = sizes > sizes[0] * 1e-9
        return (centred.T @ mixes[:, real] / np.sqrt(sizes[real])).astype(np.float32)
    return np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :count].astype(np.float32)


def _features(
    run: Run, network: Network, version: Version, device: Device, cache: Path, progress: Progress
) -> np.ndarray:
    pixels = load_pixels(version, run.config.preparation, cache)
    if run.config.closed_form and isinstance(network.backbone, Backbone) and isinstance(network.neck, Pooled):
        # Only the head was trained, so training has cached these features.
        raw = features_of(network, run.config, version, pixels, device, cache, progress)[:]
        neck = pooled_neck(network)
        return (raw - neck.mean.cpu().numpy()) / neck.std.cpu().numpy()
    seen = []
    for start in range(0, len(pixels), BATCH):
        seen.append(see(network, pixels[start : start + BATCH], device)[1])
        progress(min(start + BATCH, len(pixels)), len(pixels))
    return np.concatenate(seen)


def _write(path: Path, index: Index) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part.npz")
    farthest: Any = [] if index.farthest is None else index.farthest
    try:
        np.savez(part, centre=index.centre, components=index.components, places=index.points, farthest=farthest)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
