"""Pictures that the page shows: made anew from pixels, so that nothing else that was in a file is passed on."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from collector.storage import images
from collector.storage.picture_bytes import format_of
from trainer.dataset.pixels import Preparation, fit, open_picture, place_of

SHOWN = 960  # px of the longest edge
THUMBNAIL = 320
QUALITY = 86


@dataclass(frozen=True, slots=True)
class Opened:
    """A photo that could be read."""

    pixels: np.ndarray  # uint8 (height, width, 3), as the network sees it
    width: int  # px, upright
    height: int
    shown: bytes | None  # JPEG
    suffix: str = "jpg"  # of a file of the bytes as they came


def open_photo(body: bytes, how: Preparation, *, show: bool) -> Opened:
    """Read a photo, for the network and, where it is to be shown, for the page.

    Raises:
        BrokenPicture: the bytes are no whole picture.
    """
    image = open_picture(body)
    return Opened(fit(image, how), *image.size, as_jpeg(image, SHOWN) if show else None, suffix_of(body))


def suffix_of(body: bytes) -> str:
    """What a file of these bytes, which are a picture, is called at its end."""
    return format_of(body).name.lower().replace("jpeg", "jpg")


def as_jpeg(image: Image.Image, longest: int) -> bytes:
    """A picture's pixels and nothing else, its longest edge so many px at most."""
    small = image.copy()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return images.as_jpeg(small, QUALITY)


def thumbnail(body: bytes) -> bytes:
    """A photo of the collection, small.

    Raises:
        BrokenPicture: the bytes are no whole picture.
    """
    return as_jpeg(open_picture(body), THUMBNAIL)


def cut_out(pixels: np.ndarray, width: int, height: int, how: Preparation) -> np.ndarray:
    """Prepared pixels without what was filled up around a photo of this size in px."""
    left, upper, right, lower = place_of(width, height, how)
    return pixels[upper:lower, left:right]


def looked_at(shown: bytes, heat: np.ndarray, how: Preparation) -> bytes:
    """A shown photo with the saliency map (height, width) of its prepared pixels over it, as a JPEG."""
    from trainer.inference.saliency import draw  # and torch, which whoever only opens photos can do without

    with Image.open(io.BytesIO(shown), formats=["JPEG"]) as image:
        return as_jpeg(draw(image.convert("RGB"), heat, how), SHOWN)
