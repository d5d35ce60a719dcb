"""Bodies without their Content-Encoding, never more than is allowed of one in memory. Pure."""

import zlib
from collections.abc import Callable

import brotli

from collector.console.measures import limit_in_words
from collector.errors import TryLater, Unsafe

try:
    from backports import zstd
except ImportError:  # Python 3.14 has it
    from compression import zstd  # pyright: ignore[reportMissingImports]

WIDEST_WINDOW = 23  # log2 of the bytes that a zstd answer may make us hold, 8 MiB, as RFC 9659 has it
# What packed bytes begin with; Brotli has no mark.
GZIP = b"\x1f\x8b"
MAGIC = ((GZIP, "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))


def too_large(max_bytes: int) -> Unsafe:
    """The error for a body of more bytes than that."""
    return Unsafe(f"larger than {limit_in_words(max_bytes)}")


def unpack(wire: bytes, packing: str, max_bytes: int) -> bytes:
    """A body without its Content-Encoding, never more than `max_bytes` of it in memory.

    Raises:
        Unsafe: it would become larger than that.
        TryLater: it is cut off or broken, or packed in a way that was not asked for.
    """
    unpackers: dict[str, Callable[[bytes, int], bytes]] = {
        "gzip": _gunzip, "x-gzip": _gunzip, "br": _unbrotli, "zstd": _unzstd,
    }  # fmt: skip
    unpacker = unpackers.get(packing)
    if unpacker is None:
        raise TryLater(f"packed as {packing[:40]!r}, which was not asked for")
    try:
        body = unpacker(wire, max_bytes + 1)
    except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
        raise TryLater(f"broken {packing}: {error}") from error
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return body


def _gunzip(wire: bytes, most: int) -> bytes:
    """All members, as `gzip -d` reads them; bytes after the last one are ignored, as in browsers."""
    body = b""
    while True:
        member = zlib.decompressobj(wbits=31)
        body += member.decompress(wire, most - len(body))
        if len(body) >= most:
            return body
        if not member.eof:
            raise EOFError("cut off")
        wire = member.unused_data
        if not wire.startswith(GZIP):
            return body


def _unbrotli(wire: bytes, most: int) -> bytes:
    stream = brotli.Decompressor()
    body = stream.process(wire, output_buffer_limit=most)
    while len(body) < most and not stream.is_finished():
        more = stream.process(b"", output_buffer_limit=most - len(body))
        if not more:
            raise EOFError("cut off")
        body += more
    return body


def _unzstd(wire: bytes, most: int) -> bytes:
    body = b""
    while wire:
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WIDEST_WINDOW})
        body += frame.decompress(wire, most - len(body))
        if len(body) >= most:
            return body
        if not frame.eof:
            raise EOFError("cut off")
        wire = frame.unused_data
    return body
