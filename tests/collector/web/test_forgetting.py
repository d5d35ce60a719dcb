"""Photos that look the same, and one that is forgotten for good: a real server and Postgres."""

import re

import psycopg

from collector.console.catalogue import PAGES
from collector.demo.world.world import World
from collector.pipeline import forget
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import HOSTILE, MAY, fingerprint, photos_of, send
from tests.filled import execute, fill

OWN = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=6)  # as in the fixture `own`


async def test_forgetting_needs_a_second_page(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    before = fingerprint(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, "/review/forget", photo=photo, back="copies")
        assert (answer.status, answer.headers["Location"]) == (303, f"/review/forget/{photo}?back=copies")
        text = await (await client.get(answer.headers["Location"], headers=MAY | {"Accept-Language": "en"})).text()
        assert PAGES.read("en")["review_forget_plain"] in text
        assert 'name="sure" value="yes"' in text
    assert fingerprint(own.conninfo) == before


async def test_a_forgotten_photos_bytes_and_small_copies_are_gone(
    own: Shown, other_conninfo: str, opened: Open
) -> None:
    photo = photos_of(own.conninfo)[0]
    _, code, number = re.split("[:/]", photo)
    ((digest,),) = execute(
        own.conninfo, "SELECT digest FROM photo WHERE issue_code = %s AND number = %s", code, int(number)
    )
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        assert (await client.get(f"/photos/{photo}/320.jpg")).status == 200
        assert execute(own.conninfo, "SELECT count(*) FROM thumbnail WHERE digest = %s", digest) == [(1,)]
        answer = await send(client, "/review/forget", photo=photo, back="copies", sure="yes")
        assert answer.headers["Location"] == f"/review/copies?forgotten={photo}"
        text = await (await client.get(answer.headers["Location"], headers={"Accept-Language": "en"})).text()
        assert PAGES.read("en")["review_forgotten"].format(photo=photo) in text
        for path in ("", "/320.jpg", "/original"):
            assert (await client.get(f"/photos/{photo}{path}")).status == 404
    for table in ("blob", "thumbnail", "photo"):
        assert execute(own.conninfo, f"SELECT count(*) FROM {table} WHERE digest = %s", digest) == [(0,)]


async def test_forgetting_leaves_what_the_command_leaves(own: Shown, other_conninfo: str, opened: Open) -> None:
    fill(other_conninfo, OWN)
    photo = photos_of(own.conninfo)[0]
    _, code, number = re.split("[:/]", photo)
    ((url,),) = execute(
        own.conninfo, "SELECT page_url FROM photo WHERE issue_code = %s AND number = %s", code, int(number)
    )
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/forget", photo=photo, sure="yes")
    async with await psycopg.AsyncConnection.connect(other_conninfo, autocommit=True) as connection:
        await forget.forget_url(connection, url)
    execute(own.conninfo, "UPDATE page SET added_at = '2026-11-01'")
    execute(other_conninfo, "UPDATE page SET added_at = '2026-11-01'")
    assert fingerprint(own.conninfo) == fingerprint(other_conninfo)
    assert execute(own.conninfo, "SELECT url, state FROM page") == [(url, "excluded")]


async def test_no_address_makes_the_page_say_something_false(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    async with opened(conninfo=own.conninfo) as client:
        for word in (photo, HOSTILE, "160104-1"):
            text = await (await client.get("/review/copies", params={"forgotten": word})).text()
            assert 'role="status"' not in text
            assert "<script>alert" not in text


async def test_photos_that_look_the_same_stand_side_by_side(own: Shown, opened: Open) -> None:
    first, second = sorted(photos_of(own.conninfo)[:2])
    execute(
        own.conninfo,
        "UPDATE photo SET near_duplicate_of = (SELECT min(id) FROM photo AS kept WHERE kept.photo_id"
        " = %s) WHERE photo_id = %s",
        first, second,
    )  # fmt: skip
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        text = await (await client.get("/review/copies", headers=MAY)).text()
        assert f'aria-label="{first} · {second}"' in text
        for photo in (first, second):
            assert f'href="/review/forget/{photo}?back=copies"' in text
        stays = await (await client.get(f"/review/forget/{second}", headers=MAY)).text()
        assert f"/photos/{first}/320.jpg" in stays.partition('id="stays"')[2]


async def test_photos_of_the_same_bytes_are_said_to_go_together(own: Shown, opened: Open) -> None:
    first, second = photos_of(own.conninfo)[:2]
    execute(
        own.conninfo,
        "UPDATE photo SET digest = (SELECT digest FROM photo AS one WHERE one.photo_id"
        " = %s) WHERE photo_id = %s",
        first, second,
    )  # fmt: skip
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        text = await (await client.get(f"/review/forget/{first}", headers=MAY | {"Accept-Language": "en"})).text()
    assert PAGES.read("en")["review_forget_same"].format(count=2) in text
    assert f"/photos/{second}/320.jpg" in text


async def test_nothing_is_forgotten_while_the_archive_is_read_again(own: Shown, opened: Open) -> None:
    """A process that reads again, here or elsewhere, has seen the photo's page and would put it back."""
    photo = photos_of(own.conninfo)[0]
    before = fingerprint(own.conninfo)
    async with (
        opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client,
        await psycopg.AsyncConnection.connect(own.conninfo) as elsewhere,
    ):
        await forget.take_archive(elsewhere)
        assert (await send(client, "/review/forget", photo=photo, sure="yes")).status == 409
        assert fingerprint(own.conninfo) == before
        await elsewhere.rollback()
        assert (await send(client, "/review/forget", photo=photo, sure="yes")).status == 303
