"""Necks: from a backbone's maps to the features that a head gets."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EMPTY = 1e-6  # added to maps, so that a flat map has a centre too


class Pooled(nn.Module):
    """Five numbers for each feature map, standardised with the training photos' mean and standard deviation.

    Before them comes what the backbone itself sums up, a class token or what it attends to, if it does.

    Mean, maximum, vertical centre, vertical and horizontal spread. Without the last three a long horse is hard to
    distinguish from a short one, because a mean does not depend on proportions. All five are the same for a map and
    its mirror image.
    """

    NUMBERS = 5
    mean: Tensor
    std: Tensor

    def __init__(self, features: Sequence[int], vector: int = 0) -> None:
        super().__init__()
        self.width = vector + self.NUMBERS * sum(features)
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("std", torch.ones(self.width))

    def pool(self, stages: Sequence[Tensor]) -> Tensor:
        """Features (n, width), not standardised, from what `Backbone` gives."""
        parts = [each.float() for each in stages]
        return torch.cat([each if each.ndim == 2 else self._pool(each) for each in parts], 1)

    @staticmethod
    def _pool(maps: Tensor) -> Tensor:
        mean, most = maps.mean((2, 3)), maps.amax((2, 3))
        above = (maps - mean[..., None, None]).clamp(min=0) + EMPTY
        above = above / above.sum((2, 3), keepdim=True)
        height, up = _centre_and_spread(above.sum(3))
        _, across = _centre_and_spread(above.sum(2))
        return torch.cat([mean, most, height, across, up], 1)

    def standardised(self, features: Tensor) -> Tensor:
        """What the head gets, for pooled features (n, k)."""
        return (features - self.mean) / self.std

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        return self.standardised(self.pool(stages))


def _centre_and_spread(share: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the position between the edges -1 and 1, of shares (n, maps, size)."""
    position = torch.linspace(-1, 1, share.shape[2], device=share.device)
    centre = (share * position).sum(2)
    away = position - centre[..., None]
    return centre, (share * away**2).sum(2).clamp(min=EMPTY).sqrt()


class Last(nn.Module):
    """The maps of a backbone's last stage."""

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        return stages[-1]
