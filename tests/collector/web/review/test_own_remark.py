"""A person's remark on a photo of their own, typed on its page or beside its walk: a real server, a real browser."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from collector.imports.recorded import IMPORT_LOCK
from collector.storage.locks import alone
from tests.browser import Opener
from tests.collector.web.conftest import ADMIN, Open, Shown, Site, generous
from tests.collector.web.waiting import MAY, photos_of, send
from tests.filled import execute
from tests.shots import TOKYO, bring_camera, exif, jpeg, scene, write_folder

PHOTO = "camera:150301/01"
REMARKED = "SELECT comment, distance_said, build_tags->0->>'tag' FROM photo WHERE photo_id = 'camera:150301/01'"
# Horses are named beside the walk of a race that is known.
PLACE = """UPDATE photo_match SET race_id = (SELECT max(race_id) FROM race)
WHERE source = 'camera' RETURNING race_id"""


@pytest.fixture
def race_id(own: Shown, tmp_path: Path) -> str:
    """A race with a photo of one's own; on a thread, as a browser has a loop already."""
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO))})
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(bring_camera(own.conninfo, folder))).result()
    return execute(own.conninfo, PLACE)[0][0]


async def test_a_remark_is_typed_on_the_photos_page_and_beside_its_walk(own: Shown, opened: Open, race_id: str) -> None:
    walk = f"/review/walks/{race_id}"
    site = photos_of(own.conninfo)[-1]
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        for path in (f"/photos/{PHOTO}", walk):
            assert 'name="remark"' in await (await client.get(path, headers=MAY)).text()
            assert 'name="remark"' not in await (await client.get(path)).text(), "who may not decide has no field"
        assert 'name="remark"' not in await (await client.get(f"/photos/{site}", headers=MAY)).text()
        assert (await client.post("/review/remark", data={"photo": PHOTO, "remark": "x"})).status == 403
        answer = await send(client, "/review/remark", photo=PHOTO, remark=" 胴長で、\r\nマイルがベスト ")
        assert (answer.status, answer.headers["Location"]) == (303, f"/photos/{PHOTO}")
        page = await (await client.get(f"/photos/{PHOTO}?lang=ja", headers=MAY)).text()
        assert "<mark" in page
        assert ">胴長で、 マイルがベスト</textarea>" in page
        await send(client, "/review/remark", photo=PHOTO, remark="<b>")
        assert "&lt;b&gt;</textarea>" in await (await client.get(walk, headers=MAY)).text()
        refused = [
            await send(client, "/review/remark", photo=photo, remark=remark)
            for photo, remark in ((site, "x"), (PHOTO, "x" * 2001))
        ]
        async with (
            await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection,
            alone(connection, IMPORT_LOCK),
        ):
            refused.append(await send(client, "/review/remark", photo=PHOTO, remark="x"))
        said = [await one.text() for one in refused]
    assert [one.status for one in refused] == [400] * 3
    assert ["own: remarks" in said[0], "2001 characters" in said[1], "An import of photos" in said[2]] == [True] * 3
    assert execute(own.conninfo, REMARKED) == [("<b>", "nothing", None)]


@pytest.mark.parametrize("pressed", [{"shows": "none"}, {"back": "yes"}, {"at": PHOTO}], ids=str)
async def test_a_remark_that_is_typed_goes_along_with_every_button_of_the_walk(
    own: Shown, opened: Open, race_id: str, pressed: dict[str, str]
) -> None:
    path, was = f"/review/walks/{race_id}", f"{PHOTO}~none"
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        text = await (await client.get(path, params={"was": was}, headers=MAY)).text()
        (form,) = re.findall(r'<form[^>]* id="decide".*?</form>', text, re.DOTALL)
        assert all(f'name="{name}"' in form for name in ("photo", "was", "said", "remark", *pressed))
        given = {"photo": PHOTO, "was": was, "said": "", "remark": "胴長で", **pressed}
        answer = await send(client, f"{path}?lang=ja", **given)
        assert answer.headers["Location"].startswith(f"{path}?at={PHOTO}")
        assert answer.headers["Location"].endswith("lang=ja")
        assert execute(own.conninfo, REMARKED)[0][0] == "胴長で"
        await send(client, path, **given | {"said": "胴長で", "remark": "胴長で"})
        assert (await send(client, path, **given | {"remark": ""})).status == 303
        assert execute(own.conninfo, REMARKED)[0][0] == "胴長で", "a page that is behind takes back nothing"
        refused = await send(client, path, **given | {"remark": "x" * 2001, "shows": "turn", "back": ""})
        assert "2001 characters" in await refused.text()
    assert execute(own.conninfo, "SELECT head_turned FROM photo_match WHERE source = 'camera'") == [(False,)]


@pytest.fixture
def walk(own: Shown, race_id: str, browser: Browser) -> Iterator[Page]:
    """The walk's page, for who may decide."""
    with Site(own.conninfo, generous(admin_token=ADMIN)) as site:
        opener = Opener(browser, site.base, "ERR_FAILED|status of 400")
        page = opener("en", path=f"/review/walks/{race_id}?token={ADMIN}")
        page.wait_for_url(f"**/review/walks/{race_id}")
        yield page
        opener.close()
    assert opener.complaints == []


def test_keys_that_name_horses_do_nothing_while_a_remark_is_typed(own: Shown, walk: Page) -> None:
    walk.keyboard.press("r")
    walk.keyboard.type("not 1 or n 胴長")
    assert walk.get_by_role("textbox").input_value() == "not 1 or n 胴長"
    walk.get_by_role("button", name="Keep the remark").click()
    walk.wait_for_url(re.compile("at="))
    assert execute(own.conninfo, REMARKED)[0][0] == "not 1 or n 胴長"
    assert execute(own.conninfo, "SELECT by_hand FROM photo_match WHERE source = 'camera'") == [(False,)]
    walk.keyboard.press("r")
    walk.keyboard.type("!")
    walk.keyboard.press("Escape")
    walk.route("**", lambda route: route.abort())
    walk.keyboard.press("n")
    expect(walk.get_by_role("alert")).to_contain_text("did not answer")
    walk.unroute("**")
    walk.keyboard.press("n")
    walk.wait_for_url(re.compile("was="))
    assert execute(own.conninfo, "SELECT by_hand FROM photo_match WHERE source = 'camera'") == [(True,)]
    assert execute(own.conninfo, REMARKED)[0][0] == "!not 1 or n 胴長", "it went along with the key"
    walk.get_by_role("textbox").fill("x")
    walk.locator("#decide").evaluate("form => form.elements.photo.value = 'x'")
    walk.keyboard.press("Escape")
    walk.keyboard.press("u")
    expect(walk.get_by_role("alert")).to_be_visible()
    assert walk.get_by_role("textbox").input_value() == "x", "what is refused is still there"
