"""From a photo's bytes to pixels: the same preparation for training, evaluation and serving.

Proportions are the label, so nothing is stretched: a photo is scaled to fit and the rest is filled (`pad`). Only the
presets that reproduce the first attempt stretch it (`squash`).
"""

import io
import os
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageOps, features

from collector.errors import BrokenPicture
from collector.storage import images, picture_bytes
from collector.storage.images import unpack
from trainer.dataset.preparation import Preparation
from trainer.dataset.rows import digest_of_code

GREY = 127  # of the filling: the middle of the range that networks expect
QUALITY = 95  # JPEG quality of a photo that the export makes smaller
PROCESSES = os.cpu_count() or 1  # that decode photos

Pixels = np.ndarray  # uint8 (height, width, 3), RGB


def describe(how: Preparation) -> dict[str, Any]:
    """All that decides a photo's pixels besides its bytes: the geometry, the code and the libraries' versions."""
    parts = {name: features.version(name) for name in ("jpg", "zlib", "webp", "avif", "libjpeg_turbo")}
    code = digest_of_code(images, picture_bytes, sys.modules[__name__])
    return {**asdict(how), "code": code, "pillow": PIL.__version__, **parts}


def open_picture(body: bytes) -> Image.Image:
    """A picture in RGB, upright; one of more than MAX_PIXELS, as phones take them, comes smaller.

    Raises:
        BrokenPicture: it is not a picture, it is cut off, or decoding it would cost too much.
    """
    return unpack(body).image.convert("RGB")


def prepare(body: bytes, how: Preparation) -> Pixels:
    """The pixels of a photo for a network: uint8 (height, width, 3), RGB.

    Raises:
        BrokenPicture: the bytes are not a complete picture.
    """
    return fit(open_picture(body), how)


def fit(image: Image.Image, how: Preparation) -> Pixels:
    """A decoded picture at the size that a network expects.

    Raises:
        BrokenPicture: it is so thin that no pixels would be left.
    """
    size = how.width, how.height
    if how.fit == "squash":
        return np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    left, upper, right, lower = place_of(*image.size, how)
    if right == left or lower == upper:
        raise BrokenPicture(f"it has {image.width} x {image.height} pixels, too thin for a photo")
    return np.asarray(ImageOps.pad(image, size, Image.Resampling.BICUBIC, color=(GREY, GREY, GREY)))


def place_of(width: int, height: int, how: Preparation) -> tuple[int, int, int, int]:
    """The box of a photo of this size within its prepared pixels: left, upper, right, lower."""
    if how.fit == "squash":
        return 0, 0, how.width, how.height
    # The same computation as in ImageOps.pad.
    its, frame = width / height, how.width / how.height
    across = how.width if its >= frame else round(its * how.height)
    down = how.height if its <= frame else round(height / width * how.width)
    left, upper = round((how.width - across) / 2), round((how.height - down) / 2)
    return left, upper, left + across, upper + down


def shrink(body: bytes, longest: int) -> bytes | None:
    """The photo as a JPEG with `longest` pixels on its longest edge; None if it is not larger than that.

    Raises:
        BrokenPicture: the bytes are not a complete picture.
    """
    image = open_picture(body)
    if max(image.size) <= longest:
        return None
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    image.info.clear()  # else a comment of the file would be written again
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
