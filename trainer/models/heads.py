"""Heads of networks: one number, or a distribution over bins whose mean is the answer."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

LOW, HIGH = 1.0, 10.0  # the scale of errors, as in the first attempt: 1 + 9 x label
SPREAD = 0.75  # of a label over the bins, in bin widths; Farebrother et al. 2024, "Stop Regressing", section 4


class Head(Protocol):
    """The last layer of a network: from features to answers."""

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        """The loss of each example, (n,)."""
        ...

    def value(self, raw: Tensor) -> Tensor:
        """The answers, (n,), 0..1."""
        ...

    def spread(self, raw: Tensor) -> Tensor | None:
        """The standard deviations of the answers, (n,); None if the head predicts none."""
        ...


class Plain(nn.Module):
    """One number on the scale 1..10, learnt by squared error."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)

    def start_at(self, label: float) -> None:
        """Set the answer of the untrained head."""
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, LOW + (HIGH - LOW) * label)

    def loss(self, raw: Tensor, label: Tensor) -> Tensor:
        return nnf.mse_loss(raw.squeeze(1).float(), LOW + (HIGH - LOW) * label, reduction="none")

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
