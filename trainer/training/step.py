"""One step: the gradient of a batch, and what the optimiser makes of it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from trainer.models.device import Device
from trainer.models.freezing import keeps_its_size, stages
from trainer.models.networks import Network, as_photos
from trainer.runs.config import RunConfig
from trainer.training.augment import augment, draw
from trainer.training.batches import Batch

if TYPE_CHECKING:
    from trainer.training.loop import Loop


def make_optimiser(network: Network, config: RunConfig, device: Device) -> torch.optim.Optimizer:
    """The optimiser of the trainable weights.

    Frozen weights are left out, so weight decay does not change them. Nor does it change norms and biases.
    """
    sized = keeps_its_size(network)
    groups: dict[tuple[float, float], list[Tensor]] = {}
    found = stages(network)
    for position, stage in enumerate(found):
        rate = config.rate * config.layer_decay ** (len(found) - 1 - position)
        for parameter in stage:
            decay = 0.0 if id(parameter) in sized else config.weight_decay
            groups.setdefault((rate, decay), []).append(parameter)
    parameters = [
        {"params": group, "lr": rate, "rate": rate, "weight_decay": decay} for (rate, decay), group in groups.items()
    ]
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    cuda = device.name.startswith("cuda")
    return kind(parameters, lr=config.rate, fused=cuda or device.name == "cpu", capturable=cuda)


def rate_at(step: int, steps: int, config: RunConfig) -> float:
    """The factor of the learning rate at a step: it rises during the warm-up, then falls along a cosine to zero."""
    if config.schedule == "constant":
        return 1.0
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


class Rates:
    """The learning rates of an optimiser's groups. On a GPU a recorded step reads them from there."""

    def __init__(self, optimiser: torch.optim.Optimizer, device: Device) -> None:
        self._optimiser = optimiser
        whole = [group["rate"] for group in optimiser.param_groups]
        self._whole = torch.tensor(whole, device=device.name) if device.name.startswith("cuda") else None
        self._now = None if self._whole is None else self._whole.clone()

    def set(self, factor: float) -> None:
        """Set all rates to a share of what they are at most."""
        if self._whole is not None and self._now is not None:
            torch.mul(self._whole, factor, out=self._now)
        for position, group in enumerate(self._optimiser.param_groups):
            group["lr"] = group["rate"] * factor if self._now is None else self._now[position]


def take_step(loop: "Loop", batch: Batch) -> Tensor:
    """Take one step; returns this process's part of the loss."""
    config, step = loop.config, loop.state.step
    torch.manual_seed((config.random_seed * 1_000_003 + step) * 64 + loop.device.rank)  # of the dropout
    loop.rates.set(rate_at(step, loop.steps, config))
    drawn = loop.device.send(draw(config, step, batch.share, batch.count))
    return compute(loop, batch, drawn) if loop.recorder is None else loop.recorder.take(loop, batch, drawn)


def compute(loop: "Loop", batch: Batch, drawn: Tensor) -> Tensor:
    """All that a step does on the device; nothing in it waits for the device, so it can be recorded."""
    config, device = loop.config, loop.device
    loss = batch.label.new_zeros(())
    for part in _parts(len(batch.label), config.accumulate):
        photos = augment(as_photos(batch.pixels[part]), config, drawn[:, part])
        with device.autocast():
            raw = loop.forward(device.photos(photos))
        some = (batch.weight[part] * loop.network.head.loss(raw, batch.label[part])).sum()
        some.backward()
        loss = loss + some.detach()
    device.add_up(loop.learning)
    if config.clip:
        torch.nn.utils.clip_grad_norm_(loop.learning, config.clip)
    loop.optimiser.step()
    loop.optimiser.zero_grad(set_to_none=True)
    if loop.average:
        _average(loop)
    return loss


def _parts(photos: int, parts: int) -> Iterator[slice]:
    """A number of slices of a batch, of equal sizes but the last one."""
    each = -(-photos // parts)
    yield from (slice(begin, begin + each) for begin in range(0, photos, max(1, each)))


def _average(loop: "Loop") -> None:
    """`AveragedModel.update_parameters` in one call, without reading its counter from the device."""
    assert loop.average is not None
    # The first step copies the weights.
    update = get_ema_multi_avg_fn(loop.config.ema if loop.state.step else 0.0)
    update(*loop.averaged, loop.average.n_averaged)  # the number is not used
