"""A set of captures written in one transaction: bytes, log, states, links and facts, all of it or nothing."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncRawCursor

from collector.codes import Aside, Failure
from collector.frontier.queue import DuePage
from collector.imports import statements as sql
from collector.imports.captures import Capture, LeftOut
from collector.imports.history import derive_history
from collector.imports.read import Brought
from collector.imports.standing import CHANGING, Placed, Standing, confirmed_until, place, validators, verdict_of
from collector.pipeline import drift
from collector.pipeline.derive import Derived
from collector.pipeline.keep import is_of_the_machine, may_pass, not_storable
from collector.pipeline.store import keep_out, links_of, writable
from collector.pipeline.together import Together
from collector.pipeline.verdict import Verdict
from collector.politeness.gate import Connection, host_name
from collector.politeness.robots import Robots
from collector.storage.archive import unpack
from collector.storage.roles import LABEL_ROLES, PHOTO_ROLES, PageState

logger = logging.getLogger(__name__)

TRIES = 3  # of a set that another's work crosses
OK = 200  # HTTP status
Pair = tuple[Capture, Brought]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a set: captures with the state of their pages, files left out, and pages that a crawl had."""

    placed: list[tuple[Placed, PageState | None]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    busy: list[Pair] = field(default_factory=list)

    def add(self, other: "Written") -> None:
        """Put two together."""
        self.placed.extend(other.placed)
        self.left_out.extend(other.left_out)
        self.busy.extend(other.busy)


@dataclass(frozen=True, slots=True)
class Judged:
    """A capture, and what becomes of its page (None: it stays as it is)."""

    placed: Placed
    verdict: Verdict | None

    @property
    def state(self) -> PageState | None:
        return self.verdict.state if self.verdict else None

    @property
    def meaning(self) -> Derived | None:
        """What is written of its meaning. An opinion that was confirmed later counts, as in reading it again."""
        if self.placed.standing is Standing.CONFIRMED and self.placed.page.role in LABEL_ROLES:
            return self.placed.brought.derived
        return self.verdict.kept if self.verdict else None

    @property
    def kept(self) -> bool:
        """Whether its bytes are kept."""
        return self.placed.standing is not Standing.KNOWN and self.state is not PageState.EXCLUDED


async def write(connection: Connection, pairs: Sequence[Pair], *, dry_run: bool) -> Written:
    """Write a set of captures, of each page one after the other. What the database refuses costs that capture only."""
    written, rest = Written(), sorted(pairs, key=_time)
    while rest:
        now, later, seen = list[Pair](), list[Pair](), set[str]()
        for pair in rest:
            url = pair[1].page.url
            (later if url in seen else now).append(pair)
            seen.add(url)
        written.add(await _write_whole(connection, now, dry_run=dry_run))
        rest = later
    return written


def _time(pair: Pair) -> tuple[bool, float]:
    at = pair[0].at
    return at is None, at.timestamp() if at else 0.0


async def _write_whole(connection: Connection, pairs: Sequence[Pair], *, dry_run: bool) -> Written:
    for tried in range(1, TRIES + 1):
        try:
            async with connection.transaction(force_rollback=dry_run):
                return await _write(connection, pairs)
        except Exception as error:
            if is_of_the_machine(error, connection):
                raise
            if may_pass(error) and tried < TRIES:
                continue
            if len(pairs) > 1:
                break
            logger.exception("page not storable", extra={"url": pairs[0][1].page.url})
            reason = str(not_storable(error).failure)
            return Written(left_out=[LeftOut(pairs[0][0].file, Aside.NOT_STORABLE, reason)])
    written = Written()
    for pair in pairs:
        written.add(await _write_whole(connection, [pair], dry_run=dry_run))
    return written


async def _write(connection: Connection, pairs: Sequence[Pair]) -> Written:
    raw = AsyncRawCursor(connection)
    left_out = list[LeftOut]()
    open_pairs = await _without_kept_out(raw, pairs, left_out)
    placed, busy = await _take(raw, open_pairs, left_out)
    stopped = await drift.stopped_kinds(connection)
    judged = [_judged(one, stopped) for one in placed]
    async with connection.pipeline():
        await _store(raw, judged)
    if older := await _older_opinions(raw, judged):
        await derive_history(connection, older)
    return Written([(one.placed, one.state) for one in judged], left_out, busy)


def _judged(placed: Placed, stopped: Iterable[tuple[str, str]]) -> Judged:
    if placed.standing not in CHANGING:
        return Judged(placed, None)
    is_stopped = (placed.page.source, placed.page.kind) in stopped
    return Judged(placed, verdict_of(placed, stopped=is_stopped))


async def _without_kept_out(raw: AsyncRawCursor[Any], pairs: Sequence[Pair], left_out: list[LeftOut]) -> list[Pair]:
    """The captures of hosts that were not forgotten, and of photos of which robots.txt says nothing about training."""
    closed = {name for (name,) in await (await raw.execute(sql.CLOSED)).fetchall()}
    photos = {host_name(brought.page.url) for _, brought in pairs if brought.role in PHOTO_ROLES}
    robots = dict[str, Robots]()
    if photos:
        for host, content, encoding in await (await raw.execute(sql.ROBOTS, (list(photos),))).fetchall():
            robots[host] = Robots.parse(unpack(content, encoding))
    found = list[Pair]()
    for capture, brought in pairs:
        host = host_name(brought.page.url)
        if host in closed:
            left_out.append(LeftOut(capture.file, Aside.KEPT_OUT, "forgotten"))
        elif brought.role in PHOTO_ROLES and host in robots and not robots[host].training(brought.page.url).allowed:
            left_out.append(LeftOut(capture.file, Aside.KEPT_OUT, "robots.txt disallows training"))
        else:
            found.append((capture, brought))
    return found


async def _take(
    raw: AsyncRawCursor[Any], pairs: Sequence[Pair], left_out: list[LeftOut]
) -> tuple[list[Placed], list[Pair]]:
    """Take up the pages of these captures, known so far or not; those that a crawl writes just now come back."""
    document = _document(_wanted(number, *pair) for number, pair in enumerate(pairs))
    for statement in (sql.KNOW_HOSTS, sql.KNOW_PAGES):
        await raw.execute(statement, (document,))
    rows = await (await raw.execute(sql.TAKE, (document,))).fetchall()
    placed, free = list[Placed](), set[int]()
    for number, now, known, *row in rows:
        capture, brought = pairs[number]
        free.add(number)
        page = DuePage.from_row(row)
        if page.state == PageState.EXCLUDED:
            left_out.append(LeftOut(capture.file, Aside.KEPT_OUT, "forgotten, or kept out by the site"))
            continue
        one = place(capture, brought, page, now, known=known)
        if one.standing not in CHANGING and one.standing is not Standing.KNOWN and _keeps_out(brought):
            left_out.append(LeftOut(capture.file, Aside.KEPT_OUT, brought.kept_out or "its meta tags"))
            continue
        placed.append(one)
    return placed, [pair for number, pair in enumerate(pairs) if number not in free]


def _keeps_out(brought: Brought) -> bool:
    return brought.kept_out is not None or brought.derived.keeps_out


def _wanted(number: int, capture: Capture, brought: Brought) -> dict[str, Any]:
    page = brought.page
    kind = page.source.kind(page.kind)
    return {
        "n": number, "url": page.url, "host": host_name(page.url), "source": page.source.name, "kind": page.kind,
        "role": kind.role, "about": page.named.about, "dated": brought.dated, "priority": kind.rank,
        "digest": brought.packed.digest, "at": capture.at,
    }  # fmt: skip


async def _store(raw: AsyncRawCursor[Any], judged: Sequence[Judged]) -> None:
    if kept := [one.placed.brought.packed for one in judged if one.kept]:
        columns = zip(*((p.digest, p.media_type, p.size, p.encoding, p.content) for p in kept), strict=True)
        await raw.execute(sql.STORE_BYTES, [list(column) for column in columns])
    for statement, rows in _rows(judged):
        if rows:
            await raw.execute(statement, (_document(rows),))
    together, links = Together(raw), list[dict[str, Any]]()
    for one in judged:
        page, verdict = replace(one.placed.page, digest=one.placed.digest), one.verdict
        if meaning := one.meaning:
            await together.add(page, one.placed.at, meaning)
            known = {"host": host_name(page.url), "source": page.source, "found_on": page.url}
            links += [link | known for link in links_of(page, meaning)]
        elif verdict and verdict.state is PageState.EXCLUDED:
            await keep_out(raw, page, verdict.code, verdict.error)
    await together.write()
    if links:
        await raw.execute(sql.LINK, (_document(links),))


def _rows(judged: Sequence[Judged]) -> Iterator[tuple[LiteralString, list[dict[str, Any]]]]:
    """What is written of pages and of the log."""
    decided = [(one.placed, one.verdict) for one in judged if one.verdict]
    excluded = PageState.EXCLUDED
    confirmed = [one.placed for one in judged if one.placed.standing is Standing.CONFIRMED]
    yield sql.CHANGE_PAGES, [_change(placed, verdict) for placed, verdict in decided if verdict.state is not excluded]
    yield sql.KEEP_OUT_PAGES, [_kept_out(placed, verdict) for placed, verdict in decided if verdict.state is excluded]
    yield sql.CONFIRM_PAGES, [{"id": p.page.id, "at": p.at, "due_at": confirmed_until(p)} for p in confirmed]
    yield sql.LOG, [_log(one) for one in judged if one.placed.standing is not Standing.KNOWN]


def _change(placed: Placed, verdict: Verdict) -> dict[str, Any]:
    etag, last_modified = validators(placed.capture)
    return {
        "id": placed.page.id, "state": verdict.state, "due_at": verdict.due_at, "etag": etag,
        "last_modified": last_modified, "missing": list(verdict.kept.missing) if verdict.kept else None,
        "error_code": verdict.code, "error": writable(verdict.error), "at": placed.at, "digest": placed.digest,
        "media_type": writable(placed.brought.packed.media_type),
    }  # fmt: skip


def _kept_out(placed: Placed, verdict: Verdict) -> dict[str, Any]:
    return {"id": placed.page.id, "error_code": verdict.code, "error": writable(verdict.error)}


def _log(one: Judged) -> dict[str, Any]:
    placed, packed = one.placed, one.placed.brought.packed
    undated = Failure.UNDATED if placed.standing is Standing.UNDATED else None
    return {
        "page_id": placed.page.id, "host": host_name(placed.page.url), "url": placed.page.url, "at": placed.at,
        "status": OK, "size": packed.size, "digest": packed.digest if one.kept else None,
        "error_code": undated or (one.verdict.code if one.verdict else None),
        "error": writable(one.verdict.error) if one.verdict else None, "media_type": writable(packed.media_type),
        "file": writable(placed.capture.file), "file_digest": placed.capture.file_digest,
        "captured_at": placed.stated_at,
    }  # fmt: skip


async def _older_opinions(raw: AsyncRawCursor[Any], judged: Sequence[Judged]) -> list[str]:
    """The horses of which opinion is held that was asked for later than one that was brought."""
    said = [
        {"horse_id": horse_id, "at": one.placed.at}
        for one in judged
        if one.kept and one.placed.standing is not Standing.UNDATED and one.placed.page.role in LABEL_ROLES
        for sort, horse_id in one.placed.brought.derived.racing.about
        if sort == "opinion"
    ]
    if not said:
        return []
    roles = [str(role) for role in LABEL_ROLES]
    found = await (await raw.execute(sql.OLDER_OPINIONS, (_document(said), roles))).fetchall()
    return [horse_id for (horse_id,) in found]


def _document(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), default=_plain, ensure_ascii=False)


def _plain(value: datetime) -> str:
    return value.isoformat()
