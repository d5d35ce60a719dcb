"""Stores raw bytes as they came, under their digest. This module does not know what they mean."""

import hashlib
import re
import zlib
from dataclasses import dataclass

WORTH_PACKING = 8192  # bytes; for fewer bytes, the saved space is not worth the time
IMAGE_TYPES = ("image/", "application/octet-stream")
CHARSET = re.compile(r";.*?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)


@dataclass(frozen=True, slots=True)
class Packed:
    """A row of `blob`: `content` is the body as it came, or compressed with zlib where that helps."""

    digest: str  # SHA-256 of the body, hexadecimal
    media_type: str  # the result of `type_of`
    size: int  # bytes of the body
    encoding: str
    content: bytes


def digest_of(body: bytes) -> str:
    """The SHA-256 of these bytes, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def type_of(content_type: str) -> str:
    """The stored form of a Content-Type: the media type and the charset, which is needed to decode a page later."""
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    charset = CHARSET.search(content_type)
    return f"{media_type}; charset={charset[1].lower()}" if charset else media_type


def pack(body: bytes, media_type: str, digest: str | None = None) -> Packed:
    """Bytes ready to be stored. Large pages shrink to a fifth; photos and small pages are not compressed."""
    digest = digest or digest_of(body)
    if media_type.startswith(IMAGE_TYPES) or len(body) < WORTH_PACKING:
        return Packed(digest, media_type, len(body), "", body)
    return Packed(digest, media_type, len(body), "zlib", zlib.compress(body, 1))


def unpack(content: bytes, encoding: str) -> bytes:
    """The body as it came."""
    return zlib.decompress(content) if encoding == "zlib" else content


def unpack_whole(content: bytes, encoding: str, digest: str) -> bytes | None:
    """The body as it came; None where it is damaged and no longer what its digest names."""
    try:
        body = unpack(content, encoding)
    except zlib.error:
        return None
    return body if digest_of(body) == digest else None
