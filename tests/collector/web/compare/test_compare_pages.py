"""Comparisons over HTTP: the tray in every address, marks by a touch or by numbers, and a picture to keep."""

import re
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from aiohttp import FormData

from collector.web.compare.pages import TOUCHED
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.filled import execute

NAMED = """
SELECT COALESCE(horse.name, photo.horse_name), page_url FROM photo
LEFT JOIN photo_match USING (source, issue_code, number) LEFT JOIN horse USING (horse_id)
WHERE photo_id = ANY (%s)
"""
SVG = {"svg": "http://www.w3.org/2000/svg"}


def held(shown: Shown, count: int) -> list[str]:
    """Photos that are held, the newest first; each has a picture of its own."""
    query = """SELECT photo FROM photo_search AS one WHERE NOT EXISTS (
        SELECT FROM photo_search AS other WHERE other.digest = one.digest AND other.photo <> one.photo)
    ORDER BY dated DESC, photo LIMIT %s"""
    return [photo for (photo,) in execute(shown.conninfo, query, count)]


async def text_of(client: object, path: str) -> str:
    answer = await client.get(path)  # pyright: ignore[reportAttributeAccessIssue]
    assert answer.status == 200, path
    return await answer.text()


async def test_the_tray_stays_in_links_and_forms_and_lets_go(opened: Open, shown: Shown) -> None:
    first, second, third = held(shown, 3)
    async with opened() as client:
        page = await text_of(client, f"/?tray={first}&tray=nonsense&tray={second}")
        links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/horses/[^"]+)"', page)]
        assert links
        assert all(parse_qsl(urlsplit(link).query) == [("tray", first), ("tray", second)] for link in links)
        assert page.count(f'<input type="hidden" name="tray" value="{first}">') == 1
        (more,) = re.findall(rf'class="collect" href="([^"]+#photo-{third})"', page)
        words = [word for _, word in parse_qsl(urlsplit(more.replace("&amp;", "&")).query)]
        assert words == [first, second, third]
        assert re.search(rf'href="/compare\?photo={first}&amp;photo={second}"', page)
        whole = "&".join(f"tray={photo}" for photo in held(shown, 9))
        assert 'class="collect"' not in await text_of(client, f"/?{whole}"), "more than fits"


async def test_photos_stand_in_the_order_of_the_address_and_one_that_is_not_held_is_left_out(
    opened: Open, own: Shown
) -> None:
    photos = held(own, 4)
    execute(own.conninfo, "UPDATE photo SET digest = NULL WHERE photo_id = %s", photos[0])
    execute(own.conninfo, "UPDATE photo SET width = NULL, height = NULL WHERE photo_id = %s", photos[1])
    async with opened(conninfo=own.conninfo) as client:
        asked = "&".join(f"photo={photo}" for photo in (photos[2], photos[0], photos[1], photos[2], photos[3]))
        shown = re.findall(r'<image href="/photos/([^"]+)/1280.jpg"', await text_of(client, f"/compare?{asked}"))
        assert shown == [photos[2], photos[1], photos[3]]
        assert "Choose photos to compare" in await text_of(client, f"/compare?photo={photos[0]}")
        answer = await client.get("/compare?photo=x")
        assert (answer.status, "photo is to be such as" in await answer.text()) == (400, True)


async def test_marks_are_set_by_two_touches_without_a_script(opened: Open, shown: Shown) -> None:
    photo, other = held(shown, 2)
    state = f"photo%3D{photo}%26photo%3D{other}"
    async with opened() as client:
        answer = await client.get(f"/compare/marks?of={photo}&state={state}&part=withers&at.x={TOUCHED // 4}&at.y=0",
                                  allow_redirects=False)  # fmt: skip
        there = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
        assert (there["withers_x"], there["withers_y"], there["part"]) == ("25.0", "0.0", "buttock")
        answer = await client.get(answer.headers["Location"] + f"&at.x={TOUCHED}&at.y=99999", allow_redirects=False)
        there = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
        assert (there["withers_x"], there["buttock_x"], there["buttock_y"]) == ("25.0", "100.0", "100.0")
        answer = await client.get(answer.headers["Location"] + "&then=use", allow_redirects=False)
        words = parse_qsl(urlsplit(answer.headers["Location"]).query)
        assert words == [("photo", photo), ("photo", other), ("mark", f"{photo},0.2500,0.0000,1.0000,1.0000")]
        page = await text_of(client, f"/compare/marks?of={photo}&state={state}&withers_x=12&then=use")
        assert "Both marks are needed" in page
        assert 'value="12"' in page


async def test_marks_are_kept_by_who_may_decide_and_go_with_the_photo(opened: Open, own: Shown) -> None:
    photo, other = held(own, 2)
    numbers = {"withers_x": "30", "withers_y": "25", "buttock_x": "80", "buttock_y": "31.5"}
    form = {"of": photo, "state": f"photo={other}&photo={photo}&mark={photo},.1,.1,.9,.9", **numbers}
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await client.post("/compare/marks", data=FormData(form), allow_redirects=False)
        assert answer.status == 403
        head = {"Authorization": f"Bearer {ADMIN}"}
        answer = await client.post("/compare/marks", data=FormData(form), headers=head, allow_redirects=False)
        assert parse_qsl(urlsplit(answer.headers["Location"]).query) == [("photo", other), ("photo", photo)]
        kept = "SELECT withers_x, withers_y, buttock_x, buttock_y FROM photo_mark"
        assert execute(own.conninfo, kept) == [(0.3, 0.25, 0.8, 0.315)]
        assert 'value="31.5"' in await text_of(client, f"/compare/marks?of={photo}")
        await client.post("/review/forget", data={"photo": photo, "sure": "yes"}, headers=head)
    assert execute(own.conninfo, kept) == []


@pytest.mark.parametrize("view", ["side", "seam", "fade"])
async def test_the_picture_to_keep_needs_nothing_else_and_says_where_its_photos_are_from(
    opened: Open, shown: Shown, view: str
) -> None:
    photos = held(shown, 3)
    marks = "".join(f"&mark={photo},.3,.3,.8,.4" for photo in photos)
    async with opened() as client:
        asked = "&".join(f"photo={photo}" for photo in photos)
        answer = await client.get(f"/compare/picture.svg?{asked}{marks}&view={view}&guides=yes")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="paddock.svg"'
        drawn = ElementTree.fromstring(await answer.text())
    embedded = [image.get("href") or "" for image in drawn.iterfind(".//svg:image", SVG)]
    assert len(embedded) == (3 if view == "side" else 2)
    assert all(address.startswith("data:image/jpeg;base64,/9j/") for address in embedded)
    shown_ones = photos if view == "side" else [photos[0], photos[-1]]
    said = " ".join(text.text or "" for text in drawn.iterfind(".//svg:text", SVG))
    for name, page in execute(shown.conninfo, NAMED, shown_ones):
        assert name in said
        assert page in said.replace(" ", "")


async def test_the_picture_to_keep_is_xml_whatever_a_site_wrote_into_a_name(opened: Open, own: Shown) -> None:
    photo = held(own, 1)[0]
    name = "<b>&\x08\x1b]0;\ufffe\u202e馬\"'"
    execute(own.conninfo, "UPDATE photo_match SET horse_id = NULL")
    execute(own.conninfo, "UPDATE photo SET horse_name = %s, race_name = %s, rights = %s", name, name, name)
    async with opened(conninfo=own.conninfo) as client:
        drawn = ElementTree.fromstring(await text_of(client, f"/compare/picture.svg?photo={photo}"))
    assert "<b>&]0;馬\"'" in {text.text for text in drawn.iterfind(".//svg:text", SVG)}
