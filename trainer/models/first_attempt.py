"""The networks of the first attempt (2017): a small CNN, a frozen AlexNet's way, and an SVR on pixels."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.backbones import Backbone
from trainer.models.necks import Last
from trainer.models.registry import Parts, model
from trainer.runs.config import RunConfig

MIDDLE = (127.5,) * 3


class KernelMachine(nn.Module):
    """PCA and a support vector machine with a Gaussian kernel, as tensors; computes the same as scikit-learn.

    Its sizes are those of the tensors that are loaded into it.
    """

    TENSORS = ("centre", "components", "vectors", "weights", "bias")
    centre: Tensor  # (pixels,)
    components: Tensor  # (components, pixels), whitened
    vectors: Tensor  # (vectors, components)
    weights: Tensor  # (vectors,)
    bias: Tensor  # (1,)

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        for name in self.TENSORS:
            self.register_buffer(name, torch.zeros(0))
        self.register_load_state_dict_pre_hook(_take_sizes)

    def forward(self, photos: Tensor) -> Tensor:
        # In the layout that scikit-learn was fitted with: (height, width, 3), 0..1.
        flat = photos.permute(0, 2, 3, 1).flatten(1) / 255 - self.centre
        reduced = flat @ self.components.T
        squares = (reduced**2).sum(1, keepdim=True) + (self.vectors**2).sum(1) - 2 * reduced @ self.vectors.T
        return (torch.exp(-self.gamma * squares.clamp(min=0)) @ self.weights + self.bias).unsqueeze(1)


def _take_sizes(machine: Any, state: dict[str, Any], prefix: str, *_others: Any) -> None:
    for name in KernelMachine.TENSORS:
        if (tensor := state.get(prefix + name)) is not None:
            setattr(machine, name, torch.zeros_like(tensor))


@model("first-cnn")
def first_cnn(config: RunConfig) -> Parts:
    """Three convolutions and two wide layers."""
    layers = [
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    ]  # fmt: skip
    numbers = 128 * (config.height // 4) * (config.width // 4)
    return Parts(_he(nn.Sequential(*layers)), 400, _dense((numbers, 800, 400), config.dropout), MIDDLE, MIDDLE)


@model("alexnet-2017")
def alexnet(config: RunConfig) -> Parts:
    """Two wide layers on all pixels of a backbone's last maps."""
    backbone = Backbone(config.backbone, config.weights, 1, digest=config.digest, sums_up=False)
    numbers = backbone.features[-1] * math.prod(backbone.sizes(config.height, config.width)[-1])
    neck = nn.Sequential(Last(), *_dense((numbers, 4096, 1024), config.dropout))
    return Parts(backbone, 1024, neck, backbone.mean, backbone.std)


def _dense(sizes: Sequence[int], dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inner, outer in pairwise(sizes):
        layers += [nn.Linear(inner, outer), nn.ReLU(), nn.Dropout(dropout)]
    return _he(nn.Sequential(*layers))


def _he(module: nn.Sequential) -> nn.Sequential:
    """Initialise weights as He et al. 2015 do for layers before a ReLU."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
