"""Every guard, broken for real: hosts, other sites' pages, tokens, rates, sizes, times, hostile files and forms."""

import asyncio
import dataclasses
import functools
import io
import random
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from collector.demo.faults import bombs
from collector.web.server.guards import cookie_of
from collector.web.server.limits import Buckets
from tests import heavy
from tests.trainer.stable import alive
from tests.trainer.web.conftest import Open
from tests.trainer.web.drawn import as_bytes, bomb
from tests.trainer.web.test_api import form, json_of
from trainer.web import pictures
from trainer.web.guarding import make_guard
from trainer.web.problems import LARGEST
from trainer.web.service import SLOTS

TOKEN = "a-token-of-this-test"
MIB = 1024 * 1024
POISON = bombs.many_scans(scans=30_000)  # of a size that the client sends without a warning


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/static/look/look.css", "/nothing", "/predict.json", "/horses/0.jpg"]
)
async def test_every_answer_has_the_security_headers(opened: Open, path: str) -> None:
    async with opened() as client:
        headers = (await client.get(path)).headers
    rules = headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert rule in rules
    assert "unsafe" not in rules
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


async def test_a_foreign_name_that_points_to_this_machine_is_refused(opened: Open) -> None:
    async with opened() as client:
        for host in ("evil.example", "127.0.0.1.evil.example:8771", "10.0.0.1", "127.0.0.1@evil.example", "[", ""):
            assert (await json_of(await client.get("/healthz", headers={"Host": host}), 421))["code"] == "wrong_host"
        for host in ("localhost", "127.0.0.1:1", "[::1]:8771"):
            await json_of(await client.get("/healthz", headers={"Host": host}))
    async with opened(guard=make_guard(token=TOKEN, local_only=False)) as client:
        await json_of(await client.get("/healthz", headers={"Host": "paddock.example"}))


