"""A photo of one's own camera on the pages: not named yet, then named; and never with what the camera wrote into it."""

import io
from pathlib import Path

import psycopg
from PIL import Image

from collector.imports.camera import Stated
from collector.matching.by_hand import decide_by_hand
from tests.collector.web.conftest import Open, Shown, renewed
from tests.filled import execute
from tests.shots import NOTES, OWNER, SERIAL, TOKYO, bring_camera, dng, exif, jpeg, scene, write_folder

NAMED = "SELECT horse_id, name FROM horse ORDER BY horse_id LIMIT 1"


async def test_a_photo_is_shown_before_and_after_its_horse_is_named(opened: Open, own: Shown, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO, turn=6)), "b.dng": dng(scene(2))})
    await bring_camera(own.conninfo, folder)
    renewed(own.conninfo)
    ((horse_id, name),) = execute(own.conninfo, NAMED)
    paths = ("/photos/camera:150301/01", "/issues/camera:150301", "/review/open", "/compare?photo=camera:150301/01"
             "&photo=camera:150301/02", "/", "/overview")  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        for path in paths:
            answer = await client.get(path)
            text = await answer.text()
            assert (answer.status, "None" in text, "camera.invalid" in text) == (200, False, False), path
            assert ("Not named yet" in text) is (path not in ("/", "/overview")), path
        known = await (await client.get("/api/photos/camera:150301/01")).json()
        assert (known["name"], known["printed"]["name"], known["match"]["rule"]) == (None, None, "not_named")
        assert (known["taken_at"], known["printed"]["racecourse"]) == ("2015-03-01T01:20:00.120000+00:00", "東京")
        async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
            await decide_by_hand(connection, "camera:150301/01", horse_id)
    async with opened(conninfo=own.conninfo) as client:  # which renews its search
        found = await (await client.get("/api/photos", params={"name": name})).json()
        shown = await (await client.get("/photos/camera:150301/01")).text()
    assert "camera:150301/01" in str(found)
    assert (name in shown, "Not named yet" in shown, "1 Mar 2015 10:20 JST" in shown) == (True, False, True)


async def test_a_search_is_as_long_as_without_photos_that_nobody_has_named(opened: Open, own: Shown) -> None:
    asked = [{"year": "2016"}, {"year": "2016", "name": "a"}, {}]
    async with opened(conninfo=own.conninfo) as client:
        before = [await (await client.get("/api/photos", params=words)).json() for words in asked]
        execute(own.conninfo, "INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)"
                " VALUES ('camera', '161231', '2016-12-31', '{2016-12-31}', 'u', now())")  # fmt: skip
        execute(own.conninfo, "INSERT INTO photo (source, issue_code, number, page_url, image_url, digest, taken_at,"
                " source_url, observed_at) SELECT 'camera', '161231', number, 'u' || number, 'i' || number,"
                " (SELECT digest FROM blob LIMIT 1), now(), 'u', now() FROM generate_series(1, 60) AS number"
                )  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        after = [await (await client.get("/api/photos", params=words)).json() for words in asked]
    assert after == before
    assert all(found["groups"] for found in (before[0], before[2]))


async def test_nothing_that_a_camera_wrote_is_served(opened: Open, own: Shown, tmp_path: Path) -> None:
    body = jpeg(scene(1), exif(place=TOKYO, turn=6))
    await bring_camera(own.conninfo, write_folder(tmp_path, {"a.jpg": body, "b.dng": dng(scene(2))}))
    async with opened(conninfo=own.conninfo) as client:
        for number in (1, 2):
            for name in ("original", "640.jpg"):
                answer = await client.get(f"/photos/camera:150301/0{number}/{name}")
                assert (answer.status, answer.content_type) == (200, "image/jpeg")
                served = await answer.read()
                assert not any(secret in served for secret in (SERIAL.encode(), OWNER.encode(), NOTES, b"Exif"))
                with Image.open(io.BytesIO(served)) as image:
                    assert not image.getexif()
                    assert number == 2 or image.height > image.width
        page = await (await client.get("/photos/camera:150301/01")).text()
    assert SERIAL[:6] not in page
    assert "35.66" not in page


