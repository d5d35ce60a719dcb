"""Where a capture stands beside what is held of its page, and what becomes of the page by it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from collector.codes import Failure
from collector.fetch.headers import all_of, usable_date, usable_etag
from collector.frontier.queue import DuePage
from collector.imports.captures import Capture
from collector.imports.read import Brought
from collector.pipeline.verdict import Verdict, decide, revisit_at
from collector.storage.roles import PageState, Role


class Standing(StrEnum):
    """A capture beside what is held of its page."""

    NEW = "new"  # nothing was held
    NEWER = "newer"  # what is held came earlier
    CONFIRMED = "confirmed"  # the same bytes as those that are held, at a later time
    OLDER = "older"  # what is held came later: kept as history
    UNDATED = "undated"  # likewise, as nobody knows when it was saved
    KNOWN = "known"  # it was imported before, or it is what a crawl fetched


CHANGING = (Standing.NEW, Standing.NEWER)


@dataclass(frozen=True, slots=True)
class Placed:
    """A capture of a page that is taken for it."""

    capture: Capture
    brought: Brought
    page: DuePage
    at: datetime  # when it was saved, or else now
    stated_at: datetime | None
    standing: Standing

    @property
    def digest(self) -> str:
        return self.brought.packed.digest


def place(capture: Capture, brought: Brought, page: DuePage, now: datetime, *, known: bool) -> Placed:
    """Put a capture beside what is held; a time that is yet to come counts as unknown."""
    stated = capture.at if capture.at and capture.at <= now else None
    standing = Standing.KNOWN if known else _standing(brought, page, stated)
    return Placed(capture, brought, page, stated or now, stated, standing)


def _standing(brought: Brought, page: DuePage, stated: datetime | None) -> Standing:
    if page.role is Role.ROBOTS:
        return Standing.OLDER  # what is in force only the site says
    if page.digest is None:
        return Standing.NEW
    if stated is None:
        return Standing.UNDATED
    if page.checked_at is not None and stated <= page.checked_at:
        return Standing.OLDER
    same = page.digest == brought.packed.digest and page.state == PageState.FETCHED
    return Standing.CONFIRMED if same else Standing.NEWER


def verdict_of(placed: Placed, *, stopped: bool) -> Verdict:
    """What becomes of a page by a capture that is new or newer."""
    if placed.brought.kept_out:
        return Verdict(PageState.EXCLUDED, None, Failure.HEADERS, placed.brought.kept_out)
    return decide(placed.page, placed.brought.derived, placed.at, stopped=stopped)


def confirmed_until(placed: Placed) -> datetime | None:
    """When a page is due again whose bytes were the same at a later time."""
    return revisit_at(placed.page, None, placed.at)


def validators(capture: Capture) -> tuple[str | None, str | None]:
    """By which the site can be asked whether its page is still this one: ETag and Last-Modified."""
    headers = {name.lower(): value for name, value in capture.headers.items()}
    tags, dates = all_of(headers, "etag"), all_of(headers, "last-modified")
    return usable_etag(tags[0] if tags else None), usable_date(dates[0] if dates else None)
