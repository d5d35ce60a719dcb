"""What no browser sends and no page of the sites says: the server answers all of it, and gives nothing away."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient

from collector.web.app import COOKIE
from tests.collector.web.conftest import ADMIN, Open, Shown, Site, generous, renewed
from tests.collector.web.waiting import MAY, open_up, photos_of, put_page
from tests.filled import SITE, execute

TOKEN = "a-token-of-this-test"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}{% x %}&amp;%s"
# Columns that say which row it is, or are one of a closed set of words.
CLOSED = (
    "source", "digest", "horse_id", "race_id", "issue_code", "code", "kind", "state", "host", "name", "media_type",
    "axis", "sex", "going", "surface", "finish", "grade", "direction", "weather", "horse_key", "outcome", "url",
)  # fmt: skip
TABLES = (
    "photo",
    "issue",
    "horse",
    "race",
    "entry",
    "aptitude",
    "page",
    "host",
    "drift",
    "parse_failure",
    "photo_match",
)
TEXTS = """
SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
AND is_generated = 'NEVER' AND table_name = ANY (%s) AND data_type IN ('text', 'character varying')
"""
ADDRESSES = (
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//elsewhere.example/", "http://", "http://[",
    "http://a:99999/", 'http://a" onmouseover="alert(1)', "http://xn--a/", "http://ア..x/", "",
)  # fmt: skip
PLACES = ("photo.page_url", "photo.image_url", "issue.source_url", "horse.source_url", "race.source_url",
          "entry.source_url", "aptitude.source_url")  # fmt: skip
WORDS = ("horse.sex", "entry.sex", "entry.finish", "race.surface", "race.going", "race.grade", "race.weather",
         "race.direction", "aptitude.axis", "photo.sex", "page.kind", "page.source", "drift.kind", "host.delay_reason",
         "photo_match.rule")  # fmt: skip


def sent(base: str, *lines: bytes) -> bytes:
    """What is answered to a request that no library would send."""
    host, port = base.removeprefix("http://").split(":")
    asked = b"\r\n".join([lines[0], b"Host: 127.0.0.1", b"Connection: close", *lines[1:], b"", b""])
    answer = b""
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        # A server that has heard enough of a request answers, and resets what is still on its way.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(asked)
        with contextlib.suppress(ConnectionResetError):
            while got := connection.recv(65536):
                answer += got
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# --- requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((b"GET / HTTP/1.1", b"Authorization: Bearer \xff\xfe"), 401),
        ((b"GET / HTTP/1.1", b"Cookie: " + COOKIE.encode() + b"=\xff\xfe"), 401),
        ((b"POST /review/match HTTP/1.1", b"Origin: http://["), 403),
        ((b"POST /review/match HTTP/1.1", b"Origin: \xff"), 403),
        ((b"GET /?token=%ED%A0%80 HTTP/1.1",), 401),
        ((b"GET /static/" + b"a" * 5000 + b" HTTP/1.1",), 404),
        ((b"GET /static/%00 HTTP/1.1",), 404),
        ((b"GET /static/../metrics HTTP/1.1",), 404),
        ((b"GET /static/%2e%2e/app.py HTTP/1.1",), 404),
        ((b"GET /static/..%2fapp.py HTTP/1.1",), 404),
        ((b"GET /healthz/../metrics HTTP/1.1",), 404),
        ((b"GET //static/../metrics HTTP/1.1",), 401),
    ],
)
def test_what_no_library_sends_is_refused_and_breaks_nothing(
    shown: Shown, caplog: pytest.LogCaptureFixture, lines: tuple[bytes, ...], expected: int
) -> None:
    with Site(shown.conninfo, generous(token=TOKEN, admin_token=ADMIN)) as site:
        assert status(sent(site.base, *lines)) == expected
    assert not caplog.records


@pytest.mark.parametrize("path", [b"//elsewhere.example/x", b"/\\elsewhere.example/x", b"///elsewhere.example/x"])
def test_no_link_leads_to_where_an_address_seems_to_lead(shown: Shown, path: bytes) -> None:
    with Site(shown.conninfo, generous(token=TOKEN)) as site:
        bearer = b"Authorization: Bearer " + TOKEN.encode()
        lost = sent(site.base, b"GET " + path + b" HTTP/1.1", bearer)
        welcome = sent(site.base, b"GET " + path + b"?token=" + TOKEN.encode() + b" HTTP/1.1")
    assert (status(lost), status(welcome)) == (404, 200)
    assert b'class="switch" href="/?lang=ja"' in lost
    assert b'content="0; url=/"' in welcome


def test_what_is_not_http_is_not_quoted_in_the_log(shown: Shown, caplog: pytest.LogCaptureFixture) -> None:
    with Site(shown.conninfo, generous(token=TOKEN)) as site:
        address = f"GET /?token={TOKEN}&name=キタ HTTP/1.1".encode()
        for lines in ((address,), (b"GET / HTTP/1.1", b"b<d: x"), (b"GET / HTTP/1.1", b"X: " + b"a" * 300_000)):
            assert status(sent(site.base, *lines)) == 400
    assert not caplog.records


@pytest.mark.parametrize("path", ["/review/match", "/review/forget", "/api/decisions/match", "/api/decisions/forget"])
async def test_a_body_that_is_not_packed_as_it_says_is_the_senders_mistake(
    shown: Shown, opened: Open, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    media_type = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    async with opened(guard=generous(admin_token=ADMIN)) as client:
        headers = MAY | {"Content-Type": media_type, "Content-Encoding": "gzip"}
        assert (await client.post(path, data=b"no gzip", headers=headers)).status == 400
    assert not [record for record in caplog.records if record.name.startswith("collector")]


# --- what the database holds ------------------------------------------------------------------------------


@pytest.fixture
def all_sorts(own: Shown) -> Shown:
    """A collection with something in every list."""
    conninfo = own.conninfo
    put_page(conninfo, f"{SITE}/broken.html", HOSTILE.encode(), reason=HOSTILE)
    execute(
        conninfo,
        "INSERT INTO drift (source, kind, field, old_coverage, new_coverage, samples, observed_at)"
        " VALUES ('keibado', 'photo_page', 'coat', 1, 0.5, ARRAY['http://a/'], now())",
    )
    open_up(conninfo, *photos_of(conninfo)[:2])
    execute(conninfo, "UPDATE photo_match SET by_hand = true WHERE id = (SELECT min(id) FROM photo_match)")
    execute(conninfo, "UPDATE photo SET near_duplicate_of = (SELECT min(id) FROM photo)"
            " WHERE id = (SELECT max(id) FROM photo)")  # fmt: skip
    return own


def paths_of(conninfo: str) -> list[str]:
    """An address of every page and of all that programs may ask for."""
    ((photo, horse, race, newest, page, name),) = execute(
        conninfo,
        "SELECT photo, horse_id, race_id, (SELECT max(photo) FROM photo_search), (SELECT max(id) FROM page),"
        " (SELECT horse_key FROM photo ORDER BY id DESC LIMIT 1)"
        " FROM photo_search WHERE race_id IS NOT NULL ORDER BY photo LIMIT 1",
    )
    facts = [f"horses/{horse}", f"races/{race}", f"issues/{photo.partition('/')[0]}", f"photos/{photo}"]
    return [
        *(f"/{path}" for path in facts), *(f"/api/{path}" for path in facts), f"/api/horses/{horse}/entries",
        f"/api/horses/{horse}/aptitudes", "/", "/issues", "/overview", f"/compare?photo={photo}&photo={newest}",
        *([f"/horses/{quote(name, safe='')}"] if name else []), "/api/photos", "/api/horses?name=a",
        "/api/suggest?name=a",
        "/api/backnumbers", "/review", "/review/open", "/review/decided", "/review/copies", "/review/quarantined",
        "/review/reading", f"/review/forget/{photo}", f"/review/pages/{page}",
    ]  # fmt: skip


@asynccontextmanager
async def renewed_and_opened(opened: Open, conninfo: str) -> AsyncIterator[TestClient[Any, Any]]:
    await asyncio.to_thread(renewed, conninfo)
    async with opened(conninfo=conninfo, guard=generous(admin_token=ADMIN)) as client:
        yield client


async def looked_through(client: TestClient[Any, Any], conninfo: str) -> str:
    """All pages together; each of them is answered."""
    pages: list[str] = []
    for path in paths_of(conninfo):
        answer = await client.get(path, headers=MAY)
        assert answer.status == 200, (path, await answer.text())
        if answer.content_type == "text/html":
            pages.append(await answer.text())
    return "".join(pages)


async def test_no_text_of_a_database_becomes_part_of_a_page(all_sorts: Shown, opened: Open) -> None:
    conninfo = all_sorts.conninfo
    for table, column in execute(conninfo, TEXTS, list(TABLES)):
        if column not in CLOSED and not column.endswith("url"):
            execute(conninfo, f"UPDATE {table} SET {column} = %s", HOSTILE)
    for table in ("horse", "race"):
        execute(conninfo, f"UPDATE {table} SET name = %s", HOSTILE)
    execute(conninfo, "UPDATE photo SET pedigree = ARRAY[%s]", HOSTILE)
    async with renewed_and_opened(opened, conninfo) as client:
        text = await looked_through(client, conninfo)
    assert text.count("&lt;script&gt;alert(1)") > 100
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "{{7*7}}" in text  # and not 49


async def test_no_address_of_a_database_becomes_a_link_but_of_the_web(all_sorts: Shown, opened: Open) -> None:
    conninfo = all_sorts.conninfo
    async with renewed_and_opened(opened, conninfo) as client:
        for address in ADDRESSES:
            for table, column in (place.split(".") for place in PLACES):
                execute(conninfo, f"UPDATE {table} SET {column} = %s", address)
            execute(conninfo, "UPDATE page SET url = %s || id", address)
            execute(conninfo, "UPDATE drift SET samples = ARRAY[%s]", address)
            text = await looked_through(client, conninfo)
            links = re.findall(r'(?:href|src|action|data-[a-z]+)="([^"]*)"', text)
            assert not [link for link in links if re.match(r"\s*(javascript|data|//)", link, re.I)], address
            assert 'onmouseover="' not in text


async def test_a_word_of_a_later_version_is_shown_as_it_is(all_sorts: Shown, opened: Open) -> None:
    conninfo = all_sorts.conninfo
    execute(conninfo, "UPDATE entry SET finish_position = NULL")
    for table, column in (place.split(".") for place in WORDS):
        value = "'later_' || id" if column == "axis" else "'later'"
        execute(conninfo, f"UPDATE {table} SET {column} = {value}")
    async with renewed_and_opened(opened, conninfo) as client:
        text = await looked_through(client, conninfo)
    assert text.count("later") > 20


async def test_what_may_be_missing_may_be_missing_everywhere(all_sorts: Shown, opened: Open) -> None:
    conninfo = all_sorts.conninfo
    nullable = execute(
        conninfo,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = ANY (%s) AND is_nullable = 'YES'"
        " AND is_generated = 'NEVER'",
        list(TABLES),
    )
    execute(conninfo, "UPDATE photo SET horse_name = NULL, horse_key = NULL, taken_at = now()")  # all at once
    for table, column in nullable:
        # By which the pages are found; a photo without a name has its moment.
        if column not in ("digest", "horse_id", "race_id", "taken_at"):
            execute(conninfo, f"UPDATE {table} SET {column} = NULL")
    async with renewed_and_opened(opened, conninfo) as client:
        await looked_through(client, conninfo)
        execute(conninfo, "UPDATE photo SET digest = NULL, media_type = NULL")
        await looked_through(client, conninfo)
