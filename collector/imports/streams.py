"""Packed bytes as a stream of what is in them, never much of it in memory, and never more than is plausible."""

import gzip
import io
import zlib
from typing import Protocol

from collector.codes import Aside
from collector.console.measures import limit_in_words
from collector.fetch.decompress import GZIP, MAGIC
from collector.imports.captures import LARGEST, Failed

try:
    from backports import zstd
except ImportError:  # Python 3.14 has it
    from compression import zstd  # pyright: ignore[reportMissingImports]

MOST_RATIO = 300  # unpacked bytes for a packed one; pages come to 30
PLAUSIBLE = 64 * 1024 * 1024  # bytes for which the ratio is not looked at
WIDEST_WINDOW = 27  # log2 of the bytes that a zstd stream may make us hold, 128 MiB: what `zstd` itself accepts
BROKEN = (EOFError, OSError, zlib.error, zstd.ZstdError)
ZSTD = MAGIC[1][0]


class Stream(Protocol):
    """What can be read in pieces."""

    def read(self, size: int, /) -> bytes: ...


class Counted:
    """A stream that counts what is read from it."""

    def __init__(self, inner: Stream) -> None:
        self._inner = inner
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self._inner.read(size)
        self.count += len(piece)
        return piece

    def seekable(self) -> bool:
        return False

    def readable(self) -> bool:
        return True


class Unpacked:
    """A stream unpacked as it is read; one that grows too much, or that ends too early, fails with that reason."""

    def __init__(self, packed: Stream, first: bytes = b"") -> None:
        self._packed = Counted(_Joined(first, packed) if first else packed)
        opened = gzip.GzipFile(fileobj=self._packed) if first.startswith(GZIP) else _zstd(self._packed)  # type: ignore[arg-type]
        self._inner = opened
        self.count = 0

    def read(self, size: int, /) -> bytes:
        try:
            piece = self._inner.read1(size)  # `read` would lose what comes before a cut
        except BROKEN as error:
            raise broken(error) from error
        self.count += len(piece)
        if self.count > max(PLAUSIBLE, MOST_RATIO * self._packed.count):
            raise Failed(Aside.BOMB, limit_in_words(self.count))
        return piece


class _Joined:
    """Bytes that were read already, and then the rest."""

    def __init__(self, first: bytes, rest: Stream) -> None:
        self._first, self._rest = io.BytesIO(first), rest

    def read(self, size: int = -1, /) -> bytes:
        return self._first.read(size) or self._rest.read(size)


def _zstd(packed: Counted) -> zstd.ZstdFile:
    options = {zstd.DecompressionParameter.window_log_max: WIDEST_WINDOW}
    return zstd.ZstdFile(packed, options=options)  # type: ignore[arg-type]


def broken(error: BaseException) -> Failed:
    """What is wrong with a packed stream; an error of the disk stays one."""
    if isinstance(error, EOFError):
        return Failed(Aside.CUT_OFF)
    if isinstance(error, OSError) and error.errno is not None:
        return Failed(Aside.CANNOT_READ, error.strerror)
    return Failed(Aside.BROKEN, str(error)[:200])


def is_packed(first: bytes) -> bool:
    """Whether these first bytes are those of gzip or zstd."""
    return first.startswith((GZIP, ZSTD))


def unpacked(raw: bytes) -> bytes:
    """The bytes of one page, unpacked where they are packed.

    Raises:
        Failed: it is larger than a page may be, damaged, or cut off.
    """
    return whole(Unpacked(io.BytesIO(), raw)) if is_packed(raw) else raw


def whole(stream: Stream, most: int = LARGEST) -> bytes:
    """All of a stream that holds one page, as it is.

    Raises:
        Failed: it is larger than a page may be.
    """
    pieces, count = list[bytes](), 0
    while count <= most and (piece := stream.read(min(1 << 20, most + 1 - count))):
        pieces.append(piece)
        count += len(piece)
    if count > most:
        raise Failed(Aside.TOO_LARGE, limit_in_words(most))
    return b"".join(pieces)
