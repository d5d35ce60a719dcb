"""What waits for a person, put into a database, and what tests ask of it."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from markupsafe import escape

from collector.demo.keibado.photo_pages import photo_page
from collector.demo.world.world import World
from collector.storage.archive import pack
from tests.collector.web.conftest import ADMIN
from tests.filled import AT, SITE, execute
from tests.sites import role_of

Client = TestClient[Any, Any]
MAY = {"Authorization": f"Bearer {ADMIN}"}
HOSTILE = "<script>alert(1)</script>&\"'"
UNKNOWN = "unknown_name"
TABLES = (
    "photo", "photo_match", "issue", "horse", "race", "entry", "aptitude", "page", "blob", "thumbnail", "host",
    "parse_failure", "drift", "fetch_log", "followed",
)  # fmt: skip


def fingerprint(conninfo: str) -> dict[str, Any]:
    """What is in every table."""
    return {
        table: execute(conninfo, f"SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {table} AS row")
        for table in TABLES
    }


def open_up(conninfo: str, *photos: str, candidates: Sequence[str] = (), why: str = "unknown_name") -> None:
    """Let photos be open, as the rules leave them."""
    for photo in photos:
        _, code, number = re.split("[:/]", photo)
        execute(
            conninfo,
            "UPDATE photo_match SET horse_id = NULL, race_id = NULL, rule = %s, candidates = %s"
            " WHERE issue_code = %s AND number = %s",
            why, list(candidates), code, int(number),
        )  # fmt: skip


def photos_of(conninfo: str) -> list[str]:
    """The photos that are held, the newest first."""
    rows = execute(
        conninfo,
        "SELECT photo_id FROM photo WHERE digest IS NOT NULL ORDER BY issue_code DESC, number DESC",
    )
    return [photo for (photo,) in rows]


def a_horse(conninfo: str) -> tuple[str, str]:
    """A horse's id and name, of which there is just one."""
    ((horse_id, name),) = execute(
        conninfo,
        "SELECT min(horse_id), name FROM horse GROUP BY name HAVING count(*) = 1 ORDER BY name LIMIT 1",
    )
    return horse_id, name


def matched(conninfo: str, photo: str) -> list[tuple[Any, ...]]:
    """How a photo is matched, but for when that was decided."""
    _, code, number = re.split("[:/]", photo)
    return execute(
        conninfo,
        "SELECT horse_id, race_id, rule, candidates, by_hand FROM photo_match WHERE issue_code = %s AND number = %s",
        code, int(number),
    )  # fmt: skip


def put_page(
    conninfo: str, url: str, body: bytes, kind: str = "photo_page", state: str = "quarantined",
    reason: str = "no picture", media_type: str = "text/html",
) -> int:  # fmt: skip
    """Archive a page that could not be read; its id."""
    packed = pack(body, media_type)
    execute(conninfo, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp') ON CONFLICT DO NOTHING")
    execute(
        conninfo,
        "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        packed.digest, media_type, packed.size, packed.encoding, packed.content,
    )  # fmt: skip
    ((page_id,),) = execute(
        conninfo,
        "INSERT INTO page (url, host, source, kind, role, dated, state, digest, error_code, error, changed_at)"
        " VALUES (%s, 'old.keibado.ne.jp', 'keibado', %s, %s, '2016-01-04', %s, %s, %s, %s, %s) RETURNING id",
        url, kind, role_of(kind), state, packed.digest, "unreadable", f"image_url: {reason}", AT,
    )  # fmt: skip
    if state == "quarantined":
        execute(
            conninfo,
            "INSERT INTO parse_failure (page_id, digest, field, reason, observed_at) VALUES (%s, %s, %s, %s, %s)",
            page_id, packed.digest, "image_url", reason, AT,
        )  # fmt: skip
    return page_id


def put_real_page(conninfo: str) -> str:
    """Archive a page of the look-alike site that says nothing new but could not be read once; the photo it shows."""
    world = World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=6)
    photo = next(photo for photo in world.issues(2016)[0].photos if photo.picture)
    url = f"{SITE}/keibabook/{photo.issue_code}/photo{photo.number:02}.html"
    put_page(conninfo, url, photo_page(photo).encode("cp932"))
    return f"{photo.issue_code}-{photo.number:02}"


async def send(client: Client, path: str, **fields: str) -> ClientResponse:
    """Send a form as who may decide."""
    return await client.post(path, data=fields, headers=MAY, allow_redirects=False)


async def settled(client: Client) -> str:
    """The page of the reading once it is done."""
    for _ in range(300):
        text = await (await client.get("/review/reading")).text()
        if 'http-equiv="refresh"' not in text:
            return text
        await asyncio.sleep(0.05)
    raise AssertionError("it reads for ever")


def shown_as(text: str) -> str:
    """A text as a page holds it."""
    return str(escape(text))
