"""How hosts stand: closed, taken by a lane, waiting, or free."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from collector.codes import Awaited, Block
from collector.console.code_words import describe
from collector.politeness.gate import Connection, Wait

FROZEN = 30.0  # seconds; a lane that has not said for so long that it is alive may be taken over
UNHEARD = 3.0  # seconds; a lane that has not said for longer that it is alive may be frozen

STATES = """
SELECT name, NULLIF(blocked_until, 'infinity'), blocked_until > clock_timestamp(), block_code, reason,
       lane_alive(lane_job) AND lane_until > clock_timestamp(), lane_job, lane_by, lane_until, clock_timestamp(),
       CASE WHEN waiting_until > clock_timestamp() THEN waiting END, waiting_detail,
       waiting_until, open_until
FROM host WHERE name = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class HostState:
    """How one host stands, as the database says."""

    host: str
    blocked_until: datetime | None  # None while it is blocked: for good
    blocked: bool
    block_code: str | None  # Block
    detail: str | None
    taken: bool  # by a lane that is alive
    lane: int | None
    lane_by: str | None
    lane_until: datetime | None
    now: datetime
    waiting: str | None  # Awaited: what its lane waits for
    waiting_detail: Mapping[str, Any]
    waiting_until: datetime | None
    open_until: datetime | None  # a request may be open until then

    @property
    def block_reason(self) -> str:
        """Why it is, or was last, blocked, in a sentence."""
        return describe(Block, self.block_code, self.detail)

    @property
    def wait(self) -> Wait | None:
        """What work on this host waits for, as far as every process can see."""
        if self.blocked:
            facts = {"host": self.host, "block": self.block_code, "detail": self.detail}
            return Wait(Awaited.CLOSED, facts, self.blocked_until)
        return replace(wait, host=self.host) if (wait := self.lane_wait) else None

    @property
    def lane_wait(self) -> Wait | None:
        """What the lane on this host waits for, or what keeps one from it."""
        if self.taken and self.lane_until and self.lane_until - self.now < timedelta(seconds=FROZEN - UNHEARD):
            return Wait(Awaited.SILENT_LANE, {"lane": self.lane_by}, self.lane_until)
        return Wait(self.waiting, self.waiting_detail, self.waiting_until) if self.waiting else None


async def host_states(connection: Connection, hosts: Iterable[str]) -> dict[str, HostState]:
    """How these hosts stand, by name; one that nobody has asked yet is left out."""
    rows = await (await connection.execute(STATES, (list(hosts),))).fetchall()
    return {row[0]: HostState(*row) for row in rows}
