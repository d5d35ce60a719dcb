"""Decodes and measures foreign pictures. Beside it only `raw_files` and `shots` look into their files.

These functions run in the processes of `collector.storage.decoders`, which can be killed.
"""

import io
import math
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from operator import lt

from PIL import (
    AvifImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageChops,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from collector.errors import BrokenPicture
from collector.storage.picture_bytes import Format, Outline, format_of, png_runs_out, walk_through
from collector.storage.raw_files import preview_of

MAX_PIXELS = 12_000_000  # of a picture as it is handed on; a larger one is made smaller
# Pixels of a file, which are checked before it is decoded. A JPEG is decoded at a half, a fourth or an eighth of its
# size; others are decoded whole.
LARGEST = {Format.JPEG: 9 * MAX_PIXELS, Format.AVIF: 5 * MAX_PIXELS, Format.HEIC: 5 * MAX_PIXELS}
LARGEST_OTHER = 2 * MAX_PIXELS
MAX_WORK = 48 * MAX_PIXELS  # pixels of a JPEG times its scans
MAX_LOOK = 1_000_000  # pixels of a JPEG that is checked at full size
READERS = {
    Format.JPEG: JpegImagePlugin.JpegImageFile,
    Format.PNG: PngImagePlugin.PngImageFile,
    Format.GIF: GifImagePlugin.GifImageFile,
    Format.WEBP: WebPImagePlugin.WebPImageFile,
    Format.AVIF: AvifImagePlugin.AvifImageFile,
}
NO_HEIC = "a HEIC image, which cannot be read here yet: `pip install pillow-heif` helps"
# Pillow's errors on broken files and EXIF data; found by tests with mutated files.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError,
    struct.error, zlib.error,
)  # fmt: skip
# The operation that turns a picture upright, by its EXIF orientation.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)
END = b"\xff\xd9"  # of a JPEG
EMPTY = (128, 128)  # the darkest and the brightest pixel of a block of a JPEG without content
NOISE = bytes(byte * 89 % 251 for byte in range(1, 100))  # any bytes without 0xff
FILLING = NOISE + b"".join(bytes((0xFF, 0xD0 + number % 8)) + NOISE for number in range(16))  # also after restarts
DIGITS = b"01" + bytes(254)  # 0 and 1 as binary digits
SIDE = 16  # the hash compares 16 x 16 pixels with their neighbours
TALLEST = 65_500  # px, the limit of the JPEG format


