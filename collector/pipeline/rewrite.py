"""What stored pages mean now takes the place of what they meant, while crawls go on beside it.

Facts are written batch by batch. What becomes of the pages themselves, and the pages that they lead to, wait until
everything is read: their rows, and those of their hosts, are what a crawl works with. A page that a crawl has changed
meanwhile is left to the crawl.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from psycopg import AsyncRawCursor
from psycopg.types.json import Jsonb

from collector.pipeline import opinions
from collector.pipeline.derive import Derived
from collector.pipeline.keep import is_of_the_machine, may_pass, not_storable
from collector.pipeline.pool import Answer
from collector.pipeline.rewrite_statements import (
    AS_BEFORE,
    BY_KEY,
    FILL,
    KNOW,
    LINK,
    OVERTAKEN,
    READ_AGAIN,
    STALE,
    TABLES,
)
from collector.pipeline.store import keep_out, links_of, writable
from collector.pipeline.together import Together
from collector.pipeline.verdict import Verdict, decide
from collector.politeness.gate import Connection, host_name
from collector.storage.items import ListedPhotoItem, PhotoItem
from collector.storage.roles import PageState

logger = logging.getLogger(__name__)

TRIES = 3  # of a page that another's work crosses


@dataclass(frozen=True, slots=True)
class _Page:
    """An answer, what it means, and what becomes of its page."""

    answer: Answer
    derived: Derived
    verdict: Verdict | None  # None: it does not decide where the page stands
    kept: Derived | None  # what is written

    @property
    def well(self) -> bool:
        """Whether it could be read as what it should be."""
        return self.kept is not None and not self.kept.failure


class _Overtaken(Exception):
    """A crawl has changed these pages since they were read."""

    def __init__(self, ids: set[int]) -> None:
        super().__init__()
        self.ids = ids


@dataclass(slots=True)
class Rewriting:
    """All that is written in one reading, on one connection, within one transaction."""

    connection: Connection
    now: datetime  # database clock
    set_aside: set[tuple[str, str]]  # kinds of pages whose layout is still not understood
    pages: int = 0
    unreadable: int = 0
    links: int = 0
    history: bool = False  # whether the history of opinion is derived anew
    missing: set[tuple[str, str, str]] = field(default_factory=set)  # source, kind, field

    async def begin(self, history: Sequence[str]) -> None:
        """Make room for what is found; of these kinds of pages, opinions are derived from their first day on."""
        for statement in TABLES:
            await self.connection.execute(statement)
        self.history = bool(history)
        if history:
            await opinions.begin(self.connection, history)
        await self.connection.execute(BY_KEY)

    async def write(self, batch: Sequence[tuple[Answer, Derived]]) -> None:
        """Write what a batch of answers means. What cannot be stored is a failure of its page."""
        pages = [self._judged(answer, derived) for answer, derived in batch]
        try:
            await self._write_whole(pages)
        except Exception as error:
            if is_of_the_machine(error, self.connection):
                raise
            pages = [await self._write_alone(page) for page in pages]
        self.pages += len(pages)
        for page in pages:
            if page.verdict:
                self.unreadable += page.verdict.state is PageState.QUARANTINED
            if page.answer.latest and page.kept:
                known = page.answer.page
                self.missing.update((known.source, known.kind, name) for name in page.kept.missing)

    async def finish(self, since: date) -> None:
        """What becomes of the pages, where they lead to, and what no page speaks of any more."""
        await self.connection.execute(AS_BEFORE)
        await self.connection.execute(KNOW)
        await self.connection.execute(READ_AGAIN)
        await self.connection.execute(STALE, (since,))
        self.links = (await self.connection.execute(LINK)).rowcount
        if self.history:
            await opinions.finish(self.connection)

    def _judged(self, answer: Answer, derived: Derived) -> _Page:
        page = answer.page
        set_aside = (page.source, page.kind) in self.set_aside
        if not answer.decides and not (answer.latest and derived.keeps_out):
            # Why an old answer cannot be read is of no interest any more. What came under a layout that is not
            # understood stays as it was: of a page that is not read well now, nobody knows which answers that are.
            unclear = set_aside and page.state != PageState.FETCHED
            unkept = unclear or derived.gone or (derived.failure and not answer.latest)
            return _Page(answer, derived, None, None if unkept else derived)
        stopped = page.state == PageState.QUARANTINED and set_aside
        verdict = decide(replace(page, checked_at=None), derived, self.now, stopped=stopped)
        return _Page(answer, derived, verdict, verdict.kept)

    async def _write_whole(self, pages: Sequence[_Page]) -> None:
        """All of these in one step, but for what a crawl has overtaken."""
        overtaken = set[int]()
        while True:
            try:
                async with self.connection.transaction():
                    await self._write(pages, overtaken)
            except _Overtaken as error:
                overtaken |= error.ids
            else:
                return

    async def _write_alone(self, page: _Page) -> _Page:
        for tried in range(1, TRIES + 1):
            try:
                await self._write_whole([page])
            except Exception as error:
                if is_of_the_machine(error, self.connection) or tried == TRIES:
                    raise
                if not may_pass(error):
                    logger.exception("page not storable", extra={"url": page.answer.page.url})
                    page = self._judged(page.answer, not_storable(error))
            else:
                return page
        raise AssertionError

    async def _write(self, pages: Sequence[_Page], overtaken: set[int]) -> None:
        current = [page for page in pages if page.answer.page.id not in overtaken]
        async with self.connection.pipeline():
            cursor = AsyncRawCursor(self.connection)
            await self._write_facts(cursor, pages, overtaken)
            for table, rows in _rows(current).items():
                if rows:
                    await self.connection.execute(FILL[table], (Jsonb(rows, dumps=_dumps),))
        read = [{"id": page.answer.page.id, "held": page.answer.held} for page in current]
        found = await (await self.connection.execute(OVERTAKEN, (Jsonb(read),))).fetchall()
        if found:
            raise _Overtaken({page_id for (page_id,) in found})

    async def _write_facts(self, cursor: AsyncRawCursor[Any], pages: Sequence[_Page], overtaken: set[int]) -> None:
        together = Together(cursor)
        for page in pages:
            answer, known = page.answer, page.answer.page
            kept = None if known.id in overtaken else page.kept
            if answer.history and not (kept and not kept.failure):
                await together.write()
                await cursor.execute(opinions.AS_IT_WAS, (known.url, answer.at))
            if kept:
                await together.add(known, answer.at, kept)
            elif page.verdict and page.verdict.state is PageState.EXCLUDED and known.id not in overtaken:
                await keep_out(cursor, known, page.verdict.code, page.verdict.error)
        await together.write()


def _rows(pages: Sequence[_Page]) -> dict[str, list[dict[str, Any]]]:
    """What is remembered of these pages until all are read, by table."""
    latest = [page for page in pages if page.answer.latest]
    return {
        "read_page": [
            {"id": page.answer.page.id, "digest": page.answer.held, "well": page.well} for page in latest
        ],
        "again": [again for page in latest if (again := _again(page))],
        "led_to": [
            link | {"host": host_name(page.answer.page.url), "source": page.answer.page.source,
                    "found_on": page.answer.page.url}
            for page in pages if page.kept
            for link in links_of(page.answer.page, page.kept)
        ],
        "derived": [
            {"source": item.source, "issue_code": item.issue_code, "number": item.number}
            for page in pages if page.kept
            for item in page.kept.parsed.items if isinstance(item, PhotoItem | ListedPhotoItem)
        ],
    }  # fmt: skip


def _again(page: _Page) -> dict[str, Any] | None:
    """What becomes of a page by being read again; None where nothing does."""
    answer, verdict = page.answer, page.verdict
    if verdict is None or (verdict.kept is None and verdict.state == answer.page.state):
        return None
    missing = list(verdict.kept.missing) if verdict.kept else answer.missing
    error = writable(verdict.error)
    said = (verdict.state, verdict.code, error, missing)
    if said == (answer.page.state, answer.error_code, answer.error, answer.missing):
        return None
    return {
        "id": answer.page.id, "digest": answer.held, "was": answer.page.state, "state": verdict.state,
        "due_at": verdict.due_at, "error_code": verdict.code, "error": error, "missing": missing,
    }  # fmt: skip


def _dumps(rows: object) -> str:
    return json.dumps(rows, default=str, ensure_ascii=False)
