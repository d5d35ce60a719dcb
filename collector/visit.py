"""One page being asked for, and what its answer means."""

import asyncio
from collections.abc import Set
from datetime import UTC, datetime, timedelta
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from collector import frontier
from collector.archive import digest_of, pack
from collector.derive import Derived, derive_soon
from collector.errors import HostBusy, Refused, TryLater, Unsafe
from collector.fetch import IMAGE_BYTES, PAGE_BYTES, Fetcher, Response, check_status, keeps_out
from collector.frontier import DuePage
from collector.models import PageKind, PageState
from collector.politeness import Gate, Slot, host_name
from collector.racing import AptitudeItem
from collector.robots import Robots
from collector.store import Outcome, commit

ATTEMPTS = 3  # of one page in one visit, each on a slot of its own
MAX_HOPS = 5  # redirects
REDIRECTS = (301, 302, 303, 307, 308)


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, TryLater) and not isinstance(error, HostBusy)


class Visit:
    """One page being asked for: up to three attempts, each hop and each attempt on a slot of its own."""

    def __init__(self, gate: Gate, fetcher: Fetcher, robots: Robots, page: DuePage, slot: Slot | None = None) -> None:
        self.gate = gate
        self.fetcher = fetcher
        self.robots = robots
        self.page = page
        self.slot = slot  # the one to be used next, where it is reserved already
        self.at = slot.at if slot else datetime.now(UTC)  # start of the last request, database clock
        self.took = 0.0
        self.status: int | None = None
        self.asked = False  # whether a request went out on the last slot

    async def succeed(self) -> Response | None:
        """Ask until there is an answer; None when the process is to stop.

        Raises:
            TryLater, Refused, Unsafe, Blocked: as `collector.errors` sorts them.
        """
        try:
            return await self._attempt()
        except HostBusy:
            raise
        except TryLater as error:
            await self._log("try_later", str(error))
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
        await self.gate.sleep(seconds)  # cut short when the process is to stop; the next attempt notices

    async def _log_retry(self, state: RetryCallState) -> None:
        await self._log("try_later", str(state.outcome.exception() if state.outcome else ""))

    async def _attempt(self) -> Response | None:
        """One attempt: this page, through at most five redirects within the site."""
        url = self.page.url
        for _ in range(MAX_HOPS + 1):
            response = await self._ask(url)
            if response is None or response.status not in REDIRECTS:
                return response
            target = response.location
            await self._log("redirect", f"to {target}")
            if not target or host_name(target) != self.gate.host:
                raise Unsafe(
                    f"redirected to {target or 'nowhere'}, which is another site: not followed",
                    response.status,
                )
            url = target
        raise Unsafe(f"more than {MAX_HOPS} redirects, the last to {url}")

    async def _ask(self, url: str) -> Response | None:
        """One request on one slot. None when the process is to stop."""
        if self.page.kind is not PageKind.ROBOTS and not self.robots.allowed(url):
            raise Refused(f"robots.txt disallows it ({self.robots.verdict(url).line})")
        self.asked = False
        if self.slot is None:
            self.slot = await self.gate.wait(await self.gate.reserve())
            if self.slot is None:
                return None
        page, slot, self.slot = self.page, self.slot, None
        loop = asyncio.get_running_loop()
        self.at, self.status, self.asked = slot.started_at(), None, True
        began = loop.time()
        try:
            response = await self.fetcher.get(
                url,
                max_bytes=IMAGE_BYTES if page.kind is PageKind.IMAGE else PAGE_BYTES,
                etag=page.etag if page.digest else None,
                last_modified=page.last_modified if page.digest else None,
            )
        finally:
            self.took = loop.time() - began
        self.status = response.status
        if self.page.kind is not PageKind.ROBOTS:
            check_status(response, self.at)
        return response

    async def _log(self, outcome: str, error: str) -> None:
        """Commit an attempt that is not the last word on this page."""
        page = self.page
        await commit(
            self.gate,
            self.outcome(outcome, PageState(page.state), due_at=self.at, error=error, failures=page.failures),
        )

    def outcome(
        self, name: str, state: PageState, *, failures: int = 0, due_at: datetime | None = None, **facts: Any
    ) -> Outcome:
        """What this visit changes; a failed page is due again by its number of failures."""
        if state is PageState.FAILED and due_at is None:
            due_at = frontier.retry_at(failures, self.at)
        page = self.page
        facts.setdefault("etag", page.etag)
        facts.setdefault("last_modified", page.last_modified)
        facts.setdefault("status", self.status)
        return Outcome(page, self.at, self.took, name, state, due_at, self.asked, failures=failures, **facts)


