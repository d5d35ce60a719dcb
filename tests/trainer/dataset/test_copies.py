"""Copies of photos are found, however they were made; different photos are not taken for copies."""

import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from collector.demo.world import drawing
from collector.demo.world.figure import draw_horse
from collector.storage.archive import digest_of
from tests.filled import SMALL, drawn, execute
from tests.trainer.exported import rows
from trainer.dataset.copies import find_copies
from trainer.dataset.export import Request, export
from trainer.dataset.looks import SIDE, load_looks, look_of
from trainer.dataset.split import Card, Side, find_leaks, split_by_horse

SHOWN = [photo.picture for issue in SMALL.issues(2015) for photo in issue.photos if photo.picture]
PHOTOS = [drawn(picture).body for picture in dict.fromkeys(SHOWN) if not picture.copy]

Change = Callable[[Image.Image], Image.Image]


def _saved(image: Image.Image, kind: str = "JPEG", quality: int = 85, turn: int | None = None) -> bytes:
    file, exif = io.BytesIO(), Image.Exif()
    if turn:
        exif[0x0112] = turn
    image.save(file, kind, quality=quality, exif=exif)
    return file.getvalue()


def _opened(body: bytes) -> Image.Image:
    with Image.open(io.BytesIO(body)) as image:
        return image.convert("RGB")


def _cropped(image: Image.Image, share: float) -> Image.Image:
    across, down = round(image.width * share), round(image.height * share)
    return image.crop((across, down, image.width - across, image.height - down))


def _framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, round(image.width * 0.02), "white")


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "saved at quality 40": lambda image: _saved(image, quality=40),
    "half the size": lambda image: _saved(image.resize((image.width // 2, image.height // 2))),
    "WebP": lambda image: _saved(image, "WEBP", 70),
    "less contrast": lambda image: _saved(ImageEnhance.Contrast(image).enhance(0.7)),
    "brighter": lambda image: _saved(ImageEnhance.Brightness(image).enhance(1.25)),
    "cropped by 1 %": lambda image: _saved(_cropped(image, 0.01)),
    "cropped by 3 %": lambda image: _saved(_cropped(image, 0.03)),
    "cropped by 5 %": lambda image: _saved(_cropped(image, 0.05)),
    "mirrored": lambda image: _saved(ImageOps.mirror(image)),
    "mirrored and cropped": lambda image: _saved(_cropped(ImageOps.mirror(image), 0.03)),
    "turned by EXIF": lambda image: _saved(image.transpose(Image.Transpose.ROTATE_90), turn=6),
    "with a border": lambda image: _saved(_framed(image)),
}


def _looks(bodies: Sequence[bytes]) -> np.ndarray:
    return np.stack([look_of(body) for body in bodies])


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_on_another_side_is_seen_and_moved(kind: str) -> None:
    bodies = PHOTOS + [COPIES[kind](_opened(body)) for body in PHOTOS]
    count, day = len(PHOTOS), date(2016, 1, 4)
    made = [Card(f"keibado:160104/{number}", str(number), day) for number in range(2 * count)]
    copies = find_copies(_looks(bodies))
    assert set(copies) == {(number, number + count) for number in range(count)}
    torn = [Side.TRAIN] * count + [Side.TEST] * count
    assert find_leaks(made, torn, copies).near_duplicates == 2 * count
    sides = split_by_horse(made, copies)
    assert sides[:count] == sides[count:]


def test_many_horses_in_one_scene_are_different_photos() -> None:
    bodies = []
    for number, horse in enumerate([*SMALL.horses(), *SMALL.horses()]):
        canvas, random = drawing.draw_backdrop(Random("one paddock")), Random(number)
        draw_horse(canvas, random, horse)
        bodies.append(_saved(canvas.reduce(drawing.FINE)))
    pairs = len(bodies) * (len(bodies) - 1) // 2
    # Two of one build and one coat, on the same spot before the very same background, may be taken for one photo.
    assert len(find_copies(_looks(bodies))) <= pairs / 1000


def test_the_order_of_the_photos_does_not_change_what_is_a_copy() -> None:
    looks = _looks(PHOTOS + [COPIES["cropped by 3 %"](_opened(body)) for body in PHOTOS])
    last = len(looks) - 1
    assert {(last - other, last - one) for one, other in find_copies(looks[::-1])} == set(find_copies(looks))


def test_photos_of_nothing_are_copies_only_if_they_are_the_same() -> None:
    noise = np.random.default_rng(0).integers(126, 130, (5, SIDE, SIDE)).astype(np.uint8)
    black = np.zeros((2, SIDE, SIDE), np.uint8)  # of photos that could not be unpacked
    assert find_copies(np.concatenate([noise, noise[:1], black])) == [(0, 5)]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_few_photos_are_compared_too(count: int) -> None:
    looks = _looks(PHOTOS[:1] * count) if count else np.zeros((0, SIDE, SIDE), np.uint8)
    assert find_copies(looks) == [(0, 1)][: count - 1 if count else 0]


def test_a_look_is_computed_once(tmp_path: Path) -> None:
    held = {digest_of(body): body for body in PHOTOS[:3]}
    asked: list[list[str]] = []

    def read(missing: list[str]):
        asked.append(missing)
        return iter([held[digest] for digest in missing])

    digests = list(held)
    first = load_looks(tmp_path, digests[:2], read)
    both = load_looks(tmp_path, digests, read)
    assert asked == [digests[:2], digests[2:]]
    assert (both[:2] == first[:]).all()
    assert (both[2] == look_of(held[digests[2]])).all()


def test_a_picture_that_cannot_be_unpacked_is_black(tmp_path: Path) -> None:
    bodies = [PHOTOS[0], b"no picture"]
    looks = load_looks(tmp_path, [digest_of(body) for body in bodies], lambda _: iter(bodies))
    assert looks[0].any()
    assert not looks[1].any()


@pytest.mark.usefixtures("plain")
def test_an_export_by_issue_counts_a_cropped_copy(filled: str, tmp_path: Path) -> None:
    def leaks() -> int:
        return export(filled, tmp_path, Request(split="issues-2016")).manifest.leaks["near_duplicates"]

    before = leaks()
    older, newer = (execute(filled, LABELLED.format(years=years))[0] for years in ("< '2016-01-01'", ">= '2016-01-01'"))
    body = COPIES["cropped by 5 %"](_opened(bytes(older[1])))
    digest = digest_of(body)
    execute(filled, "INSERT INTO blob VALUES (%s, 'image/jpeg', %s, '', %s)", digest, len(body), body)
    execute(filled, "UPDATE photo SET digest = %s WHERE id = %s", digest, newer[0])
    assert leaks() == before + 2
    groups = {row["digest"]: row["group"] for row in rows(export(filled, tmp_path, Request(split="issues-2016")))}
    assert groups[digest] == groups[digest_of(bytes(older[1]))]


LABELLED = """
SELECT photo.id, blob.content FROM photo JOIN blob USING (digest)
JOIN issue ON (issue.source, issue.code) = (photo.source, photo.issue_code)
JOIN photo_match met ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
JOIN aptitude ON (aptitude.horse_id, axis) = (met.horse_id, 'distance')
WHERE value IS NOT NULL AND near_duplicate_of IS NULL AND issue_date {years} ORDER BY photo.id LIMIT 1
"""