@dataclass(frozen=True, slots=True)
class Picture:
    """The facts of a complete picture, in upright position."""

    media_type: str
    width: int  # px
    height: int  # px
    phash: str  # 256-bit difference hash, 64 hexadecimal digits


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A decoded picture: upright, 8 bits, grey (`L`) or RGB; transparent parts are white."""

    image: Image.Image  # may be smaller than the picture
    width: int  # px of the whole picture
    height: int
    format: Format


def inspect(body: bytes) -> Picture:
    """Measure a picture.

    Raises:
        BrokenPicture: it is in another format, is cut off or broken, or costs too much to decode.
    """
    # A JPEG is decoded at an eighth of its size where that is enough; this still reads it to its end.
    seen = unpack(body, (2 * SIDE, 2 * SIDE), grey=True)
    return Picture(seen.format, seen.width, seen.height, difference_hash(seen.image))


def unpack(body: bytes, least: tuple[int, int] | None = None, *, grey: bool = False) -> Unpacked:
    """Decode a picture; of more than MAX_PIXELS, it comes smaller. A JPEG may be reduced to a half, a fourth or an
    eighth of its size, not below `least`; `grey` lets a JPEG stay without colours.

    Raises:
        BrokenPicture: it is in another format, is cut off or broken, or costs too much to decode.
    """
    file_format = format_of(body)
    if file_format is Format.RAW:
        return replace(unpack(preview_of(body), least, grey=grey), format=Format.RAW)
    outline = walk_through(body, file_format)
    try:
        # Pillow warns about parts that it skips; the required parts were checked before.
        with warnings.catch_warnings(action="ignore"), reader_of(file_format)(io.BytesIO(body)) as image:
            size = image.size
            _check_size(size, file_format, outline.scans)
            if least or size[0] * size[1] > MAX_PIXELS:
                image.draft("L" if grey else "RGB", _smaller(size, least))
            seen = _whole_grey(body, outline, image, size)
            if seen is None:
                if (outline.huffman and _runs_out(body, outline, size)) or (
                    file_format is Format.PNG and png_runs_out(body)
                ):
                    raise BrokenPicture("a broken image: a part of its pixels is missing")
                image.load()
                seen = _within_limit(as_seen(image))
            turn = turn_of(image)
    except BROKEN as error:
        raise BrokenPicture(f"a broken image: {error or type(error).__name__}") from error
    if turn in TURNS:
        seen = seen.transpose(TURNS[turn])
    width, height = reversed(size) if turn in SIDEWAYS else size
    return Unpacked(seen, width, height, file_format)


def _whole_grey(body: bytes, outline: Outline, image: ImageFile.ImageFile, size: tuple[int, int]) -> Image.Image | None:
    """The grey pixels of a JPEG of which none is missing; None if it has colours, or this does not show it.

    Where pixels are missing, the library leaves all blocks after them empty, which gives the grey of 128. So this
    decodes one row of blocks more than there is. If its first blocks are not empty, none before was.
    """
    colours = body[outline.frame + 4 : outline.frame + 5]
    if not (outline.sequential and image.mode == "L" and colours in (b"\x01", b"\x03")):
        return None
    sampling = body[outline.frame + 6 : outline.frame + 14 : 3] if colours == b"\x03" else b"\x11"
    across, down = (8 * max(factor >> shift & 15 for factor in sampling) for shift in (4, 0))  # px of a block
    row = -(-size[1] // down) * down  # where it begins
    if row + down > TALLEST:
        return None
    taller = body[: outline.frame] + (row + down).to_bytes(2) + body[outline.frame + 2 : outline.end] + END
    scale = image.decoderconfig[0] if image.decoderconfig else 1
    with READERS[Format.JPEG](io.BytesIO(taller)) as again:
        again.draft("L", (again.width // scale, again.height // scale))
        after = again.crop((0, row // scale, across // scale, (row + down) // scale))
        return None if after.getextrema() == EMPTY else again.crop((0, 0, *image.size))


def _runs_out(body: bytes, outline: Outline, size: tuple[int, int]) -> bool:
    """Whether a JPEG's pixels end too early, although it has an end marker.

    The library fills missing pixels with grey, without an error. This decodes twice, with and without filling bytes
    before the end marker. If pixels are missing, the filling is read as pixels, so the results differ.
    """
    # An eighth of the size shows that blocks are missing, but not that details of the last blocks are.
    least = size if size[0] * size[1] <= MAX_LOOK else (1, 1)
    seen = []
    for filling in (b"", FILLING):
        with READERS[Format.JPEG](io.BytesIO(body[: outline.end] + filling + END)) as again:
            again.draft("RGB", least)
            seen.append(again.tobytes())
    return seen[0] != seen[1]


def reader_of(file_format: Format) -> type[ImageFile.ImageFile]:
    """The class of Pillow that reads a format, in one thread, so that limits of time and memory hold.

    Raises:
        BrokenPicture: it is HEIC, and pillow-heif is not installed.
    """
    if file_format is not Format.HEIC:
        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
        return READERS[file_format]
    try:
        from pillow_heif import HeifImageFile, options
    except ImportError as error:
        raise BrokenPicture(NO_HEIC) from error
    options.DECODE_THREADS = 1
    return HeifImageFile


def _check_size(size: tuple[int, int], file_format: Format, scans: int) -> None:
    width, height = size
    most = LARGEST.get(file_format, LARGEST_OTHER)
    if width * height > most:
        raise BrokenPicture(f"an image of too many pixels to be decoded ({width} x {height}, more than {most:,})")
    if width * height * scans > MAX_WORK:
        raise BrokenPicture(f"a JPEG of too many scans to be decoded ({scans} over {width} x {height} pixels)")


def _smaller(size: tuple[int, int], least: tuple[int, int] | None) -> tuple[int, int]:
    """The size of at most MAX_PIXELS at which a JPEG is decoded, and at least `least`, if that is smaller."""
    width, height = size
    scale = next(scale for scale in (1, 2, 4, 8) if width * height <= MAX_PIXELS * scale**2 or scale == 8)
    most = width // scale, height // scale
    return (min(least[0], most[0]), min(least[1], most[1])) if least else most


def _within_limit(image: Image.Image) -> Image.Image:
    """The same picture, or a smaller one of at most MAX_PIXELS."""
    factor = math.ceil(math.sqrt(image.width * image.height / MAX_PIXELS))
    return image.reduce(factor) if factor > 1 else image


def turn_of(image: Image.Image) -> int | None:
    """The EXIF orientation.

    Pillow's own functions do not fit. `exif_transpose` rewrites the EXIF data, which fails where a part is broken.
    `getexif` also reads XMP and old PNG texts, which viewers ignore.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        turn = exif.get(ExifTags.Base.Orientation)
    except BROKEN:
        return None
    return turn if isinstance(turn, int) else None


