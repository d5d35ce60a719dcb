"""Draws the photos of the look-alike's horses. The length of the body is the horse's; everything else is random."""

import io
from functools import lru_cache
from random import Random

from PIL import Image, ImageChops, ImageDraw

from collector.demo.world.figure import draw_horse
from collector.demo.world.world import Picture

SIZE = (304, 228)  # px
FINE = 2  # the factor by which it is drawn larger, for smooth edges
QUALITY = 88
COPY_QUALITY = 50
KEPT = 256  # pictures in memory, about 5 MB
PATCHES = (19, 14)  # of light and shade over the whole photo
SKIES = ((176, 205, 232), (205, 214, 222), (228, 222, 205), (140, 176, 214), (214, 190, 176))
GROUNDS = ((128, 150, 84), (176, 152, 112), (150, 142, 130), (104, 132, 70), (192, 176, 140))
TREES = ((52, 84, 48), (74, 98, 52), (96, 92, 48), (60, 76, 66), (120, 84, 44))
RAILS = ((240, 240, 236), (140, 104, 70), (90, 110, 96))

Colour = tuple[int, int, int]


@lru_cache(maxsize=KEPT)
def draw_photo(picture: Picture) -> bytes:
    """The JPEG file of a picture: always the same bytes for the same picture."""
    if picture.copy:
        with Image.open(io.BytesIO(draw_photo(Picture(picture.horse, picture.shot)))) as original:
            return _as_jpeg(original, COPY_QUALITY)
    random = Random(f"{picture.horse.name}:{picture.horse.number}:{picture.shot}")
    canvas = draw_backdrop(random)
    draw_horse(canvas, random, picture.horse)
    return _as_jpeg(_add_texture(random, canvas.reduce(FINE)), QUALITY)


def _as_jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _shift(random: Random, colour: Colour, by: int) -> Colour:
    red, green, blue = (min(255, max(0, value + random.randint(-by, by))) for value in colour)
    return red, green, blue


def draw_backdrop(random: Random) -> Image.Image:
    """Sky, hills, trees, a fence and the ground, at random positions."""
    width, height = SIZE[0] * FINE, SIZE[1] * FINE
    canvas = Image.new("RGB", (width, height), _shift(random, random.choice(SKIES), 14))
    pen = ImageDraw.Draw(canvas)
    horizon = round(height * random.uniform(0.42, 0.68))
    hills = [(x, horizon - random.randint(0, height // 4)) for x in range(0, width + 1, width // random.randint(3, 7))]
    pen.polygon(
        [(0, horizon), *hills, (width, hills[-1][1]), (width, horizon)], _shift(random, random.choice(TREES), 20)
    )
    for _ in range(random.randint(3, 16)):
        x, size = random.randint(0, width), random.randint(16, 90)
        y = horizon - random.randint(0, 60)
        pen.ellipse((x - size, y - size, x + size, y + size // 2), _shift(random, random.choice(TREES), 24))
    pen.rectangle((0, horizon, width, height), _shift(random, random.choice(GROUNDS), 16))
    _draw_fence(random, pen, horizon)
    return canvas


def _draw_fence(random: Random, pen: ImageDraw.ImageDraw, horizon: int) -> None:
    if random.random() < 0.25:
        return
    width, colour = SIZE[0] * FINE, _shift(random, random.choice(RAILS), 12)
    foot, tall = horizon + random.randint(6, 40), random.randint(50, 110)
    slope, thick = random.randint(-20, 20), random.randint(3, 8)
    for part in range(random.randint(1, 3)):
        y = foot - tall + part * tall // 3
        pen.line((0, y, width, y + slope), colour, thick)
    for x in range(random.randint(0, 60), width, random.randint(70, 160)):
        shift = slope * x // width
        pen.line((x, foot - tall + shift, x, foot + shift), colour, thick + 2)


def _add_texture(random: Random, image: Image.Image) -> Image.Image:
    """Patches of light, so that small copies differ, and grain, so that files are as large as photos."""
    patches = Image.frombytes("L", PATCHES, random.randbytes(PATCHES[0] * PATCHES[1]))
    light = patches.resize(SIZE, Image.Resampling.BILINEAR).point(LIGHT)
    grain = Image.frombytes("L", SIZE, random.randbytes(SIZE[0] * SIZE[1])).point(GRAIN)
    layer = ImageChops.add(light, grain, 1, -128)
    return ImageChops.add(image, Image.merge("RGB", (layer, layer, layer)), 1, -128)


LIGHT = [128 + (value - 128) * 34 // 128 for value in range(256)]
GRAIN = [128 + (value - 128) * 11 // 128 for value in range(256)]
