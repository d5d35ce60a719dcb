"""Checks of pictures, their upright form, and the hash that recognises copies."""

import io
import random
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFilter, ImageOps, PngImagePlugin

from collector.demo.faults import bombs
from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import World
from collector.errors import BrokenPicture, Unsafe
from collector.storage.images import (
    FILLING,
    LARGEST_OTHER,
    SIDE,
    difference_hash,
    distance,
    inspect,
    unpack,
)
from tests.truth import truth

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
def test_any_colour_mode_works(mode: str) -> None:
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
        (b"", "not an image in a format"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"%PDF-1.7", "not an image in a format"),
        (PHOTOS[0][:-2000], "broken"),
        (PHOTOS[0][:300], "broken"),
    ],
)
def test_bytes_that_are_not_a_picture_are_unsafe(body: bytes, said: str) -> None:
    with pytest.raises(Unsafe, match=said):
        inspect(body)


def test_too_many_pixels_in_the_header_are_never_decoded() -> None:
    side = int(LARGEST_OTHER**0.5) + 10
    for size in ((side, side), (9000, 9999), (50_000, 50_000)):
        header = encoded(Image.new("1", (8, 8)), "PNG")
        width, height = (number.to_bytes(4, "big") for number in size)
        chunk = b"IHDR" + width + height + header[24:29]
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


# --- whether it is whole ------------------------------------------------------------------------------------

SMALL = opened(PHOTOS[0]).resize((120, 90))
WHOLE = {
    "jpeg": encoded(SMALL, quality=70),
    "progressive": encoded(SMALL, progressive=True),
    "restarts": encoded(SMALL, restart_marker_blocks=3),
    "grey": encoded(SMALL.convert("L")),
    "cmyk": encoded(SMALL.convert("CMYK")),
    "png": encoded(SMALL, "PNG"),
    "gif": encoded(SMALL, "GIF"),
    "webp": encoded(SMALL, "WEBP"),
    "lossless": encoded(SMALL, "WEBP", lossless=True),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_is_cut_off_anywhere_is_not_a_picture(kind: str) -> None:
    body = WHOLE[kind]
    inspect(body)
    for length in (*range(1, len(body) - 40, 97), *range(len(body) - 40, len(body))):
        with pytest.raises(BrokenPicture):
            inspect(body[:length])


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "restarts", "grey"])
def test_a_jpeg_without_its_middle_is_broken_even_with_its_end(kind: str) -> None:
    body = WHOLE[kind]
    for length in range(body.index(b"\xff\xda") + 20, len(body) - 16, 61):
        with pytest.raises(BrokenPicture):
            inspect(body[:length].rstrip(b"\xff") + b"\xff\xd9")


def pixels_with(body: bytes, filling: bytes) -> bytes:
    return opened(body.removesuffix(b"\xff\xd9") + filling + b"\xff\xd9").tobytes()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60), st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "grey"]), st.integers(5, 95), st.integers(0, 5),
    st.tuples(st.integers(33, 80), st.integers(33, 80)),
)  # fmt: skip
def test_a_jpeg_in_which_filling_shows_lacks_pixels(
    cut: int, colours: str, quality: int, restarts: int, size: tuple[int, int]
) -> None:
    photo = opened(PHOTOS[0]).resize(size)
    how = {} if colours == "grey" else {"subsampling": colours}
    body = encoded(photo.convert("L") if how == {} else photo, quality=quality, restart_marker_blocks=restarts, **how)
    inspect(body)
    pixels = body.index(b"\xff\xda") + 20
    shorter = body[: max(pixels, len(body) - 2 - cut)].rstrip(b"\xff") + b"\xff\xd9"
    if pixels_with(shorter, b"") != pixels_with(shorter, FILLING):
        with pytest.raises(BrokenPicture):
            inspect(shorter)


def test_the_grey_of_a_whole_jpeg_is_what_pillow_decodes() -> None:
    for body in (*PHOTOS, *(WHOLE[kind] for kind in ("jpeg", "restarts", "grey"))):
        with opened(body) as image:
            image.draft("L", (2 * SIDE, 2 * SIDE))
            assert unpack(body, (2 * SIDE, 2 * SIDE), grey=True).image.tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", WHOLE)
