"""Which page is asked for next."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, cast

from collector.frontier.scope import IN_SCOPE, Scope
from collector.politeness.gate import OPEN_FOR, Slot
from collector.storage.roles import Role


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page to be asked for, with what is known of it from the last time."""

    id: int
    url: str
    source: str
    kind: str  # local to its source
    role: Role
    dated: date
    state: str
    etag: str | None
    last_modified: str | None
    digest: str | None
    failures: int
    checked_at: datetime | None = None  # when the site last answered in full, 304 included

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "DuePage":
        """From the columns of this class, in its order."""
        page_id, url, source, kind, role, *rest = row
        return cls(page_id, url, source, kind, Role(role), *rest)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the frontier says to a lane: this page on this slot, or blocked, or nothing is due."""

    page: DuePage | None = None
    slot: Slot | None = None
    blocked_until: datetime | None = None  # None with a code: for good
    code: str | None = None  # Block
    detail: str | None = None


FACTS = ("host", "epoch", "delay", "open_for", "since", "until", "limit")  # of TAKE, as its parameters are numbered


def numbered(query: str) -> LiteralString:
    """A query with named parameters, as raw cursors take it: each in the place that FACTS gives it."""
    return cast(LiteralString, re.sub(r"%\((\w+)\)s", lambda match: f"${FACTS.index(match[1]) + 1}", query))


TAKE = numbered(f"""
WITH next AS (
    SELECT id, url, source, kind, role, dated, state, etag, last_modified, digest, failures, last_fetched_at FROM page
    WHERE host = %(host)s AND due_at <= clock_timestamp() AND role <> 'robots'
      AND {IN_SCOPE}
    ORDER BY priority DESC, dated, id LIMIT 1)
SELECT next.*, gate.slot, gate.wait, NULLIF(gate.closed_until, 'infinity'), gate.code,
       gate.reason
FROM next, LATERAL reserve_slot(%(host)s, %(epoch)s, %(delay)s, %(open_for)s) AS gate
""")


def take_parameters(host: str, epoch: int, delay: float, scope: Scope) -> tuple[Any, ...]:
    """What TAKE needs."""
    return host, epoch, delay, OPEN_FOR, scope.since, scope.until, scope.limit


def read_turn(row: tuple[Any, ...] | None, asked: float) -> Turn:
    """The answer to TAKE, which was put at `asked` on the loop's clock."""
    if row is None:
        return Turn()
    (*known, slot, wait, blocked_until, code, detail) = row
    if slot is None:
        return Turn(blocked_until=blocked_until, code=code, detail=detail)
    return Turn(DuePage.from_row(known), Slot.from_row(slot, wait, asked))
