"""Photos are served as they came, and made small once."""

import asyncio
import io
import struct
import zlib
from typing import Any

import psycopg
import pytest
from PIL import Image, ImageOps

from collector.errors import BrokenPicture
from collector.pipeline.forget import forget_url
from collector.storage.decoders import Decoders
from collector.storage.images import shrink
from collector.web import pictures
from collector.web.pictures import QUALITY, WIDTHS
from tests.collector.web.conftest import Open, Shown
from tests.filled import damage, execute

ONE = "SELECT photo_id, digest, width, height, page_url FROM photo"
SIDEWAYS = 6  # orientation of EXIF: to be turned by a quarter
ORIENTATION, MAKER, PLACE = 0x0112, 0x010F, 0x8825  # tags of EXIF


def one_of(shown: Shown) -> tuple[str, str, int, int, str]:
    """A photo whose bytes no other has: its name, digest, width, height, page."""
    alone = " WHERE digest IN (SELECT digest FROM photo GROUP BY digest HAVING count(*) = 1) ORDER BY id LIMIT 1"
    return execute(shown.conninfo, ONE + alone)[0]  # pyright: ignore[reportReturnType]


def thumbnails(shown: Shown, digest: str) -> list[Any]:
    """The widths in which a picture is held."""
    return [
        row[0] for row in execute(shown.conninfo, "SELECT width FROM thumbnail WHERE digest = %s ORDER BY 1", digest)
    ]


