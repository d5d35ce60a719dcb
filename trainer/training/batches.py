"""What the steps of a training see: which photos, in which order, read ahead. It follows from the seed alone."""

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
    """What the loop learns from, or validates on: prepared photos with labels and weights."""

    pixels: Indexed  # uint8 (m, height, width, 3), possibly mapped from a file
    label: np.ndarray  # float32 (n,)
    weight: np.ndarray  # float32 (n,)
    places: np.ndarray | None = None  # which of the pixels, (n,); None: all of them, in their order

    def __len__(self) -> int:
        return len(self.label)

    def take(self, chosen: np.ndarray) -> np.ndarray:
        """Some of the photos, uint8 (k, height, width, 3); only these are read."""
        return self.pixels[chosen if self.places is None else self.places[chosen]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step learns from: this process's share of a batch of `count` photos, on the device."""

    pixels: Tensor  # uint8 (n, height, width, 3)
    label: Tensor  # (n,)
    weight: Tensor  # (n,), which add up to 1 over the whole batch
    share: slice
    count: int


def indices_at(step: int, photos: int, config: RunConfig) -> np.ndarray:
    """Which photos a step sees: every epoch all of them once, in an order of its own."""
    an_epoch = -(-photos // config.batch)
    epoch, place = divmod(step, an_epoch)
    order = torch.randperm(photos, generator=torch.Generator().manual_seed(config.random_seed * 7919 + epoch))
    return order[place * config.batch : (place + 1) * config.batch].numpy()


def batches(photos: Photos, config: RunConfig, device: Device, steps: range) -> Iterator[Batch]:
    """The batches of these steps.

    The next one is read while the last one is learnt from; where they fit, all photos are on the device from the start.
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
        # Every process weighs its part by the whole batch, so that the sum of their gradients is the batch's.
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
    """All photos on a GPU that has room for them four times over; else None."""
    size = len(photos) * int(np.prod(photos.pixels.shape[1:]))
    if not device.name.startswith("cuda") or 4 * size > torch.cuda.mem_get_info()[0]:
        return None
    return torch.from_numpy(np.array(photos.take(np.arange(len(photos))))).to(device.name)
