"""Foreign bytes become pixels: the one place where a picture is unpacked, as it is seen, and measured.

What is here is called within `collector.storage.decoders`, whose processes can be killed; nothing else unpacks foreign
bytes.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from operator import lt

from PIL import ExifTags, GifImagePlugin, Image, ImageChops, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from collector.errors import BrokenPicture
from collector.storage.picture_bytes import Outline, Sort, png_runs_out, sort_of, walk_through

MAX_PIXELS = 12_000_000  # that are unpacked; told by the header, before anything is
LARGEST_JPEG = 4 * MAX_PIXELS  # as a telephone takes it; unpacked at half its size
MAX_WORK = 12 * LARGEST_JPEG  # pixels of a JPEG times its scans
MAX_LOOK = 1_000_000  # pixels of a JPEG that is looked through at its full size
READERS = {
    Sort.JPEG: JpegImagePlugin.JpegImageFile,
    Sort.PNG: PngImagePlugin.PngImageFile,
    Sort.GIF: GifImagePlugin.GifImageFile,
    Sort.WEBP: WebPImagePlugin.WebPImageFile,
}
# What Pillow raises on broken files, and on their EXIF; found by feeding it mutated ones.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError,
    struct.error, zlib.error,
)  # fmt: skip
# Of a picture that lies as its EXIF says: how it is turned upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = (5, 6, 7, 8)
END = b"\xff\xd9"  # of a JPEG
NOISE = bytes(byte * 89 % 251 for byte in range(1, 100))  # as good as any, but for 0xff
FILLING = NOISE + b"".join(bytes((0xFF, 0xD0 + number % 8)) + NOISE for number in range(16))  # after each restart too
DIGITS = b"01" + bytes(254)  # 0 and 1 as binary digits
SIDE = 16  # the hash compares 16 x 16 neighbours
TALLEST = 65_500  # px that a JPEG can have


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that could be read to its end, measured as it is seen."""

    media_type: str
    width: int  # px
    height: int  # px
    phash: str  # 256-bit difference hash, 64 hexadecimal digits


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A picture as it is seen: upright, 8 bits, grey (`L`) or RGB, on white where it can be seen through."""

    image: Image.Image  # perhaps smaller than the picture is
    width: int  # px of the whole picture
    height: int
    sort: Sort


def inspect(body: bytes) -> Picture:
    """Measure a picture.

    Raises:
        BrokenPicture: it is no JPEG, PNG, GIF or WebP, cut off or broken, or costs too much to unpack.
    """
    # A JPEG is unpacked at an eighth of its size where that is enough; its end is reached all the same.
    seen = unpack(body, (2 * SIDE, 2 * SIDE), grey=True)
    return Picture(seen.sort, seen.width, seen.height, difference_hash(seen.image))


def unpack(body: bytes, least: tuple[int, int] | None = None, *, grey: bool = False) -> Unpacked:
    """A picture as it is seen. A JPEG may come at a half, a fourth or an eighth of its size, no smaller than `least`,
    and in grey where that is enough.

    Raises:
        BrokenPicture: it is no JPEG, PNG, GIF or WebP, cut off or broken, or costs too much to unpack.
    """
    sort = sort_of(body)
    outline = walk_through(body, sort)
    try:
        # Pillow warns of what it skips and goes on; what has to be whole was looked at before.
        with warnings.catch_warnings(action="ignore"), READERS[sort](io.BytesIO(body)) as image:
            size = image.size
            _check_size(image, outline.scans)
            if (outline.huffman and _runs_out(body, outline, image)) or (sort is Sort.PNG and png_runs_out(body)):
                raise BrokenPicture("a broken image: a part of its pixels is missing")
            if least or image.width * image.height > MAX_PIXELS:
                image.draft("L" if grey else "RGB", least or (image.width // 2, image.height // 2))
            image.load()
            turn = turn_of(image)
            seen = as_seen(image)
    except BROKEN as error:
        raise BrokenPicture(f"a broken image: {error or type(error).__name__}") from error
    if turn in TURNS:
        seen = seen.transpose(TURNS[turn])
    width, height = reversed(size) if turn in SIDEWAYS else size
    return Unpacked(seen, width, height, sort)


def _runs_out(body: bytes, outline: Outline, image: ImageFile.ImageFile) -> bool:
    """Whether a JPEG's pixels end too early, although its end is there.

    The library fills up with grey and tells nobody. But where something is missing, it takes whatever stands before
    the end for pixels, so that the picture depends on it; where nothing is, that is skipped.
    """
    # An eighth of the size is enough to see that blocks are missing, but not that details of the last ones are.
    size = image.size if image.width * image.height <= MAX_LOOK else (1, 1)
    seen = []
    for filling in (b"", FILLING):
        with READERS[Sort.JPEG](io.BytesIO(body[: outline.end] + filling + END)) as again:
            again.draft("RGB", size)
            seen.append(again.tobytes())
    return seen[0] != seen[1]


def _check_size(image: ImageFile.ImageFile, scans: int) -> None:
    width, height = image.size
    most = LARGEST_JPEG if image.format == "JPEG" else MAX_PIXELS
    if width * height > most:
        raise BrokenPicture(f"an image of too many pixels to be unpacked ({width} x {height}, more than {most:,})")
    if width * height * scans > MAX_WORK:
        raise BrokenPicture(f"a JPEG of too many scans to be unpacked ({scans} over {width} x {height} pixels)")


def turn_of(image: Image.Image) -> int | None:
    """The EXIF orientation.

    Pillow's own ways do not fit: that of turning writes the EXIF anew, which fails where any of it is broken, and
    that of reading believes XMP and old PNG texts besides, by which nothing turns a picture that shows it.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        turn = exif.get(ExifTags.Base.Orientation)
    except BROKEN:
        return None
    return turn if isinstance(turn, int) else None


def as_seen(image: Image.Image) -> Image.Image:
    """The same in 8 bits, grey or RGB, on white where it can be seen through."""
    if image.mode.startswith("I"):
        return _in_eight_bits(image)
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("RGB")
    return image if image.mode == "L" else image.convert("RGB")


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8, which Pillow would cut off at 255, so that nearly all of it is white."""
    pixels = image.convert("I;16").tobytes("raw", "I;16")  # little-endian
    high = Image.frombytes("L", image.size, pixels[1::2])
    through = image.info.get("transparency")  # the one value that can be seen through
    if isinstance(through, int):
        low = Image.frombytes("L", image.size, pixels[::2])
        halves = (high, through >> 8), (low, through & 255)
        masks = [half.point([255 * (value == its) for value in range(256)]) for half, its in halves]
        high.paste(255, mask=ImageChops.darker(*masks))
    return high


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


def shrink(body: bytes, width: int, quality: int) -> tuple[bytes, int]:
    """A picture as a JPEG of so many px width at most, and its height: upright, pixels and nothing else of the file.

    Raises:
        BrokenPicture: it cannot be read, or is too tall for a JPEG.
    """
    small = unpack(body, (width, width)).image.convert("RGB")  # enough of it, also where it lies on its side
    if small.width > width:
        size = (width, max(1, round(small.height * width / small.width)))
        small = small.resize(size, Image.Resampling.LANCZOS)
    if small.height > TALLEST:
        raise BrokenPicture(f"an image {small.height:,} pixels high, more than a JPEG can have")
    return as_jpeg(small, quality, progressive=True), small.height


def as_jpeg(image: Image.Image, quality: int, *, progressive: bool = False) -> bytes:
    """Pixels as a JPEG, without anything else that was in a file."""
    image.info.clear()  # or a comment in a JPEG would be written again
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, progressive=progressive)
    return file.getvalue()