@pytest.mark.parametrize(
    ("method", "path", "headers", "passes"),
    [
        ("POST", "/predict.json", {"Sec-Fetch-Site": "same-origin"}, True),
        ("POST", "/predict.json", {"Sec-Fetch-Site": "cross-site"}, False),
        ("POST", "/predict.json", {"Sec-Fetch-Site": "same-site"}, False),
        ("POST", "/predict.json", {"Origin": "http://evil.example"}, False),
        ("POST", "/predict.json", {"Origin": "null"}, False),
        ("POST", "/predict.json", {"Origin": "http://127.0.0.1:1"}, False),
        ("POST", "/predict", {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ("GET", "/predict.json?url=x", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ("GET", "/predict.json?url=x", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),
        ("GET", "/horses/0.jpg", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, False),
        (
            "GET", "/",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True,
        ),
        (
            "GET", "/",
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False,
        ),
        ("GET", "/", {}, True),
    ],
)  # fmt: skip
async def test_other_sites_pages_cannot_ask_in_their_readers_name(
    opened: Open, horse: bytes, method: str, path: str, headers: dict[str, str], passes: bool
) -> None:
    async with opened() as client:
        data = form(horse) if method == "POST" else None
        answer = await client.request(method, path, data=data, headers=headers, allow_redirects=False)
    assert (answer.status != 403) is passes


async def test_the_servers_own_origin_may_post(opened: Open, horse: bytes) -> None:
    async with opened() as client:
        own = {"Origin": str(client.make_url("/")).rstrip("/")}
        await json_of(await client.post("/predict.json", data=form(horse), headers=own))


async def test_without_the_token_nothing_is_answered(opened: Open, horse: bytes) -> None:
    async with opened(guard=make_guard(token=TOKEN)) as client:
        for path in ("/", "/predict.json", "/horses/0.jpg", "/openapi.json", "/collection?name=a"):
            answer = await client.get(path)
            assert answer.status == 401, path
            assert "SKILL" not in await answer.text()
        assert (await json_of(await client.get("/openapi.json", headers={"Authorization": "Bearer no"}), 401))["error"]
        assert (await client.get("/?token=wrong")).status == 401
        assert (await client.get("/", cookies={"paddock_token": TOKEN})).status == 401  # the token is not the cookie
        await json_of(await client.get("/healthz"))
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        await json_of(await client.post("/predict.json", data=form(horse), headers=bearer))


async def test_the_token_is_given_once_and_leaves_the_address(opened: Open) -> None:
    async with opened(guard=make_guard(token=TOKEN)) as client:
        welcome = await client.get(f"/collection?name=a&token={TOKEN}&lang=ja", allow_redirects=False)
        text = await welcome.text()
        assert welcome.status == 200
        assert TOKEN not in text
        assert 'content="0; url=/collection?name=a&amp;lang=ja"' in text
        cookie = welcome.cookies["paddock_token"]
        assert (cookie["samesite"], cookie["httponly"], cookie.value) == ("Strict", True, cookie_of(TOKEN))
        assert (await client.get("/")).status == 200  # the client sends it by itself
        # Another server's page on this machine: its port is another one, and the cookie comes along all the same.
        assert (await client.post("/predict", headers={"Origin": "null"})).status == 403
        assert (await client.post("/predict", headers={"Origin": str(client.make_url("")).rstrip("/")})).status == 400


async def test_guessing_tokens_is_slow(opened: Open) -> None:
    async with opened(guard=make_guard(token=TOKEN, buckets=Buckets(1, 12))) as client:
        statuses = [(await client.get(f"/?token=guess-{number}")).status for number in range(4)]
    assert statuses == [401, 401, 429, 429]


async def test_a_client_that_asks_too_often_gets_a_retry_after(opened: Open, horse: bytes) -> None:
    async with opened(guard=make_guard(buckets=Buckets(0.001, 3))) as client:  # however slow this machine is
        answers = [await client.post("/predict.json", data=form(horse)) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        problem = await json_of(answers[-1], 429)
        seconds = answers[-1].headers["Retry-After"]
        assert 800 < int(seconds) <= 1000
        assert f"again in {seconds} s" in problem["error"]


async def test_when_all_places_are_taken_a_request_gets_a_retry_after(opened: Open) -> None:
    async with opened(guard=make_guard(buckets=Buckets(1000, 1000))) as client:
        url = client.make_url("/predict.json")
        # Forms whose end does not come hold their slots.
        head = f"POST /predict.json HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        opens = [asyncio.open_connection(url.host, url.port) for _ in range(SLOTS)]
        slow = [writer for _, writer in await asyncio.gather(*opens)]
        for writer in slow:
            writer.write(f"{head}Content-Length: 100\r\n\r\ndata=".encode())
            await writer.drain()
        busy = await client.get("/predict.json?data=x")
        for _ in range(100):
            if busy.status == 503:
                break
            await asyncio.sleep(0.01)
            busy = await client.get("/predict.json?data=x")
        assert (await json_of(busy, 503))["code"] == "busy"
        assert busy.headers["Retry-After"] == "1"
        for writer in slow:
            writer.close()
        for _ in range(100):
            if (await client.get("/predict.json?data=x")).status != 503:
                return
            await asyncio.sleep(0.01)
        pytest.fail("slots are not given back")


async def test_a_form_whose_end_does_not_come_is_given_up(opened: Open) -> None:
    async with opened(guard=make_guard(patience=0.2)) as client:
        url = client.make_url("/predict.json")
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            f"POST /predict.json HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 9\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\ndata=".encode()
        )
        started = time.monotonic()
        assert b"503" in await reader.readline()
        assert time.monotonic() - started < 2
        writer.close()


@pytest.mark.parametrize("way", ["announced", "in pieces", "urlencoded"])
async def test_a_body_that_is_too_large_is_not_taken(opened: Open, way: str) -> None:
    async def pieces() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
        for _ in range(22):
            yield bytes(MIB)

    async with opened() as client:
        url = client.make_url("/predict.json")
        if way == "announced":  # and never sent
            reader, writer = await asyncio.open_connection(url.host, url.port)
            head = (
                f"POST /predict.json HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            )
            writer.write(f"{head}Content-Length: {LARGEST + 1}\r\n\r\n".encode())
            assert b"413" in await reader.readline()
            writer.close()
            return
        kind = "multipart/form-data; boundary=b" if way == "in pieces" else "application/x-www-form-urlencoded"
        try:
            answer = await client.post("/predict.json", data=pieces(), headers={"Content-Type": kind})
        except OSError:
            return  # it hung up while we were still sending
        assert (await json_of(answer, 413))["code"] == "too_large"


async def test_a_packed_form_is_not_unpacked(opened: Open) -> None:
    async with opened() as client:
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
        assert (await json_of(await client.post("/predict.json", data=b"x", headers=kind), 400))["code"]


HOSTILE = {
    "bomb": bomb(),
    "bomb just over": bomb(6001, 4000),
    "nothing": b"\x00",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "tiff": as_bytes(Image.new("RGB", (9, 9)), "TIFF"),
    "many scans": POISON,
    "avif cut off": as_bytes(Image.new("RGB", (9, 9)), "AVIF")[:-1],
    "heic of nothing": b"\0\0\0\x18ftypheic" + bytes(12),
    "a line": as_bytes(Image.new("RGB", (3000, 1)), "PNG"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_files_are_refused_in_a_sentence(opened: Open, name: str) -> None:
    async with opened() as client:
        problem = await json_of(await client.post("/predict.json", data=form(HOSTILE[name])), 422)
    assert problem["code"] == "no_picture"


async def test_two_slow_photos_are_refused_and_no_other_request_waits(opened: Open, horse: bytes) -> None:
    async with opened(guard=make_guard(buckets=Buckets(1000, 1000))) as client:
        began = time.monotonic()
        poisons = [asyncio.create_task(client.post("/predict.json", data=form(POISON))) for _ in range(2)]
        for _ in range(3):
            await json_of(await client.post("/predict.json", data=form(horse)))
        for poison in poisons:
            assert (await json_of(await poison, 422))["code"] == "no_picture"
        assert time.monotonic() - began < 25


async def test_an_endless_photo_is_refused_and_others_are_answered_meanwhile(
    opened: Open, horse: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands for any photo that is never decoded."""
    monkeypatch.setattr(pictures, "open_photo", heavy.open_for_ever)
    guard = dataclasses.replace(make_guard(buckets=Buckets(1000, 1000)), patience=60.0)  # 5 s of computing may take 20
    async with opened(guard=guard) as client:
        await json_of(await client.post("/predict.json", data=form(horse)))  # a process has started
        poison = asyncio.create_task(client.post("/predict.json", data=form(POISON)))
        await asyncio.sleep(0.3)
        for _ in range(5):
            await json_of(await client.post("/predict.json", data=form(horse)))
        assert not poison.done()
        problem = await json_of(await poison, 422)
    assert problem["code"] == "no_picture"
    assert "more than 5 s" in problem["error"]


async def test_a_request_that_is_given_up_takes_its_process_with_it(
    opened: Open, horse: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pictures, "open_photo", functools.partial(heavy.open_asleep, tmp_path / "mark"))
    guard = dataclasses.replace(make_guard(buckets=Buckets(1000, 1000)), patience=8.0)
    async with opened(guard=guard) as client:
        assert (await client.post("/predict.json", data=form(POISON))).status == 503
        pid = int((tmp_path / "mark").read_text())
        for _ in range(500):
            if not alive(pid):
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the process goes on")
        await json_of(await client.post("/predict.json", data=form(horse)))


async def test_mutated_and_truncated_photos_never_break_the_server(opened: Open, horse: bytes) -> None:
    chance = random.Random(0)
    async with opened(guard=make_guard(buckets=Buckets(1000, 1000))) as client:
        for number in range(60):
            body = bytearray(horse)
            if number % 3 == 0:
                del body[chance.randrange(20, len(body)) :]
            for _ in range(chance.randrange(1, 40)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            assert (await client.post("/predict.json", data=form(bytes(body)))).status in (200, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--b", b"--b\r\n", b"--b\r\n\r\nx\r\n--b--", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="../../etc/x"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="url"\r\nContent-Transfer-Encoding: evil\r\n\r\nx\r\n--b--\r\n',
        b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % n for n in range(50)) + b"--b--",
    ],
)  # fmt: skip
async def test_broken_forms_are_refused_in_a_sentence(opened: Open, body: bytes) -> None:
    async with opened() as client:
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = await client.post("/predict.json", data=body, headers=kind)
        assert answer.status in (400, 422)
        assert (await answer.json())["error"]
        none = await client.post("/predict.json", data=body, headers={"Content-Type": "multipart/form-data"})
        assert none.status == 400


async def test_what_is_shown_back_has_been_made_anew(opened: Open, horse: bytes) -> None:
    secret = b"made by someone at home"
    with Image.open(io.BytesIO(horse)) as image:
        exif = image.getexif()
        exif[0x010E] = secret.decode()
        exif[0x0112] = 6
        file = io.BytesIO()
        image.save(file, "JPEG", exif=exif, comment=secret, icc_profile=b"profile " + secret)
        size = image.size[::-1]
    data = FormData(quote_fields=False)
    data.add_field("file", file.getvalue(), filename="<script>alert(1)</script>.jpg", content_type="image/jpeg")
    async with opened() as client:
        page = await client.post("/predict", data=data)
        text = await page.text()
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        for name in ("photo.jpg", "look.jpg"):
            shown = await client.get(f"{page.url.path}/{name}")
            body = await shown.read()
            assert shown.content_type == "image/jpeg"
            assert secret not in body
            assert b"Exif" not in body
            with Image.open(io.BytesIO(body)) as image:
                assert image.height * size[0] == pytest.approx(image.width * size[1], rel=0.01)  # upright
                assert not image.getexif()
