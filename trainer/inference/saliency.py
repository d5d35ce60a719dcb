"""Which pixels an answer depends on, drawn over the photo: SmoothGrad maps (Smilkov et al. 2017), or, for a model
without a gradient, what changes when a part is covered (Zeiler & Fergus 2014)."""

from itertools import pairwise

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as nnf

from trainer.dataset.data import Progress, no_progress
from trainer.dataset.pixels import Preparation, place_of
from trainer.models.device import Device
from trainer.models.networks import Network, as_photos

SAMPLES = 8  # noisy copies whose gradients are averaged
NOISE = 0.1  # of the range of a photo
SOFT = 25  # the width of a map's blur is the longest edge divided by this
LITTLE = 0.5  # share of the pixels, those of least influence, that are not coloured
SHOWN = 640  # px of the longest edge of a picture, at most
PARTS = 8  # of a photo in each direction that are covered one after the other, where there is no gradient
FRAME = 0.15  # of each edge; the frame shows no horse


def saliency(network: Network, pixels: np.ndarray, device: Device, progress: Progress = no_progress) -> np.ndarray:
    """How much each pixel changes the answer, float32 (n, height, width), scaled to 0..1 for each photo.

    `pixels` are prepared photos, uint8 (n, height, width, 3). The same photo always gives the same map.
    """
    network.eval()
    photos = as_photos(device.put(torch.from_numpy(np.array(pixels))))
    total = (
        _smoothed(network, photos, device, progress) if _has_gradient(network, photos) else _covered(network, photos)
    )
    progress(SAMPLES, SAMPLES)
    blur = max(3, max(photos.shape[2:]) // SOFT // 2 * 2 + 1)  # px, odd
    soft = nnf.avg_pool2d(nnf.pad(total[:, None], [blur // 2] * 4, mode="replicate"), blur, 1)[:, 0]
    return (soft / soft.amax((1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy()


def _has_gradient(network: Network, photos: Tensor) -> bool:
    return network.unclamped(photos[:1].clone().requires_grad_(True)).requires_grad


def _smoothed(network: Network, photos: Tensor, device: Device, progress: Progress) -> Tensor:
    """The gradient of the answers, (n, height, width), as the mean over noisy copies."""
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(photos[:, 0])
    for done in range(SAMPLES):
        progress(done, SAMPLES)
        # The same noise for all photos, so that a map does not depend on the other photos of the call.
        noise = torch.randn(photos.shape[1:], generator=generator) * 255 * NOISE
        noisy = (photos + device.put(noise)).clamp(0, 255).requires_grad_(True)
        # Before it is clamped to 0..1, as a clamped answer has no gradient.
        total += torch.autograd.grad(network.unclamped(noisy).sum(), noisy)[0].abs().sum(1)
    return total


@torch.inference_mode()
def _covered(network: Network, photos: Tensor) -> Tensor:
    """How far the answers change, (n, height, width), when a part of the photo has its mean colour."""
    total, height, width = torch.zeros_like(photos[:, 0]), *photos.shape[2:]
    answers, middle = network.value(photos), photos.mean((2, 3), keepdim=True)
    for top, bottom in pairwise(height * part // PARTS for part in range(PARTS + 1)):
        for left, right in pairwise(width * part // PARTS for part in range(PARTS + 1)):
            changed = photos.clone()
            changed[:, :, top:bottom, left:right] = middle
            total[:, top:bottom, left:right] = (network.value(changed) - answers).abs()[:, None, None]
    return total


def frame_share(maps: np.ndarray) -> tuple[float, float]:
    """The share of saliency on the outer frame of the photos, and the frame's share of the photo's area.

    For a model that looks at the horse, the first is smaller.
    """
    _, height, width = maps.shape
    down, across = round(FRAME * height), round(FRAME * width)
    inner = maps[:, down : height - down, across : width - across]
    area = (height - 2 * down) * (width - 2 * across) / (height * width)
    return float(1 - inner.sum() / max(maps.sum(), 1e-12)), 1 - area


def draw(photo: Image.Image, heat: np.ndarray, how: Preparation) -> Image.Image:
    """The original photo, reduced to SHOWN, with the map of its prepared pixels over it."""
    box = place_of(*photo.size, how)
    shown = photo.copy()
    shown.thumbnail((SHOWN, SHOWN))
    its = Image.fromarray(heat.astype(np.float32)).resize(shown.size, Image.Resampling.BICUBIC, box=box)
    return overlay(np.asarray(shown), np.asarray(its))


def overlay(pixels: np.ndarray, heat: np.ndarray) -> Image.Image:
    """A grey photo with a map of its size in red: the more influence, the redder; without red below a threshold."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)[..., None].repeat(3, 2) * 0.7 + 60
    least = float(np.quantile(heat, LITTLE))
    share = ((heat - least) / max(float(heat.max()) - least, 1e-12)).clip(0, 1)[..., None] * 0.75
    red = np.array([214, 40, 40], np.float32)
    return Image.fromarray((grey * (1 - share) + red * share).clip(0, 255).astype(np.uint8))
