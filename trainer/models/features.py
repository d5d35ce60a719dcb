"""The features that a frozen backbone computes for the photos of a data set, cached for all runs that use them."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from trainer.dataset.data import Progress, no_progress, photo_digests
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import describe
from trainer.dataset.rows import Indexed, Rows, Store, digest_of_code
from trainer.models import backbones, necks, networks
from trainer.models import device as devices
from trainer.models.answers import Answers, answer, as_answers, joined
from trainer.models.backbones import Backbone, timm_version
from trainer.models.device import Device
from trainer.models.necks import Pooled
from trainer.models.networks import Answered, Network, as_photos, mixed
from trainer.runs.config import RunConfig

BATCH = 32  # photos at once
AT_ONCE = 4096  # photos whose features are at hand


def pooled_neck(network: Network) -> Pooled:
    """The part of a network that pools its maps."""
    return next(module for module in network.neck.modules() if isinstance(module, Pooled))


def features_of(
    network: Network,
    config: RunConfig,
    version: Version,
    pixels: Indexed,
    device: Device,
    cache: Path,
    progress: Progress,
    *,
    mirrored: bool = False,
) -> Rows:
    """Pooled features float32 (n, k) of a version's prepared photos, or of their mirror images, in order.

    They are computed once for a photo, even if several versions have it, and then mapped from a file.
    """
    assert isinstance(network.backbone, Backbone)
    how = {
        "code": digest_of_code(backbones, devices, necks, networks, sys.modules[__name__]), "network": _digest(network),
        "device": device.name.partition(":")[0], "bf16": device.bf16, "stages": network.backbone.stages,
        "torch": torch.__version__, "pixels": describe(config.preparation), "mirrored": mirrored,
    }  # fmt: skip
    store = Store.of(cache, "features", how, (pooled_neck(network).width,), np.float32)

    def compute(directories: list[int]) -> Iterator[np.ndarray]:
        for start in range(0, len(directories), BATCH):
            chosen = directories[start : start + BATCH]
            # Batches have a fixed size, as a photo's features may depend on the size of its batch.
            photos = pixels[np.array(chosen + chosen[-1:] * (BATCH - len(chosen)))]
            yield from see(network, photos[:, :, ::-1] if mirrored else photos, device)[: len(chosen)]
            progress(start + len(chosen), len(directories))

    return store.rows(photo_digests(version), compute)


def keeps_features(config: RunConfig) -> bool:
    """Whether training leaves the features as the pretrained backbone computes them."""
    return config.network == "probe" or (config.network == "tuned" and "backbone.*" in config.freeze)


def answer_version(
    network: Network,
    config: RunConfig,
    version: Version,
    pixels: Indexed,
    device: Device,
    cache: Path,
    positions: np.ndarray,
    progress: Progress = no_progress,
) -> list[Answers]:
    """The answers to each label for prepared photos of a version, as `answer` gives them.

    With a frozen backbone they come from the cached features, so that it sees each photo once.
    """
    if not keeps_features(config):
        return answer(network, pixels, device, positions, progress)
    kinds = (False, True) if network.mirror else (False,)
    held = [
        [features_of(one, config, version, pixels, device, cache, progress, mirrored=mirrored) for mirrored in kinds]
        for one in network.members
    ]
    network.eval()
    parts = []

    def answered(one: Network, rows: list[Rows], some: np.ndarray) -> list[Answered]:
        seen = [pooled_neck(one).standardised(device.put(torch.from_numpy(its[some]))) for its in rows]
        return one.answers_to(seen[0], seen[1] if one.mirror else None)

    with torch.inference_mode(), device.autocast():
        for start in range(0, len(positions), AT_ONCE):
            some = positions[start : start + AT_ONCE]
            parts.append(mixed([answered(one, its, some) for one, its in zip(network.members, held, strict=True)]))
            progress(min(start + AT_ONCE, len(positions)), len(positions))
    return joined([as_answers(found) for found in parts], len(network.head))


def _digest(network: Network) -> str:
    """A digest of the network that computes the features: the weights of the backbone and of the scaling before it."""
    whole = hashlib.sha256(f"{network.backbone.name} {timm_version()}".encode())
    for part in (network.scaling, network.backbone):
        for name, tensor in part.state_dict().items():
            whole.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()


def see(network: Network, photos: np.ndarray, device: Device) -> np.ndarray:
    """Pooled features float32 (n, k) of prepared photos, uint8 (n, height, width, 3), in one batch."""
    network.eval()
    neck = pooled_neck(network)
    with torch.inference_mode(), device.autocast():
        batch = device.put(torch.from_numpy(np.array(photos)))
        return neck.pool(network.maps(device.photos(as_photos(batch)))).float().cpu().numpy()
