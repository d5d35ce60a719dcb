"""What becomes of a page by what its bytes mean: one decision, which the crawl and `reparse` share."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector import frontier
from collector.derive import Derived, tripped
from collector.frontier import DuePage
from collector.models import PageKind, PageState
from collector.racing import AptitudeItem

logger = logging.getLogger(__name__)

LAYOUT_CHANGED = "the layout of these pages has changed; archived, to be read by `reparse` after a fix"
KEPT_OUT = "the page's robots meta keeps its photo out"
ASIDE = timedelta(days=7)  # after which a page that could not be read is asked for again


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a page stands now that it has been read, and what of its meaning is written."""

    state: PageState
    due_at: datetime | None
    error: str | None = None
    kept: Derived | None = None  # None: nothing of it, it is set aside, gone or kept out


def decide(page: DuePage, derived: Derived, at: datetime, *, stopped: bool, same: bool = False) -> Verdict:
    """Where a page stands that was read at `at`; an error of our own is told in the log.

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
        return Verdict(PageState.EXCLUDED, None, KEPT_OUT)
    if stopped:
        return Verdict(PageState.QUARANTINED, revisit_at(page, derived, at), LAYOUT_CHANGED)
    if derived.gone:
        return Verdict(PageState.GONE, frontier.recheck_at(page.kind, page.dated, at), derived.gone)
    if derived.failure:
        # The same bytes are no picture the next time either.
        due_at = None if same and page.kind is PageKind.IMAGE else at + ASIDE
        return Verdict(PageState.QUARANTINED, due_at, str(derived.failure), derived)
    return Verdict(PageState.FETCHED, revisit_at(page, derived, at), None, derived)


def revisit_at(page: DuePage, derived: Derived | None, at: datetime) -> datetime | None:
    """When to ask again for a page that says something new, or (None) the same as before."""
    if page.kind not in frontier.LABELS:
        return frontier.revisit_at(page.kind, page.dated, at)
    # A horse's page is asked for again only if it is where the horse's aptitude is shown.
    shows_opinion = derived is None or any(isinstance(item, AptitudeItem) for item in derived.parsed.items)
    if page.kind is PageKind.REVIEWS or not shows_opinion:
        return None
    return frontier.ask_opinion_at(at, page.checked_at, changed=derived is not None)
