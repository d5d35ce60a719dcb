"""Which parts of a network are trained: freezing, evaluation mode of frozen parts, and stages of the others."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from collector.errors import UsageError
from trainer.models.backbones import Backbone
from trainer.models.networks import Network


def freeze(network: nn.Module, patterns: Sequence[str]) -> int:
    """Freeze the parameters that match a pattern, so that training does not change them; returns how many numbers.

    Modules with only frozen parameters stay in evaluation mode (see `train_mode`), to keep their running statistics.

    Raises:
        UsageError: a pattern matches nothing.
    """
    frozen = 0
    for pattern in patterns:
        matched = [(name, parameter) for name, parameter in network.named_parameters() if fnmatchcase(name, pattern)]
        if not matched:
            first = ", ".join(sorted({name.partition(".")[0] for name, _ in network.named_parameters()}))
            raise UsageError(f"--freeze {pattern!r} matches no parameter; names begin with {first}.")
        for _, parameter in matched:
            parameter.requires_grad_(False)
    for parameter in network.parameters():
        frozen += parameter.numel() if not parameter.requires_grad else 0
    return frozen


def train_mode(network: Network) -> None:
    """Set training mode, except for frozen modules and all batch norms of a pretrained backbone."""
    network.train()
    for module in network.modules():
        own = list(module.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()
    if isinstance(network.backbone, Backbone):
        for module in network.backbone.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def stages(network: Network) -> list[list[nn.Parameter]]:
    """The trainable parameters in stages, from the first layers to the head; each may have its own learning rate."""
    found: list[list[nn.Parameter]] = []
    if isinstance(network.backbone, Backbone):
        children = [child for _, child in network.backbone.net.named_children()]
        parts: list[nn.Module] = []
        for child in children:
            parts += list(child.children()) if isinstance(child, nn.Sequential | nn.ModuleList) else [child]
        if network.backbone.attention is not None:
            parts.append(network.backbone.attention)
        found = [[parameter for parameter in part.parameters() if parameter.requires_grad] for part in parts]
        # A transformer holds its class token and its positions itself.
        own = network.backbone.net.parameters(recurse=False)
        found.insert(0, [parameter for parameter in own if parameter.requires_grad] + found.pop(0))
    else:
        found = [[parameter for parameter in network.backbone.parameters() if parameter.requires_grad]]
    rest = [*network.neck.parameters(), *network.head.parameters()]
    found.append([parameter for parameter in rest if parameter.requires_grad])
    return [stage for stage in found if stage]


def keeps_its_size(network: Network) -> set[int]:
    """Identities of the parameters that weight decay leaves out: norms, biases, and what timm names for a backbone."""
    listing = getattr(getattr(network.backbone, "net", None), "no_weight_decay", set)
    named = {f"backbone.net.{name}" for name in listing()} | {"backbone.attention.pos_embed"}
    return {id(parameter) for name, parameter in network.named_parameters() if parameter.ndim < 2 or name in named}


def save_memory(network: Network) -> None:
    """Let the backbone compute its activations twice, so that a larger batch fits.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(network.backbone, Backbone):
        raise UsageError("checkpointing is for backbones of timm: this preset has none.")
    network.backbone.save_memory()
