"""Pictures as telephones take them: very large JPEGs, HEIC and AVIF."""

import io
import random
import subprocess
import sys
from functools import partial

import pytest
from PIL import ExifTags, Image

from collector.errors import BrokenPicture
from collector.storage.decoders import decoders
from collector.storage.images import MAX_PIXELS, distance, inspect, unpack
from tests.collector.storage.test_images import PHOTOS, encoded, opened

heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed: pip install pillow-heif")
SHOWN = opened(PHOTOS[0]).convert("RGB")


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    heif.from_pillow(image).save(out, quality=80, **options)
    return out.getvalue()


BODIES = {"image/heic": heic(SHOWN), "image/avif": encoded(SHOWN, "AVIF", quality=80)}


@pytest.mark.parametrize("media_type", BODIES)
def test_a_telephones_format_is_measured_like_others(media_type: str) -> None:
    picture = inspect(BODIES[media_type])
    assert (picture.media_type, picture.width, picture.height) == (media_type, *SHOWN.size)
    assert distance(picture.phash, inspect(PHOTOS[0]).phash) <= 12


@pytest.mark.parametrize("media_type", BODIES)
def test_what_is_cut_off_is_broken(media_type: str) -> None:
    body = BODIES[media_type]
    for end in (40, len(body) // 2, len(body) - 1):
        with pytest.raises(BrokenPicture, match="cut off"):
            inspect(body[:end])


@pytest.mark.parametrize("media_type", BODIES)
def test_mutilated_bytes_are_read_or_broken_and_nothing_else(media_type: str) -> None:
    for seed in range(40):
        chance, body = random.Random(seed), bytearray(BODIES[media_type])
        for _ in range(chance.randrange(1, 20)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            decoders().run(inspect, bytes(body))
        except BrokenPicture as error:
            assert str(error)  # noqa: PT017


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_turned_picture_is_upright(turn: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    size = SHOWN.size if turn == 3 else SHOWN.size[::-1]
    upright = SHOWN.transpose(
        {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270}.get(turn, Image.Transpose.ROTATE_90)
    )
    for body in (heic(SHOWN, exif=exif.tobytes()), encoded(SHOWN, "AVIF", exif=exif)):
        picture = inspect(body)
        assert (picture.width, picture.height) == size
        assert distance(picture.phash, inspect(encoded(upright, "PNG")).phash) <= 16


def test_transparent_parts_are_white() -> None:
    hidden = Image.new("RGBA", (80, 60), (200, 20, 20, 0))
    for body in (heic(hidden), encoded(hidden, "AVIF")):
        assert min(unpack(body).image.convert("RGB").getpixel((40, 30))) > 250  # pyright: ignore[reportArgumentType]


def test_without_pillow_heif_one_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from collector.storage.images import inspect\n"
        "inspect(sys.stdin.buffer.read())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=BODIES["image/heic"], capture_output=True, check=False)
    last = done.stderr.decode().splitlines()[-1]
    assert last.endswith("a HEIC image, which cannot be read here yet: `pip install pillow-heif` helps")


def _of(width: int, height: int) -> Image.Image:
    return SHOWN.resize((width, height), Image.Resampling.NEAREST)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encoded(_of(8160, 6120), quality=40),
        lambda: heic(Image.new("RGB", (4032, 3024), (90, 80, 70))),  # plain: details take half a minute to write
        lambda: encoded(_of(4032, 3024), "AVIF", speed=10, quality=40),
        lambda: encoded(_of(4032, 3024), "PNG", compress_level=1),
    ],
    ids=["JPEG of 50 million pixels", "HEIC", "AVIF", "PNG"],
)
def test_a_large_picture_comes_smaller_with_its_own_size(make: partial[bytes]) -> None:
    seen = decoders().run(unpack, make())
    assert seen.width * seen.height > MAX_PIXELS >= seen.image.width * seen.image.height
    assert seen.image.width / seen.image.height == pytest.approx(seen.width / seen.height, rel=0.01)


def test_more_pixels_than_a_telephone_takes_are_never_decoded() -> None:
    body = bytearray(BODIES["image/avif"])
    at = body.index(b"ispe") + 8
    body[at : at + 8] = (30_000).to_bytes(4) + (30_000).to_bytes(4)
    with pytest.raises(BrokenPicture):
        decoders().run(inspect, bytes(body))
