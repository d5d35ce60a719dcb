"""What counts as a picture, and by what its copies are recognised."""

import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from collector.demo.drawing import draw_photo
from collector.demo.truth import truth
from collector.demo.world import World
from collector.errors import Unsafe
from collector.images import MAX_PIXELS, distance, inspect

THERE = truth(World(), 2016, 2016)
ISSUES = (THERE.issues[0].code, THERE.issues[2].code)  # the others repeat photos
PHOTOS = [
    draw_photo(photo.photo.picture) for photo in THERE.photos if photo.issue_code in ISSUES and photo.photo.picture
]


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


@pytest.mark.parametrize(
    ("form", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")]
)
def test_a_whole_picture_is_measured(form: str, media_type: str) -> None:
    picture = inspect(encoded(opened(PHOTOS[0]), form))
    assert (picture.media_type, picture.width, picture.height) == (media_type, *opened(PHOTOS[0]).size)
    assert len(picture.phash) == 64


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "CMYK", "I;16", "LA"])
def test_any_mode_of_colour_will_do(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    source = opened(PHOTOS[0]).convert("L" if mode == "I;16" else mode)
    assert inspect(encoded(source.convert(mode) if mode == "I;16" else source, form)).width == source.width


def test_a_copy_encoded_anew_is_near_and_another_photo_is_far() -> None:
    hashes = [inspect(body).phash for body in PHOTOS]
    for body, phash in zip(PHOTOS, hashes, strict=True):
        copy, smaller = opened(body), opened(body).resize((273, 205))
        assert distance(phash, inspect(encoded(copy, quality=50)).phash) <= 12
        assert distance(phash, inspect(encoded(smaller, quality=85)).phash) <= 40
    assert min(distance(one, other) for number, one in enumerate(hashes) for other in hashes[:number]) > 40


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not an image"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"%PDF-1.7", "not an image"),
        (PHOTOS[0][:-2000], "broken"),
        (PHOTOS[0][:300], "broken"),
    ],
)
def test_what_is_no_picture_is_unsafe(body: bytes, said: str) -> None:
    with pytest.raises(Unsafe, match=said):
        inspect(body)


def test_too_many_pixels_are_told_by_the_header_and_never_unpacked() -> None:
    side = int(MAX_PIXELS**0.5) + 10
    for size in ((side, side), (9000, 9999), (50_000, 50_000)):
        header = encoded(Image.new("1", (8, 8)), "PNG")
        width, height = (number.to_bytes(4, "big") for number in size)
        chunk = b"IHDR" + width + height + header[24:29]
        import zlib

        bomb = header[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + header[33:]
        with pytest.raises(Unsafe, match="pixels"):
            inspect(bomb)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(), cuts=st.integers(1, 40), form=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP"]))
def test_mutilated_pictures_are_read_or_unsafe_and_nothing_else(seed: int, cuts: int, form: str) -> None:
    chance = random.Random(seed)
    body = bytearray(encoded(opened(PHOTOS[0]).resize((60, 45)), form))
    for _ in range(cuts):
        body[chance.randrange(len(body))] = chance.randrange(256)
    try:
        inspect(bytes(body))
    except Unsafe as error:
        assert str(error)  # noqa: PT017
