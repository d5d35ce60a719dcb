"""The batches of a training run: which photos, in which order, read ahead. The random seed alone decides them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

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
    label: np.ndarray  # float32 (n, labels), never NaN
    weight: np.ndarray  # float32 (n, labels); 0 where a photo has no such label
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
    label: Tensor  # (n, labels)
    weight: Tensor  # (n, labels); they add up to 1 over the whole batch
    share: slice
    count: int


def indices_at(step: int, photos: int, config: RunConfig) -> np.ndarray:
    """The photos that a step sees. Each epoch sees every photo once, in a new order."""
    epoch, within = divmod(step, -(-photos // config.batch))
    return _order(epoch, photos, config.random_seed)[within * config.batch : (within + 1) * config.batch]


@lru_cache(2)
def _order(epoch: int, photos: int, random_seed: int) -> np.ndarray:
    order = torch.randperm(photos, generator=torch.Generator().manual_seed(random_seed * 7919 + epoch)).numpy()
    order.flags.writeable = False
    return order


def batches(photos: Photos, config: RunConfig, device: Device, steps: range) -> Iterator[Batch]:
    """The batches of these steps. If all photos fit on the device, they are copied to it at the start."""
    resident = _resident(photos, device)
    if resident is None:
        return _read_ahead(photos, config, device, steps)
    return resident_batches(photos, resident, config, device, steps)


def _read_ahead(photos: Photos, config: RunConfig, device: Device, steps: range) -> Iterator[Batch]:
    """The next batch is read while the network learns from the last one."""

    def read(step: int) -> tuple[Tensor, Tensor, Tensor, slice, int]:
        chosen = indices_at(step, len(photos), config)
        share = device.share(len(chosen))
        mine = chosen[share]
        # Weights are relative to the whole batch, so the gradients of all processes add up to its gradient.
        weight = torch.from_numpy(photos.weight[mine] / photos.weight[chosen].sum())
        parts = torch.from_numpy(photos.take(mine)), torch.from_numpy(photos.label[mine]), weight
        pixels, label, weight = (device.pin(part) for part in parts)
        return pixels, label, weight, share, len(chosen)

    with ThreadPoolExecutor(1) as pool:
        ahead: Future[tuple[Tensor, Tensor, Tensor, slice, int]] = pool.submit(read, steps.start)
        for step in steps:
            pixels, label, weight, share, count = ahead.result()
            if step + 1 in steps:
                ahead = pool.submit(read, step + 1)
            yield Batch(device.send(pixels), device.send(label), device.send(weight), share, count)


def resident_batches(
    photos: Photos, pixels: Tensor, config: RunConfig, device: Device, steps: range
) -> Iterator[Batch]:
    """The batches of photos whose pixels are on the device already.

    A step copies nothing to the device, because each copy from ordinary memory would wait for all steps before it: the
    order, the labels and the weights of an epoch are copied at its start.
    """
    count, size = len(photos), config.batch
    laid_out, epoch = (), -1
    for step in steps:
        now, within = divmod(step, -(-count // size))
        if now != epoch:
            laid_out, epoch = tuple(device.send(part) for part in _laid_out(photos, config, now)), now
        order, label, weight = (part[within * size : (within + 1) * size] for part in laid_out)
        share = device.share(len(order))
        yield Batch(pixels[order[share]], label[share], weight[share], share, len(order))


def _laid_out(photos: Photos, config: RunConfig, epoch: int) -> tuple[Tensor, Tensor, Tensor]:
    """The order of an epoch (n,), its labels and its weights relative to their batches, (n, labels) each."""
    order = _order(epoch, len(photos), config.random_seed)
    weight = photos.weight[order]
    begins = np.arange(0, len(order), config.batch)
    sums = np.array([weight[begin : begin + config.batch].sum() for begin in begins], np.float32)
    relative = weight / np.repeat(sums, config.batch)[: len(order), None]
    return torch.from_numpy(order.copy()), torch.from_numpy(photos.label[order]), torch.from_numpy(relative)


def _resident(photos: Photos, device: Device) -> Tensor | None:
    """All photos on the GPU if its free memory is four times their size; else None."""
    size = len(photos) * int(np.prod(photos.pixels.shape[1:]))
    if not device.name.startswith("cuda") or 4 * size > torch.cuda.mem_get_info()[0]:
        return None
    return torch.from_numpy(np.array(photos.take(np.arange(len(photos))))).to(device.name)
