"""Whether bytes are a whole picture, its measures, and a hash by which copies of it are recognised."""

import io
from dataclasses import dataclass
from operator import lt

from PIL import Image, ImageFile, UnidentifiedImageError

from collector.errors import Unsafe

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MAX_PIXELS = 12_000_000  # told by the header, before anything is unpacked
DIGITS = b"01" + bytes(254)  # 0 and 1 as binary digits
SIDE = 16  # the hash compares 16 x 16 neighbours


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that could be read to its end."""

    media_type: str
    width: int  # px
    height: int  # px
    phash: str  # 256-bit difference hash, 64 hexadecimal digits


def inspect(body: bytes) -> Picture:
    """Measure a picture.

    Raises:
        Unsafe: it is no JPEG, PNG, GIF or WebP, too large to be unpacked, cut off or broken.
    """
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            return _measure(image)
    except UnidentifiedImageError as error:
        raise Unsafe(f"not an image ({_beginning(body)})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unsafe("an image of too many pixels to be unpacked") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
        # What Pillow's decoders raise on broken files, found by feeding them mutated ones.
        raise Unsafe(f"a broken image: {error or type(error).__name__}") from error


def _measure(image: ImageFile.ImageFile) -> Picture:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unsafe(f"an image of {width} x {height} pixels, more than {MAX_PIXELS:,}")
    media_type = Image.MIME[image.format or ""]
    # A JPEG is unpacked at an eighth of its size where that is enough; its end is reached all the same.
    image.draft("L", (2 * SIDE, 2 * SIDE))
    return Picture(media_type, width, height, difference_hash(image))


def difference_hash(image: Image.Image) -> str:
    """Which pixels of a small grey copy are brighter than their left neighbours, 256 bits in hexadecimal.

    The method is Neal Krawetz' difference hash ("Kind of Like That", hackerfactor.com, 2013). The library
    ImageHash has it too, at the price of scipy, numpy and PyWavelets.
    """
    small = image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR).tobytes()
    brighter = bytes(map(lt, small, small[1:]))
    rows = b"".join(brighter[start : start + SIDE] for start in range(0, len(small), SIDE + 1))
    return f"{int(rows.translate(DIGITS), 2):064x}"


def distance(one: str, other: str) -> int:
    """In how many of the 256 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _beginning(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    return "HTML" if start.startswith((b"<!doctype html", b"<html")) else f"it begins with {body[:8]!r}"
