"""The robots.txt in force: our copy of it, kept for a day as RFC 9309 allows, and what to do when it cannot be had."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from collector.codes import Block
from collector.engine.visit import Visit
from collector.errors import HostBusy, Refused, TryLater, Unsafe
from collector.fetch.fetcher import REDIRECTS, Fetcher, Response, check_status
from collector.frontier.queue import DuePage
from collector.pipeline.store import Outcome, commit
from collector.politeness.gate import Blocked, Connection, Gate
from collector.politeness.robots import Robots
from collector.storage.archive import pack, unpack_whole
from collector.storage.roles import UNDATED, PageState

logger = logging.getLogger(__name__)

FRESH_FOR = timedelta(hours=24)  # RFC 9309 section 2.4
ASK_AGAIN = timedelta(hours=1)  # while the site's answer is out of reach and an older copy stands in

FIND = """
SELECT page.id, page.url, page.source, page.kind, page.role, page.dated, page.state, page.etag, page.last_modified,
       page.digest, page.failures, page.last_fetched_at, page.due_at > clock_timestamp(), blob.content, blob.encoding
FROM page LEFT JOIN blob USING (digest) WHERE page.url = %s
"""
KNOWN = """
INSERT INTO page (url, host, source, kind, role, dated, due_at)
VALUES (%s, %s, %s, 'robots', 'robots', %s, clock_timestamp())
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class RobotsCopy:
    """What is held of a site's robots.txt."""

    page: DuePage
    fresh: bool
    robots: Robots | None  # None: no answer so far that could be read


async def find_copy(connection: Connection, url: str) -> RobotsCopy | None:
    """The copy in the archive; None where the site has never been asked."""
    row = await (await connection.execute(FIND, (url,))).fetchone()
    if row is None:
        return None
    *known, fresh, content, encoding = row
    page = DuePage.from_row(known)
    robots = None
    if page.state == PageState.GONE:
        robots = Robots.allow_all()  # the last good answer was 404 or the like
    elif content is not None:
        body = unpack_whole(content, encoding, page.digest or "")
        kept = None if body is None else Robots.parse(body)  # of a damaged copy nobody knows what it said
        robots = None if kept is None or kept.out_of_reach else kept
    if robots is None or page.state == PageState.GONE:
        page = replace(page, etag=None, last_modified=None)  # "not modified" would be about bytes that count no more
    return RobotsCopy(page, bool(fresh), robots)


async def robots_in_force(gate: Gate, fetcher: Fetcher, source: str, site: str) -> Robots | None:
    """The rules to go by now, asked for again when a day old. None when the process is to stop.

    Raises:
        Blocked: the site answers 5xx, 429 or nothing at all, and no good copy is there: everything is disallowed.
    """
    url = f"{site}/robots.txt"
    await gate.connection.execute(KNOWN, (url, gate.host, source, UNDATED))
    copy = await find_copy(gate.connection, url)
    assert copy is not None
    if copy.fresh and copy.robots:
        return copy.robots
    visit = Visit(gate, fetcher, Robots.allow_all(), copy.page)
    try:
        response = await visit.succeed()
        if response is None:
            return None
        robots, outcome = _read(visit, response, copy)
    except (TryLater, Unsafe) as error:
        return await _do_without(visit, copy, error)
    gate.slow_down(robots, visit.took)  # what it asks for holds from its own request on
    await commit(gate, outcome)
    return robots


def _read(visit: Visit, response: Response, copy: RobotsCopy) -> tuple[Robots, Outcome]:
    """RFC 9309 section 2.3.1: text gives the rules, 4xx allows everything, all else is out of reach."""
    due_at = visit.at + FRESH_FOR
    if response.status == 304 and copy.robots:
        return copy.robots, visit.outcome("not_modified", PageState.FETCHED, due_at=due_at)
    try:
        check_status(response, visit.at)
        gone = response.status in (404, 410)
    except Refused:
        gone = True
    if gone:
        return Robots.allow_all(), visit.outcome("gone", PageState.GONE, due_at=due_at)
    if response.status in (304, *REDIRECTS):
        raise TryLater(f"robots.txt answered {response.status}", response.status)
    robots = Robots.parse(response.body)
    if robots.out_of_reach:
        raise TryLater(robots.out_of_reach, response.status)
    packed = pack(response.body, "text/plain")
    facts: dict[str, Any] = {
        "etag": response.etag,
        "last_modified": response.last_modified,
        "size": packed.size,
    }
    outcome = visit.outcome("new", PageState.FETCHED, due_at=due_at, packed=packed, **facts)
    return robots, outcome


async def _do_without(visit: Visit, copy: RobotsCopy, error: TryLater | Unsafe) -> Robots:
    """Out of reach: the last good copy stays in force, marked stale; without one the host is closed."""
    page = copy.page
    outcome = visit.outcome(
        "try_later",
        PageState(page.state),
        due_at=visit.at + ASK_AGAIN,
        code=error.code,
        error=str(error),
        failures=page.failures + 1,
    )
    busy = isinstance(error, HostBusy)
    if busy or copy.robots is None:
        async with visit.gate.connection.transaction():
            await commit(visit.gate, outcome)
            retry_after = error.retry_after if isinstance(error, HostBusy) else None
            until = await visit.gate.block(retry_after, Block.NO_ROBOTS, str(error))
        raise Blocked(until, Block.NO_ROBOTS, str(error))
    await commit(visit.gate, outcome)
    logger.warning("robots.txt out of reach, the last copy holds", extra={"url": page.url, "error": str(error)})
    return copy.robots
