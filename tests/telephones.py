"""Photos as telephones take them."""

import io

import pytest
from PIL import Image


def taken_by_telephone(body: bytes, kind: str) -> bytes:
    """The same photo as a very large JPEG, as AVIF or as HEIC; where no HEIC can be written, the test is skipped."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(body)) as image:
        if kind == "HEIC":
            heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
            heif.from_pillow(image.convert("RGB")).save(file, quality=80)
        elif kind == "AVIF":
            image.save(file, "AVIF")
        else:
            image.resize((8160, 6120), Image.Resampling.NEAREST).save(file, "JPEG", quality=40)
    return file.getvalue()
