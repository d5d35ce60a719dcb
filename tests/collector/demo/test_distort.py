"""Complete answers with wrong content."""

import io
import struct

import pytest
from PIL import Image

from collector.errors import ParseError
from collector.sources.keibado.source import KEIBADO
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, YEAR_INDEX
from collector.sources.text_tools.text import block_reason, decode
from tests.collector.demo.asking import IMAGE, ISSUE, PAGE, WORLD, YEAR, asking, whole


async def test_a_tiny_png_of_enormous_size():
    async with asking("huge-png") as get:
        answer, body = await get(IMAGE)
    assert answer.content_type == "image/png"
    assert len(body) < 2000
    assert struct.unpack(">II", body[16:24]) == (50_000, 50_000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(body))


async def test_a_wrong_charset():
    async with asking("euc-jp") as get:
        answer, body = await get(PAGE)
    assert answer.charset == "Shift_JIS"
    assert "厩舎" in body.decode("euc_jp")
    with pytest.raises(ParseError):
        KEIBADO.parse(PHOTO_PAGE, f"http://x{PAGE}", decode(body, answer.headers["Content-Type"], "shift_jis"))


async def test_bytes_that_are_not_text():
    async with asking("broken-bytes") as get:
        answer, body = await get(PAGE)
    with pytest.raises(ParseError):
        decode(body, answer.headers["Content-Type"], KEIBADO.charset)


async def test_a_page_where_a_picture_should_be():
    async with asking("html-as-jpeg") as get:
        answer, body = await get(IMAGE)
    assert answer.content_type == "image/jpeg"
    assert body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("path", "kind"),
    [(YEAR, YEAR_INDEX), (ISSUE, ISSUE_INDEX), (PAGE, PHOTO_PAGE)],
)
async def test_a_layout_in_which_nothing_is_found(path: str, kind: str):
    async with asking(f"layout@{path}") as get:
        answer, body = await get(path)
        other, _ = await get(PAGE if path != PAGE else ISSUE, **{"If-None-Match": "*"})
    text = decode(body, answer.headers["Content-Type"], KEIBADO.charset)
    assert other.status == 304
    with pytest.raises(ParseError):
        KEIBADO.parse(kind, f"http://127.0.0.1{path}", text)
    assert not block_reason(text)


@pytest.mark.parametrize("year", [2005, 2008, 2010, 2013])
async def test_every_generation_can_be_redesigned(year: int):
    code = WORLD.issues(year)[0].code
    async with asking("layout") as get:
        for name, kind in (("index", ISSUE_INDEX), ("photo01", PHOTO_PAGE)):
            _, body = await get(f"/keibabook/{code}/{name}.html")
            with pytest.raises(ParseError):
                KEIBADO.parse(kind, f"http://x/keibabook/{code}/{name}.html", body.decode("cp932"))


async def test_a_distorted_page_has_validators_of_its_own():
    async with asking("layoutx2") as get:
        _ = await get(PAGE)
        distorted, _ = await get(PAGE)
        plain, _ = await get(PAGE, **{"If-None-Match": distorted.headers["ETag"]})
        changed, _ = await get(PAGE, **{"If-None-Match": plain.headers["ETag"]})
    assert (distorted.status, plain.status, changed.status) == (200, 200, 304)


async def test_a_block_page_with_status_200():
    async with asking("block-page") as get:
        answer, body = await get(PAGE)
    assert answer.status == 200
    assert block_reason(body.decode())


@pytest.mark.parametrize("word", ["noimageindex", "noai"])
async def test_a_photo_that_asks_to_be_left_out(word: str):
    async with asking(word) as get:
        image, body = await get(IMAGE)
        page, _ = await get(PAGE)
    assert image.headers["X-Robots-Tag"] == word
    assert body == whole(IMAGE)
    assert "X-Robots-Tag" not in page.headers


async def test_a_missing_picture_stays_missing_whatever_is_wrong_with_content():
    missing = WORLD.issues(2016)[1]
    async with asking("html-as-jpeg", "noai") as get:
        answer, _ = await get(f"/keibabook/{missing.code}/images/pp{len(missing.photos):02}.jpg")
    assert answer.status == 404
