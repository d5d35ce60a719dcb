"""The training loop: batch, loss, step, log, validate, save. The random seed and the step decide what a step sees."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainer.errors import Diverged
from trainer.models.answers import answer
from trainer.models.checkpoint import State, load_checkpoint, read_tensors, save_checkpoint, write_tensors
from trainer.models.device import Device
from trainer.models.freezing import freeze, stages, train_mode
from trainer.models.heads import HIGH, LOW
from trainer.models.networks import Network, as_photos
from trainer.runs.config import RunConfig
from trainer.training.augment import augment
from trainer.training.batches import Batch, Photos, batches

BEST = "best.safetensors"
CHECK_EVERY = 16  # steps between two checks of the loss, each of which waits for the device
SAVE_EVERY = 300.0  # seconds between checkpoints within an epoch


@dataclass(slots=True)
class Loop:
    """The state of a run while it trains."""

    config: RunConfig
    network: Network
    device: Device
    folder: Path
    steps_an_epoch: int
    optimiser: torch.optim.Optimizer = field(init=False)
    average: AveragedModel | None = field(init=False)
    state: State = field(default_factory=State)
    stopping: Callable[[], bool] = lambda: False
    on_epoch: Callable[[dict[str, Any]], None] = lambda _line: None  # gets the metrics of each epoch
    # The forward pass: the network, or its torch.compile version.
    forward: Callable[[Tensor], Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.network = self.device.place(self.network)
        freeze(self.network, self.config.freeze)
        self.optimiser = make_optimiser(self.network, self.config, self.device)
        self.average = AveragedModel(self.network) if self.config.ema else None
        self.forward = torch.compile(self.network) if self.config.compile else self.network

    @property
    def steps(self) -> int:
        """The number of steps of the whole run."""
        return self.steps_an_epoch * self.config.epochs

    def kept(self) -> Network:
        """The network to evaluate and save: the average of the weights if there is one, with the current statistics."""
        if self.average is None:
            return self.network
        for ours, now in zip(self.average.module.buffers(), self.network.buffers(), strict=True):
            ours.copy_(now)
        return self.average.module  # pyright: ignore[reportReturnType]


def make_optimiser(network: Network, config: RunConfig, device: Device) -> torch.optim.Optimizer:
    """The optimiser of the trainable weights. Frozen weights are left out, so weight decay does not change them."""
    groups = stages(network)
    rates = [config.rate * config.layer_decay ** (len(groups) - 1 - position) for position in range(len(groups))]
    parameters = [{"params": group, "lr": rate, "rate": rate} for group, rate in zip(groups, rates, strict=True)]
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    fused = device.name.startswith(("cuda", "cpu"))
    return kind(parameters, lr=config.rate, weight_decay=config.weight_decay, fused=fused)


def rate_at(step: int, steps: int, config: RunConfig) -> float:
    """The factor of the learning rate at a step: it rises during the warm-up, then falls along a cosine to zero."""
    if config.schedule == "constant":
        return 1.0
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def take_step(loop: Loop, batch: Batch) -> Tensor:
    """Take one step; returns this process's part of the loss."""
    config, state, device = loop.config, loop.state, loop.device
    torch.manual_seed((config.random_seed * 1_000_003 + state.step) * 64 + device.rank)  # of the dropout
    for group in loop.optimiser.param_groups:
        group["lr"] = group["rate"] * rate_at(state.step, loop.steps, config)
    loss = batch.label.new_zeros(())
    if len(batch.label):
        photos = augment(as_photos(batch.pixels), config, state.step, batch.share, batch.count)
        with device.autocast():
            raw = loop.forward(device.photos(photos))
        loss = (batch.weight * loop.network.head.loss(raw, batch.label)).sum()
        loss.backward()
    learning = [parameter for group in loop.optimiser.param_groups for parameter in group["params"]]
    device.add_up(learning)
    if config.clip:
        torch.nn.utils.clip_grad_norm_(learning, config.clip)
    loop.optimiser.step()
    loop.optimiser.zero_grad(set_to_none=True)
    if loop.average:
        _average(loop)
    return loss.detach()


def _average(loop: Loop) -> None:
    """`AveragedModel.update_parameters` in one call, without reading its counter from the device."""
    assert loop.average is not None
    kept: list[Tensor] = list(loop.average.module.parameters())
    now: list[Tensor] = list(loop.network.parameters())
    # The first step copies the weights.
    update = get_ema_multi_avg_fn(loop.config.ema if loop.state.step else 0.0)
    update(kept, now, loop.average.n_averaged)
    loop.average.n_averaged += 1


