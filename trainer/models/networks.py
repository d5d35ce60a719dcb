"""The networks. Each takes photos prepared by `pixels.prepare` and predicts an aptitude."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.backbones import Backbone
from trainer.models.heads import Bins, Plain
from trainer.models.necks import Last, Pooled
from trainer.runs.config import RunConfig

DEAD = 1e-8  # a unit is dead if its output is below this for every photo
STAGES = 2  # last stages of a backbone that are pooled; in most networks those of strides 16 and 32


class Scaling(nn.Module):
    """Scales photos of 0..255 to what a network expects: (photo - mean) / std."""

    mean: Tensor  # (3, 1, 1) or (3, height, width)
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, photos: Tensor) -> Tensor:
        return (photos - self.mean) / self.std


class KernelMachine(nn.Module):
    """PCA and a support vector machine with a Gaussian kernel, as tensors; computes the same as scikit-learn."""

    centre: Tensor
    components: Tensor
    vectors: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, pixels: int, components: int, vectors: int, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("centre", torch.zeros(pixels))
        self.register_buffer("components", torch.zeros(components, pixels))  # whitened
        self.register_buffer("vectors", torch.zeros(vectors, components))
        self.register_buffer("weights", torch.zeros(vectors))
        self.register_buffer("bias", torch.zeros(1))

    def forward(self, photos: Tensor) -> Tensor:
        # In the layout that scikit-learn was fitted with: (height, width, 3), 0..1.
        flat = photos.permute(0, 2, 3, 1).flatten(1) / 255 - self.centre
        reduced = flat @ self.components.T
        squares = (reduced**2).sum(1, keepdim=True) + (self.vectors**2).sum(1) - 2 * reduced @ self.vectors.T
        return (torch.exp(-self.gamma * squares.clamp(min=0)) @ self.weights + self.bias).unsqueeze(1)


class Network(nn.Module):
    """From photos (n, 3, height, width) of 0..255 to the raw answers (n, k) of its head."""

    def __init__(
        self, scaling: nn.Module, backbone: nn.Module, neck: nn.Module, head: nn.Module, *, mirror: bool = False
    ) -> None:
        super().__init__()
        self.scaling = scaling
        self.backbone = backbone
        self.neck = neck
        self.head: Any = head
        self.mirror = mirror  # whether an answer is the mean over the photo and its mirror image

    def maps(self, photos: Tensor) -> Any:
        """The output of the backbone: maps, or a list of the maps of each stage."""
        return self.backbone(self.scaling(photos))

    def features(self, photos: Tensor) -> Tensor:
        """The input of the head, (n, k)."""
        return self.neck(self.maps(photos))

    def forward(self, photos: Tensor) -> Tensor:
        return self.head(self.features(photos))

    def answers(self, photos: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """The answers (n,), 0..1, their standard deviations if the head predicts them, and the features (n, k)."""
        features = self.features(photos)
        mirrored = self.features(photos.flip(3)) if self.mirror else None
        return (*self.answers_to(features, mirrored), features)

    def answers_to(self, features: Tensor, mirrored: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Answers and standard deviations from the features of photos, and of their mirror images if there are any."""
        raw = self.head(features)
        value, spread = self.head.value(raw), self.head.spread(raw)
        if mirrored is None:
            return value, spread
        raw = self.head(mirrored)
        other, wide = self.head.value(raw), self.head.spread(raw)
        mean = (value + other) / 2
        if spread is None or wide is None:
            return mean, None
        # Of an even mixture of both distributions.
        squares = (spread**2 + value**2 + wide**2 + other**2) / 2
        return mean, (squares - mean**2).clamp(min=1e-8).sqrt()

    def value(self, photos: Tensor) -> Tensor:
        """The answers (n,), 0..1."""
        return self.answers(photos)[0]


