"""What one request taught us, committed together or not at all."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from collector.codes import Failure
from collector.frontier.queue import DuePage
from collector.pipeline.derive import Derived
from collector.pipeline.racing_rows import Said, in_sets
from collector.pipeline.statements import (
    FORGET_FAILURES,
    KEEP_OUT,
    STORE_FAILURE,
    STORE_IMAGE,
    STORE_ISSUE,
    STORE_LISTED,
    STORE_PAGE,
    STORE_PHOTO,
    STORE_PHOTO_PAGE,
    STORE_PICTURE,
    UNSET_PICTURE,
)
from collector.politeness.gate import Cursor, Gate, host_name, telling_lost_lanes
from collector.remarks.read import read_facts
from collector.sources.parsed import Item
from collector.sources.registry import source_of
from collector.sources.text_tools.text import horse_key
from collector.storage.archive import Packed
from collector.storage.images import Picture
from collector.storage.items import IssueItem, ListedPhotoItem, PhotoItem
from collector.storage.roles import PageState, Role


async def _execute(cursor: Cursor, query: LiteralString, facts: dict[str, Any], content: bytes | None = None) -> None:
    document = DOCUMENT.encode(facts)
    await cursor.execute(query, (document, content) if "$2" in query else (document,))


def _plain(value: Any) -> str:
    """What JSON has no form for: moments and days."""
    return value.isoformat()


DOCUMENT = json.JSONEncoder(default=_plain, ensure_ascii=False)


def writable(text: str | None) -> str | None:
    """Words that a site has a part in, as the database takes them: without lone surrogates and zero bytes."""
    return text and text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _validator(text: str | None) -> str | None:
    """What can be sent back just as it came; None where it cannot even be kept so."""
    return text if text == writable(text) else None


def _array(values: Iterable[object]) -> str:
    """An array as Postgres reads one from text."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


