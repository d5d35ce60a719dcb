"""Stars, notes and collections: kept by who may decide, shown to who may read, gone with a forgotten photo."""

import csv
import io
from urllib.parse import unquote

import pytest

from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import photos_of, send
from tests.filled import execute

NAME = "胴の長い馬 = long"
KEPT = "SELECT collection, photo_id FROM collected ORDER BY added_at, photo_id"


async def test_photos_are_kept_in_a_collection_shared_as_an_address_and_as_a_table(opened: Open, own: Shown) -> None:
    first, second, *_ = photos_of(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, "/collections", name=f" {NAME} ", photos=f"{second} {first} {second}")
        assert unquote(answer.headers["Location"]) == f"/collections/{NAME}"
        await send(client, f"/photos/{first}/note", stars="4", note="=1+1 deep girth")
        page = await (await client.get(answer.headers["Location"])).text()  # without the token that decides
        assert (page.count('class="shot"'), "4 of 5 stars" in page, "<form action" in page) == (2, True, False)
        listed = await (await client.get("/collections")).text()
        assert NAME in listed
        table = await client.get(answer.headers["Location"] + "/photos.csv")
        rows = list(csv.DictReader(io.StringIO(await table.text())))
    assert [row["photo"] for row in rows] == [second, first], "in the order in which they were added"
    assert all(row["page_url"].startswith("http://") and row["observed_at"] for row in rows)
    assert (rows[1]["stars"], rows[1]["note"]) == ("4", "'=1+1 deep girth"), "no spreadsheet works it out"


async def test_a_collection_is_changed_renamed_and_given_up(opened: Open, own: Shown) -> None:
    first, second, *_ = photos_of(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/collections", name="a", photos=f"{first} {second}")
        await send(client, "/collections", name="taken")
        await send(client, "/collections/a", drop=first)
        assert execute(own.conninfo, KEPT) == [("a", second)]
        answer = await send(client, "/collections/a", act="rename", new="taken")
        assert (answer.status, "already" in await answer.text()) == (400, True)
        answer = await send(client, "/collections/a", act="rename", new="b/c")
        assert unquote(answer.headers["Location"]) == "/collections/b／c"
        await send(client, "/collections/b／c", act="delete")
        assert execute(own.conninfo, KEPT) == [("b／c", second)], "nobody said that it is meant"
        await send(client, "/collections/b／c", act="delete", sure="yes")
        assert (await client.get("/collections/b／c")).status == 404
    assert execute(own.conninfo, KEPT) == []
    assert execute(own.conninfo, "SELECT name FROM collection") == [("taken",)]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/collections", {"name": ""}), ("/collections", {"name": "x" * 61}), ("/collections", {"name": "a\u202eb"}),
        ("/collections", {"name": "a", "photos": "nonsense"}), ("/collections", {"name": ".."}),
        ("/collections/none", {"act": "rename", "new": "a"}), ("note", {"stars": "6"}), ("note", {"note": "x" * 2001}),
        ("note", {"note": "a\x07"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused_in_a_sentence(
    opened: Open, own: Shown, path: str, given: dict[str, str]
) -> None:
    path = f"/photos/{photos_of(own.conninfo)[0]}/note" if path == "note" else path
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, path, **given)
        assert answer.status == 400
        assert (await client.post(path, data=given)).status == 403, "without the token"
    for table in ("collection", "collected", "photo_note"):
        assert execute(own.conninfo, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_what_is_kept_of_a_photo_is_taken_back_by_a_person_and_goes_when_it_is_forgotten(
    opened: Open, own: Shown
) -> None:
    first, second, *_ = photos_of(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        for photo in (first, second):
            await send(client, f"/photos/{photo}/note", stars="2", note="")
        await send(client, "/collections", name="a", photos=f"{first} {second}")
        await send(client, f"/photos/{second}/note", stars="", note=" ")
        assert execute(own.conninfo, "SELECT photo_id, stars, note FROM photo_note") == [(first, 2, None)]
        await send(client, "/review/forget", photo=first, sure="yes")
    assert execute(own.conninfo, "SELECT count(*) FROM photo_note") == [(0,)]
    assert execute(own.conninfo, KEPT) == [("a", second)]
