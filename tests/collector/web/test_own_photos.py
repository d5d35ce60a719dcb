"""A person's own photo beside those of the sites: found, with its origin and its rights, and without a dead link."""

from pathlib import Path

from tests.collector.web.conftest import Open, Shown, renewed
from tests.filled import execute
from tests.owned import RIGHTS, bring_photos, row

THING = """SELECT entry.horse_id, horse_name, race_date::text FROM entry JOIN race USING (race_id)
           WHERE horse_id IS NOT NULL ORDER BY race_date LIMIT 1"""


async def test_an_own_photo_stands_beside_the_others(opened: Open, own: Shown, tmp_path: Path) -> None:
    ((horse_id, name, day),) = execute(own.conninfo, THING)
    await bring_photos(own.conninfo, tmp_path, [
        row("a.jpg", name, date=day, source="Someone <b>&"),
        row("b.jpg", horse_id, date=day, source="javascript:alert(1)"),
        row("c.jpg", horse_id, date=day, source="https://example.org/gallery"),
    ])  # fmt: skip
    renewed(own.conninfo)
    code = day[2:].replace("-", "")
    async with opened(conninfo=own.conninfo) as client:
        horse = await (await client.get(f"/horses/{horse_id}")).text()
        pages = [await (await client.get(f"/photos/own:{code}/0{number}")).text() for number in (1, 2, 3)]
        issue = await client.get(f"/issues/own:{code}")
        others = await issue.text() + await (await client.get("/overview")).text()
        found = await (await client.get("/api/photos", params={"name": name})).json()
        known = await (await client.get(f"/api/photos/own:{code}/02")).json()
        original = await client.get(f"/photos/own:{code}/01/original")
    assert (issue.status, original.status, original.content_type) == (200, 200, "image/jpeg")
    assert all(f"/photos/own:{code}/0{number}" in horse for number in (1, 2, 3))
    assert "own.invalid" not in horse + "".join(pages) + others
    assert "javascript:alert(1)" in pages[1]
    assert 'href="javascript' not in horse + pages[1]
    assert "Someone &lt;b&gt;&amp;" in pages[0]
    assert 'href="https://example.org/gallery"' in pages[2]
    assert all(RIGHTS in page for page in pages)
    assert found["groups"][0]["photos_in_all"] >= 3
    assert (known["provenance"]["origin"], known["provenance"]["rights"]) == ("javascript:alert(1)", RIGHTS)
    assert (known["name"], known["match"]["how"]) == (name, "its id, stated with the photo")


async def test_a_horse_of_which_only_the_id_is_stated_has_a_page(opened: Open, own: Shown, tmp_path: Path) -> None:
    await bring_photos(own.conninfo, tmp_path, [row("a.jpg", "2012999999", date="2015-03-01")])
    renewed(own.conninfo)
    async with opened(conninfo=own.conninfo) as client:
        photo = await (await client.get("/photos/own:150301/01")).text()
        horse = await client.get("/horses/2012999999")
        page = await horse.text()
        known = await client.get("/api/horses/2012999999")
    assert 'href="/horses/2012999999"' in photo
    assert (horse.status, known.status) == (200, 404)
    assert "/photos/own:150301/01" in page
    assert "nothing else is known of it yet" in page