async def test_pages_say_of_the_photos_that_they_show_what_may_be_done_with_them(
    opened: Open, own: Shown, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO)), "b.dng": dng(scene(2))})
    await bring_camera(own.conninfo, folder)
    ((horse_id, _),) = execute(own.conninfo, NAMED)
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        for number in (1, 2):
            await decide_by_hand(connection, f"camera:150301/0{number}", horse_id)
    ((other,),) = execute(
        own.conninfo, "SELECT photo_id FROM photo WHERE source = 'keibado' AND digest IS NOT NULL LIMIT 1"
    )
    renewed(own.conninfo)
    never, own_alone, some = "do not publish", "the page of each says who took it", "The others belong to those"
    mine = "photo=camera:150301/01&photo=camera:150301/02"
    async with opened(conninfo=own.conninfo) as client:

        async def said(path: str) -> tuple[bool, bool, bool]:
            text = await (await client.get(f"{path}lang=en")).text()
            return never in text, own_alone in text, some in text

        assert await said(f"/compare?{mine}&") == (False, True, False)
        assert "CC BY 4.0" in await (await client.get(f"/compare?{mine}")).text()
        assert await said(f"/compare?{mine}&photo={other}&") == (True, False, True)
        assert await said(f"/compare?photo={other}&") == (True, False, False)
        assert await said("/overview?") == await said(f"/horses/{horse_id}?") == (True, False, True)
        execute(own.conninfo, "DELETE FROM photo WHERE source <> 'camera'")
        renewed(own.conninfo)
        for path in ("/?", "/overview?", f"/horses/{horse_id}?", "/issues/camera:150301?"):
            assert await said(path) == (False, True, False), path


async def test_a_permission_to_copy_is_a_part_of_a_photos_provenance(opened: Open, own: Shown) -> None:
    accept = """INSERT INTO acceptance (source, terms_digest, terms, permission, accepted_at, accepted_by)
        VALUES (%s, '', '', %s, now(), 'command')"""
    execute(own.conninfo, accept, "keibado", "<the editors>, 2026-11-20")
    execute(own.conninfo, accept, "netkeiba", "somebody else")
    ((photo,),) = execute(own.conninfo, "SELECT photo_id FROM photo WHERE source = 'keibado' LIMIT 1")
    async with opened(conninfo=own.conninfo) as client:
        page = await (await client.get(f"/photos/{photo}?lang=en")).text()
        known = await (await client.get(f"/api/photos/{photo}")).json()
    assert "With a permission: &lt;the editors&gt;, 2026-11-20" in page
    assert known["provenance"]["permitted"] == "<the editors>, 2026-11-20"
    assert "somebody else" not in page


async def test_what_may_be_done_with_a_photo_is_what_its_photographer_states(
    opened: Open, own: Shown, tmp_path: Path
) -> None:
    folders = [write_folder(tmp_path / name, {"a.jpg": jpeg(scene(number), exif(place=TOKYO))})
               for number, name in enumerate(("open", "kept"))]  # fmt: skip
    await bring_camera(own.conninfo, folders[0])
    await bring_camera(own.conninfo, folders[1], Stated("Aiko Tanaka", "all rights mine"))
    async with opened(conninfo=own.conninfo) as client:
        pages = [await (await client.get(f"/photos/camera:150301/0{number}")).text() for number in (1, 2)]
        known = [await (await client.get(f"/api/photos/camera:150301/0{number}")).json() for number in (1, 2)]
        issue = await (await client.get("/issues/camera:150301?lang=en")).text()
    for page, rights in zip(pages, ("CC BY 4.0", "all rights mine"), strict=True):
        assert f"Aiko Tanaka took this photo and states what may be done with it: {rights}." in page
        assert "do not publish" not in page
    allowed = [(one["permission"]["publish"], one["permission"]["pass_on"]) for one in known]
    assert allowed == [(True, True), (False, False)]
    assert "all rights mine" in known[1]["permission"]["words"]
    assert (known[0]["match"]["certainty"], known[0]["match"]["head_turned"]) == (None, False)
    assert "the page of each says who took it" in issue
