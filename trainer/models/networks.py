"""The networks. Each takes photos as `pixels.prepare` gives them and answers with a distance aptitude."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.backbones import Backbone
from trainer.models.heads import Bins, Plain
from trainer.runs.config import RunConfig

DEAD = 1e-8  # a unit that answers less than this to every photo is dead
STAGES = 2  # of a backbone that are pooled: of most networks those of strides 16 and 32
EMPTY = 1e-6  # of a map in which nothing stands out


class Scaling(nn.Module):
    """Photos of 0..255 at the scale that a network expects: (photo - mean) / std."""

    mean: Tensor  # (3, 1, 1) or (3, height, width)
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, photos: Tensor) -> Tensor:
        return (photos - self.mean) / self.std


class Pooled(nn.Module):
    """Five numbers of every feature map, standardised by what the training photos show.

    How much of something there is and where it is the clearest (mean, maximum), how high it lies, and how far it
    spreads across and up: without the last three a long horse is hard to tell from a short one, because a mean knows
    nothing of proportions. All are the same for a photo and its mirror image.
    """

    NUMBERS = 5
    mean: Tensor
    std: Tensor

    def __init__(self, features: Sequence[int]) -> None:
        super().__init__()
        self.width = self.NUMBERS * sum(features)
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("std", torch.ones(self.width))

    def pool(self, stages: Sequence[Tensor]) -> Tensor:
        """Features (n, 5 x maps) as they are, of the maps of every stage, (n, maps, h, w) each."""
        return torch.cat([self._pool(maps.float()) for maps in stages], 1)

    @staticmethod
    def _pool(maps: Tensor) -> Tensor:
        mean, most = maps.mean((2, 3)), maps.amax((2, 3))
        above = (maps - mean[..., None, None]).clamp(min=0) + EMPTY
        above = above / above.sum((2, 3), keepdim=True)
        height, up = _centre_and_spread(above.sum(3))
        _, across = _centre_and_spread(above.sum(2))
        return torch.cat([mean, most, height, across, up], 1)

    def standardise(self, features: Tensor) -> None:
        """Remember the spread of the training photos' features."""
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0, correction=0).clamp(min=1e-6))

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        return (self.pool(stages) - self.mean) / self.std


def _centre_and_spread(share: Tensor) -> tuple[Tensor, Tensor]:
    """Where shares (n, maps, size) lie between the edges -1 and 1: their mean place and its standard deviation."""
    place = torch.linspace(-1, 1, share.shape[2], device=share.device)
    centre = (share * place).sum(2)
    away = place - centre[..., None]
    return centre, (share * away**2).sum(2).clamp(min=EMPTY).sqrt()


class Last(nn.Module):
    """The maps of a backbone's last stage."""

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        return stages[-1]


class KernelMachine(nn.Module):
    """PCA and a support vector machine with a Gaussian kernel, as tensors: exactly what scikit-learn has fitted."""

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
        # As scikit-learn was given them: (height, width, 3), 0..1.
        flat = photos.permute(0, 2, 3, 1).flatten(1) / 255 - self.centre
        reduced = flat @ self.components.T
        squares = (reduced**2).sum(1, keepdim=True) + (self.vectors**2).sum(1) - 2 * reduced @ self.vectors.T
        return (torch.exp(-self.gamma * squares.clamp(min=0)) @ self.weights + self.bias).unsqueeze(1)


class Network(nn.Module):
    """Photos (n, 3, height, width) of 0..255 to a head's raw answers (n, k)."""

    def __init__(self, scaling: nn.Module, backbone: nn.Module, neck: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.scaling = scaling
        self.backbone = backbone
        self.neck = neck
        self.head: Any = head

    def maps(self, photos: Tensor) -> Any:
        """What the backbone sees: maps, or those of each of its stages."""
        return self.backbone(self.scaling(photos))

    def features(self, photos: Tensor) -> Tensor:
        """What the head answers by, (n, k)."""
        return self.neck(self.maps(photos))

    def forward(self, photos: Tensor) -> Tensor:
        return self.head(self.features(photos))

    def value(self, photos: Tensor) -> Tensor:
        """The answers (n,), 0..1."""
        return self.head.value(self(photos))


class Identity(nn.Identity):
    """The head of a network that answers on the scale 0..1 by itself."""

    def value(self, raw: Tensor) -> Tensor:
        return raw.squeeze(1).clamp(0, 1)

    def spread(self, raw: Tensor) -> Tensor | None:  # noqa: ARG002
        return None


def as_photos(pixels: Tensor) -> Tensor:
    """uint8 pixels (n, height, width, 3) as float photos (n, 3, height, width) of 0..255."""
    return pixels.permute(0, 3, 1, 2).float()


def build(config: RunConfig, *, mean_image: Tensor | None = None, start: float = 0.5, shape: Any = None) -> Network:
    """A fresh network of a configuration; the same random seed gives the same one.

    `mean_image` is (3, height, width) of the training photos, `start` their mean label, and `shape` what a fitted
    kernel machine needs: components and vectors.

    Raises:
        UsageError: its weights cannot be had.
    """
    torch.manual_seed(config.random_seed)
    if config.network == "svr":
        components, vectors = shape
        machine = KernelMachine(3 * config.height * config.width, components, vectors, config.svr_gamma)
        return Network(nn.Identity(), nn.Identity(), machine, Identity())
    if config.network == "first-cnn":
        backbone, features = _first_backbone(), _first_features(config)
        neck: nn.Module = _dense((features, 800, 400), config.dropout)
        scaling, width = _scaling(config, None, mean_image), 400
    else:
        backbone = Backbone(config.backbone, config.weights, stages=1 if config.network == "alexnet-2017" else STAGES)
        scaling = _scaling(config, backbone, mean_image)
        if config.network == "alexnet-2017":
            numbers = backbone.features[-1] * math.prod(backbone.sizes(config.height, config.width)[-1])
            neck, width = nn.Sequential(Last(), *_dense((numbers, 4096, 1024), config.dropout)), 1024
        else:
            backbone.sizes(config.height, config.width)  # or it is said now that it does not take them
            neck = Pooled(backbone.features)
            width = neck.width
            if config.dropout:
                neck = nn.Sequential(neck, nn.Dropout(config.dropout))
    head = Bins(width, config.bins) if config.head == "bins" else Plain(width)
    if config.bias_at_mean:
        head.start_at(start)
    return Network(scaling, backbone, neck, head)


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
    """Weights as He et al. 2015 draw them, before rectifiers."""
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
        # What the first attempt gave to a network that counts in 0..255 around a mean: the photo divided by 255.
        return Scaling(column((0.0,) * 3), column([255 * value for value in std]))
    return Scaling(column(backbone.mean if backbone else (127.5,) * 3), column(std))


@torch.inference_mode()
def dead_share(network: Network, photos: Tensor) -> float:
    """Share of the units behind the first rectifier after the backbone that answer nothing to any photo.

    Zero for a network that has no such rectifier.
    """
    rectifier = next((layer for layer in network.neck.modules() if isinstance(layer, nn.ReLU)), None)
    if rectifier is None:
        return 0.0
    seen: list[Tensor] = []
    hook = rectifier.register_forward_hook(lambda _layer, _given, answers: seen.append(answers))  # pyright: ignore
    network.eval()(photos)
    hook.remove()
    return float((seen[0].amax(0) < DEAD).float().mean())
