"""Stores raw bytes as they came, under their digest. This module does not know what they mean.

Pages are compressed with zstd, where one is at hand with a dictionary of what pages of their kind have in common
(`collector.storage.dictionaries`): a page of 80 kB then costs three. Rows of earlier versions are compressed with zlib.
"""

import hashlib
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

try:
    from backports import zstd
except ImportError:  # Python 3.14 has it
    from compression import zstd  # pyright: ignore[reportMissingImports]

WORTH_PACKING = 1024  # bytes; for fewer bytes, the saved space is not worth the time
# Levels of zstd. Real results of 82 kB: 2.5 kB in 0.25 ms with a dictionary, 18 kB in 0.12 ms without one.
LEVEL, LEVEL_ALONE = 9, 3
IMAGE_TYPES = ("image/", "application/octet-stream")
CHARSET = re.compile(r";.*?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
Known = Mapping[int, "zstd.ZstdDict"]  # dictionaries by their numbers
NONE: Known = MappingProxyType({})


class Damaged(ValueError):
    """What is held is no longer what was stored, or its dictionary is missing."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A row of `blob`: `content` is the body as it came, or compressed where that helps."""

    digest: str  # SHA-256 of the body, hexadecimal
    media_type: str  # the result of `type_of`
    size: int  # bytes of the body
    encoding: str  # "" (as it came), "zstd", "zstd:" and the number of its dictionary, or "zlib" (not written any more)
    content: bytes


def digest_of(body: bytes) -> str:
    """The SHA-256 of these bytes, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def type_of(content_type: str) -> str:
    """The stored form of a Content-Type: the media type and the charset, which is needed to decode a page later."""
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    charset = CHARSET.search(content_type)
    return f"{media_type}; charset={charset[1].lower()}" if charset else media_type


def pack(body: bytes, media_type: str, digest: str | None = None, dictionary: "zstd.ZstdDict | None" = None) -> Packed:
    """Bytes ready to be stored. Pages are compressed; photos and small pages are not."""
    digest = digest or digest_of(body)
    if media_type.startswith(IMAGE_TYPES) or len(body) < WORTH_PACKING:
        return Packed(digest, media_type, len(body), "", body)
    if dictionary is None:
        return Packed(
            digest, media_type, len(body), "zstd", _compressor().compress(body, zstd.ZstdCompressor.FLUSH_FRAME)
        )
    content = zstd.compress(body, LEVEL, zstd_dict=dictionary.as_digested_dict)
    return Packed(digest, media_type, len(body), f"zstd:{dictionary.dict_id}", content)


@cache
def _compressor() -> "zstd.ZstdCompressor":
    """A compressor that is used again and again: to make one costs as much as to compress a small page."""
    return zstd.ZstdCompressor(LEVEL_ALONE)


def unpack(content: bytes, encoding: str, dictionaries: Known = NONE) -> bytes:
    """The body as it came.

    Raises:
        Damaged: it cannot be had from these bytes, or not without a dictionary that is not among these.
    """
    packing, _, number = encoding.partition(":")
    try:
        if packing == "zstd":
            return zstd.decompress(content, dictionaries[int(number)] if number else None)
        return zlib.decompress(content) if packing == "zlib" else content
    except KeyError as error:
        raise Damaged(f"the dictionary {number} is missing") from error
    except (zlib.error, zstd.ZstdError) as error:
        raise Damaged(str(error)) from error


def unpack_whole(content: bytes, encoding: str, digest: str, dictionaries: Known = NONE) -> bytes | None:
    """The body as it came; None where it is damaged and no longer what its digest names."""
    try:
        body = unpack(content, encoding, dictionaries)
    except Damaged:
        return None
    return body if digest_of(body) == digest else None
