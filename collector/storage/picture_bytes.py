"""Checks of a picture's bytes before it is decoded: its format, and whether it is complete. Pure.

Pillow cannot do these: it reads many files whose end is missing, and its format names are not media types (it calls
a camera's JPEG with two pictures "MPO").
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from collector.errors import BrokenPicture

MAX_SCANS = 100  # of a progressive JPEG; encoders write about 10, and each is decoded over the whole picture
MAX_SEGMENTS = 5_000  # of a JPEG, other than scans; files of cameras have some dozens, of at most 64 kB
MAX_PIECES = 200_000  # chunks or blocks of a PNG, GIF or WebP of 20 MB
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # of a JPEG; the excluded codes occur within its pixels
BARE = frozenset(b"\x01\xd8")  # markers without a length
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {
    0xC4,
    0xC8,
    0xCC,
}  # state the size, the colours and the compression
PNG_HEADER = ">IIBBBBB"
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # Adam7
PIECE = 1 << 20  # bytes that are decompressed at once
SEQUENTIAL = (0xC0, 0xC1)
HUFFMAN = (*SEQUENTIAL, 0xC2)


class Format(StrEnum):
    """A supported picture format, by its media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    AVIF = "image/avif"
    HEIC = "image/heic"
    RAW = "image/x-dcraw"  # of cameras: DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2


NAMES = "JPEG, PNG, GIF, WebP, AVIF, HEIC, a camera's RAW"
BEGINNINGS = (
    (re.compile(rb"\xff\xd8\xff"), Format.JPEG),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), Format.PNG),
    (re.compile(rb"GIF8[79]a"), Format.GIF),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), Format.WEBP),
    # The brand; behind the general brand mif1 stand its special ones.
    (re.compile(rb"....ftyp(?:avif|avis|mif1(?:....){1,9}?avif)", re.DOTALL), Format.AVIF),
    (re.compile(rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL), Format.HEIC),
    (re.compile(rb"II\x2a\0|MM\0\x2a|IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|....ftypcrx ", re.DOTALL), Format.RAW),
)


def format_of(body: bytes) -> Format:
    """The format of a file, by its first bytes.

    Raises:
        BrokenPicture: it is of none of the formats.
    """
    for beginning, file_format in BEGINNINGS:
        if beginning.match(body):
            return file_format
    start = body[:200].lstrip().lower()
    what = "HTML" if start.startswith((b"<!doctype html", b"<html")) else f"it begins with {body[:12]!r}"
    raise BrokenPicture(f"not an image in a format that is read: {NAMES} ({what})")


@dataclass(frozen=True, slots=True)
class Outline:
    """The structure of a file."""

    scans: int = 1  # of a JPEG
    end: int = 0  # of a JPEG: the position of its end marker; a camera may append more after it
    huffman: bool = False  # whether its compression is the usual one of JPEGs
    frame: int = 0  # of a JPEG: the position of its height, two bytes, with width and colours after it
    sequential: bool = False  # whether it is a JPEG of a single scan from top to bottom


def walk_through(body: bytes, file_format: Format) -> Outline:
    """Walk through a file to its end.

    Raises:
        BrokenPicture: its end is missing, a part of it is missing or damaged, or it has too many parts.
    """
    match file_format:
        case Format.JPEG:
            return _walk_jpeg(body)
        case Format.PNG:
            _walk_png(body)
        case Format.GIF:
            _walk_gif(body)
        case Format.WEBP:
            _walk_webp(body)
        case Format.AVIF | Format.HEIC:
            _walk_boxes(body)
    return Outline()


def _cut_off() -> BrokenPicture:
    return BrokenPicture("a broken image: cut off before its end")


def _walk_jpeg(body: bytes) -> Outline:
    at, scans, segments, frame, frame_at = 2, 0, 0, 0, 0
    missing = set[tuple[int, int]]()  # (colour, frequency) pairs that are still incomplete
    while found := MARKER.search(body, at):
        at, code = found.end(), body[found.end() - 1]
        if code == END_OF_IMAGE:
            if missing:
                raise _cut_off()
            sequential = scans == 1 and frame in SEQUENTIAL
            return Outline(scans, found.start(), frame in HUFFMAN, frame_at, sequential)
        segments += 1
        if segments > MAX_SEGMENTS:
            raise BrokenPicture(f"a JPEG of more than {MAX_SEGMENTS:,} parts")
        if code in BARE:
            continue
        segment = body[at + 2 : at + max(2, int.from_bytes(body[at : at + 2]))]
        if code == START_OF_SCAN:
            scans += 1
            _note_scan(segment, missing)
        elif code in FRAMES:
            frame, frame_at = code, at + 3
            missing |= {(colour, 0) for colour in segment[6::3]}
        if scans > MAX_SCANS:
            raise BrokenPicture(f"a JPEG of too many scans to be decoded (more than {MAX_SCANS})")
        at += 2 + len(segment)
    raise _cut_off()


