"""The RAW files of cameras: the picture that the camera put beside its measurements, and its EXIF data.

Like `images`, this runs in the processes of `collector.storage.decoders`, which can be killed.
"""

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from collector.errors import BrokenPicture
from collector.storage.picture_bytes import NAMES

NO_RAW = "a RAW file of a camera, which cannot be read here yet: `pip install rawpy` helps"
LARGEST = 120_000_000  # pixels of a RAW file that is developed
SMALLEST = 1000  # px of the longer edge; a smaller picture beside the measurements is one for a menu
QUALITY = 95  # of a JPEG that is made of pixels
TIFF_BEGINNINGS = (b"II\x2a\0", b"MM\0\x2a", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")  # also ORF and RW2
RAF = b"FUJIFILMCCD-RAW"
JPEG_IN_RAF = 84  # where a RAF file says where its JPEG is: its place and length, four bytes each
TURNS = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}  # LibRaw's flips
# Of a CR3 file: the boxes that lead to its EXIF data, and those that have them (shot, camera, place).
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
CANON_EXIF = (b"CMT1", b"CMT2", b"CMT4")
MOST_BOXES = 1000


def preview_of(body: bytes) -> bytes:
    """The picture of a RAW file as a JPEG; developed, where the camera put no large one beside its measurements.

    Raises:
        BrokenPicture: rawpy is not installed, or cannot read it.
    """
    try:
        import rawpy
    except ImportError as error:
        raise BrokenPicture(NO_RAW) from error
    try:
        with rawpy.imread(io.BytesIO(body)) as raw:
            return _beside(rawpy, raw) or _developed(raw)
    except rawpy.LibRawFileUnsupportedError as error:
        raise BrokenPicture(f"not an image in a format that is read: {NAMES} (it looks like a TIFF)") from error
    except rawpy.LibRawError as error:
        raise BrokenPicture(f"a RAW file that cannot be read ({error})") from error


def _beside(rawpy: Any, raw: Any) -> bytes | None:
    """The picture beside the measurements; None where there is none that is large enough."""
    try:
        thumb = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if thumb.format == rawpy.ThumbFormat.BITMAP:
        height, width = thumb.data.shape[:2]
        image = Image.frombytes("RGB", (width, height), thumb.data.tobytes())
        return _as_jpeg(_upright(image, raw)) if max(image.size) >= SMALLEST else None
    with Image.open(io.BytesIO(thumb.data), formats=("JPEG",)) as image:
        if max(image.size) < SMALLEST:
            return None
        if image.getexif().get(0x0112) or raw.sizes.flip not in TURNS:  # it says itself how it is turned
            return bytes(thumb.data)
        return _as_jpeg(_upright(image, raw))


def _developed(raw: Any) -> bytes:
    sizes = raw.sizes
    if sizes.raw_width * sizes.raw_height > LARGEST:
        raise BrokenPicture(f"a RAW file of too many pixels to be developed (more than {LARGEST:,})")
    pixels = raw.postprocess(half_size=sizes.raw_width > 2 * SMALLEST, use_camera_wb=True)
    height, width = pixels.shape[:2]
    return _as_jpeg(Image.frombytes("RGB", (width, height), pixels.tobytes()))


def _upright(image: Image.Image, raw: Any) -> Image.Image:
    turn = TURNS.get(raw.sizes.flip)
    return image.transpose(turn) if turn is not None else image


def _as_jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def exif_of(body: bytes) -> list[bytes]:
    """The EXIF data of a RAW file, as TIFF files; empty where none are found."""
    if body.startswith(TIFF_BEGINNINGS):  # makers write numbers of their own where TIFF has 42
        return [(b"II\x2a\0" if body.startswith(b"II") else b"MM\0\x2a") + body[4:]]
    if body.startswith(RAF):
        start = int.from_bytes(body[JPEG_IN_RAF : JPEG_IN_RAF + 4])
        length = int.from_bytes(body[JPEG_IN_RAF + 4 : JPEG_IN_RAF + 8])
        with Image.open(io.BytesIO(body[start : start + length]), formats=("JPEG",)) as image:
            return [image.info.get("exif", b"").removeprefix(b"Exif\0\0")]
    return [content for name, content in _boxes(body, (b"moov", b"uuid")) if name in CANON_EXIF]


def _boxes(body: bytes, opened: tuple[bytes, ...]) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a file like CR3, also those in the boxes that are named here."""
    at = 0
    for _ in range(MOST_BOXES):
        length, name = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        if length == 1:  # longer than four bytes can say
            length = int.from_bytes(body[at + 8 : at + 16])
        if length < 8 or at + length > len(body):
            return
        content = body[at + 8 : at + length]
        if name == b"uuid" and not content.startswith(CANON):
            content = b""
        yield name, content
        if name in opened:
            yield from _boxes(content.removeprefix(CANON), opened)
        at += length