class Identity(nn.Identity):
    """The head of a network whose output is on the scale 0..1 already."""

    def value(self, raw: Tensor) -> Tensor:
        return raw.squeeze(1).clamp(0, 1)

    def spread(self, raw: Tensor) -> Tensor | None:  # noqa: ARG002
        return None


def as_photos(pixels: Tensor) -> Tensor:
    """uint8 pixels (n, height, width, 3) as float photos (n, 3, height, width) of 0..255."""
    return pixels.permute(0, 3, 1, 2).float()


def build(config: RunConfig, *, mean_image: Tensor | None = None, start: float = 0.5, shape: Any = None) -> Network:
    """An untrained network of a configuration; the same random seed gives the same network.

    `mean_image` (3, height, width) and `start`, the mean label, are of the training photos. `shape` is for a kernel
    machine: the numbers of components and vectors.

    Raises:
        UsageError: its weights are not available.
    """
    torch.manual_seed(config.random_seed)
    if config.network == "svr":
        components, vectors = shape
        machine = KernelMachine(3 * config.height * config.width, components, vectors, config.svr_gamma)
        return Network(nn.Identity(), nn.Identity(), machine, Identity(), mirror=config.mirror_answers)
    if config.network == "first-cnn":
        backbone, features = _first_backbone(), _first_features(config)
        neck: nn.Module = _dense((features, 800, 400), config.dropout)
        scaling, width = _scaling(config, None, mean_image), 400
    else:
        old = config.network == "alexnet-2017"  # its layers stand on all pixels of the last maps
        stages = 1 if old else STAGES
        backbone = Backbone(config.backbone, config.weights, stages, digest=config.digest, sums_up=not old)
        scaling = _scaling(config, backbone, mean_image)
        if old:
            numbers = backbone.features[-1] * math.prod(backbone.sizes(config.height, config.width)[-1])
            neck, width = nn.Sequential(Last(), *_dense((numbers, 4096, 1024), config.dropout)), 1024
        else:
            backbone.sizes(config.height, config.width)  # raises if it does not take them
            neck = Pooled(backbone.features, backbone.vector)
            width = neck.width
            if config.dropout:
                neck = nn.Sequential(neck, nn.Dropout(config.dropout))
    head = Bins(width, config.bins) if config.head == "bins" else Plain(width)
    if config.bias_at_mean:
        head.start_at(start)
    return Network(scaling, backbone, neck, head, mirror=config.mirror_answers)


def _first_backbone() -> nn.Module:
    layers = [
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    ]  # fmt: skip
    return _he(nn.Sequential(*layers))


def _first_features(config: RunConfig) -> int:
    return 128 * (config.height // 4) * (config.width // 4)


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


def _scaling(config: RunConfig, backbone: Backbone | None, mean_image: Tensor | None) -> Scaling:
    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values).view(3, 1, 1)

    if config.scaling == "mean-image":
        mean = torch.full((3, config.height, config.width), 127.5) if mean_image is None else mean_image
        return Scaling(mean, column((255.0,) * 3))
    std = backbone.std if backbone else (127.5,) * 3
    if config.scaling == "too-small":
        # The bug of the first attempt: photos of 0..1 for a network that expects 0..255 around a mean.
        return Scaling(column((0.0,) * 3), column([255 * value for value in std]))
    return Scaling(column(backbone.mean if backbone else (127.5,) * 3), column(std))


@torch.inference_mode()
def dead_share(network: Network, photos: Tensor) -> float:
    """Share of units whose output is zero for every photo, at the first ReLU after the backbone.

    Zero for a network without such a ReLU.
    """
    relu = next((layer for layer in network.neck.modules() if isinstance(layer, nn.ReLU)), None)
    if relu is None:
        return 0.0
    seen: list[Tensor] = []
    hook = relu.register_forward_hook(lambda _layer, _given, answers: seen.append(answers))  # pyright: ignore
    network.eval()(photos)
    hook.remove()
    return float((seen[0].amax(0) < DEAD).float().mean())
