"""One page being asked for, and what its answer means."""

import asyncio
from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from collector.codes import Awaited, Failure
from collector.errors import Disallowed, HostBusy, Refused, TryLater, Unsafe
from collector.fetch.fetcher import (
    IMAGE_BYTES,
    PAGE_BYTES,
    REDIRECTS,
    Fetcher,
    Response,
    check_status,
    keeps_out,
    pause_asked_for,
)
from collector.fetch.headers import shown, storable, usable_date, usable_etag
from collector.frontier.due import recheck_at, retry_at
from collector.frontier.queue import DuePage
from collector.pipeline.derive import derive_soon
from collector.pipeline.store import Outcome, commit
from collector.pipeline.verdict import Verdict, decide, revisit_at
from collector.politeness.gate import Gate, Slot, Wait, host_name
from collector.politeness.robots import Robots
from collector.storage.archive import Packed, digest_of, pack, type_of, unpack
from collector.storage.dictionaries import Dictionaries
from collector.storage.roles import PageState, Role

ATTEMPTS = 3  # of one page in one visit, each on a slot of its own
MAX_HOPS = 5  # redirects
LONGEST_STAY = (
    60.0  # seconds that a redirect may ask us to wait before we follow it; longer, and the host is left alone
)
PHOTOS = (Role.PICTURE, Role.PHOTO_PAGE)
HELD = """
SELECT COALESCE(page.media_type, blob.media_type), encoding, content FROM page JOIN blob USING (digest)
WHERE page.id = %s
"""


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, TryLater) and not isinstance(error, HostBusy)


class Visit:
    """One page being asked for: up to three attempts, each hop and each attempt on a slot of its own."""

    def __init__(
        self,
        gate: Gate,
        fetcher: Fetcher,
        robots: Robots,
        page: DuePage,
        slot: Slot | None = None,
        dictionaries: Dictionaries | None = None,
    ) -> None:
        self.gate = gate
        self.fetcher = fetcher
        self.robots = robots
        self.page = page
        self.dictionaries = dictionaries or Dictionaries()
        self.slot = slot  # reserved, and not yet waited for
        self.at = slot.at if slot else datetime.now(UTC)  # start of the last request, database clock
        self.took = 0.0
        self.status: int | None = None
        self.asked = False  # whether a request went out that is not in the log yet
        self.refusal: Packed | None = None  # what came in the page's stead, if that was a refusal with status 200

    async def succeed(self) -> Response | None:
        """Ask until there is an answer; None when the process is to stop.

        Raises:
            TryLater, Refused, Disallowed, Unsafe, Blocked: as `collector.errors` sorts them.
        """
        try:
            return await self._attempt()
        except HostBusy:
            raise
        except TryLater as error:
            await self._log("try_later", str(error), error.code)
            return await self._retry()

    async def _retry(self) -> Response | None:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS - 1),
            retry=retry_if_exception(_worth_retrying),
            wait=wait_exponential_jitter(multiplier=self.gate.delay, max=30),
            sleep=self._pause,
            before_sleep=self._log_retry,
            reraise=True,
        )
        return await retrying(self._attempt)

    async def _pause(self, seconds: float) -> None:
        # Cut short when the process is to stop; the next attempt notices.
        await self.gate.sleep(seconds, Wait(Awaited.NEXT_TRY, {"url": self.page.url}, self._again(seconds)))

    def _again(self, seconds: float) -> datetime:
        return self.at + timedelta(seconds=self.took + seconds)

    async def _log_retry(self, state: RetryCallState) -> None:
        await self._log("try_later", str(state.outcome.exception() if state.outcome else ""), Failure.TRY_LATER)

    async def _attempt(self) -> Response | None:
        """One attempt: this page, through at most five redirects within the site."""
        url = self.page.url
        for hops_left in reversed(range(MAX_HOPS + 1)):
            response = await self._ask(url)
            if response is None or response.status not in REDIRECTS or _kept_out(self.page, response):
                return response
            url = response.location
            if host_name(url) != self.gate.host:
                raise Unsafe(f"redirected to {shown(url)}, which is another site: not followed", response.status)
            if not hops_left:
                raise Unsafe(f"more than {MAX_HOPS} redirects, the last to {shown(url)}", response.status)
            pause = pause_asked_for(response, self.at) or 0.0
            if pause > LONGEST_STAY:
                raise HostBusy(f"the site answered {response.status} and asks for a pause", response.status, pause)
            await self._log("redirect", f"to {url}")
            if pause and await self.gate.sleep(pause, Wait(Awaited.REDIRECT, {"url": shown(url)}, self._again(pause))):
                return None
        raise AssertionError

    def _check(self, url: str) -> None:
        """Refuse what is not to be asked for, before a slot is used.

        Raises:
            Disallowed: by robots.txt.
            Unsafe: by its address.
        """
        if self.page.role is not Role.ROBOTS and not self.robots.allowed(url):
            raise Disallowed(Failure.ROBOTS, shown(self.robots.verdict(url).line))
        if self.page.role in PHOTOS and not (verdict := self.robots.training(url)).allowed:
            raise Disallowed(Failure.TRAINING, shown(verdict.line))
        self.fetcher.check(url)

    async def _ask(self, url: str) -> Response | None:
        """One request on one slot. None when the process is to stop, or when the page was forgotten meanwhile."""
        self._check(url)
        page, taken = self.page, self.slot
        self.slot = None
        forgettable = None if page.role is Role.ROBOTS else page.id  # its host alone decides about robots.txt
        slot = await self.gate.wait(taken or await self.gate.reserve(), forgettable, taken=taken is not None)
        if slot is None:
            return None
        began = asyncio.get_running_loop().time()
        self.at, self.status, self.asked = slot.started_at(), None, True
        try:
            patience = timedelta(seconds=self.fetcher.patience)
            with self.gate.waiting(Wait(Awaited.ANSWER, {"url": url}, self.at + patience)):
                response = await self.gate.watch(
                    self.fetcher.get(
                        url,
                        max_bytes=IMAGE_BYTES if page.role is Role.PICTURE else PAGE_BYTES,
                        etag=page.etag if page.digest else None,
                        last_modified=page.last_modified if page.digest else None,
                        when_sent=lambda: self._sent(slot),
                    )
                )
        finally:
            self.took = asyncio.get_running_loop().time() - began
        self.status = response.status
        if response.status == 304 and not (page.digest and (usable_etag(page.etag) or usable_date(page.last_modified))):
            raise TryLater("not modified (304), though we asked without conditions: nothing came", 304)
        if page.role is not Role.ROBOTS:
            check_status(response, self.at)
        return response

    def _sent(self, slot: Slot) -> None:
        """From here on the site counts: making the connection may have taken a while."""
        self.at = slot.started_at()

    async def _log(self, outcome: str, error: str, code: Failure | None = None) -> None:
        """Commit an attempt that is not the last word on this page."""
        page = self.page
        await commit(
            self.gate,
            self.outcome(
                outcome, PageState(page.state), due_at=self.at, code=code, error=error, failures=page.failures
            ),
        )
        self.asked = False

    def outcome(
        self, name: str, state: PageState, *, failures: int = 0, due_at: datetime | None = None, **facts: Any
    ) -> Outcome:
        """What this visit changes; a failed page is due again by its number of failures."""
        if state is PageState.FAILED and due_at is None:
            due_at = retry_at(failures, self.at)
        page = self.page
        facts.setdefault("etag", page.etag)
        facts.setdefault("last_modified", page.last_modified)
        facts.setdefault("status", self.status)
        if facts.get("error"):
            facts["error"] = storable(facts["error"])  # sites have a part in its words
        return Outcome(page, self.at, self.took, name, state, due_at, self.asked, failures=failures, **facts)


