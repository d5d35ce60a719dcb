"""The pages as a reader without a script gets them."""

import re
from urllib.parse import quote

import pytest

from collector.web.app import make_guard
from tests.collector.web.conftest import Open, Shown
from tests.filled import execute


async def test_the_first_page_shows_the_newest_photos_by_horse(opened: Open) -> None:
    async with opened() as client:
        text = await (await client.get("/")).text()
    days = re.findall(r'class="group-facts">.*?<time datetime="([^"]+)"', text, re.S)
    assert len(days) == 24
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?name=%E3%82%B9&year=2016&surface=turf&sex=male&labelled=1&low=0.1&high=.9",
        "/?sort=short&kind=mile&result=6-&coat=%E9%B9%BF%E6%AF%9B",
        "/issues",
        "/issues?year=1950",
        "/races",
        "/races?year=1950",
        "/races?day=1999-01-01",
    ],
)
async def test_pages_answer(opened: Open, path: str) -> None:
    async with opened() as client:
        answer = await client.get(path)
        assert answer.status == 200, await answer.text()


async def test_every_link_of_the_site_leads_somewhere(opened: Open, shown: Shown) -> None:
    ((race_id,),) = execute(shown.conninfo, "SELECT race_id FROM photo_match WHERE race_id IS NOT NULL LIMIT 1")
    seen, todo = set[str](), ["/", f"/races/{race_id}"]
    async with opened() as client:
        while todo and len(seen) < 150:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            answer = await client.get(path)
            assert answer.status == 200, path
            if answer.content_type == "text/html":
                text = await answer.text()
                todo += [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"#]*)', text)]


async def test_a_person_who_pages_or_types_quickly_is_never_sent_away(opened: Open, shown: Shown) -> None:
    async with opened(guard=make_guard()) as client:
        path, pictures = "/", set[str]()
        while path:
            text = await (await client.get(path)).text()
            pictures |= set(re.findall(r'src="(/photos/[^"]+)"', text))
            onward = re.search(r'rel="next" href="([^"]+)"', text)
            path = onward[1].replace("&amp;", "&") if onward else ""
        assert len(pictures) > 50
        for picture in [*pictures] * 3:
            assert (await client.get(picture)).status == 200
        for letter in "abcdefghij" * 6:
            assert (await client.get(f"/api/suggest?name={letter}")).status == 200


async def test_a_name_of_just_one_horse_leads_to_the_horse(opened: Open, shown: Shown) -> None:
    ((horse_id, name),) = execute(
        shown.conninfo,
        "SELECT min(horse_id), horse_key FROM horse WHERE horse_id IN (SELECT horse_id FROM photo_match)"
        " GROUP BY horse_key HAVING count(*) = 1 ORDER BY horse_key LIMIT 1",
    )
    async with opened() as client:
        answer = await client.get(f"/horses/{quote(name)}?lang=ja", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/horses/{horse_id}?lang=ja")
