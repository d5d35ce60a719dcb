"""A page's outcome is committed, or as much of it as the database will have: no page ends the lane that asked."""

import logging
from dataclasses import replace

import psycopg

from collector.codes import Failure
from collector.errors import LaneLost, ParseError
from collector.frontier.due import retry_at
from collector.pipeline.derive import Derived
from collector.pipeline.store import Outcome, commit
from collector.pipeline.verdict import decide
from collector.politeness.gate import Connection, Gate
from collector.storage.roles import PageState

logger = logging.getLogger(__name__)

# Classes of SQLSTATE (appendix A of Postgres' documentation). Of the machine: no connection, a transaction that may
# not write, no room or memory, an operator, files that cannot be read.
OF_THE_MACHINE = ("08", "25", "53", "57P", "58")
# Two at work on the same rows, somebody who holds them for long, bytes that are forgotten just now: it may pass.
PASSING = ("40", "55P03", "57014", "23503")


def is_of_the_machine(error: Exception, connection: Connection) -> bool:
    """Whether nothing could have been stored just then, whatever the page says."""
    state = (error.sqlstate or "") if isinstance(error, psycopg.Error) else ""
    return isinstance(error, LaneLost) or connection.closed or state.startswith(OF_THE_MACHINE)


def may_pass(error: Exception) -> bool:
    """Whether the very same may work when it is tried again."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(PASSING)


def not_storable(error: Exception) -> Derived:
    """What a page means that the database will not have: a failure, with the reason on one line."""
    said = (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)
    reason = " ".join(said.split()) or type(error).__name__
    return Derived(failure=ParseError("storage", f"not storable: {reason:.300}", Failure.NOT_STORABLE))


async def keep(gate: Gate, outcome: Outcome) -> Outcome:
    """Commit an outcome. What the database refuses of a page is left out: its meaning, at the worst its bytes too.

    Returns what was committed.

    Raises:
        LaneLost: a newer lane holds the host; nothing was written.
        psycopg.Error: the database is gone, or takes nothing from anybody.
    """
    error = await _refusal(gate, outcome)
    if error and may_pass(error):
        error = await _refusal(gate, outcome)
    if error is None:
        return outcome
    for less in (_without_meaning(outcome, error), _without_bytes(outcome, error)):
        if await _refusal(gate, less) is None:
            return less
    raise error


async def _refusal(gate: Gate, outcome: Outcome) -> Exception | None:
    """Why the database will not have this; None: it has it now."""
    try:
        await commit(gate, outcome)
    except Exception as error:
        if is_of_the_machine(error, gate.connection):
            raise
        logger.exception("page not storable", extra={"url": outcome.page.url})
        return error
    return None


def _without_meaning(outcome: Outcome, error: Exception) -> Outcome:
    """Set aside, as a page is that cannot be read: its bytes are kept."""
    verdict = decide(outcome.page, not_storable(error), outcome.at, stopped=False)
    return replace(
        outcome, state=verdict.state, due_at=verdict.due_at, code=verdict.code, error=verdict.error,
        derived=verdict.kept,
    )  # fmt: skip


def _without_bytes(outcome: Outcome, error: Exception) -> Outcome:
    """Failed, and counted, so that it is tried again less and less often."""
    failures = outcome.page.failures + 1
    return replace(
        outcome, outcome="error", state=PageState.FAILED, due_at=retry_at(failures, outcome.at), failures=failures,
        code=Failure.NOT_STORABLE, error=str(not_storable(error).failure), packed=None, derived=None, etag=None,
        last_modified=None,
    )  # fmt: skip
