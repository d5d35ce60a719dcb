"""The pages of what waits for a person, and hostile words on them: a real server and Postgres."""

import re
from typing import Any

import pytest

from collector.console.catalogue import LANGUAGES, PAGES
from collector.web.review.queue import LONGEST, grouped, read_archived
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import HOSTILE, MAY, open_up, photos_of, put_page
from tests.filled import SITE, execute


async def test_unread_pages_are_listed_by_kind_and_reason(own: Shown, opened: Open) -> None:
    page_id = put_page(own.conninfo, f"{SITE}/one.html", b"<html>one", reason=HOSTILE)
    put_page(own.conninfo, f"{SITE}/two.html", b"<html>two", reason=HOSTILE)
    put_page(own.conninfo, f"{SITE}/three.jpg", b"x", kind="image", state="failed", reason="timed out")
    async with opened(conninfo=own.conninfo) as client:
        text = await (await client.get("/review/quarantined")).text()
        assert text.count('class="reason"') == 2
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert f'href="{SITE}/one.html" rel="noreferrer noopener"' in text
        assert f'href="/review/pages/{page_id}"' in text


async def test_an_archived_page_is_text_and_never_html(own: Shown, opened: Open) -> None:
    body = f"<html><body onload=x>{HOSTILE}馬</body>".encode("cp932")
    page_id = put_page(own.conninfo, f"{SITE}/one.html", body)
    async with opened(conninfo=own.conninfo) as client:
        answer = await client.get(f"/review/pages/{page_id}")
        text = await answer.text()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        shown = text.partition('<pre class="archived"')[2].partition("</pre>")[0]
        assert "&lt;html&gt;&lt;body onload=x&gt;&lt;script&gt;alert(1)" in shown
        assert "馬" in shown
        assert "<body onload" not in text
        assert (await client.get("/review/pages/999999999999999999")).status == 404
        assert (await client.get(f"/photos/{page_id}/original")).status == 404


async def test_a_forgotten_pages_text_is_not_shown(own: Shown, opened: Open) -> None:
    page_id = put_page(own.conninfo, f"{SITE}/one.html", b"<html>one")
    execute(own.conninfo, "UPDATE page SET state = 'excluded' WHERE id = %s", page_id)
    async with opened(conninfo=own.conninfo) as client:
        assert (await client.get(f"/review/pages/{page_id}")).status == 404


def archived(body: bytes, **facts: Any) -> dict[str, Any]:
    known = {
        "kind": "photo_page",
        "role": "photo_page",
        "source": "keibado",
        "media_type": "text/html",
        "encoding": "",
        "dictionary": None,
        "content": body,
    }
    return known | facts


def test_a_long_archived_page_is_cut_at_a_character() -> None:
    shown = read_archived(archived("馬".encode("cp932") * LONGEST))
    assert shown.cut
    assert shown.text is not None
    assert set(shown.text) == {"馬"}
    assert LONGEST - 3 < len(shown.text.encode()) <= LONGEST


def test_a_page_whose_bytes_are_damaged_says_so_instead_of_failing() -> None:
    shown = read_archived(archived(b"neither") | {"encoding": "zstd"})
    assert shown.text == ""
    assert shown.trouble


def test_broken_bytes_are_shown_as_far_as_they_can_be_read() -> None:
    shown = read_archived(archived(b"horse \x81"))
    assert shown.trouble
    assert shown.text is not None
    assert shown.text.startswith("horse ")


def test_a_pictures_bytes_are_not_shown_as_text() -> None:
    assert read_archived(archived(b"\xff\xd8", kind="image", media_type="image/jpeg")).text is None


def test_groups_stand_by_kind_and_the_largest_first() -> None:
    def page(kind: str, reason: str) -> dict[str, str]:
        return {"role": kind, "state": "failed", "code": "try_later", "field": "", "reason": reason}

    pages = [page("photo_page", "b"), page("image", "a"), page("photo_page", "a"), page("photo_page", "a")]
    assert [(key[0], key[4], len(group)) for key, group in grouped(pages).items()] == [
        ("image", "a", 1), ("photo_page", "a", 2), ("photo_page", "b", 1),
    ]  # fmt: skip


