"""What an answer depends on: SmoothGrad maps (Smilkov et al. 2017), drawn over the photo."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as nnf

from trainer.device import Device
from trainer.model import Network, as_photos

SAMPLES = 8  # of noise, whose gradients are averaged
NOISE = 0.1  # of the range of a photo
SOFT = 9  # px of the blur of a map
FRAME = 0.15  # of each edge: where no horse stands


def saliency(network: Network, pixels: np.ndarray, device: Device) -> np.ndarray:
    """How much each pixel moves the answer, float32 (n, height, width), 0..1 with a sum that means nothing.

    `pixels` are prepared photos, uint8 (n, height, width, 3). The same photo always gives the same map.
    """
    network.eval()
    photos = as_photos(device.put(torch.from_numpy(np.array(pixels))))
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(photos[:, 0])
    for _ in range(SAMPLES):
        noise = torch.randn(photos.shape, generator=generator) * 255 * NOISE
        noisy = (photos + device.put(noise)).clamp(0, 255).requires_grad_(True)
        # Before it is cut to 0..1: beyond the ends there would be no gradient.
        total += torch.autograd.grad(_told(network, noisy).sum(), noisy)[0].abs().sum(1)
    soft = nnf.avg_pool2d(nnf.pad(total[:, None], [SOFT // 2] * 4, mode="replicate"), SOFT, 1)[:, 0]
    return (soft / soft.amax((1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy()


def _told(network: Network, photos: Tensor) -> Tensor:
    raw = network(photos)
    return raw.squeeze(1) if raw.shape[1] == 1 else network.head.value(raw)


def frame_share(maps: np.ndarray) -> tuple[float, float]:
    """The share of saliency on the outer frame of the photos, and the share of the photo that the frame is.

    A model that looks at the horse has less of it there than the frame is large.
    """
    _, height, width = maps.shape
    down, across = round(FRAME * height), round(FRAME * width)
    inner = maps[:, down : height - down, across : width - across]
    area = (height - 2 * down) * (width - 2 * across) / (height * width)
    return float(1 - inner.sum() / max(maps.sum(), 1e-12)), 1 - area


def overlay(pixels: np.ndarray, heat: np.ndarray) -> Image.Image:
    """A prepared photo, grey, with its map in red."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)[..., None].repeat(3, 2) * 0.7 + 60
    share = heat[..., None] ** 0.7
    red = np.array([214, 40, 40], np.float32)
    return Image.fromarray((grey * (1 - 0.75 * share) + red * 0.75 * share).clip(0, 255).astype(np.uint8))