BEFORE_HOST = len("https://")
ROWS = (Role.RESULT, Role.CARD, Role.CALENDAR, Role.HORSE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that one request changes."""

    page: DuePage
    at: datetime  # start of the request, database clock
    took: float  # seconds
    outcome: str  # see FetchLog.outcome
    state: PageState
    due_at: datetime | None
    asked: bool = True  # False: the slot was given back unused
    status: int | None = None
    size: int = 0
    code: Failure | None = None  # what is wrong
    error: str | None = None  # the detail
    etag: str | None = None
    last_modified: str | None = None
    packed: Packed | None = None
    media_type: str | None = None  # under which its bytes were read, be they new or not
    derived: Derived | None = None  # None: its meaning is not written (unchanged, or set aside)
    failures: int = 0

    @property
    def answered(self) -> bool:
        """Whether the site answered in full; what is held is then as fresh as this request."""
        return self.outcome in ("new", "changed", "unchanged", "not_modified", "gone")


async def commit(gate: Gate, outcome: Outcome) -> None:
    """Write an outcome as one step: all of it or nothing, and where possible in one statement.

    Raises:
        LaneLost: a newer lane holds the host; nothing was written.
    """
    facts = _page_facts(gate, outcome)
    content = outcome.packed.content if outcome.packed else None
    with telling_lost_lanes():
        if statement := _single_statement(outcome, facts):
            await _execute(gate.cursors[statement], statement, facts, content)
        else:
            cursor = psycopg.AsyncRawCursor(gate.connection)
            async with gate.connection.pipeline(), gate.connection.transaction():
                await _execute(cursor, STORE_PAGE, facts, content)
                if outcome.state is PageState.EXCLUDED:
                    await keep_out(cursor, outcome.page, outcome.code, outcome.error)
                if outcome.derived:
                    digest = facts["digest"] or outcome.page.digest
                    await store_derived(cursor, outcome.page, digest, outcome.at, outcome.derived)


def _single_statement(outcome: Outcome, facts: dict[str, Any]) -> LiteralString | None:
    """The statement that says it all, with its facts added; None where it takes more than one."""
    derived = outcome.derived
    if outcome.state is PageState.EXCLUDED:
        return None
    if derived is None:
        return STORE_PAGE
    # The digest of what is held already is not among the facts.
    if derived.failure or derived.racing.items or outcome.packed is None or _was_set_aside(outcome.page):
        return None
    if derived.picture:
        facts.update(_picture_facts(derived.picture, outcome.page))
        return STORE_IMAGE
    match derived.parsed.items:
        case [PhotoItem() as photo]:
            facts.update(_item_facts(photo))
            return STORE_PHOTO_PAGE
        case [] if not derived.parsed.flaws and outcome.page.role not in ROWS:
            return STORE_PAGE
    return None


def _page_facts(gate: Gate, outcome: Outcome) -> dict[str, Any]:
    page, packed, derived = outcome.page, outcome.packed, outcome.derived
    facts: dict[str, Any] = {
        "host": gate.host, "epoch": gate.epoch, "delay": gate.delay, "why": gate.delay_code,
        "id": page.id, "url": page.url, "source": page.source,
        "at": outcome.at, "asked": outcome.asked, "took": outcome.took,
        "status": outcome.status, "size": outcome.size, "outcome": outcome.outcome,
        "error_code": outcome.code, "error": writable(outcome.error),
        "state": outcome.state, "due_at": outcome.due_at,
        "etag": _validator(outcome.etag), "last_modified": _validator(outcome.last_modified),
        "failures": outcome.failures,
        "answered": outcome.answered, "missing": _array(derived.missing) if derived else None,
        "digest": packed.digest if packed else None,
        "media_type": writable(packed.media_type) if packed else None,
        "read_as": writable(outcome.media_type or (packed.media_type if packed else None)),
        "blob_size": packed.size if packed else None,
        "encoding": packed.encoding if packed else None,
    }  # fmt: skip
    if links := links_of(page, derived):
        facts["links"] = links
    return facts


def links_of(page: DuePage, derived: Derived | None) -> list[dict[str, Any]]:
    """The pages of the same host that a page leads to, each once."""
    links = dict[str, dict[str, Any]]()
    site = page.url[: page.url.find("/", BEFORE_HOST) + 1]
    for link in derived.parsed.links if derived else ():
        if (site and link.url.startswith(site)) or host_name(link.url) == host_name(page.url):
            kind = source_of(page.source).kind(link.kind)
            found = {"url": link.url, "kind": link.kind, "role": kind.role, "about": link.about}
            links.setdefault(link.url, found | {"dated": link.dated or page.dated, "priority": kind.rank})
    return list(links.values())


def _picture_facts(picture: Picture, page: DuePage) -> dict[str, Any]:
    return {
        "picture_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "phash": picture.phash,
        "image_url": page.url,
    }


def _item_facts(item: Item) -> dict[str, Any]:
    facts = dict(item.__dict__)
    for name in ("pedigree", "race_days"):
        if name in facts:
            facts[name] = _array(facts[name])
    return facts | read_facts(item.comment) if isinstance(item, PhotoItem) else facts


async def keep_out(cursor: Cursor, page: DuePage, code: Failure | None, detail: str | None) -> None:
    """Take away what is shown of a page that is kept out; its picture is not asked for."""
    await _execute(cursor, KEEP_OUT, {"url": page.url, "error_code": code, "error": writable(detail)})


async def store_derived(cursor: Cursor, page: DuePage, digest: str | None, at: datetime, derived: Derived) -> None:
    """Write what a page means; the same whether it came just now or is read again from the archive."""
    if derived.failure or may_have_failed(page):
        await forget_failures(cursor, [page.id])
    await store_own(cursor, page, digest, at, derived)
    await store_racing(cursor, [] if derived.failure else [said_by(page, at, derived)])


def may_have_failed(page: DuePage) -> bool:
    """Whether there may be failures of what is held, which count no more once the page is read well."""
    # A photo that never was whole has no failure to forget; a page of rows may have had flaws, or lists nothing more.
    return _was_set_aside(page) or page.role in ROWS


def _was_set_aside(page: DuePage) -> bool:
    """Whether it may have been; a page that was is perhaps due or failed by now."""
    return page.state != PageState.FETCHED and (page.digest is not None or page.state == PageState.QUARANTINED)


async def forget_failures(cursor: Cursor, page_ids: Sequence[int]) -> None:
    """Forget what could not be read of these pages."""
    if page_ids:
        await cursor.execute(FORGET_FAILURES, (list(page_ids),))


async def store_own(cursor: Cursor, page: DuePage, digest: str | None, at: datetime, derived: Derived) -> None:
    """Write what a page says of itself, of issues and of photos: all but racing."""
    provenance = {"id": page.id, "url": page.url, "at": at, "digest": digest}
    if derived.failure:
        failure = {"field": writable(derived.failure.field), "reason": writable(derived.failure.reason)}
        await _execute(cursor, STORE_FAILURE, provenance | failure)
        if page.role is Role.PICTURE:
            await _execute(cursor, UNSET_PICTURE, provenance)
        return
    for flaw in derived.parsed.flaws:
        await _execute(
            cursor, STORE_FAILURE, provenance | {"field": writable(flaw.field), "reason": writable(flaw.reason)}
        )
    if picture := derived.picture:
        await _execute(cursor, STORE_PICTURE, provenance | _picture_facts(picture, page))
    await _store_items(cursor, derived.parsed.items, provenance)


def said_by(page: DuePage, at: datetime, derived: Derived) -> Said:
    """What a page says of racing."""
    return Said(page.role, page.url, at, derived.parsed.whole, derived.racing)


async def store_racing(cursor: Cursor, pages: Sequence[Said]) -> None:
    """Write what pages say of racing, as if one was written after the other."""
    speaking = [page for page in pages if page.rows.items or page.role is Role.CALENDAR]  # an empty one says so
    if not speaking:
        return
    from collector.pipeline.store_races import statements  # the tables, which a crawl of photos does not need

    for together in in_sets(speaking):
        for statement, document in statements(together):
            await cursor.execute(statement, (document,) if "$1" in statement else ())


async def _store_items(cursor: Cursor, items: Sequence[Item], provenance: dict[str, Any]) -> None:
    for item in items:
        match item:
            case PhotoItem():
                await _execute(cursor, STORE_PHOTO, _item_facts(item) | provenance)
            case IssueItem():
                await _execute(cursor, STORE_ISSUE, _item_facts(item) | provenance)
    if listed := [item for item in items if isinstance(item, ListedPhotoItem)]:
        named = [item.__dict__ | {"horse_key": horse_key(item.listed_name)} for item in listed]
        await _execute(cursor, STORE_LISTED, provenance | {"listed": named})
