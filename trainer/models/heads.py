"""Heads of networks: one number, or a distribution over bins whose mean is the answer."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from trainer.models.registry import LOSSES, Head, head, loss
from trainer.runs.config import RunConfig

LOW, HIGH = 1.0, 10.0  # the scale of errors, as in the first attempt: 1 + 9 x label
UNKNOWN = 0.5  # the answer, 0..1, of a head that no photo has taught
SPREAD = 0.75  # of a label over the bins, in bin widths; Farebrother et al. 2024, "Stop Regressing", section 4


@loss("mse")
def squared_error(answer: Tensor, label: Tensor) -> Tensor:
    """The squared errors, (n,)."""
    return nnf.mse_loss(answer, label, reduction="none")


@loss("mae")
def absolute_error(answer: Tensor, label: Tensor) -> Tensor:
    """The absolute errors, (n,)."""
    return nnf.l1_loss(answer, label, reduction="none")


@loss("huber")
def huber_error(answer: Tensor, label: Tensor) -> Tensor:
    """Squared errors up to 1 on the scale 1..10, linear beyond, (n,)."""
    return nnf.huber_loss(answer, label, reduction="none")


class Plain(nn.Module):
    """One number on the scale 1..10, learnt by a loss of it."""

    numbers = 1

    def __init__(self, features: int, measure: Callable[[Tensor, Tensor], Tensor] = squared_error) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.measure = measure

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def start_at(self, label: float) -> None:
        """Set the answer of the untrained head."""
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, LOW + (HIGH - LOW) * label)

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        return self.measure(raw.squeeze(1).float(), LOW + (HIGH - LOW) * label)

    def value(self, raw: Tensor) -> Tensor:
        return ((raw.squeeze(1).float() - LOW) / (HIGH - LOW)).clamp(0, 1)

    def spread(self, raw: Tensor) -> Tensor | None:  # noqa: ARG002
        return None


class Bins(nn.Module):
    """A distribution over equal bins of 0..1, learnt as a Gaussian around the label (HL-Gauss; Imani & White 2018)."""

    centres: Tensor
    edges: Tensor

    def __init__(self, features: int, bins: int) -> None:
        super().__init__()
        self.numbers = bins
        self.linear = nn.Linear(features, bins)
        edges = torch.linspace(0, 1, bins + 1)
        self.register_buffer("edges", edges)
        self.register_buffer("centres", (edges[1:] + edges[:-1]) / 2)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def start_at(self, label: float) -> None:
        """Set the answer of the untrained head, with a wide distribution."""
        nn.init.zeros_(self.linear.weight)
        with torch.no_grad():
            self.linear.bias.copy_(-((self.centres - label) ** 2) / (2 * 0.25**2))

    def target(self, label: Tensor) -> Tensor:
        """The target share of each bin, (n, bins), for labels (n,)."""
        width = self.edges[1] - self.edges[0]
        below = torch.special.ndtr((self.edges - label.unsqueeze(1)) / (SPREAD * width))
        return (below[:, 1:] - below[:, :-1]) / (below[:, -1:] - below[:, :1])

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        return -(self.target(label) * nnf.log_softmax(raw.float(), dim=1)).sum(1)

    def value(self, raw: Tensor) -> Tensor:
        return raw.float().softmax(1) @ self.centres

    def spread(self, raw: Tensor) -> Tensor | None:
        shares = raw.float().softmax(1)
        mean = shares @ self.centres
        return (shares @ self.centres**2 - mean**2).clamp(min=1e-8).sqrt()


@head("plain")
def make_plain(width: int, config: RunConfig) -> Plain:
    """A plain head with the loss of a configuration."""
    return Plain(width, LOSSES.find(config.loss))


@head("bins")
def make_bins(width: int, config: RunConfig) -> Bins:
    """A head of as many bins as a configuration says."""
    return Bins(width, config.bins)


class Identity(nn.Identity):
    """The head of a network whose output is on the scale 0..1 already."""

    numbers = 1

    def value(self, raw: Tensor) -> Tensor:
        return raw.squeeze(1).clamp(0, 1)

    def spread(self, raw: Tensor) -> Tensor | None:  # noqa: ARG002
        return None


class Heads(nn.ModuleList):
    """A head for each label of a network, on the same features; their raw answers stand side by side, (n, k)."""

    def __init__(self, heads: Iterable[nn.Module]) -> None:
        super().__init__(heads)
        # Before, a network had one head, and its weights were named after it.
        self.register_load_state_dict_pre_hook(_name_single)

    def forward(self, features: Tensor) -> Tensor:
        raw = [its(features) for its in self]
        return raw[0] if len(raw) == 1 else torch.cat(raw, 1)

    def apart(self, raw: Tensor) -> list[tuple[Head, Tensor]]:
        """Each head with its own raw answers (n, numbers)."""
        heads: list[Any] = list(self)
        return list(zip(heads, raw.split([its.numbers for its in heads], 1), strict=True))

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        """The loss of each answer, for labels (n, heads); where a label is missing, it has to get no weight."""
        return torch.stack([its.loss(own, label[:, place]) for place, (its, own) in enumerate(self.apart(raw))], 1)


def _name_single(_heads: nn.Module, state: dict[str, Any], prefix: str, *_others: Any) -> None:
    for name in [name for name in state if name.startswith(prefix) and not name[len(prefix) :][:1].isdigit()]:
        state[f"{prefix}0.{name.removeprefix(prefix)}"] = state.pop(name)
