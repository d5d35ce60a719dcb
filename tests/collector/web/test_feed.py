"""What is new of followed horses: on the pages, as Atom for a feed reader, and on the command line."""

import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from collector.cli.app import app
from collector.console.catalogue import PAGES
from collector.pipeline.forget import forget
from collector.web.feed.atom import NAMESPACE, atom, said
from collector.web.feed.news import Feed, news_of
from tests.collector.web.conftest import ADMIN, Open, Shown, generous
from tests.collector.web.waiting import HOSTILE, send
from tests.filled import as_json, execute

READ = "a-token-that-reads"
STAR = """SELECT horse_id, photo_id, name FROM photo JOIN photo_match USING (source, issue_code, number)
JOIN horse USING (horse_id) JOIN aptitude USING (horse_id)
WHERE digest IS NOT NULL AND near_duplicate_of IS NULL AND axis = 'distance' ORDER BY value DESC NULLS LAST, photo_id
LIMIT 1"""
NEW = (
    "UPDATE photo SET observed_at = now() - interval '3 hours', comment = '胴長' WHERE photo_id = %(photo)s",
    """INSERT INTO race (race_id, race_date, racecourse, race_number, name, surface, distance, prizes, source_url,
           observed_at) VALUES ('209905010111', '2099-01-05', '東京', 11, %(race)s, 'turf', 2400, '{}',
           'https://db.netkeiba.com/race/209905010111/', now())""",
    """INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, jockey, positions_at_bends,
           source_url, observed_at) VALUES ('209905010111', %(horse)s, 'アオバ', 'アオバ', 7, 'ルメール', '{}',
           'javascript:alert(1)', now() - interval '2 hours')""",
    """INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)
           VALUES (%(horse)s, 'distance', 90, 10, 0.1, 12, 'https://db.netkeiba.com/horse/x/',
           now() - interval '1 hour')""",
    # The bars have moved a little, and opinion has not: no news.
    """INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)
           SELECT horse_id, axis, left_px + 1, right_px, value, 12, source_url, now() - interval '1 hour' FROM aptitude
           WHERE (horse_id, axis) = (%(horse)s, 'surface')""",
)  # fmt: skip


def happen(conninfo: str) -> tuple[str, str]:
    """A photo, a race to come and a change of opinion of one horse; its id, and the photo's."""
    ((horse_id, photo, _),) = execute(conninfo, STAR)
    with psycopg.connect(conninfo) as connection:
        for statement in NEW:
            connection.execute(statement.encode(), {"horse": horse_id, "photo": photo, "race": HOSTILE})
    return horse_id, photo


def elements(parent: ET.Element, name: str) -> list[ET.Element]:
    return parent.findall(f"{{{NAMESPACE}}}{name}")


def texts(parent: ET.Element, name: str) -> list[str]:
    return [element.text or "" for element in elements(parent, name)]


def hrefs(parent: ET.Element, rel: str) -> list[str]:
    return [link.attrib["href"] for link in elements(parent, "link") if link.attrib["rel"] == rel]