def train(loop: Loop, training: Photos, validation: Photos) -> None:
    """Train to the end, or until asked to stop; then the loop's folder holds a checkpoint.

    Raises:
        Diverged: the loss is not a finite number; the last good checkpoint is kept.
        KeyboardInterrupt: asked to stop; the checkpoint is from the last step taken.
    """
    began, saved = time.monotonic() - loop.state.seconds, time.monotonic()
    resumed = time.monotonic()
    train_mode(loop.network)
    losses = torch.zeros((), device=loop.device.name)  # sum over the steps since the last check
    for batch in batches(training, loop.config, loop.device, range(loop.state.step, loop.steps)):
        losses += take_step(loop, batch)
        loop.state.step += 1
        ended = loop.state.step % loop.steps_an_epoch == 0
        alone = loop.device.processes == 1
        if not (ended or loop.state.step % CHECK_EVERY == 0 or (alone and loop.stopping())):
            continue  # reading a number would wait for the device
        # One process may have been asked to stop; all have to stop at the same step.
        stop = bool(loop.device.total(torch.tensor(float(loop.stopping()), device=loop.device.name)))
        loop.state.losses += _checked(loop, losses)
        losses.zero_()
        loop.state.seconds = time.monotonic() - began
        loop.state.stepping += time.monotonic() - resumed
        if ended:
            _end_epoch(loop, training, validation)
            train_mode(loop.network)
        if loop.device.rank == 0 and (ended or stop or time.monotonic() - saved > SAVE_EVERY):
            save_checkpoint(loop.folder, _tensors(loop), loop.state)
            saved = time.monotonic()
        if stop:
            raise KeyboardInterrupt
        resumed = time.monotonic()


def _checked(loop: Loop, losses: Tensor) -> float:
    """The sum of the last losses over all processes; raises Diverged if it is not finite."""
    total = float(loop.device.total(losses.clone()))
    if not math.isfinite(total):
        raise Diverged(_why_diverged(loop, total))
    return total


def _end_epoch(loop: Loop, training: Photos, validation: Photos) -> None:
    state = loop.state
    epoch = state.step // loop.steps_an_epoch
    line: dict[str, Any] = {"epoch": epoch, "loss": state.losses / loop.steps_an_epoch}
    if len(validation):
        value = answer(loop.kept(), validation.pixels, loop.device, validation.rows).value
        line["validation_mse"] = float((HIGH - LOW) ** 2 * np.mean((value - validation.label) ** 2))
        line["validation_std"] = float(value.std())
        if not math.isfinite(line["validation_mse"]):
            raise Diverged(_why_diverged(loop, line["validation_mse"]))
    score = line.get("validation_mse", 0.0)
    if state.best_loss is None or score < state.best_loss or not len(validation):
        state.best_loss, state.best_epoch = score, epoch
        if loop.device.rank == 0:
            write_tensors(loop.folder / BEST, loop.kept().state_dict())
    line["photos_a_second"] = round(len(training) / max(state.stepping, 1e-9), 1)
    line["seconds"] = round(state.seconds, 2)
    state.losses = state.stepping = 0.0
    state.lines.append(line)
    loop.on_epoch(line | {"steps": loop.steps, "step": state.step, "photos": len(training)})


def _why_diverged(loop: Loop, loss: float) -> str:
    state = loop.state
    kept = f"the best epoch so far, {state.best_epoch}, is kept" if state.best_epoch else "no epoch had ended before"
    return (
        f"Training stopped by step {state.step} of {loop.steps}: its loss was {loss}, which is not a number; {kept}. "
        f"The rate {loop.config.rate:g} is the likely cause: try --set rate={loop.config.rate / 10:g}."
    )


# --- checkpoints ------------------------------------------------------------------------------------------


def _tensors(loop: Loop) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value for name, value in loop.network.state_dict().items()}
    if loop.average:
        tensors |= {f"average.{name}": value for name, value in loop.average.state_dict().items()}
    for position, state in loop.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{position}.{name}": value for name, value in state.items()}
    return tensors


def restore(loop: Loop) -> bool:
    """Load the folder's checkpoint; False if there is none."""
    found = load_checkpoint(loop.folder)
    if found is None:
        return False
    tensors, loop.state = found

    def part(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

    loop.network.load_state_dict(part("network."))
    if loop.average:
        loop.average.load_state_dict(part("average."))
    learning = [parameter for group in loop.optimiser.param_groups for parameter in group["params"]]
    kept: dict[int, dict[str, Tensor]] = {}
    for key, value in part("optimiser.").items():
        position, _, name = key.partition(".")
        parameter = learning[int(position)]
        # Fused optimisers ignore strides, so a moment needs the memory layout of its parameter.
        ordered = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
        kept.setdefault(int(position), {})[name] = ordered
    loop.optimiser.load_state_dict({**loop.optimiser.state_dict(), "state": kept})
    return True


def load_best(loop: Loop) -> Network:
    """The network of the best epoch."""
    network = loop.kept()
    network.load_state_dict(read_tensors(loop.folder / BEST))
    return network
