"""Pictures that are none of a horse, and files that are none."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

SIZE = (480, 360)


def as_bytes(image: Image.Image, kind: str = "JPEG") -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def not_horses() -> dict[str, Image.Image]:
    """Noise, a plain colour, and drawings of other things."""
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
    found = {"noise": Image.fromarray(noise), "a plain colour": Image.new("RGB", SIZE, (200, 30, 30))}
    for name in ("a house", "a face", "a page"):
        found[name] = Image.new("RGB", SIZE, (235, 240, 250))
    house, face, page = (ImageDraw.Draw(found[name]) for name in ("a house", "a face", "a page"))
    house.rectangle((140, 140, 340, 300), fill=(180, 80, 60))
    house.polygon([(120, 140), (240, 50), (360, 140)], fill=(90, 50, 40))
    face.ellipse((130, 40, 350, 320), fill=(240, 200, 170))
    for left in (185, 265):
        face.ellipse((left, 130, left + 25, 155), fill=(20, 20, 20))
    for top in range(10, 350, 16):
        page.text((12, top), "The quick brown fox jumps over the lazy dog. " * 2, fill=(10, 10, 10))
    return found


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG that says it is this large, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
