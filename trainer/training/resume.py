"""What a run continues from: its checkpoint, and the weights of its best epoch."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from collector.errors import UsageError
from trainer.models.checkpoint import load_checkpoint, read_tensors, save_checkpoint
from trainer.models.freezing import stages
from trainer.models.networks import Network

if TYPE_CHECKING:
    from trainer.training.loop import Loop

BEST = "best.safetensors"


def save(loop: "Loop") -> None:
    """Write the loop's checkpoint."""
    tensors = {f"network.{name}": value for name, value in loop.network.state_dict().items()}
    if loop.average:
        tensors |= {f"average.{name}": value for name, value in loop.average.state_dict().items()}
    names = {id(parameter): name for name, parameter in loop.network.named_parameters()}
    for parameter, state in loop.optimiser.state.items():
        tensors |= {f"optimiser.{names[id(parameter)]}:{key}": value for key, value in state.items()}
    save_checkpoint(loop.folder, tensors, loop.state)


def restore(loop: "Loop") -> bool:
    """Load the folder's checkpoint; False if there is none.

    Raises:
        UsageError: it is of another network.
    """
    found = load_checkpoint(loop.folder)
    if found is None:
        return False
    tensors, loop.state = found

    def part(name: str) -> dict[str, Tensor]:
        return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

    try:
        loop.network.load_state_dict(part("network."))
        if loop.average:
            loop.average.load_state_dict(part("average."))
        _restore_optimiser(loop, part("optimiser."))
    except (RuntimeError, KeyError) as error:  # such as of a plug-in that has changed
        raise UsageError(
            f"The checkpoint of {loop.folder.name} does not fit the network {loop.config.network} as it is now; train "
            "a new run."
        ) from error
    return True


def _restore_optimiser(loop: "Loop", tensors: dict[str, Tensor]) -> None:
    positions = {id(parameter): position for position, parameter in enumerate(loop.learning)}
    names = dict(loop.network.named_parameters())
    # Older releases wrote a parameter's number instead of its name.
    numbered = [parameter for stage in stages(loop.network) for parameter in stage]
    kept: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        name, colon, number_key = key.partition(":")
        if not colon:
            name, _, number_key = key.partition(".")
        # Before, a network had one head, and its weights were named after it.
        name = name if name in names else name.replace("head.", "head.0.", 1)
        parameter = names[name] if colon else numbered[int(name)]
        # Fused optimisers ignore strides, so a moment needs the memory layout of its parameter.
        ordered = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value
        kept.setdefault(positions[id(parameter)], {})[number_key] = ordered
    loop.optimiser.load_state_dict({**loop.optimiser.state_dict(), "state": kept})


def load_best(loop: "Loop") -> Network:
    """The network of the best epoch."""
    network = loop.kept()
    network.load_state_dict(read_tensors(loop.folder / BEST))
    return network