def test_bytes_after_the_end_do_not_matter(kind: str) -> None:
    assert inspect(WHOLE[kind] + b"\0" * 300 + b"a camera's own notes \xff\xd8\xff") == inspect(WHOLE[kind])


def test_a_damaged_part_of_a_png_is_noticed_wherever_it_is() -> None:
    body = WHOLE["png"]
    for place in range(30, len(body) - 4, 101):
        with pytest.raises(BrokenPicture):
            inspect(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])


@pytest.mark.parametrize("colour", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("woven", [0, 1])
def test_a_png_that_lacks_rows_is_broken_even_with_its_end(colour: int, woven: int) -> None:
    channels = {2: 3, 4: 2, 6: 4}.get(colour, 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 9, 8, colour, 0, 0, woven))
    head += chunk(b"PLTE", bytes(range(6))) if colour == 3 else b""
    # Width and height of the passes of an interlaced picture of 13 x 9, from the standard's table.
    passes = ((2, 2), (2, 2), (4, 1), (3, 3), (7, 2), (6, 5), (13, 4)) if woven else ((13, 9),)
    rows = [bytes(1 + width * channels) for width, height in passes for _ in range(height)]

    def png(rows: list[bytes]) -> bytes:
        return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")

    inspect(png(rows))
    for count in (0, 1, len(rows) // 2, len(rows) - 1):
        with pytest.raises(BrokenPicture):
            inspect(png(rows[:count]))


def test_a_cameras_jpeg_of_two_pictures_is_a_jpeg() -> None:
    """Which Pillow calls MPO."""
    body = encoded(SMALL, "MPO", save_all=True, append_images=[SMALL.convert("L").convert("RGB")])
    assert opened(body).format == "MPO"
    picture = inspect(body)
    assert (picture.media_type, picture.width, picture.height) == ("image/jpeg", 120, 90)
    assert picture.phash == inspect(encoded(SMALL)).phash


@pytest.mark.parametrize("form", ["TIFF", "BMP", "ICO", "PPM", "JPEG2000"])
def test_other_formats_are_not_read(form: str) -> None:
    with pytest.raises(BrokenPicture, match="not an image in a format"):
        inspect(encoded(SMALL, form))


# --- what it costs ------------------------------------------------------------------------------------------


def at_once(body: bytes) -> str:
    """Why a picture is refused, in less time than decoding would take."""
    began = time.process_time()
    with pytest.raises(BrokenPicture) as caught:
        inspect(body)
    assert time.process_time() - began < 2
    return str(caught.value)


def test_a_jpeg_of_very_many_scans_is_refused_before_one_is_unpacked() -> None:
    body = bombs.many_scans()
    assert len(body) > 1_500_000
    assert "too many scans" in at_once(body)
    assert "too many scans" in at_once(bombs.many_scans(3460, 60))


def test_a_jpeg_that_is_nothing_but_marks_costs_nothing() -> None:
    for filling in (b"\xff", b"\xff\x00", b"\xff\xd0", b"\xff\xd8", b"\xff\xdd\x00\x04\x00\x01"):
        at_once(b"\xff\xd8\xff\xe0\x00\x02" + filling * (2_000_000 // len(filling)))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("segment", [b"\xff\xfe\0\2", b"\xff\xc4\0\x13" + bytes(17), b"\xff\xe1\0\2"])
def test_a_jpeg_of_very_many_parts_is_refused_before_one_is_read(segment: bytes) -> None:
    photo = encoded(opened(PHOTOS[0]))
    began = time.process_time()
    with pytest.raises(BrokenPicture, match="more than 5,000 parts"):
        inspect(photo[:2] + segment * 500_000 + photo[2:])
    assert time.process_time() - began < 1
    few = photo[:2] + segment * 100 + photo[2:]
    assert inspect(few).phash == inspect(photo).phash


def test_a_png_full_of_packed_words_or_of_empty_parts_is_refused() -> None:
    head, rest = WHOLE["png"][:33], WHOLE["png"][33:]
    words = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    assert "too large" in at_once(head + words + rest)
    assert "parts" in at_once(head + chunk(b"tEXt", b"") * 300_000 + rest)


def test_many_moving_pictures_cost_no_more_than_the_first() -> None:
    for form in ("GIF", "WEBP"):
        frames = [Image.new("RGB", (60, 45), (number % 256, 90, 30)) for number in range(400)]
        body = encoded(frames[0], form, save_all=True, append_images=frames[1:])
        began = time.process_time()
        assert inspect(body).width == 60
        assert time.process_time() - began < 1


def test_the_large_jpeg_of_a_phone_is_measured() -> None:
    picture = inspect(encoded(opened(PHOTOS[0]).resize((8000, 5900))))
    assert (picture.width, picture.height) == (8000, 5900)
    assert distance(picture.phash, inspect(PHOTOS[0]).phash) <= 12


# --- as it is seen ------------------------------------------------------------------------------------------


def test_the_hashes_of_photos_that_are_held_stay_as_they_are() -> None:
    """For a JPEG in 8 bits that is not turned: otherwise, copies of older photos would not be found."""
    for body in PHOTOS:
        for other in (body, encoded(opened(body), quality=60, progressive=True), encoded(opened(body).convert("L"))):
            image = opened(other)
            image.draft("L", (2 * SIDE, 2 * SIDE))  # pyright: ignore[reportAttributeAccessIssue]
            assert inspect(other).phash == difference_hash(image)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_measured_upright(orientation: int, form: str) -> None:
    photo = opened(PHOTOS[0]).resize((304, 228))
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = encoded(photo, form, exif=exif)
    upright = ImageOps.exif_transpose(opened(lying))
    picture = inspect(lying)
    assert (picture.width, picture.height) == upright.size
    assert distance(picture.phash, inspect(encoded(upright, "PNG")).phash) <= 12
    assert unpack(lying).image.size == upright.size


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_texts_that_browsers_ignore_do_not_turn_a_picture(form: str) -> None:
    photo = opened(PHOTOS[0])
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    turned = encoded(photo, form, **({"pnginfo": text} if form == "PNG" else {"xmp": XMP}))
    assert ExifTags.Base.Orientation in opened(turned).getexif()  # so the library would turn it
    assert inspect(turned) == inspect(encoded(photo, form))


def deep(image: Image.Image) -> Image.Image:
    """The same grey in 16 bits."""
    grey = image.convert("L").tobytes()
    return Image.frombytes("I;16", image.size, b"".join(bytes((byte, byte)) for byte in grey))


def inverted(image: Image.Image) -> Image.Image:
    """A picture in CMYK."""
    return image.convert("CMYK")


@pytest.mark.parametrize(
    ("look", "form"),
    [(deep, "PNG"), (inverted, "JPEG"), (lambda its: its.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
     (lambda its: its.convert("RGBA"), "WEBP"), (lambda its: its.convert("LA"), "PNG")],
)  # fmt: skip
def test_the_hash_is_of_what_is_seen_whatever_the_depth_and_mode(look, form: str) -> None:
    photo = opened(PHOTOS[0]).filter(ImageFilter.GaussianBlur(1))
    picture = inspect(encoded(look(photo), form))
    assert distance(picture.phash, inspect(encoded(photo, "PNG")).phash) <= 12


def test_transparent_parts_are_white() -> None:
    """The hidden colour does not matter."""
    photo = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    photo.paste((0, 0, 0, 255), (40, 0, 80, 60))
    half = Image.new("RGB", (80, 60), "white")
    half.paste("black", (40, 0, 80, 60))
    palette = half.convert("P", palette=Image.Palette.ADAPTIVE)
    white = palette.getpixel((0, 0))
    key = deep(Image.merge("RGB", [half.convert("L").point(lambda value: 7 if value else 0)] * 3))
    bodies = [
        encoded(photo, "PNG"), encoded(photo, "WEBP", lossless=True, exact=True), encoded(photo.convert("LA"), "PNG"),
        encoded(palette, "PNG", transparency=white), encoded(palette, "GIF", transparency=white),
        encoded(key, "PNG", transparency=7 * 257),
    ]  # fmt: skip
    for body in bodies:
        seen = unpack(body).image.convert("L")
        assert (seen.getpixel((10, 30)), seen.getpixel((70, 30))) == (255, 0)
        assert inspect(body).phash == inspect(encoded(half, "PNG")).phash
