"""Only who brings the token decides, and what is decided is what the commands decide: a real server and Postgres."""

import asyncio
import itertools
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from collector.console.catalogue import LANGUAGES, PAGES
from collector.matching import by_hand as match
from collector.web.app import COOKIE, LARGEST
from collector.web.server.guards import cookie_of
from tests.collector.web.conftest import ADMIN, Open, Shown, generous, renewed
from tests.collector.web.waiting import (
    HOSTILE,
    MAY,
    a_horse,
    fingerprint,
    matched,
    open_up,
    photos_of,
    send,
    shown_as,
)
from tests.filled import SITE, execute

# --- who may decide ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("admin", [None, ADMIN])
async def test_without_the_token_no_address_changes_anything(own: Shown, opened: Open, admin: str | None) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, _ = a_horse(own.conninfo)
    ((url,),) = execute(own.conninfo, "SELECT page_url FROM photo LIMIT 1")
    fields = {"photo": photo, "horse": horse_id, "sure": "yes", "what": "change", "url": url}
    bodies: list[Any] = [{"data": fields}, {"json": {"photo": photo, "horse": horse_id}}, {"json": {"url": url}}]
    before = fingerprint(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=admin)) as client:
        routes = [route for route in client.app.router.routes() if route.resource is not None]
        paths = {re.sub(r"\{[^}]*\}", photo, route.resource.canonical) for route in routes if route.resource}
        assert {"/review/match", "/review/forget", "/review/reading", "/api/decisions/forget"} <= paths
        for path in sorted(paths - {"/ask"}):  # which passes a photo on, and keeps nothing
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"{COOKIE}={cookie_of('wrong')}"}):
                for method, sent in itertools.product(("POST", "PUT", "PATCH", "DELETE"), bodies):
                    answer = await client.request(method, path, headers=headers, **sent)
                    assert answer.status in (401, 403, 404, 405), (method, path, answer.status)
        assert (await client.get("/review/reading")).status == 200
    assert fingerprint(own.conninfo) == before