async def with_held_bytes(visit: Visit, response: Response) -> Response:
    """ "Not modified" of a page that does not count as read: what is held stands in for what was not sent."""
    if response.status != 304 or visit.page.state == PageState.FETCHED:
        return response
    row = await (await visit.gate.connection.execute(HELD, (visit.page.id,))).fetchone()
    if row is None:
        raise TryLater("not modified (304), though nothing is held of it", 304)
    media_type, encoding, content = row
    headers = {"Content-Type": media_type} | {
        name: value for name, value in (("ETag", response.etag), ("Last-Modified", response.last_modified)) if value
    }
    return replace(response, headers=headers, body=unpack(content, encoding, visit.dictionaries.by_number))


async def read(visit: Visit, response: Response, stopped_kinds: Set[tuple[str, str]]) -> Outcome:
    """What an answer means: new bytes with their items, or that nothing changed, or that it is gone.

    Raises:
        Refused: it is a block page, served as if it were content.
    """
    page = visit.page
    if response.status in (404, 410):
        due_at = recheck_at(page.role, page.dated, visit.at)
        return visit.outcome("gone", PageState.GONE, due_at=due_at)
    if directive := _kept_out(page, response):
        return visit.outcome("refused", PageState.EXCLUDED, code=Failure.HEADERS, error=directive)
    digest = digest_of(response.body)
    same = response.status == 304 or digest == page.digest
    name = "not_modified" if response.status == 304 else "unchanged" if same else "changed" if page.digest else "new"
    size = 0 if response.status == 304 else len(response.body)
    facts: dict[str, Any] = {"etag": response.etag, "last_modified": response.last_modified, "size": size}
    if response.status == 304:
        facts = {}  # what is held has the validators that it came with, whatever others are named now
    elif same:
        facts = {fact: value for fact, value in facts.items() if value}
    else:
        dictionary = visit.dictionaries.of_kind.get((page.source, page.kind))
        facts["packed"] = pack(response.body, type_of(response.content_type), digest, dictionary)
    kept = facts.get("packed")
    if same and page.state == PageState.FETCHED:
        return visit.outcome(name, PageState.FETCHED, due_at=revisit_at(page, None, visit.at), **facts)
    # What is held already is read again, unless it is known to have been read well.
    try:
        derived = await derive_soon(page.source, page.kind, page.url, response.body, response.content_type)
    except Refused:
        visit.refusal = kept
        raise
    facts["media_type"] = kept.media_type if kept else type_of(response.content_type)
    stopped = (page.source, page.kind) in stopped_kinds
    return _decided(visit, decide(page, derived, visit.at, stopped=stopped, same=same), name, facts)


def _kept_out(page: DuePage, response: Response) -> str | None:
    """By which of its headers an answer, be it a redirect, keeps a photo out."""
    return keeps_out(response.headers, of_picture=page.role is Role.PICTURE) if page.role in PHOTOS else None


def _decided(visit: Visit, verdict: Verdict, name: str, facts: dict[str, Any]) -> Outcome:
    if verdict.state is PageState.EXCLUDED:  # not even its bytes are kept
        return visit.outcome("refused", PageState.EXCLUDED, code=verdict.code, error=verdict.error)
    name = "gone" if verdict.state is PageState.GONE else name
    facts |= {"code": verdict.code, "error": verdict.error, "derived": verdict.kept}
    return visit.outcome(name, verdict.state, due_at=verdict.due_at, **facts)
