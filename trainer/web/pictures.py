"""Pictures for the pages. They are encoded again from pixels, so that no other content of a file is passed on."""

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
    """A decoded photo."""

    pixels: np.ndarray  # uint8 (height, width, 3), as the network needs it
    width: int  # px, upright
    height: int
    shown: bytes | None  # JPEG
    suffix: str = "jpg"  # for a file of the original bytes


def open_photo(body: bytes, how: Preparation, *, show: bool) -> Opened:
    """Decode a photo for the network and, with `show`, for the page.

    Raises:
        BrokenPicture: the bytes are not a complete picture.
    """
    image = open_picture(body)
    return Opened(fit(image, how), *image.size, as_jpeg(image, SHOWN) if show else None, suffix_of(body))


def suffix_of(body: bytes) -> str:
    """The file suffix for the bytes of a picture."""
    return format_of(body).name.lower().replace("jpeg", "jpg")


def as_jpeg(image: Image.Image, longest: int) -> bytes:
    """A JPEG of a picture's pixels, without metadata, with a longest edge of up to `longest` px."""
    small = image.copy()
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return images.as_jpeg(small, QUALITY)


def thumbnail(body: bytes) -> bytes:
    """A thumbnail of a photo of the collection.

    Raises:
        BrokenPicture: the bytes are not a complete picture.
    """
    return as_jpeg(open_picture(body), THUMBNAIL)


def cut_out(pixels: np.ndarray, width: int, height: int, how: Preparation) -> np.ndarray:
    """Prepared pixels without the filling around a photo of this size in px."""
    left, upper, right, lower = place_of(width, height, how)
    return pixels[upper:lower, left:right]


def looked_at(shown: bytes, heat: np.ndarray, how: Preparation) -> bytes:
    """A shown photo with the saliency map (height, width) of its prepared pixels over it, as a JPEG."""
    from trainer.inference.saliency import draw  # imports torch, which the processes that decode photos do not need

    with Image.open(io.BytesIO(shown), formats=["JPEG"]) as image:
        return as_jpeg(draw(image.convert("RGB"), heat, how), SHOWN)