async def test_a_followed_horses_news_is_an_atom_feed_whose_links_lead_to_its_pages(own: Shown, opened: Open) -> None:
    horse_id, photo = happen(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        before = ET.fromstring(await (await client.get("/feed.atom")).read())
        page = await (await client.get(f"/horses/{horse_id}?lang=en")).text()
        assert 'method="post"' not in page, "who may not decide has no button"
        assert (await send(client, f"/horses/{horse_id}/follow?lang=ja", follow="yes")).headers["Location"] == (
            f"/horses/{horse_id}?lang=ja"
        )
        answer = await client.get("/feed.atom?lang=en", headers={"Accept": "application/atom+xml"})
        text, root = await answer.text(), ET.fromstring(await answer.read())
        assert answer.content_type == "application/atom+xml"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        again = await client.get("/feed.atom?lang=en", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, await again.read()) == (304, b"")
        entries = elements(root, "entry")
        paths = [re.sub(r"^http://[^/]+", "", hrefs(entry, "alternate")[0]) for entry in entries]
        assert paths == [f"/horses/{horse_id}?lang=en", "/races/209905010111?lang=en", f"/photos/{photo}?lang=en"]
        assert [(await client.get(path)).status for path in paths] == [200] * 3
        first = await (await client.get("/?lang=en")).text()
        stopped = await send(client, f"/horses/{horse_id}/follow", follow="no")
        after = ET.fromstring(await (await client.get("/feed.atom")).read())
        unknown = await send(client, "/horses/0000000000/follow", follow="yes")
    ids = [texts(element, "id")[0] for element in (root, *entries)]
    assert len(set(ids)) == 4
    assert all(one.startswith("tag:keiba-paddock,2026:") for one in ids)
    assert texts(root, "updated") >= texts(entries[0], "updated")
    titles = [texts(entry, "title")[0] for entry in entries]
    assert titles[0].endswith("→ 0.10")
    assert "Surface" not in titles[0]
    assert titles[1].endswith(f"runs on 5 Jan 2099, Tokyo race 11 {HOSTILE}")
    assert texts(entries[1], "summary") == ["turf 2400\u00a0m · No. 7 · ルメール"]
    assert [hrefs(entry, "via") for entry in entries][1] == [], "only an address of the web is a link"
    assert "胴長" not in text
    assert "5 Jan 2099, Tokyo race 11 &lt;script&gt;" in first
    assert (stopped.status, unknown.status) == (303, 400)
    assert (elements(before, "entry"), elements(after, "entry")) == ([], [])


async def test_a_feed_readers_token_is_in_the_address_and_opens_nothing_but_the_feed(
    own: Shown, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    guard = generous(token=READ, admin_token=ADMIN, local_only=False)
    caplog.set_level("DEBUG")
    async with opened(conninfo=own.conninfo, guard=guard) as client:
        page = await (await client.get("/", headers={"Authorization": f"Bearer {READ}"})).text()
        found = re.search(
            r'<link rel="alternate" type="application/atom\+xml"[^>]*href="(/feed.atom\?token=(\w+))"', page
        )
        assert found
        feed = await client.get(found[1])
        assert (feed.status, feed.cookies.keys(), feed.headers["Referrer-Policy"]) == (200, set(), "no-referrer")
        body = await feed.text()
        assert not any(token in body for token in (READ, ADMIN, found[2]))
        for token, status in ((READ, 200), (ADMIN, 401), ("wrong", 401), ("", 401)):
            assert (await client.get("/feed.atom", params={"token": token})).status == status, token
        assert (await client.get("/feed.atom", headers={"Authorization": f"Bearer {READ}"})).status == 200
        bare = await client.get("/feed.atom")
        assert (bare.status, bare.content_type) == (401, "application/json")
        for path in ("/", "/api/photos", "/horses/2012100001"):
            refused = await client.get(path, params={"token": found[2]})
            assert refused.status == 401, path
            assert "feed.atom" not in await refused.text(), "who may not read does not get the token"
    ours = [str(record.__dict__) for record in caplog.records if record.name.startswith("collector")]
    assert ours
    assert not [line for line in ours if "token=" in line or found[2] in line]


ANY = st.text(st.characters(codec=None, exclude_categories=[]), max_size=30)


@example("\x00\x0b\ufffe]]>&<\"'\ud800é\U0001f40e\r")
@given(ANY)
def test_whatever_a_site_wrote_is_xml_and_the_same_text_as_far_as_xml_can_hold_it(text: str) -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    photo: dict[str, Any] = dict.fromkeys(("race_date", "racecourse", "race_number", "race_id", "printed_race"))
    photo |= {"at": at, "horse_id": "2012100001", "name": text or "x", "photo": text, "source_url": f"http://{text}"}
    photo |= {"taken_at": at, "issue_date": at.date(), "race_name": text, "source": text}
    feed = Feed(news_of([photo], [], []), at)
    root = ET.fromstring(atom(feed, PAGES.read("ja"), "ja", lambda path: f"http://localhost{path}"))
    (entry,) = elements(root, "entry")
    (title,) = texts(entry, "title")
    assert title.startswith(said(text or "x").replace("\r\n", "\n").replace("\r", "\n"))
    assert re.fullmatch(r"tag:keiba-paddock,2026:photo/[!-~]*", texts(entry, "id")[0])
    assert texts(entry, "updated") == texts(root, "updated") == ["2026-11-26T00:00:00Z"]


def test_the_commands_follow_a_horse_and_say_what_is_new_of_it(own: Shown) -> None:
    horse_id, photo = happen(own.conninfo)
    env = {"PADDOCK_DATABASE_URL": own.conninfo}

    def said_by(*words: str) -> str:
        result = CliRunner().invoke(app, words, env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "No horse is followed yet" in said_by("follow")
    assert "No horse is followed yet" in said_by("feed")
    assert f"({horse_id}), followed since" in said_by("follow", horse_id)
    (followed,) = as_json(said_by("follow", "--json"))
    assert followed["horse_id"] == horse_id
    lines = said_by("feed").splitlines()
    assert len(lines) == 3
    assert "→ 0.10" in lines[0]
    opinion, entry, shown = as_json(said_by("feed", "--json"))
    assert (opinion["kind"], opinion["axes"][0]["value"], entry["race_date"], shown["photo"]) == (
        "opinion", 0.1, "2099-01-05", photo,
    )  # fmt: skip
    assert "comment" not in shown
    assert [news["kind"] for news in as_json(said_by("feed", "--since", "1h", "--json"))] == ["entry"], (
        "a race to come is said however long it is known"
    )
    assert len(as_json(said_by("feed", "--since", "2010-01-01", "--json"))) > 3
    assert f"No longer followed: {horse_id}." in said_by("follow", horse_id, "--stop")
    wrong = [["follow", horse_id, "--stop"], ["follow", "--stop"], ["follow", "無い馬"], ["feed", "--since", "soon"]]
    assert [CliRunner().invoke(app, words, env=env).exit_code for words in wrong] == [2] * 4


async def test_a_horse_of_which_all_is_forgotten_is_followed_no_longer(own: Shown) -> None:
    ((horse_id, _, _),) = execute(own.conninfo, STAR)
    urls = [url for (url,) in execute(
        own.conninfo, "SELECT page_url FROM photo JOIN photo_match USING (source, issue_code, number)"
        " WHERE horse_id = %s", horse_id,
    )]  # fmt: skip
    execute(own.conninfo, "INSERT INTO followed (horse_id) SELECT horse_id FROM horse")
    ((before,),) = execute(own.conninfo, "SELECT count(*) FROM followed")
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        await forget(connection, url=urls[0])
        assert execute(own.conninfo, "SELECT count(*) FROM followed") == [(before,)]
        execute(own.conninfo, "DELETE FROM horse WHERE horse_id = %s", horse_id)
        for url in urls:
            await forget(connection, url=url)
    assert execute(own.conninfo, "SELECT count(*) FROM followed WHERE horse_id = %s", horse_id) == [(0,)]
    assert execute(own.conninfo, "SELECT count(*) FROM followed") == [(before - 1,)]