def as_seen(image: Image.Image) -> Image.Image:
    """The same picture in 8 bits, grey or RGB; transparent parts become white."""
    if image.mode.startswith("I"):
        return _in_eight_bits(image)
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("RGB")
    return image if image.mode == "L" else image.convert("RGB")


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8. Pillow would cut it off at 255, so nearly all of it would be white."""
    pixels = image.convert("I;16").tobytes("raw", "I;16")  # little-endian
    high = Image.frombytes("L", image.size, pixels[1::2])
    through = image.info.get("transparency")  # the transparent value
    if isinstance(through, int):
        low = Image.frombytes("L", image.size, pixels[::2])
        halves = (high, through >> 8), (low, through & 255)
        masks = [half.point([255 * (value == its) for value in range(256)]) for half, its in halves]
        high.paste(255, mask=ImageChops.darker(*masks))
    return high


def difference_hash(image: Image.Image) -> str:
    """A hash of 256 bits, in hexadecimal: which pixels of a small grey copy are brighter than their left neighbours.

    The method is Neal Krawetz' difference hash ("Kind of Like That", hackerfactor.com, 2013). The library ImageHash has
    it too, but needs scipy, numpy and PyWavelets.
    """
    small = image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR).tobytes()
    brighter = bytes(map(lt, small, small[1:]))
    rows = b"".join(brighter[start : start + SIDE] for start in range(0, len(small), SIDE + 1))
    return f"{int(rows.translate(DIGITS), 2):064x}"


def distance(one: str, other: str) -> int:
    """The number of bits, of 256, in which two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def shrink(body: bytes, width: int, quality: int) -> tuple[bytes, int]:
    """A picture as an upright JPEG of at most `width` px, and its height. Nothing but pixels is kept of the file.

    Raises:
        BrokenPicture: it cannot be read, or is too tall for a JPEG.
    """
    small = unpack(body, (width, width)).image.convert("RGB")  # large enough, also where the picture is turned
    if small.width > width:
        size = (width, max(1, round(small.height * width / small.width)))
        small = small.resize(size, Image.Resampling.LANCZOS)
    if small.height > TALLEST:
        raise BrokenPicture(f"an image {small.height:,} pixels high, more than a JPEG can have")
    return as_jpeg(small, quality, progressive=True), small.height


def as_jpeg(image: Image.Image, quality: int, *, progressive: bool = False) -> bytes:
    """Pixels as a JPEG, without other data of the original file."""
    image.info.clear()  # else a JPEG's comment would be written again
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, progressive=progressive)
    return file.getvalue()
