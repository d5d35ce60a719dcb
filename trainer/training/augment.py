"""Changes to training photos that leave a horse a horse: mirror, light, contrast, blur, and a zoom.

Body proportions are the label, so nothing is stretched. The random numbers depend only on the random seed and the
step, so a resumed run sees the same photos.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as nnf

from trainer.runs.config import RunConfig

DRAWN = 7  # random numbers for each photo, at most


def draw(config: RunConfig, step: int, share: slice, count: int) -> Tensor:
    """The random numbers (DRAWN, n) of a step; `share` says which photos of a batch of `count` they are for."""
    generator = torch.Generator().manual_seed(config.random_seed * 1_000_003 + step)
    # Drawn for the whole batch, so that a photo's numbers do not depend on the number of processes.
    return torch.rand(DRAWN, count, generator=generator)[:, share].contiguous()


def augment(photos: Tensor, config: RunConfig, drawn: Tensor) -> Tensor:
    """Photos (n, 3, height, width) of 0..255, changed as the numbers of `draw` say."""
    numbers = iter(drawn)

    def between(low: float, high: float) -> Tensor:
        return (next(numbers) * (high - low) + low).view(-1, 1, 1, 1)

    if config.flip:
        photos = torch.where(between(0, 1) < 0.5, photos.flip(3), photos)
    if config.zoom:
        photos = _zoom(photos, between(1 - config.zoom, 1 + config.zoom), between(-1, 1), between(-1, 1), config.zoom)
    if config.contrast:
        middle = photos.mean((1, 2, 3), keepdim=True)
        photos = (photos - middle) * between(1 - config.contrast, 1 + config.contrast) + middle
    if config.light:
        photos = photos + 255 * between(-config.light / 2, config.light / 2)
    if config.blur:
        photos = torch.where(between(0, 1) < config.blur, _blur(photos), photos)
    return photos.clamp(0, 255)


def _zoom(photos: Tensor, scale: Tensor, right: Tensor, down: Tensor, limit: float) -> Tensor:
    """The same scale in both directions, and a small shift; pixels from outside the photo repeat its edge."""
    count = len(photos)
    move = torch.zeros(count, 2, 3, device=photos.device)
    move[:, 0, 0] = move[:, 1, 1] = 1 / scale.view(-1)
    move[:, 0, 2], move[:, 1, 2] = right.view(-1) * limit / 2, down.view(-1) * limit / 2
    grid = nnf.affine_grid(move, list(photos.shape), align_corners=False)
    return nnf.grid_sample(photos, grid, padding_mode="border", align_corners=False)


def _blur(photos: Tensor) -> Tensor:
    # With channels last a CPU takes a tenth of the time.
    padded = nnf.pad(photos, (1, 1, 1, 1), mode="replicate").contiguous(memory_format=torch.channels_last)
    return nnf.conv2d(padded, _kernel(photos.device), groups=3)


@cache
def _kernel(device: torch.device) -> Tensor:
    kernel = torch.tensor([1.0, 2.0, 1.0], device=device) / 4
    return (kernel[:, None] * kernel[None, :]).expand(3, 1, 3, 3)