async def read(visit: Visit, response: Response, stopped_kinds: Set[tuple[str, str]]) -> Outcome:
    """What an answer means: new bytes with their items, or that nothing changed, or that it is gone."""
    page = visit.page
    if response.status in (404, 410):
        due_at = frontier.recheck_at(page.kind, page.dated, visit.at)
        return visit.outcome("gone", PageState.GONE, due_at=due_at)
    if page.kind in (PageKind.IMAGE, PageKind.PHOTO_PAGE) and (directive := keeps_out(response.headers)):
        return visit.outcome("refused", PageState.EXCLUDED, error=f"X-Robots-Tag: {directive}")
    validators = {"etag": response.etag, "last_modified": response.last_modified, "size": len(response.body)}
    unread = page.state == PageState.QUARANTINED
    digest = digest_of(response.body)
    if response.status == 304 or (digest == page.digest and not unread):
        name = "not_modified" if response.status == 304 else "unchanged"
        kept = {key: value for key, value in validators.items() if value}
        state = PageState.QUARANTINED if unread else PageState.FETCHED
        return visit.outcome(name, state, due_at=_revisit(visit, None), **kept)
    packed = pack(response.body, response.content_type.split(";")[0].strip().lower(), digest)
    derived = await derive_soon(page.source, page.kind, page.url, response.body, response.content_type)
    return _outcome_of(
        visit,
        stopped_kinds,
        derived,
        "changed" if page.digest else "new",
        _revisit(visit, derived),
        packed=packed,
        **validators,
    )


def _revisit(visit: Visit, derived: Derived | None) -> datetime | None:
    """When to ask again for a page that says something new, or (None) the same as before."""
    page = visit.page
    if page.kind not in frontier.LABELS:
        return frontier.revisit_at(page.kind, page.dated, visit.at)
    # A horse's page is asked for again only if it is where the horse's aptitude is shown.
    shows_opinion = derived is None or any(isinstance(item, AptitudeItem) for item in derived.parsed.items)
    if page.kind is PageKind.REVIEWS or not shows_opinion:
        return None
    return frontier.ask_opinion_at(visit.at, page.checked_at, changed=derived is not None)


def _outcome_of(
    visit: Visit,
    stopped_kinds: Set[tuple[str, str]],
    derived: Derived,
    name: str,
    revisit: datetime | None,
    **facts: Any,
) -> Outcome:
    page = visit.page
    if (page.source, page.kind) in stopped_kinds:
        reason = "the layout of these pages has changed; archived, to be read by `reparse` after a fix"
        return visit.outcome(name, PageState.QUARANTINED, error=reason, due_at=revisit, **facts)
    if derived.gone:
        due_at = frontier.recheck_at(page.kind, page.dated, visit.at)
        return visit.outcome("gone", PageState.GONE, error=derived.gone, due_at=due_at, **facts)
    if derived.failure:
        # The same bytes are no picture the next time either.
        same = page.kind is PageKind.IMAGE and facts["packed"].digest == page.digest
        due_at = None if same else visit.at + timedelta(days=7)
        return visit.outcome(
            name, PageState.QUARANTINED, error=str(derived.failure), due_at=due_at, derived=derived, **facts
        )
    keep_out = next((True for item in derived.parsed.items if getattr(item, "keep_out", False)), False)
    if keep_out:
        return visit.outcome("refused", PageState.EXCLUDED, error="the page's robots meta keeps its photo out")
    return visit.outcome(name, PageState.FETCHED, due_at=revisit, derived=derived, **facts)
