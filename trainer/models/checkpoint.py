"""Checkpoints: weights as safetensors, everything else as JSON. A file is complete or does not exist."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from collector.errors import UsageError
from trainer.directories import write_file

STEM = "checkpoint"


@dataclass(slots=True)
class State:
    """The progress of a training run; photos, dropout and augmentation follow from the random seed and the step."""

    step: int = 0  # steps taken so far
    losses: float = 0.0  # sum over the steps of the current epoch
    best_epoch: int = 0
    best_loss: float | None = None  # on the validation side
    seconds: float = 0.0
    stepping: float = 0.0  # seconds of the current epoch spent on steps, without validating and saving
    lines: list[dict[str, Any]] = field(default_factory=list)  # metrics of the past epochs


def save_checkpoint(folder: Path, tensors: dict[str, Tensor], state: State) -> None:
    """Write a checkpoint, and then remove the previous one."""
    old = list(folder.glob(f"{STEM}-*"))
    stem = f"{STEM}-{state.step:07}"
    write_tensors(folder / f"{stem}.safetensors", tensors)
    write_file(folder / f"{stem}.json", json.dumps(asdict(state)) + "\n")
    for path in old:
        if path.stem != stem:
            path.unlink(missing_ok=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], State] | None:
    """The newest complete checkpoint; None without one.

    Raises:
        UsageError: it cannot be read.
    """
    found = sorted(folder.glob(f"{STEM}-*.json"))
    if not found:
        return None
    return read_tensors(found[-1].with_suffix(".safetensors")), State(**json.loads(found[-1].read_text()))


def is_begun(folder: Path) -> bool:
    """Whether a folder has a checkpoint to resume from."""
    return any(folder.glob(f"{STEM}-*.json"))


def drop_checkpoints(folder: Path) -> None:
    """Remove the checkpoints, which only an unfinished run needs."""
    for path in folder.glob(f"{STEM}-*"):
        path.unlink()


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors to a safetensors file, atomically."""
    write_file(path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UsageError(f"{path} cannot be read ({error}); train again.") from error
