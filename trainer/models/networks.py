"""The networks. Each takes photos prepared by `pixels.prepare` and predicts an aptitude."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from collector.errors import UsageError
from trainer.models import pretrained  # noqa: F401  (it registers its models, as the next one does)
from trainer.models.first_attempt import KernelMachine
from trainer.models.heads import Heads, Identity
from trainer.models.registry import HEADS, MODELS, Parts
from trainer.models.regressors import RIDGE, Fitted
from trainer.models.tryout import blaming, try_out
from trainer.runs.config import RunConfig

DEAD = 1e-8  # a unit is dead if its output is below this for every photo

Answered = tuple[Tensor, Tensor | None]  # answers to one label (n,), and their standard deviations


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


class Network(nn.Module):
    """From photos (n, 3, height, width) of 0..255 to the raw answers (n, k) of its head."""

    def __init__(
        self, scaling: nn.Module, backbone: nn.Module, neck: nn.Module, head: nn.Module, *, mirror: bool = False
    ) -> None:
        super().__init__()
        self.scaling = scaling
        self.backbone = backbone
        self.neck = neck
        self.head = head if isinstance(head, Heads) else Heads([head])
        self.mirror = mirror  # whether an answer is the mean over the photo and its mirror image
        self.others = nn.ModuleList()  # networks that were trained as this one was: all answer together

    def for_label(self, place: int) -> "Network":
        """The same network with the head of one of its labels alone."""
        found = self.with_backbone(self.backbone)
        found.head = Heads([self.head[place]])
        found.others = nn.ModuleList(other.for_label(place) for other in self.members[1:])
        return found

    def with_backbone(self, backbone: nn.Module) -> "Network":
        """The same network with another backbone, which computes the same."""
        found = Network(self.scaling, backbone, self.neck, self.head, mirror=self.mirror).train(self.training)
        found.others = self.others
        return found

    @property
    def members(self) -> list["Network"]:
        """The networks whose mean is the answer: this one, and the others if there are any."""
        return [self, *self.others]  # pyright: ignore[reportReturnType]

    def maps(self, photos: Tensor) -> Any:
        """The output of the backbone: maps, or a list of the maps of each stage."""
        return self.backbone(self.scaling(photos))

    def features(self, photos: Tensor) -> Tensor:
        """The input of the head, (n, k)."""
        return self.neck(self.maps(photos))

    def forward(self, photos: Tensor) -> Tensor:
        return self.head(self.features(photos))

    def answers(self, photos: Tensor) -> tuple[list[Answered], Tensor]:
        """For each label the answers (n,), 0..1, and their standard deviations if its head predicts them; and the
        features (n, k)."""
        features = self.features(photos)
        mirrored = self.features(photos.flip(3)) if self.mirror else None
        found = [self.answers_to(features, mirrored), *(other.answers(photos)[0] for other in self.members[1:])]
        return mixed(found), features

    def answers_to(self, features: Tensor, mirrored: Tensor | None) -> list[Answered]:
        """The answers of each label by this network alone, from the features of photos, and of their mirror images if
        there are any."""
        return mixed([self._answered(some) for some in (features, mirrored) if some is not None])

    def _answered(self, features: Tensor) -> list[Answered]:
        return [(head.value(raw), head.spread(raw)) for head, raw in self.head.apart(self.head(features))]

    def unclamped(self, photos: Tensor) -> Tensor:
        """The answers of the first label, (n,), before they are clamped to a scale, so that each has a gradient."""
        head, raw = self.head.apart(self(photos))[0]
        own = raw.squeeze(1) if raw.shape[1] == 1 else head.value(raw)
        return torch.stack([own, *(other.unclamped(photos) for other in self.members[1:])]).mean(0)

    def value(self, photos: Tensor) -> Tensor:
        """The answers of the first label, (n,), 0..1."""
        return self.answers(photos)[0][0][0]


def mixed(parts: Sequence[list[Answered]]) -> list[Answered]:
    """For each label the even mixture of several answers to it."""
    return [_mixed(its) for its in zip(*parts, strict=True)]


def _mixed(parts: Sequence[Answered]) -> Answered:
    """Mean and standard deviation of an even mixture of distributions."""
    if len(parts) == 1:
        return parts[0]
    values = torch.stack([value for value, _ in parts])
    spreads = [spread for _, spread in parts if spread is not None]
    mean = values.mean(0)
    if not spreads:
        return mean, None
    squares = (torch.stack(spreads) ** 2 + values**2).mean(0)
    return mean, (squares - mean**2).clamp(min=1e-8).sqrt()


def as_photos(pixels: Tensor) -> Tensor:
    """uint8 pixels (n, height, width, 3) as float photos (n, 3, height, width) of 0..255."""
    return pixels.permute(0, 3, 1, 2).float()


def build(config: RunConfig, *, mean_image: Tensor | None = None, starts: Sequence[float] = (0.5,)) -> Network:
    """An untrained network of a configuration; the same random seed gives the same network.

    `mean_image` (3, height, width) and `starts`, the mean of each label, are of the training photos. A kernel machine
    has no tensors yet.

    Raises:
        UsageError: its weights are not available, nothing has the name of its model, its head or its loss, or what a
            plug-in adds does not work.
    """
    torch.manual_seed(config.random_seed)
    if config.network == "svr":
        machine = KernelMachine(config.svr_gamma)
        return Network(nn.Identity(), nn.Identity(), machine, Identity(), mirror=config.mirror_answers)
    parts = _make_parts(config)
    with blaming(f"head {config.head}"):
        heads = Heads([_make_head(config, parts.width, start) for start in starts])
    scaling = _scaling(config, parts, mean_image)
    network = Network(scaling, parts.backbone, parts.neck, heads, mirror=config.mirror_answers)
    if config.adds_network:
        try_out(network, config, parts.width)
    return network


def _make_parts(config: RunConfig) -> Parts:
    make = MODELS.find(config.network)
    with blaming(f"model {config.network}"):
        parts: Any = make(config)
    if not isinstance(parts, Parts):
        raise UsageError(f"The model {config.network} returns a {type(parts).__name__}; it has to return Parts.")
    return parts


def _make_head(config: RunConfig, width: int, start: float) -> nn.Module:
    if config.network == "probe" and config.regressor != RIDGE:
        return Fitted(config)
    head = HEADS.find(config.head)(width, config)
    if config.bias_at_mean:
        head.start_at(start)
    return head


def _scaling(config: RunConfig, parts: Parts, mean_image: Tensor | None) -> Scaling:
    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values).view(3, 1, 1)

    if config.scaling == "mean-image":
        mean = torch.full((3, config.height, config.width), 127.5) if mean_image is None else mean_image
        return Scaling(mean, column((255.0,) * 3))
    if config.scaling == "too-small":
        # The bug of the first attempt: photos of 0..1 for a network that expects 0..255 around a mean.
        return Scaling(column((0.0,) * 3), column([255 * value for value in parts.std]))
    return Scaling(column(parts.mean), column(parts.std))


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