def opened_image(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def jpeg(size: tuple[int, int], *, orientation: int = 1) -> bytes:
    """A JPEG that is red on the left and blue on the right, with all that cameras write into one."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "a maker of cameras"
    exif.get_ifd(PLACE)[2] = (35.0, 39.0, 31.0)
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, comment=b"a comment", icc_profile=b"a profile", quality=95)
    return file.getvalue()


async def test_twenty_requests_at_once_make_a_small_photo_once(
    opened: Open, own: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, digest, *_ = one_of(own)
    made: list[int] = []

    ask = Decoders.ask

    async def counting(self: Decoders, function: Any, body: bytes, width: int, quality: int) -> Any:
        made.append(width)
        return await ask(self, function, body, width, quality)

    monkeypatch.setattr(Decoders, "ask", counting)
    async with opened(conninfo=own.conninfo) as client:
        answers = await asyncio.gather(*(client.get(f"/photos/{photo}/160.jpg") for _ in range(20)))
        bodies = {await answer.read() for answer in answers}
        again = await client.get(f"/photos/{photo}/160.jpg")
        assert {await again.read()} == bodies
    assert {answer.status for answer in answers} == {200}
    assert made == [160]
    assert thumbnails(own, digest) == [160]


async def test_too_many_small_photos_at_once_get_a_retry_after(
    opened: Open, own: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, *_ = one_of(own)
    monkeypatch.setattr(pictures, "WAITING", 2)
    async with opened(conninfo=own.conninfo) as client:
        answers = await asyncio.gather(*(client.get(f"/photos/{photo}/{width}.jpg") for width in WIDTHS))
        refused = [answer for answer in answers if answer.status != 200]
        assert [(answer.status, answer.headers["Retry-After"]) for answer in refused] == [(503, "1")] * 2
        for width in WIDTHS:
            assert (await client.get(f"/photos/{photo}/{width}.jpg")).status == 200


async def test_only_widths_that_there_are_can_be_asked_for(opened: Open, own: Shown) -> None:
    photo, digest, *_ = one_of(own)
    async with opened(conninfo=own.conninfo) as client:
        for width in (0, 1, 159, 161, 1281, 99999, 999999):
            assert (await client.get(f"/photos/{photo}/{width}.jpg")).status == 404
        assert thumbnails(own, digest) == []
        for width in WIDTHS:
            assert (await client.get(f"/photos/{photo}/{width}.jpg")).status == 200
    assert thumbnails(own, digest) == list(WIDTHS)


async def test_a_photo_is_made_small_in_proportion_and_never_enlarged(opened: Open, own: Shown) -> None:
    photo, _, width, height, _ = one_of(own)
    async with opened(conninfo=own.conninfo) as client:
        for asked in WIDTHS:
            body = await (await client.get(f"/photos/{photo}/{asked}.jpg")).read()
            size = opened_image(body).size
            assert size[0] == min(asked, width)
            assert size[1] == pytest.approx(height * size[0] / width, abs=1)


async def test_a_thumbnail_is_upright_and_holds_nothing_of_a_camera(opened: Open, own: Shown) -> None:
    photo, digest, *_ = one_of(own)
    damage(own.conninfo, digest, jpeg((800, 400), orientation=SIDEWAYS))
    async with opened(conninfo=own.conninfo) as client:
        body = await (await client.get(f"/photos/{photo}/160.jpg")).read()
    image = opened_image(body)
    assert image.size == (160, 320)
    red, blue = image.getpixel((80, 20)), image.getpixel((80, 300))
    assert isinstance(red, tuple)
    assert isinstance(blue, tuple)
    assert red[0] > 200 > 60 > red[2]  # what was left is above
    assert blue[2] > 200 > 60 > blue[0]
    assert not image.getexif()
    for word in (b"Exif", b"maker", b"comment", b"profile"):
        assert word not in body


def png(size: tuple[int, int], body: bytes | None = None) -> bytes:
    """A PNG of the size in its header, whatever its body holds."""
    file = io.BytesIO()
    Image.new("1", size if body is None else (1, 1)).save(file, "PNG")
    if body is None:
        return file.getvalue()
    head = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(body)
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (head, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("tag", "kind"), [(struct.pack(">HH", MAKER, 2), 5), (struct.pack(">HHI", 2, 5, 3), 2), (b"MM\x00*", 0)]
)
def test_a_whole_picture_whose_exif_is_broken_is_made_small(tag: bytes, kind: int) -> None:
    whole = jpeg((800, 400), orientation=SIDEWAYS)
    at = whole.index(tag)
    body, _ = shrink(whole[: at + 2] + struct.pack(">H", kind) + whole[at + 4 :], 160, QUALITY)
    assert opened_image(body).width == 160


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_pillow_turns_it(orientation: int) -> None:
    whole = jpeg((800, 400), orientation=orientation)
    mine, _ = shrink(whole, 160, QUALITY)
    size = (160, 80) if orientation < 5 else (160, 320)
    theirs = ImageOps.exif_transpose(Image.open(io.BytesIO(whole))).resize(size)
    shown = opened_image(mine)
    assert shown.size == size
    for place in ((20, 20), (140, 20), (20, size[1] - 20), (140, size[1] - 20)):
        assert shown.getpixel(place) == pytest.approx(theirs.getpixel(place), abs=12)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html><script>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff\xe0" + bytes(300),
        jpeg((800, 400))[:900], png((20_000, 20_000), bytes(1000)), png((10_000, 10_000), bytes(1000)),
        png((1, 70_000)), png((5000, 5000)), png((100, 100), b"too little"),
    ],
)  # fmt: skip
def test_what_is_not_a_whole_picture_is_not_made_small(body: bytes) -> None:
    with pytest.raises(BrokenPicture):
        shrink(body, 160, QUALITY)


async def test_a_broken_picture_is_not_found_and_breaks_nothing_else(opened: Open, own: Shown) -> None:
    photo, digest, *_ = one_of(own)
    damage(own.conninfo, digest, jpeg((800, 400))[:2000])
    async with opened(conninfo=own.conninfo) as client:
        for width in WIDTHS:
            assert (await client.get(f"/photos/{photo}/{width}.jpg")).status == 404
        assert (await client.get(f"/photos/{photo}")).status == 200
    assert thumbnails(own, digest) == []


async def test_a_forgotten_photo_is_gone_with_its_thumbnails(opened: Open, own: Shown) -> None:
    photo, digest, _, _, url = one_of(own)
    async with opened(conninfo=own.conninfo) as client:
        paths = [f"/photos/{photo}", f"/photos/{photo}/original", f"/photos/{photo}/320.jpg"]
        assert [(await client.get(path)).status for path in paths] == [200, 200, 200]
        assert thumbnails(own, digest) == [320]
        async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
            await forget_url(connection, url)
        assert [(await client.get(path)).status for path in paths] == [404, 404, 404]
    assert thumbnails(own, digest) == []


async def test_pictures_are_served_as_their_type_and_as_nothing_else(opened: Open, shown: Shown) -> None:
    photo, digest, *_ = one_of(shown)
    ((content,),) = execute(shown.conninfo, "SELECT content FROM blob WHERE digest = %s", digest)
    async with opened() as client:
        original = await client.get(f"/photos/{photo}/original")
        small = await client.get(f"/photos/{photo}/160.jpg")
        assert await original.read() == content
        for answer in (original, small):
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            again = await client.get(answer.url.path, headers={"If-None-Match": answer.headers["ETag"]})
            assert (again.status, await again.read()) == (304, b"")
            other = await client.get(answer.url.path, headers={"If-None-Match": '"another"'})
            assert (other.status, await other.read()) == (200, await answer.read())


async def test_bytes_that_call_themselves_a_page_are_never_served_as_one(opened: Open, own: Shown) -> None:
    photo, digest, *_ = one_of(own)
    damage(own.conninfo, digest, b"<script>alert(1)</script>")
    for media_type in ("text/html", "image/svg+xml", "application/javascript", None):
        execute(own.conninfo, "UPDATE photo SET media_type = %s WHERE digest = %s", media_type, digest)
        async with opened(conninfo=own.conninfo) as client:
            answer = await client.get(f"/photos/{photo}/original")
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert (await client.get(f"/photos/{photo}/160.jpg")).status == 404