async def test_the_token_that_reads_decides_nothing(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, _ = a_horse(own.conninfo)
    before = fingerprint(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(token="a-token-that-reads", admin_token=ADMIN)) as client:
        sent = {"photo": photo, "horse": horse_id, "sure": "yes", "what": "change"}
        for headers in (
            {"Authorization": "Bearer a-token-that-reads"},
            {"Cookie": f"{COOKIE}={cookie_of('a-token-that-reads')}"},
        ):
            assert (await client.get("/review", headers=headers)).status == 200
            for path in ("/review/match", "/review/forget", "/review/reading"):
                assert (await client.post(path, data=sent, headers=headers)).status == 403, path
            answer = await client.post(
                "/api/decisions/match", json={"photo": photo, "horse": horse_id}, headers=headers
            )
            assert answer.status == 403
    assert fingerprint(own.conninfo) == before


async def test_a_reader_sees_how_to_get_the_token(own: Shown, opened: Open) -> None:
    open_up(own.conninfo, photos_of(own.conninfo)[0])
    async with opened(conninfo=own.conninfo) as client:
        for language in LANGUAGES:
            words = PAGES.read(language)
            first = await (await client.get(f"/review?lang={language}")).text()
            assert words["review_token_off"] in first
            assert "collector serve --admin" in first
            answer = await client.post(f"/review/match?lang={language}", data={"photo": "keibado:160104/01"})
            assert answer.status == 403
            assert "collector serve --admin" in await answer.text()
        listed = await (await client.get("/review/open")).text()
        assert 'method="post"' not in listed
        assert (await client.get(f"/review/forget/{photos_of(own.conninfo)[0]}")).status == 403
        refused = await (await client.post("/api/decisions/forget", json={"url": SITE})).json()
        assert refused["code"] == "read_only"


async def test_the_token_in_the_address_becomes_a_cookie_that_decides(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    open_up(own.conninfo, photo)
    horse_id, _ = a_horse(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        cookie = (await client.get(f"/review?token={ADMIN}")).cookies[COOKIE]
        assert (cookie["samesite"], cookie["httponly"]) == ("Strict", True)
        answer = await client.post("/review/match", data={"photo": photo, "horse": horse_id}, allow_redirects=False)
        assert answer.status == 303
    assert matched(own.conninfo, photo)[0][0] == horse_id


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
async def test_another_sites_page_decides_nothing(own: Shown, opened: Open, headers: dict[str, str]) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, _ = a_horse(own.conninfo)
    before = fingerprint(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        for path in ("/review/match", "/review/forget", "/review/reading", "/api/decisions/match"):
            sent = {"photo": photo, "horse": horse_id, "sure": "yes", "what": "change"}
            answer = await client.post(path, data=sent, headers=MAY | headers)
            assert answer.status == 403, path
    assert fingerprint(own.conninfo) == before


async def test_an_old_browsers_form_decides_and_a_hidden_origin_does_not(own: Shown, opened: Open) -> None:
    """Without Sec-Fetch-Site the origin is all there is; another port's page on this machine has the cookie as well."""
    photo = photos_of(own.conninfo)[0]
    horse_id, _ = a_horse(own.conninfo)
    cookie = {"Cookie": f"{COOKIE}={cookie_of(ADMIN)}"}
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        sent = {"photo": photo, "horse": horse_id}
        statuses = [
            (
                await client.post(
                    "/review/match", data=sent, headers=cookie | {"Origin": origin}, allow_redirects=False
                )
            ).status
            for origin in ("null", str(client.make_url("")).rstrip("/"))
        ]
        assert statuses == [403, 303]
    assert matched(own.conninfo, photo)[0][0] == horse_id


# --- which horse ------------------------------------------------------------------------------------------


async def test_a_decision_is_kept_as_the_command_keeps_it(own: Shown, opened: Open) -> None:
    photo, other = photos_of(own.conninfo)[:2]
    ((horse_id, _),) = execute(own.conninfo, "SELECT horse_id, race_id FROM photo_match ORDER BY id LIMIT 1")
    open_up(own.conninfo, photo, other, candidates=[horse_id])
    async with await psycopg.AsyncConnection.connect(own.conninfo, autocommit=True) as connection:
        await match.decide_by_hand(connection, other, horse_id)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, "/review/match?lang=ja", photo=photo, horse=horse_id, back="open")
        assert (answer.status, answer.headers["Location"]) == (303, f"/review/open?done={photo}&lang=ja")
        text = await (await client.get(answer.headers["Location"], headers=MAY)).text()
    assert f'id="photo-{photo}"' not in text
    assert 'role="status"' in text
    ((found,), (expected,)) = matched(own.conninfo, photo), matched(own.conninfo, other)
    assert (found[0], *found[2:]) == (expected[0], *expected[2:]) == (horse_id, "by_hand", [], True)


async def test_open_photos_come_with_their_candidates_the_newest_first(own: Shown, opened: Open) -> None:
    photos = photos_of(own.conninfo)[:3]
    rows = execute(own.conninfo, "SELECT horse_id, name, born FROM horse ORDER BY horse_id LIMIT 2")
    open_up(own.conninfo, *photos, candidates=[row[0] for row in rows], why="several_by_name_and_age")
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        text = await (await client.get("/review/open", headers=MAY | {"Accept-Language": "en"})).text()
    assert re.findall(r'id="photo-([a-z]+:[0-9]+/[0-9]+)"', text) == photos
    for horse_id, name, born in rows:
        assert f'name="horse" value="{horse_id}"' in text
        assert f'href="/horses/{horse_id}" lang="ja">{name}</a>' in text
        assert f"born {born.year}" in text
    assert "several horses fit by name and age" in text


async def test_a_long_list_goes_on_where_it_ended(own: Shown, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.web.review.queue.PAGE", 2)
    photos = photos_of(own.conninfo)[:5]
    open_up(own.conninfo, *photos)
    seen: list[str] = []
    async with opened(conninfo=own.conninfo) as client:
        path: str | None = "/review/open?order=newest"
        while path:
            text = await (await client.get(path)).text()
            seen += re.findall(r'id="photo-([a-z]+:[0-9]+/[0-9]+)"', text)
            found = re.search(r'rel="next" href="([^"]+)"', text)
            path = found[1].replace("&amp;", "&") if found else None
    assert seen == photos


async def test_what_was_decided_by_hand_is_decided_anew(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    rows = execute(own.conninfo, "SELECT min(horse_id), name FROM horse GROUP BY name HAVING count(*) = 1 LIMIT 2")
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/match", photo=photo, horse=rows[0][0])
        listed = await (await client.get("/review/decided", headers=MAY)).text()
        assert f'id="photo-{photo}"' in listed
        answer = await send(client, "/review/match", photo=photo, horse=rows[1][1], back="decided")  # by its name
        assert answer.headers["Location"] == f"/review/decided?done={photo}"
    assert matched(own.conninfo, photo)[0][0] == rows[1][0]


async def test_an_unknown_horse_is_reported_and_nothing_changes(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    before = fingerprint(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, "/review/match", photo=photo, horse=HOSTILE)
        text = await answer.text()
        assert answer.status == 400
        assert shown_as(f"The horse {HOSTILE} is not known") in text
        assert "<script>alert" not in text
    assert fingerprint(own.conninfo) == before


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"photo": "160104"},
        {"photo": "160104-999999999999", "horse": "x"},
        {"photo": "keibado:160104/01", "horse": "a\0b"},
    ],
)
async def test_what_is_not_a_decision_is_a_problem(shown: Shown, opened: Open, fields: dict[str, str]) -> None:
    async with opened(guard=generous(admin_token=ADMIN)) as client:
        assert (await send(client, "/review/match", **fields)).status == 400
        assert (await client.post("/api/decisions/match", json=fields, headers=MAY)).status == 400


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"photo=160104-01", "text/plain"),
        (b"photo=\xff", "application/x-www-form-urlencoded; charset=nonsense"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"[" * 60_000, "application/json"),
        (b'{"photo": 1, "horse": "x"}', "application/json"),
        (b'{"photo": "keibado:160104/01", "horse": "\\ud800"}', "application/json"),
        (b"\xff", "application/json"),
    ],
)
async def test_what_cannot_be_read_is_a_problem(shown: Shown, opened: Open, body: bytes, media_type: str) -> None:
    async with opened(guard=generous(admin_token=ADMIN)) as client:
        for path in ("/review/match", "/review/forget", "/api/decisions/match", "/api/decisions/forget"):
            answer = await client.post(path, data=body, headers=MAY | {"Content-Type": media_type})
            assert answer.status == 400, path


