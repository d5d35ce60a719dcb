"""The device that a run uses, its precision, and the processes that train together."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from collector.errors import UsageError


@dataclass(frozen=True, slots=True)
class Device:
    """A device and its settings. Under torchrun each process has its own device and a rank."""

    name: str  # cpu, cuda:0, mps
    bf16: bool = False
    channels_last: bool = False
    rank: int = 0
    processes: int = 1

    @classmethod
    def find(cls, kind: str = "auto", precision: str = "auto") -> "Device":
        """The device of this kind; `auto` is the best that this machine has.

        Raises:
            UsageError: this machine has no such device.
        """
        # torchrun sets these variables.
        rank, local = int(os.environ.get("RANK", "0")), int(os.environ.get("LOCAL_RANK", "0"))  # noqa: TID251
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # noqa: TID251
        kind = _kind(kind)
        name = f"cuda:{local}" if kind == "cuda" else kind
        if kind == "cuda":
            torch.cuda.set_device(local)
        if processes > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        bf16 = precision == "bf16" or (precision == "auto" and kind == "cuda" and torch.cuda.is_bf16_supported())
        return cls(name, bf16, channels_last=kind in ("cuda", "cpu"), rank=rank, processes=processes)

    @property
    def words(self) -> str:
        """The device in words."""
        name = torch.cuda.get_device_name() if self.name.startswith("cuda") else self.name
        several = f", {self.processes} processes" if self.processes > 1 else ""
        return f"{name}{', bf16' if self.bf16 else ''}{several}"

    def autocast(self) -> AbstractContextManager[Any]:
        """The context that sets the precision of a forward pass."""
        return torch.autocast(self.name.partition(":")[0], torch.bfloat16) if self.bf16 else nullcontext()

    @contextmanager
    def settled(self, deterministic: bool) -> Iterator[None]:
        """Within it, two runs compute the same numbers, if asked for.

        Raises:
            UsageError: torch cannot compute something of this network in a fixed order.
        """
        if not deterministic:
            yield
            return
        before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
        # cuBLAS reads it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # noqa: TID251
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        try:
            yield
        except RuntimeError as error:
            if "deterministic" not in str(error):
                raise
            reason = str(error).partition(".")[0]
            raise UsageError(f"{reason}: leave out --set deterministic=true.") from error
        finally:
            torch.use_deterministic_algorithms(before[0])
            torch.backends.cudnn.deterministic = before[1]

    def place(self, network: Any) -> Any:
        """Move a network to the device, in the memory format that is fastest there."""
        network = network.to(self.name)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def put(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the device."""
        return tensor.to(self.name, non_blocking=True)

    def pin(self, tensor: Tensor) -> Tensor:
        """A tensor that a GPU can read while the program goes on."""
        return tensor.pin_memory() if self.name.startswith("cuda") and not tensor.is_pinned() else tensor

    def send(self, tensor: Tensor) -> Tensor:
        """Copy a tensor to the device, without waiting for it."""
        return self.put(self.pin(tensor))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """On a GPU, do what follows in a stream of its own: only there can kernels be recorded."""
        if not self.name.startswith("cuda"):
            yield
            return
        before, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(before)
        try:
            with torch.cuda.stream(aside):
                yield
        finally:
            before.wait_stream(aside)

    def photos(self, photos: Tensor) -> Tensor:
        """Photos in the memory format of the network."""
        return photos.contiguous(memory_format=torch.channels_last) if self.channels_last else photos

    def share(self, count: int) -> slice:
        """This process's part of a batch of `count` photos."""
        each = -(-count // self.processes)
        return slice(min(count, self.rank * each), min(count, (self.rank + 1) * each))

    def add_up(self, parameters: list[Tensor]) -> None:
        """Sum the gradients of all processes."""
        if self.processes == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:  # this process had no photo of the batch
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def wait(self) -> None:
        """Wait until every process has come to this point."""
        if self.processes > 1:
            distributed.barrier()

    def agree(self, word: str) -> str:
        """Send the first process's word to all processes and return it."""
        words = [word]
        if self.processes > 1:
            distributed.broadcast_object_list(words)
        return words[0]

    def leave(self) -> None:
        """Leave the process group."""
        if self.processes > 1:
            distributed.destroy_process_group()

    def any(self, here: bool) -> bool:
        """Whether it is so in any process."""
        return here if self.processes == 1 else bool(self.total(torch.tensor(float(here), device=self.name)))

    def total(self, number: Tensor) -> Tensor:
        """The sum of a number over all processes; changes `number`."""
        if self.processes > 1:
            distributed.all_reduce(number)
        return number


def _kind(name: str) -> str:
    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(kind for kind in ("cuda", "mps", "cpu") if have[kind])
    if name not in have:
        raise UsageError(f"--device {name} is not a device; it is auto, cpu, cuda or mps.")
    if not have[name]:
        raise UsageError(f"--device {name}: torch finds no such device here; leave the option out, or give cpu.")
    return name


def has_gpu() -> bool:
    """Whether this machine has a CUDA device that torch can use."""
    return torch.cuda.is_available()
