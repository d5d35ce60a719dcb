"""Small files that claim to be huge, or take hours to decode. This module never holds the decoded data."""

import io
import struct
import zlib
from functools import cache

import brotli
from PIL import Image

GIBIBYTE = 1024**3
PIECE = 16 * 1024 * 1024  # bytes of zeros compressed at a time
ZSTD_BLOCK = 128 * 1024  # the largest block of the format
SIDE = 50_000  # px
SCANS = 60_000
DEPTH = 800_000  # elements, 4 MB of them


@cache
def gzip_bomb(size: int = 2 * GIBIBYTE) -> bytes:
    """One gzip member: the same compressed piece again and again, with the right checksum at its end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(PIECE))
    packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, a compressed piece does not depend on the data before it, so it may be repeated.
    piece = packer.compress(bytes(PIECE)) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros, checksum = bytes(PIECE), 0
    for _ in range(size // PIECE):
        checksum = zlib.crc32(zeros, checksum)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return (
        b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + piece * (size // PIECE) + end + struct.pack("<II", checksum, size % 2**32)
    )


@cache
def brotli_bomb(size: int = GIBIBYTE) -> bytes:
    """Zeros, compressed with Brotli."""
    packer = brotli.Compressor(quality=1, lgwin=22)
    zeros = bytes(PIECE)
    packed = [packer.process(zeros) for _ in range(size // PIECE)]
    return b"".join([*packed, packer.finish()])


@cache
def zstd_bomb(size: int = 2 * GIBIBYTE) -> bytes:
    """A frame of blocks that each mean: this byte, 131,072 times."""
    count = size // ZSTD_BLOCK
    run = ZSTD_BLOCK << 3 | 1 << 1
    block = run.to_bytes(3, "little") + b"\0"
    last = (run | 1).to_bytes(3, "little") + b"\0"
    window = bytes([10 << 3])  # 1 MiB
    return b"\x28\xb5\x2f\xfd\0" + window + block * (count - 1) + last


def deep(page: bytes, depth: int = DEPTH) -> bytes:
    """A page with elements that are never closed. For each new one, a parser looks through all open ones."""
    return page + b"<div>" * depth


def huge_png() -> bytes:
    """A PNG whose header states 2.5 billion pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + SIDE // 8) * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@cache
def many_scans(side: int = 3460, scans: int = SCANS) -> bytes:
    """A progressive JPEG with its last scan 60,000 times: a file of 1.6 MB that takes a minute to decode."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), (120, 90, 60)).save(file, "JPEG", progressive=True, quality=30)
    body = file.getvalue()
    scan, end = body.rindex(b"\xff\xda"), body.rindex(b"\xff\xd9")
    return body[:scan] + body[scan:end] * scans + body[end:]


def without_its_last_part(body: bytes) -> bytes:
    """A JPEG without its last third, but with its end marker."""
    return body[: len(body) * 2 // 3].rstrip(b"\xff") + b"\xff\xd9"
