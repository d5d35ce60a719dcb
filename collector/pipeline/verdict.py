"""What becomes of a page by what its bytes mean: one decision, which the crawl and `reparse` share."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.codes import Failure
from collector.frontier.due import ask_opinion_at, recheck_at
from collector.frontier.queue import DuePage
from collector.pipeline.derive import Derived, tripped
from collector.sources.registry import source_of
from collector.storage.items import AptitudeItem
from collector.storage.roles import LABEL_ROLES, PageState, Role

logger = logging.getLogger(__name__)

ASIDE = timedelta(days=7)  # after which a page that could not be read is asked for again


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a page stands now that it has been read, and what of its meaning is written."""

    state: PageState
    due_at: datetime | None
    code: Failure | None = None  # what is wrong with it
    error: str | None = None  # the detail
    kept: Derived | None = None  # None: nothing of it, it is set aside, gone or kept out


def decide(page: DuePage, derived: Derived, at: datetime, *, stopped: bool, same: bool = False) -> Verdict:
    """Where a page stands that was read at `at`; an error of our own is logged.

    `stopped`: pages of its kind are not read as data at present. `same`: its bytes are those that were held before.
    """
    try:
        verdict = _decide(page, derived, at, stopped=stopped, same=same)
    except Exception as error:  # noqa: BLE001
        derived = tripped(error)  # by what the page says of its days, perhaps
        verdict = _decide(page, derived, at, stopped=False, same=same)
    if derived.trace:
        logger.error("a page trips our own code\n%s", derived.trace, extra={"url": page.url})
    return verdict


def _decide(page: DuePage, derived: Derived, at: datetime, *, stopped: bool, same: bool) -> Verdict:
    if derived.keeps_out:
        return Verdict(PageState.EXCLUDED, None, Failure.META)
    if stopped:
        return Verdict(PageState.QUARANTINED, revisit_at(page, derived, at), Failure.LAYOUT_CHANGED)
    if derived.gone:
        return Verdict(PageState.GONE, recheck_at(page.role, page.dated, at), Failure.GONE, derived.gone)
    if derived.failure:
        # The same bytes will not be a picture the next time either.
        never = (same and page.role is Role.PICTURE) or not source_of(page.source).asked
        due_at = None if never else at + ASIDE
        return Verdict(PageState.QUARANTINED, due_at, derived.failure.code, str(derived.failure), derived)
    return Verdict(PageState.FETCHED, revisit_at(page, derived, at), kept=derived)


def revisit_at(page: DuePage, derived: Derived | None, at: datetime) -> datetime | None:
    """When to ask again for a page that says something new, or (None) the same as before."""
    if page.role not in LABEL_ROLES:
        return source_of(page.source).kind(page.kind).revisit_at(page.dated, at)
    # A horse's page is asked for again only if it is where the horse's aptitude is shown.
    shows_opinion = derived is None or AptitudeItem in derived.racing.items
    if page.role is Role.REVIEWS or not shows_opinion:
        return None
    return ask_opinion_at(at, page.checked_at, changed=derived is not None)
