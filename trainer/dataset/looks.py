"""What a photo looks like in small: the grey pixels from which copies are found.

The collector's difference hash has 256 bits; of a copy cropped by 1 %, 4 % are within its reach. A small picture can be
moved and scaled before it is compared.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from collector.errors import BrokenPicture
from collector.storage import images, picture_bytes
from collector.storage.decoders import Decoders
from collector.storage.images import unpack
from trainer.dataset.pixels import PROCESSES
from trainer.dataset.rows import Rows, Store, digest_of_code

SIDE = 48  # px; a photo is squeezed into a square
FEW = 200  # photos for which a further process is started
AHEAD = 64  # photos that wait to be decoded


def look_of(body: bytes) -> np.ndarray:
    """A photo in small, upright: uint8 (SIDE, SIDE), grey.

    Raises:
        BrokenPicture: the bytes are not a complete picture.
    """
    seen = unpack(body, (2 * SIDE, 2 * SIDE), grey=True).image.convert("L")
    return np.asarray(seen.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def load_looks(cache: Path, digests: Sequence[str], read: Callable[[list[str]], Iterator[bytes]]) -> Rows:
    """The looks of the photos with these digests, uint8 (n, SIDE, SIDE), in their order; each is computed once.

    `read` gets the digests of those that are missing and yields their bytes in this order. A photo that cannot be
    unpacked is black.
    """

    def compute(positions: list[int]) -> Iterator[np.ndarray]:
        return _looks_of(read([digests[position] for position in positions]), len(positions))

    return Store.of(cache, "looks", _describe(), (SIDE, SIDE), np.uint8).rows(
        [bytes.fromhex(digest) for digest in digests], compute
    )


def _describe() -> dict[str, Any]:
    """All that decides a look besides the photo's bytes."""
    return {"code": digest_of_code(images, picture_bytes, sys.modules[__name__]), "pillow": PIL.__version__}


def _looks_of(bodies: Iterator[bytes], count: int) -> Iterator[np.ndarray]:
    waiting: deque[Future[np.ndarray]] = deque()
    with Decoders(max(1, min(PROCESSES, count // FEW))) as room:
        for body in bodies:
            waiting.append(room.submit(look_of, body)[1])
            if len(waiting) > AHEAD:
                yield _taken(waiting.popleft())
        yield from map(_taken, waiting)


def _taken(future: Future[np.ndarray]) -> np.ndarray:
    try:
        return future.result()
    except BrokenPicture:
        return np.zeros((SIDE, SIDE), np.uint8)
