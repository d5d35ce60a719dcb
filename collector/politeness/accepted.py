"""Which terms were accepted, as the database has it: by a command, or by PADDOCK_ACCEPT."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString

import psycopg

from collector.codes import AcceptedBy
from collector.errors import UsageError
from collector.politeness.leave import Leave

# Rows are only added, so the same terms with the same permission stand once.
ACCEPT = """
INSERT INTO acceptance (source, terms_digest, terms_date, terms, permission, accepted_at, accepted_by)
VALUES (%(source)s, %(digest)s, %(dated)s, %(terms)s, %(permission)s, clock_timestamp(), %(by)s)
ON CONFLICT DO NOTHING
"""
NEVER = "SELECT NOT EXISTS (SELECT FROM acceptance WHERE source = %s)"
HELD = """
SELECT terms_digest, terms_date, permission, accepted_at, accepted_by FROM acceptance WHERE source = %s
ORDER BY accepted_at DESC, id DESC
"""
# By whose permission pages of a source are held: exports say so.
PERMISSIONS: LiteralString = """
SELECT DISTINCT ON (source) source, permission FROM acceptance WHERE permission IS NOT NULL
ORDER BY source, accepted_at DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That terms were accepted."""

    digest: str  # of the terms
    dated: date | None  # of the terms
    permission: str | None  # who gave it, and when, in the words of the person who accepted them
    at: datetime
    by: str  # AcceptedBy


async def accept(
    connection: psycopg.AsyncConnection[Any], leave: Leave, by: AcceptedBy, permission: str | None = None
) -> None:
    """Record that a source's terms are accepted from now on.

    Raises:
        UsageError: its keepers forbid copying, and no permission is named.
    """
    if leave.by_permission and not permission:
        raise UsageError(
            f'The keepers of {leave.source} forbid copying, so it takes their permission. "{leave.terms}" '
            f"Run `{leave.command}`."
        )
    facts = {
        "source": leave.source, "digest": leave.digest, "dated": leave.dated, "terms": leave.terms,
        "permission": permission, "by": by,
    }  # fmt: skip
    await connection.execute(ACCEPT, facts)


async def accept_first(connection: psycopg.AsyncConnection[Any], leaves: Iterable[Leave]) -> None:
    """Accept what the environment names. It does so once: a variable that stays set says nothing of terms that change,
    and no permission."""
    for leave in leaves:
        row = await (await connection.execute(NEVER, (leave.source,))).fetchone()
        if row == (True,) and not leave.by_permission:
            await accept(connection, leave, AcceptedBy.ENVIRONMENT)


async def held(connection: psycopg.AsyncConnection[Any], source: str) -> list[Acceptance]:
    """All that was accepted of a source, the newest first."""
    rows = await (await connection.execute(HELD, (source,))).fetchall()
    return [Acceptance(*row) for row in rows]


async def in_force(connection: psycopg.AsyncConnection[Any], leave: Leave) -> Acceptance | None:
    """By which acceptance a source may be asked now; None: by none."""
    return _in_force(await held(connection, leave.source), leave)


async def check(connection: psycopg.AsyncConnection[Any], leaves: Iterable[Leave]) -> None:
    """Refuse to ask a source whose terms nobody has accepted.

    Raises:
        UsageError: with the terms and the command; a sentence for each source.
    """
    refused = [leave.why_not(others_at) for leave, others_at in await missing(connection, leaves)]
    if refused:
        raise UsageError(refused[0], refused[1:])


async def missing(
    connection: psycopg.AsyncConnection[Any], leaves: Iterable[Leave]
) -> list[tuple[Leave, datetime | None]]:
    """The leaves that nobody has given, each with the moment at which its source's former terms were accepted."""
    found_missing = []
    for leave in dict.fromkeys(leaves):
        found = await held(connection, leave.source)
        if _in_force(found, leave) is None:
            same = any(one.digest == leave.digest for one in found)
            found_missing.append((leave, None if same or not found else found[0].at))
    return found_missing


def _in_force(found: Iterable[Acceptance], leave: Leave) -> Acceptance | None:
    fit = (one for one in found if one.digest == leave.digest and (one.permission or not leave.by_permission))
    return next(fit, None)
