"""The machine that a run is on: which device, in which precision, one process or several."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from collector.errors import UsageError


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and how it is used. Under torchrun each process has its own, and a rank."""

    name: str  # cpu, cuda:0, mps
    bf16: bool = False
    channels_last: bool = False
    rank: int = 0
    processes: int = 1

    @classmethod
    def find(cls, wanted: str = "auto", precision: str = "auto") -> "Device":
        """The device that is wanted, or the best there is.

        Raises:
            UsageError: it is not here.
        """
        # What torchrun tells its processes.
        rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))  # noqa: TID251
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # noqa: TID251
        kind = _kind(wanted)
        name = f"cuda:{local}" if kind == "cuda" else kind
        if kind == "cuda":
            torch.cuda.set_device(local)
        if processes > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        bf16 = precision == "bf16" or (precision == "auto" and kind == "cuda" and torch.cuda.is_bf16_supported())
        return cls(name, bf16, channels_last=kind in ("cuda", "cpu"), rank=rank, processes=processes)

    @property
    def words(self) -> str:
        """The device as a person knows it."""
        name = torch.cuda.get_device_name() if self.name.startswith("cuda") else self.name
        several = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{name}{', bf16' if self.bf16 else ''}{several}"

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision of a forward pass."""
        return torch.autocast(self.name.partition(":")[0], torch.bfloat16) if self.bf16 else nullcontext()

    def place(self, network: Any) -> Any:
        """A network on the device, in the order of memory that it is fastest in."""
        network = network.to(self.name)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def put(self, tensor: Tensor) -> Tensor:
        """A tensor on the device."""
        return tensor.to(self.name, non_blocking=True)

    def photos(self, photos: Tensor) -> Tensor:
        """Photos in the order of memory that the network is in."""
        return photos.contiguous(memory_format=torch.channels_last) if self.channels_last else photos

    def share(self, count: int) -> slice:
        """This process's part of a batch."""
        each = -(-count // self.processes)
        return slice(min(count, self.rank * each), min(count, (self.rank + 1) * each))

    def add_up(self, parameters: list[nn.Parameter]) -> None:
        """Sum the gradients of all processes."""
        if self.processes == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:  # a process that had no photo of this batch
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def wait(self) -> None:
        """Until every process is here."""
        if self.processes > 1:
            distributed.barrier()

    def agree(self, word: str) -> str:
        """What the first process says, on every process."""
        words = [word]
        if self.processes > 1:
            distributed.broadcast_object_list(words)
        return words[0]

    def leave(self) -> None:
        """End the company of the processes."""
        if self.processes > 1:
            distributed.destroy_process_group()

    def total(self, number: Tensor) -> Tensor:
        """The sum of a number over all processes."""
        if self.processes > 1:
            distributed.all_reduce(number)
        return number


def _kind(wanted: str) -> str:
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if have[kind])
    if wanted not in have:
        raise UsageError(f"--device {wanted} is none; it is auto, cpu, cuda or mps.")
    if not have[wanted]:
        raise UsageError(f"--device {wanted}: there is none here that torch can use; leave it out, or say cpu.")
    return wanted


def has_gpu() -> bool:
    """Whether a CUDA device can be used here."""
    return torch.cuda.is_available()
