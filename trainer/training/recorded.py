"""Steps that a GPU records once and then plays again.

A step launches some thousand kernels. For small networks and batches Python needs several times as long to launch them
as the GPU needs to run them. A recording (a CUDA graph) is one launch.
"""

import logging
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from collector.errors import UsageError
from trainer.models.device import Device
from trainer.runs.config import RunConfig
from trainer.training.batches import Batch
from trainer.training.step import compute

if TYPE_CHECKING:
    from trainer.training.loop import Loop

BEFORE = 3  # steps before the recording: libraries choose their algorithms, and the optimiser makes its state

logger = logging.getLogger(__name__)


class Recorder:
    """Takes the steps of a run, whole batches from a recording; within `Device.aside`."""

    def __init__(self) -> None:
        self._taken = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._waits = False  # whether a step of this network waits for the GPU, which no recording can do
        self._given: tuple[Tensor, ...] = ()  # where the recorded step reads its batch from
        self._loss = torch.zeros(())

    def take(self, loop: "Loop", batch: Batch, drawn: Tensor) -> Tensor:
        """Take one step; returns this process's part of the loss, which the next step overwrites."""
        if batch.count != loop.config.batch or self._waits:
            return compute(loop, batch, drawn)
        self._taken += 1
        if self._taken < BEFORE:
            return compute(loop, batch, drawn)
        if self._taken == BEFORE:
            return self._try(loop, batch, drawn)
        if self._graph is None:
            self._graph = self._record(loop, batch, drawn)
        for ours, now in zip(self._given, (batch.pixels, batch.label, batch.weight, drawn), strict=True):
            ours.copy_(now)
        self._graph.replay()
        return self._loss

    def _try(self, loop: "Loop", batch: Batch, drawn: Tensor) -> Tensor:
        """Take one step and find out whether it waits; a recording that fails would spoil the random numbers."""
        with warnings.catch_warnings(action="ignore"):  # that this is a prototype
            torch.cuda.set_sync_debug_mode("error")
        try:
            return compute(loop, batch, drawn)
        except RuntimeError as error:
            if "synchronizing" not in str(error):
                raise
            logger.warning("steps are not recorded, because this network waits for the GPU within a step")
        finally:
            torch.cuda.set_sync_debug_mode("default")
        self._waits = True
        loop.optimiser.zero_grad(set_to_none=True)
        return compute(loop, batch, drawn)

    def _record(self, loop: "Loop", batch: Batch, drawn: Tensor) -> torch.cuda.CUDAGraph:
        self._given = tuple(tensor.clone() for tensor in (batch.pixels, batch.label, batch.weight, drawn))
        pixels, label, weight, numbers = self._given
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            # The thread that reads the next batch may ask for memory meanwhile.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._loss = compute(loop, Batch(pixels, label, weight, batch.share, batch.count), numbers)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"A step of this network cannot be recorded ({reason}): --set record=false.") from error
        return graph


def records(config: RunConfig, device: Device) -> bool:
    """Whether a run's steps are recorded."""
    one_gpu = device.name.startswith("cuda") and device.processes == 1
    return one_gpu and config.record and not config.compile and not config.checkpointing
