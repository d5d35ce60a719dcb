"""What a frozen backbone sees of the photos of a data set: made once, kept, and shared by all runs that ask for it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from trainer.backbones import Backbone, timm_version
from trainer.config import RunConfig
from trainer.data import features_path
from trainer.device import Device
from trainer.model import Network, Pooled, as_photos

BATCH = 32  # photos at once
CODE = 2  # goes up when the same network and photos would give other features

Tell = Callable[[int, int], None]


def pooled_neck(network: Network) -> Pooled:
    """The part of a network that pools its maps."""
    return next(module for module in network.neck.modules() if isinstance(module, Pooled))


def features_of(
    network: Network, config: RunConfig, version: str, pixels: np.ndarray, device: Device, cache: Path, tell: Tell
) -> np.ndarray:
    """Pooled features float32 (n, 5 x maps) of prepared photos, in their order; read again where they are kept."""
    assert isinstance(network.backbone, Backbone)
    words = f"{CODE} {_digest(network)} {network.backbone.stages} {config.preparation} {device.bf16}"
    path = features_path(cache, version, words)
    if path.exists():
        return np.load(path)
    found = see(network, pixels, device, tell)
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part.npy")
    try:
        np.save(part, found)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return found


def _digest(network: Network) -> str:
    """What the features depend on: the numbers of the backbone and of the scaling before it, wherever they are from."""
    whole = hashlib.sha256(f"{network.backbone.name} {timm_version()}".encode())
    for part in (network.scaling, network.backbone):
        for name, tensor in part.state_dict().items():
            whole.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()


def see(network: Network, pixels: np.ndarray, device: Device, tell: Tell) -> np.ndarray:
    """Pooled features float32 (n, 5 x maps) of prepared photos, uint8 (n, height, width, 3)."""
    network.eval()
    neck = pooled_neck(network)
    seen: list[np.ndarray] = []
    with torch.inference_mode(), device.autocast():
        for start in range(0, len(pixels), BATCH):
            batch = device.put(torch.from_numpy(np.array(pixels[start : start + BATCH])))
            features = neck.pool(network.maps(device.photos(as_photos(batch))))
            seen.append(features.float().cpu().numpy())
            tell(min(start + BATCH, len(pixels)), len(pixels))
    return np.concatenate(seen)