def _note_scan(segment: bytes, missing: set[tuple[int, int]]) -> None:
    """Note the frequencies and colours of a scan. In a progressive JPEG, their last bits may come in a later scan."""
    if len(segment) < 4 or len(segment) != 4 + 2 * segment[0]:
        raise BrokenPicture("a broken image: a scan without its colours")
    first, last, bits = segment[-3:]
    coded = {(colour, each) for colour in segment[1:-3:2] for each in range(first, min(last, 63) + 1)}
    if bits & 15:
        missing |= coded
    else:
        missing -= coded


def _walk_png(body: bytes) -> None:
    for name, part, checksum in _parts_of_png(body):
        if zlib.crc32(part, zlib.crc32(name)) != checksum:
            raise BrokenPicture(f"a broken image: the checksum of its part {name!r} is wrong")


def _parts_of_png(body: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Name, content and checksum of each part, up to the end part."""
    at, whole = 8, memoryview(body)
    for _ in range(MAX_PIECES):
        length, name = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(body):
            raise _cut_off()
        yield name, whole[at + 8 : end], int.from_bytes(body[end : end + 4])
        if name == b"IEND":
            return
        at = end + 4
    raise BrokenPicture(f"a PNG of more than {MAX_PIECES:,} parts")


def png_runs_out(body: bytes) -> bool:
    """Whether a PNG has fewer rows than its header says. The caller has checked its size."""
    missing = 0
    unpacker = zlib.decompressobj()
    for name, part, _ in _parts_of_png(body):
        if name == b"IHDR" and len(part) == struct.calcsize(PNG_HEADER):
            missing = _unpacked_size(*struct.unpack(PNG_HEADER, part))
        packed: bytes | memoryview = part if name == b"IDAT" else b""
        while packed and missing > 0:
            missing -= len(unpacker.decompress(packed, min(missing, PIECE)))
            packed = unpacker.unconsumed_tail
    return missing > 0


def _unpacked_size(width: int, height: int, depth: int, colour: int, _method: int, _filter: int, interlace: int) -> int:
    """Bytes of all rows, each with its filter's number before it; an interlaced picture has seven passes."""
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour, 1)
    passes = PASSES if interlace else ()
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in passes]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes or [(width, height)] if columns > 0)


def _walk_gif(body: bytes) -> None:
    at = 13 + _colours(body[10:11])
    for _ in range(MAX_PIECES):
        match body[at : at + 1]:
            case b";":
                return
            case b"!":  # an extension and its label
                at = _after_blocks(body, at + 2)
            case b",":  # a picture: position and size, colours, and the width of its codes
                at = _after_blocks(body, at + 11 + _colours(body[at + 9 : at + 10]))
            case b"":
                raise _cut_off()
            case other:
                raise BrokenPicture(f"a broken image: {other!r} does not begin a part of a GIF")
    raise BrokenPicture(f"a GIF of more than {MAX_PIECES:,} parts")


def _colours(flags: bytes) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _after_blocks(body: bytes, at: int) -> int:
    while at < len(body):
        if body[at] == 0:
            return at + 1
        at += 1 + body[at]
    raise _cut_off()


def _walk_webp(body: bytes) -> None:
    end = 8 + int.from_bytes(body[4:8], "little")
    if end > len(body):
        raise _cut_off()
    at = 12
    for _ in range(MAX_PIECES):
        if at >= end:
            return
        length = int.from_bytes(body[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
        if at > end + 1:  # some writers leave out the last padding byte
            raise BrokenPicture("a broken image: a part of it is longer than the whole")
    raise BrokenPicture(f"a WebP of more than {MAX_PIECES:,} parts")


def _walk_boxes(body: bytes) -> None:
    """Walk through the boxes of an AVIF or HEIC, which have a length and a name."""
    at = 0
    for _ in range(MAX_PIECES):
        if at == len(body):
            return
        length, name = int.from_bytes(body[at : at + 4]), body[at + 4 : at + 8]
        if length == 0:  # up to the end
            return
        if length == 1:  # longer than four bytes can say
            length = int.from_bytes(body[at + 8 : at + 16])
        if len(name) < 4 or at + length > len(body):
            raise _cut_off()
        if length < 8:
            raise BrokenPicture(f"a broken image: its part {name!r} is {length} bytes long")
        at += length
    raise BrokenPicture(f"an image of more than {MAX_PIECES:,} parts")
