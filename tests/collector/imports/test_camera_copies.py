"""The same shot encoded anew is one photo; the photos of a burst, which look nearly the same, are many."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from collector.imports.camera_copies import NEAR, Candidate
from collector.imports.camera_copies import copies as copies_among
from collector.storage.images import distance, inspect
from tests.shots import burst, jpeg, scene

AT = datetime(2026, 11, 22, 10, 23, 15, 120_000)  # noqa: DTZ001  (a camera's clock has no zone)
CAMERA = "Canon EOS R5 3fa2"


def candidate(file: str, body: bytes, clock: datetime | None = AT, *, held: bool = False) -> Candidate:
    """A file as an import sees it."""
    return Candidate(file, len(body), inspect(body), clock, CAMERA, held)


def copies(candidates: Iterable[Candidate]) -> dict[str, str]:
    """The names of copies, each with the name of the file that stays."""
    return {file: kept.file for file, kept in copies_among(candidates).items()}


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_shot_encoded_anew_is_a_copy_whatever_was_done_to_it(number: int) -> None:
    whole = scene(number)
    files = [candidate("IMG.JPG", jpeg(whole, quality=95))]
    for width, quality in ((800, 60), (400, 75), (1600, 40), (300, 90)):
        body = jpeg(whole.resize((width, width * 4 // 5)), quality=quality)
        files.append(candidate(f"sent-{width}.jpg", body, AT.replace(microsecond=0) if width == 400 else AT))
    assert distance(files[0].picture.phash, files[-1].picture.phash) <= NEAR
    assert copies(files) == dict.fromkeys([one.file for one in files if one.file != "sent-1600.jpg"], "sent-1600.jpg")


def test_the_photos_of_a_burst_are_different_photos() -> None:
    shots = [candidate(f"IMG_{number}.JPG", body, AT + timedelta(milliseconds=50 * number))
             for number, body in enumerate(burst(3, 6))]  # fmt: skip
    assert (
        min(distance(one.picture.phash, other.picture.phash) for one in shots for other in shots if one != other) < NEAR
    )
    assert copies(shots) == {}
    to_the_second = [replace(one, clock=AT.replace(microsecond=0)) for one in shots]
    assert copies(to_the_second) == {}


def test_of_a_raw_file_and_its_jpeg_the_jpeg_stays() -> None:
    body = jpeg(scene(1))
    raw = replace(candidate("A/IMG_1.CR3", body), picture=replace(inspect(jpeg(scene(2))), media_type="image/x-dcraw"))
    beside, elsewhere = candidate("a/img_1.jpg", body), candidate("B/IMG_1.JPG", body)
    assert copies([raw, beside]) == {"A/IMG_1.CR3": "a/img_1.jpg"}  # although the JPEG was cut otherwise
    assert copies([raw, elsewhere]) == {}
    assert copies([replace(raw, camera="another"), beside]) == {}


def test_what_is_held_stays_and_a_picture_without_a_moment_may_be_a_copy_of_it() -> None:
    held = candidate("camera:261122/01", jpeg(scene(1).resize((200, 160))), held=True)
    sent = candidate("WhatsApp.jpg", jpeg(scene(1), quality=50), None)
    other = candidate("drawing.jpg", jpeg(scene(4)), None)
    larger = candidate("IMG.JPG", jpeg(scene(1)))
    assert copies([sent, other, larger, held]) == dict.fromkeys(["WhatsApp.jpg", "IMG.JPG"], "camera:261122/01")


def test_of_a_forgotten_shot_a_part_that_was_cut_out_stays_out_too_and_the_next_of_the_burst_does_not() -> None:
    shots = [candidate(f"{number}.jpg", body, AT + timedelta(milliseconds=50 * number))
             for number, body in enumerate(burst(3, 2))]  # fmt: skip
    gone = replace(shots[0], file="", held=True, forgotten=True)
    cut = candidate("cut.jpg", jpeg(scene(3).crop((200, 100, 600, 400))))
    assert distance(gone.picture.phash, cut.picture.phash) > NEAR
    assert copies([gone, cut, shots[1]]) == {"cut.jpg": ""}
    assert copies([replace(gone, forgotten=False), cut, shots[1]]) == {}