async def test_hostile_names_are_shown_as_they_are(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    execute(own.conninfo, "UPDATE photo SET horse_name = %s, race_name = %s", HOSTILE, HOSTILE)
    execute(own.conninfo, "UPDATE horse SET name = %s, coat = %s", HOSTILE, HOSTILE)
    open_up(own.conninfo, photo, why=HOSTILE)
    execute(own.conninfo, "UPDATE photo SET near_duplicate_of = id")
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        for path in ("/review/open", "/review/copies", f"/review/forget/{photo}", f"/photos/{photo}"):
            text = await (await client.get(path, headers=MAY)).text()
            assert "&lt;script&gt;alert(1)" in text, path
            assert "<script>alert" not in text, path


@pytest.mark.parametrize("path", ["", "/open", "/decided", "/copies", "/quarantined", "/reading"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_with_nothing_to_review_the_pages_say_so(shown: Shown, opened: Open, path: str, language: str) -> None:
    async with opened(guard=generous(admin_token=ADMIN)) as client:
        answer = await client.get(f"/review{path}?lang={language}", headers=MAY)
        assert answer.status == 200, await answer.text()


async def test_the_first_page_counts_what_waits(own: Shown, opened: Open) -> None:
    execute(own.conninfo, "UPDATE photo SET near_duplicate_of = NULL")
    ((held, different),) = execute(own.conninfo, "SELECT count(digest), count(DISTINCT digest) FROM photo")
    open_up(own.conninfo, *photos_of(own.conninfo)[:3])
    put_page(own.conninfo, f"{SITE}/one.html", b"<html>one")
    async with opened(conninfo=own.conninfo) as client:
        text = await (await client.get("/review")).text()
    assert re.findall(r'class="how-many">(\d+)<', text) == ["0", "3", str(held - different), "1", "0", "0"]


async def test_the_very_same_bytes_on_another_page_are_a_copy(own: Shown, opened: Open) -> None:
    """Two stages of growth they are not, whatever the pages say of date and weight."""
    first, second = photos_of(own.conninfo)[:2]
    execute(own.conninfo, "UPDATE photo SET near_duplicate_of = NULL")
    execute(
        own.conninfo,
        "UPDATE photo SET digest = same.digest FROM photo AS same WHERE same.id = (SELECT min(id) FROM photo)",
    )
    async with opened(conninfo=own.conninfo) as client:
        photos = [await (await client.get(f"/api/photos/{photo}")).json() for photo in (first, second)]
        listed = await (await client.get("/review/copies", headers={"Accept-Language": "en"})).text()
    assert sorted(photo["copy_of"] or "" for photo in photos) != ["", ""]
    assert PAGES.read("en")["review_same_bytes"] in listed


async def test_what_sources_say_differently_is_listed_by_column(own: Shown, opened: Open) -> None:
    ((race_id, runner, name),) = execute(own.conninfo, "SELECT race_id, runner, horse_name FROM entry LIMIT 1")
    differs = """INSERT INTO difference (sort, thing, runner, field, licensed, other, source_url, observed_at)
        SELECT 'entry', %s, %s, unnest(%s::text[]), '3.1', %s, 'https://x.example/1', now()"""
    execute(own.conninfo, differs, race_id, runner, ["odds", "horse_weight"], HOSTILE)
    execute(own.conninfo, differs, race_id, "another", ["odds"], "4.0")
    execute(own.conninfo, "INSERT INTO kept_apart SELECT horse_id, 'name', 'アオバ', %s, 'https://a.example', "
                          "'https://b.example' FROM horse LIMIT 1", HOSTILE)  # fmt: skip
    async with opened(conninfo=own.conninfo) as client:
        assert ">4<" in await (await client.get("/review")).text()
        for language in LANGUAGES:
            text = await (await client.get(f"/review/differences?lang={language}")).text()
            shown = re.findall(r'<code>([a-z_.]+)</code> <span class="number">(\d+)', text)
            assert shown == [("entry.odds", "2"), ("entry.horse_weight", "1")]
            assert (name in text, f"/races/{race_id}" in text, "<script>alert" in text) == (True, True, False)
            assert PAGES.read(language)["review_apart"] in text
