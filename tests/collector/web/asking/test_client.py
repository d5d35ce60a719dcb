"""A model's server that is gone, slow, of another kind or after a token: one sentence, and the search goes on."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientTimeout, FormData, web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from pydantic import ValidationError

from collector.demo.world.drawing import draw_photo
from collector.imports.own_remark import store_remark
from collector.settings import Settings
from collector.web.app import make_app
from collector.web.asking import client as asking
from collector.web.asking.client import AT_ONCE, LARGEST, Asking
from collector.web.service import serving
from tests.collector.web.conftest import WORLD, Open, Shown, generous

HORSE = draw_photo(next(photo.picture for photo in WORLD.issues(2013)[0].photos if photo.picture))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def elsewhere(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:1/predict.json")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * LARGEST)


async def silent(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


def saying(status: int, text: str = "{}") -> Handler:
    async def say(_request: web.Request) -> web.StreamResponse:
        return web.json_response(status=status, text=text)

    return say


async def answer_of(shown: Shown, address: str) -> tuple[int, str]:
    """What the search says of a photo when it asks there; its first page is there all the same."""
    async with (
        serving(shown.conninfo, generous(), store_remark, asking=Asking(address)) as service,
        TestClient(TestServer(make_app(service))) as client,
    ):
        form = FormData()
        form.add_field("file", HORSE, filename="horse.jpg")
        answer = await client.post("/ask", data=form)
        assert (await client.get("/")).status == 200
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("handler", "status", "said"),
    [
        (elsewhere, 502, "is not understood"),
        (endless, 502, "is not understood"),
        (silent, 503, "does not answer"),
        (saying(200), 502, "is not understood"),
        (saying(200, '{"value": NaN, "worth": "sure"}'), 502, "is not understood"),
        (saying(404), 502, "is not understood"),
        (saying(401), 503, "PADDOCK_SERVE_TOKEN"),
        (saying(503), 503, "Too many photos"),
        (saying(422), 422, "cannot be read"),
    ],
    ids=["redirect", "endless", "silent", "nothing", "nonsense", "another server", "token", "busy", "no picture"],
)
async def test_what_goes_wrong_there_is_one_sentence_here(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, handler: Handler, status: int, said: str
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", ClientTimeout(total=0.5))
    app = web.Application()
    app.router.add_post("/predict.json", handler)
    async with TestServer(app) as server:
        found, text = await answer_of(shown, str(server.make_url("/")))
    assert found == status
    assert said in text


async def test_a_server_that_is_gone_is_named(shown: Shown) -> None:
    status, text = await answer_of(shown, f"http://127.0.0.1:{unused_port()}")
    assert (status, "does not answer" in text) == (503, True)


@pytest.mark.parametrize("address", ["{}?token=abcdefghijklmnop", "{}/?token=abcdefghijklmnop"])
async def test_the_address_is_taken_as_the_server_prints_it(address: str) -> None:
    brought: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        brought.append(request.headers["Authorization"])
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/predict.json", note)
    async with TestServer(app) as server, Asking(address.format(str(server.make_url("")).rstrip("/")), "def") as model:
        with pytest.raises(Exception, match="busy"):
            await model.ask(HORSE)
    assert brought == ["Bearer abcdefghijklmnop"]


@pytest.mark.parametrize(
    "address",
    ["http://u:p@localhost:1", "http://localhost:1/?token=a%0Ab", "http://localhost:1/?token=", "localhost:1"],
)
def test_an_address_that_cannot_be_asked_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValidationError, match=r"behind \?token=|write it as http"):
        Settings(answers=address)


async def test_without_a_model_the_page_says_how_to_start_one_and_nothing_links_to_it(opened: Open) -> None:
    async with opened() as client:
        text = await (await client.get("/ask", headers={"Accept-Language": "en"})).text()
        assert "trainer serve" in text
        assert "PADDOCK_ANSWERS" in text
        assert 'type="file"' not in text
        assert '"/ask"' not in await (await client.get("/")).text()
        form = FormData()
        form.add_field("file", HORSE, filename="horse.jpg")
        assert (await client.post("/ask", data=form)).status == 404


@pytest.mark.parametrize(("body", "status"), [(b"no picture", 422), (b"", 400)])
async def test_the_model_is_asked_about_photos_only(shown: Shown, body: bytes, status: int) -> None:
    passed: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        passed.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_post("/predict.json", note)
    async with (
        TestServer(app) as server,
        serving(shown.conninfo, generous(), store_remark, asking=Asking(str(server.make_url("/")))) as service,
        TestClient(TestServer(make_app(service))) as client,
    ):
        form = FormData()
        form.add_field("file", body, filename="horse.jpg")
        answer = await client.post("/ask", data=form)
        assert answer.status == status
        assert 'type="file"' in await answer.text(), "one can try again"
        large = FormData()
        large.add_field("file", io.BytesIO(bytes(21 * 2**20)), filename="horse.jpg")
        assert (await client.post("/ask", data=large)).status == 413
    assert passed == []


async def test_more_photos_at_once_than_there_is_room_for_wait_for_another_time(shown: Shown) -> None:
    held, go = asyncio.Semaphore(0), asyncio.Event()

    async def hold(_request: web.Request) -> web.StreamResponse:
        held.release()
        await go.wait()
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/predict.json", hold)
    async with (
        TestServer(app) as server,
        serving(shown.conninfo, generous(), store_remark, asking=Asking(str(server.make_url("/")))) as service,
        TestClient(TestServer(make_app(service))) as client,
    ):

        async def ask() -> int:
            form = FormData()
            form.add_field("file", HORSE, filename="horse.jpg")
            return (await client.post("/ask", data=form)).status

        waiting = [asyncio.create_task(ask()) for _ in range(AT_ONCE)]
        for _ in waiting:
            await held.acquire()
        busy = await client.post("/ask", data=FormData({"name": "x"}))
        assert (busy.status, busy.headers["Retry-After"]) == (503, "1")
        go.set()
        assert await asyncio.gather(*waiting) == [503] * AT_ONCE
        assert await ask() == 503
