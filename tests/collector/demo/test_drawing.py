"""Photos differ from each other, copies do not, and the build of a horse is visible."""

import io
import itertools

import pytest
from PIL import Image

from collector.demo.world import drawing
from collector.demo.world.drawing import draw_photo
from collector.demo.world.figure import body_length
from collector.demo.world.world import Photo, Picture, World
from collector.storage.images import difference_hash, distance


def _hash(body: bytes) -> str:
    with Image.open(io.BytesIO(body)) as image:
        return difference_hash(image)


@pytest.fixture(scope="module")
def photos() -> list[Photo]:
    world = World(years=range(2010, 2014))
    return [photo for year in world.years for issue in world.issues(year) for photo in issue.photos if photo.picture]


def _draw(photo: Photo) -> bytes:
    assert photo.picture
    return draw_photo(photo.picture)


def test_a_photo_is_drawn_the_same_every_time(photos: list[Photo]):
    before = [_draw(photo) for photo in photos[:5]]
    drawing.draw_photo.cache_clear()
    assert [_draw(photo) for photo in photos[:5]] == before


def test_photos_have_the_size_of_real_ones(photos: list[Photo]):
    for photo in [photo for photo in photos if photo.picture and not photo.picture.copy][:40]:
        body = _draw(photo)
        assert 12_000 < len(body) < 25_600
        with Image.open(io.BytesIO(body)) as image:
            image.load()
            assert (image.format, image.size) == ("JPEG", (304, 228))


def test_different_photos_differ_in_more_than_40_bits(photos: list[Photo]):
    hashes = {photo.picture.shot: _hash(_draw(photo)) for photo in photos if photo.picture and not photo.picture.copy}
    assert min(distance(one, other) for one, other in itertools.combinations(hashes.values(), 2)) > 40


def test_two_photos_of_one_horse_differ_as_well(photos: list[Photo]):
    horse = photos[0].horse
    one, other = (draw_photo(Picture(horse, shot)) for shot in ("100104-01", "100201-01"))
    assert distance(_hash(one), _hash(other)) > 40


def test_a_copy_at_lower_quality_differs_in_less_than_12_bits(photos: list[Photo]):
    for photo in photos[:100]:
        assert photo.picture
        original = draw_photo(Picture(photo.horse, photo.picture.shot))
        copy = draw_photo(Picture(photo.horse, photo.picture.shot, copy=True))
        assert copy != original
        assert distance(_hash(original), _hash(copy)) < 12


def test_a_long_barrel_is_a_long_body(photos: list[Photo]):
    horses = sorted((photo.horse for photo in photos), key=lambda horse: horse.barrel)
    assert body_length(horses[-1]) > 1.25 * body_length(horses[0])


def test_memory_for_photos_is_bounded():
    assert 0 < (draw_photo.cache_parameters()["maxsize"] or 0) <= 1000