async def test_a_form_that_is_too_large_is_not_read(shown: Shown, opened: Open) -> None:
    async with opened(guard=generous(admin_token=ADMIN)) as client:
        sent = {"photo": "keibado:160104/01", "horse": "x" * LARGEST}
        assert (await client.post("/review/match", data=sent, headers=MAY)).status == 413
        assert (await client.post("/api/decisions/match", json=sent, headers=MAY)).status == 413


async def test_a_decision_leads_to_no_other_site(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, _ = a_horse(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await send(client, "/review/match", photo=photo, horse=horse_id, back="//elsewhere.example/")
        assert answer.headers["Location"] == f"/review/open?done={photo}"
        answer = await send(client, "/review/match", photo=photo, horse=horse_id, back="photo")
        assert answer.headers["Location"] == f"/photos/{photo}"


async def test_the_search_soon_knows_what_was_decided(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    open_up(own.conninfo, photo)
    await asyncio.to_thread(renewed, own.conninfo)
    horse_id, _ = a_horse(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        await send(client, "/review/match", photo=photo, horse=horse_id)
        for _ in range(60):  # sooner than the next look would come
            if execute(own.conninfo, "SELECT shows FROM photo_search WHERE photo = %s", photo) == [(horse_id,)]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the search does not know it")


async def test_the_photos_page_offers_decisions_with_the_token_only(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        read = await (await client.get(f"/photos/{photo}")).text()
        decides = await (await client.get(f"/photos/{photo}", headers=MAY)).text()
    assert 'method="post"' not in read
    assert 'action="/review/match" method="post"' in decides
    assert f'href="/review/forget/{photo}?back=photo"' in decides


# --- for programs -------------------------------------------------------------------------------------------


async def test_programs_decide_in_json(own: Shown, opened: Open) -> None:
    photo = photos_of(own.conninfo)[0]
    horse_id, name = a_horse(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:
        answer = await client.post("/api/decisions/match", json={"photo": photo, "horse": name}, headers=MAY)
        assert (answer.status, await answer.json()) == (200, {"photo": photo, "horse_id": horse_id})
        answer = await client.post(
            "/api/decisions/match", json={"photo": "keibado:991231/99", "horse": name}, headers=MAY
        )
        assert (answer.status, (await answer.json())["code"]) == (400, "not_decided")
        ((url,),) = execute(own.conninfo, "SELECT image_url FROM photo WHERE digest IS NOT NULL LIMIT 1")
        gone = await (await client.post("/api/decisions/forget", json={"url": url}, headers=MAY)).json()
        assert (gone["photos"], gone["blobs"]) == (1, 1)
        for url in ("javascript:alert(1)", "http://", "http://[", "http://a:99999/", "160104-01", ""):
            answer = await client.post("/api/decisions/forget", json={"url": url}, headers=MAY)
            assert answer.status == 400, url


async def test_decisions_are_taken_back_one_after_the_other_and_the_rules_decide_again(
    own: Shown, opened: Open
) -> None:
    first, second, *_ = photos_of(own.conninfo)
    before = [shown_in(own.conninfo, photo) for photo in (first, second)]
    horse, _ = a_horse(own.conninfo)
    async with opened(conninfo=own.conninfo, guard=generous(admin_token=ADMIN)) as client:

        async def sent(path: str, **given: str) -> list[str]:
            """What can be taken back after that."""
            answer = await send(client, path, back="open", **given)
            return parse_qs(urlsplit(answer.headers["Location"]).query).get("done", [])

        assert await sent("/review/match", photo=first, horse=horse) == [first]
        assert await sent("/review/match", photo=second, horse=horse, done=first) == [f"{second} {first}"]
        assert matched(own.conninfo, second)[0][4] is True
        assert await sent("/review/take-back", photo=second, done=f"{second} {first}") == [first]
        assert await sent("/review/take-back", photo=first, done=first) == []
        answer = await send(client, "/review/take-back", photo=first)
        assert (answer.status, "Nobody has decided" in await answer.text()) == (400, True)
    assert [shown_in(own.conninfo, photo) for photo in (first, second)] == before


def shown_in(conninfo: str, photo: str) -> tuple[Any, ...]:
    """The horse and the race of a photo, and whether a person says so."""
    ((horse_id, race_id, _, _, by_hand),) = matched(conninfo, photo)
    return horse_id, race_id, by_hand


async def test_a_decision_that_is_worth_most_comes_first(own: Shown, opened: Open) -> None:
    newest, labelled, many, bare = photos_of(own.conninfo)[:4]
    rated = execute(own.conninfo, "SELECT horse_id FROM aptitude WHERE axis = 'distance' AND value IS NOT NULL LIMIT 1")
    others = [row[0] for row in execute(own.conninfo, "SELECT horse_id FROM horse ORDER BY horse_id DESC LIMIT 3")]
    execute(own.conninfo, "DELETE FROM aptitude WHERE horse_id = ANY (%s)", others)
    open_up(own.conninfo, newest, candidates=others[:1])
    open_up(own.conninfo, labelled, candidates=[*others[:1], rated[0][0]])
    open_up(own.conninfo, many, candidates=others)
    open_up(own.conninfo, bare, candidates=[rated[0][0]])
    execute(own.conninfo, "UPDATE photo SET digest = NULL WHERE photo_id = %s", bare)
    async with opened(conninfo=own.conninfo) as client:
        text = await (await client.get("/review/open")).text()
        assert re.findall(r'id="photo-([a-z]+:[0-9]+/[0-9]+)"', text) == [labelled, newest, many, bare]
