"""The pages as a reader without a script gets them."""

import re

import pytest

from tests.collector.web.conftest import Open, Shown
from tests.filled import execute


async def test_the_first_page_shows_the_newest_photos_by_horse(opened: Open) -> None:
    async with opened() as client:
        text = await (await client.get("/")).text()
    days = re.findall(r'class="group-facts">.*?<time datetime="([^"]+)"', text, re.S)
    assert len(days) == 24
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "path", ["/", "/?name=%E3%82%B9&year=2016&surface=turf&sex=male&labelled=1&low=0.1&high=.9", "/issues"]
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
