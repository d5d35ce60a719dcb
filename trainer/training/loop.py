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
from torch.optim.swa_utils import AveragedModel

from trainer.errors import Diverged
from trainer.models.answers import answer
from trainer.models.checkpoint import State, write_tensors
from trainer.models.device import Device
from trainer.models.freezing import freeze, save_memory, train_mode
from trainer.models.heads import HIGH, LOW
from trainer.models.networks import Network
from trainer.runs.config import RunConfig
from trainer.training.batches import Photos, batches
from trainer.training.recorded import Recorder, records
from trainer.training.resume import BEST, save
from trainer.training.step import Rates, make_optimiser, take_step

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
    learning: list[Tensor] = field(init=False)  # what the optimiser changes
    averaged: tuple[list[Tensor], list[Tensor]] = field(init=False)  # the average of the weights, and the weights
    rates: Rates = field(init=False)
    recorder: Recorder | None = None  # while it trains on a GPU

    def __post_init__(self) -> None:
        self.network = self.device.place(self.network)
        if self.config.checkpointing:
            save_memory(self.network)
        freeze(self.network, self.config.freeze)
        self.optimiser = make_optimiser(self.network, self.config, self.device)
        self.rates = Rates(self.optimiser, self.device)
        self.average = AveragedModel(self.network) if self.config.ema else None
        self.forward = torch.compile(self.network) if self.config.compile else self.network
        # Collected once: to walk through all modules takes a millisecond, a tenth of a step on a GPU.
        self.learning = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        kept = self.average.module if self.average else self.network
        self.averaged = list(kept.parameters()), list(self.network.parameters())

    @property
    def steps(self) -> int:
        """The number of steps of the whole run."""
        return self.steps_an_epoch * self.config.epochs

    @property
    def over(self) -> bool:
        """Whether all steps are taken, or the error has not fallen for `patience` epochs."""
        state, patience = self.state, self.config.patience
        waited = state.step // self.steps_an_epoch - state.best_epoch
        return state.step >= self.steps or bool(patience and waited >= patience)

    def kept(self) -> Network:
        """The network to evaluate and save: the average of the weights if there is one, with the current statistics."""
        if self.average is None:
            return self.network
        for ours, now in zip(self.average.module.buffers(), self.network.buffers(), strict=True):
            ours.copy_(now)
        return self.average.module  # pyright: ignore[reportReturnType]


def train(loop: Loop, training: Photos, validation: Photos) -> None:
    """Train to the end, or until asked to stop; then the loop's folder holds a checkpoint.

    Raises:
        Diverged: the loss is not a finite number; the last good checkpoint is kept.
        KeyboardInterrupt: asked to stop; the checkpoint is from the last step taken.
    """
    if loop.over:
        return
    train_mode(loop.network)
    with loop.device.aside():
        loop.recorder = Recorder() if records(loop.config, loop.device) else None
        try:
            _train(loop, training, validation)
        finally:
            loop.recorder = None


def _train(loop: Loop, training: Photos, validation: Photos) -> None:
    began, saved = time.monotonic() - loop.state.seconds, time.monotonic()
    resumed = time.monotonic()
    losses = torch.zeros((), device=loop.device.name)  # sum over the steps since the last check
    for batch in batches(training, loop.config, loop.device, range(loop.state.step, loop.steps)):
        losses += take_step(loop, batch)
        loop.state.step += 1
        ended = loop.state.step % loop.steps_an_epoch == 0
        alone = loop.device.processes == 1
        if not (ended or loop.state.step % CHECK_EVERY == 0 or (alone and loop.stopping())):
            continue  # reading a number would wait for the device
        # One process may have been asked to stop; all have to stop at the same step.
        stop = loop.device.any(loop.stopping())
        loop.state.losses += _checked(loop, losses)
        losses.zero_()
        loop.state.seconds = time.monotonic() - began
        loop.state.stepping += time.monotonic() - resumed
        if ended:
            _end_epoch(loop, training, validation)
            train_mode(loop.network)
        if loop.device.rank == 0 and (ended or stop or time.monotonic() - saved > SAVE_EVERY):
            save(loop)
            saved = time.monotonic()
        if stop:
            raise KeyboardInterrupt
        if ended and loop.device.any(loop.over):
            return
        resumed = time.monotonic()


def _checked(loop: Loop, losses: Tensor) -> float:
    """The sum of the last losses over all processes; raises Diverged if it is not finite."""
    total = float(loop.device.total(losses.clone()))
    if not math.isfinite(total):
        raise Diverged(_why_diverged(loop, total))
    return total


def _end_epoch(loop: Loop, training: Photos, validation: Photos) -> None:
    state = loop.state
    epoch, score = state.step // loop.steps_an_epoch, 0.0
    line: dict[str, Any] = {"epoch": epoch, "loss": state.losses / loop.steps_an_epoch}
    if len(validation):
        answers = answer(loop.kept(), validation.pixels, loop.device, validation.rows)
        errors = [_error(answered.value, validation, place) for place, answered in enumerate(answers)]
        score = float(np.mean([error for error in errors if error is not None]))  # each label counts the same
        if errors[0] is not None:
            line |= {"validation_mse": errors[0], "validation_std": float(answers[0].value.std())}
        if not math.isfinite(score):
            raise Diverged(_why_diverged(loop, score))
    if state.best_loss is None or score < state.best_loss or not len(validation):
        state.best_loss, state.best_epoch = score, epoch
        if loop.device.rank == 0:
            write_tensors(loop.folder / BEST, loop.kept().state_dict())
    line["photos_a_second"] = round(len(training) / max(state.stepping, 1e-9), 1)
    line["seconds"] = round(state.seconds, 2)
    state.losses = state.stepping = 0.0
    state.lines.append(line)
    loop.on_epoch(line | {"steps": loop.steps, "step": state.step, "photos": len(training)})


def _error(value: np.ndarray, photos: Photos, place: int) -> float | None:
    """The mean squared error (1..10) of answers to one of the labels; None if no photo has it."""
    known = photos.weight[:, place] > 0
    squares = (value - photos.label[:, place])[known] ** 2
    return float((HIGH - LOW) ** 2 * squares.mean()) if known.any() else None


def _why_diverged(loop: Loop, loss: float) -> str:
    state = loop.state
    kept = f"the best epoch so far, {state.best_epoch}, is kept" if state.best_epoch else "no epoch had ended before"
    return (
        f"Training stopped by step {state.step} of {loop.steps}: its loss was {loss}, which is not a number; {kept}. "
        f"The rate {loop.config.rate:g} is the likely cause: try --set rate={loop.config.rate / 10:g}."
    )
