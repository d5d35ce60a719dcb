"""The batches of a training run: which photos, in which order, read ahead. The random seed alone decides them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.dataset.rows import Indexed
from trainer.models.device import Device
from trainer.runs.config import RunConfig


@dataclass(frozen=True, slots=True)
class Photos:
    """Prepared photos with labels and weights, to learn from or to validate on."""

    pixels: Indexed  # uint8 (m, height, width, 3), may be mapped from a file
    label: np.ndarray  # float32 (n,)
    weight: np.ndarray  # float32 (n,)
    rows: np.ndarray | None = None  # the rows of `pixels` that these photos are, (n,); None: all, in order

    def __len__(self) -> int:
        return len(self.label)

    def take(self, chosen: np.ndarray) -> np.ndarray:
        """The chosen photos, uint8 (k, height, width, 3); no others are read."""
        return self.pixels[chosen if self.rows is None else self.rows[chosen]]


@dataclass(frozen=True, slots=True)
class Batch:
    """One process's share of a batch of `count` photos, on the device."""

    pixels: Tensor  # uint8 (n, height, width, 3)
    label: Tensor  # (n,)
    weight: Tensor  # (n,); they add up to 1 over the whole batch
    share: slice
    count: int


def indices_at(step: int, photos: int, config: RunConfig) -> np.ndarray:
    """The photos that a step sees. Each epoch sees every photo once, in a new order."""
    steps_an_epoch = -(-photos // config.batch)
    epoch, within = divmod(step, steps_an_epoch)
    order = torch.randperm(photos, generator=torch.Generator().manual_seed(config.random_seed * 7919 + epoch))
    return order[within * config.batch : (within + 1) * config.batch].numpy()


def batches(photos: Photos, config: RunConfig, device: Device, steps: range) -> Iterator[Batch]:
    """The batches of these steps.

    The next batch is read while the network learns from the last one. If all photos fit on the device, they are copied
    to it at the start.
    """
    resident = _resident(photos, device)

    def read(step: int) -> Batch:
        chosen = indices_at(step, len(photos), config)
        share = device.share(len(chosen))
        mine = chosen[share]
        if resident is not None:
            pixels = resident[torch.from_numpy(mine).to(device.name)]
        else:
            pixels = torch.from_numpy(photos.take(mine))
            pixels = device.put(pixels.pin_memory() if device.name.startswith("cuda") else pixels)
        # Weights are relative to the whole batch, so the gradients of all processes add up to its gradient.
        weight = torch.from_numpy(photos.weight[mine] / photos.weight[chosen].sum())
        label = torch.from_numpy(photos.label[mine])
        return Batch(pixels, device.put(label), device.put(weight), share, len(chosen))

    with ThreadPoolExecutor(1) as pool:
        ahead: Future[Batch] = pool.submit(read, steps.start)
        for step in steps:
            ready = ahead.result()
            if step + 1 in steps:
                ahead = pool.submit(read, step + 1)
            yield ready


def _resident(photos: Photos, device: Device) -> Tensor | None:
    """All photos on the GPU if its free memory is four times their size; else None."""
    size = len(photos) * int(np.prod(photos.pixels.shape[1:]))
    if not device.name.startswith("cuda") or 4 * size > torch.cuda.mem_get_info()[0]:
        return None
    return torch.from_numpy(np.array(photos.take(np.arange(len(photos))))).to(device.name)
