"""What a crew waits for: said in its log at once, and kept in the database, where `status` reads it."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from collector.frontier.hosts import HostState
from collector.politeness.gate import Connection, Gate, Wait

logger = logging.getLogger(__name__)

LONG_WAIT = 1.0  # seconds; a lane's wait that is shorter is not worth a word
DATABASE = ""  # the key of a wait for the database; other keys are hosts

WRITE = """
UPDATE host SET waiting = %(code)s, waiting_detail = %(detail)s, waiting_until = %(until)s WHERE name = %(host)s
"""
CLEAR = """
UPDATE host SET waiting = NULL, waiting_detail = '{}', waiting_until = NULL
WHERE name = %(host)s AND waiting = %(code)s AND waiting_detail = %(detail)s
"""


@dataclass(slots=True)
class Waits:
    """The waits of one crew, by host, and which of them stand in the database."""

    held: dict[str, Wait] = field(default_factory=dict)
    _lanes: dict[int, Wait] = field(default_factory=dict)  # by the number of the lane, as written
    _free: dict[str, Wait] = field(default_factory=dict)  # hosts that nobody works on, as written

    def begin(self, key: str, wait: Wait) -> None:
        """Wait for something; if that is new, it is logged."""
        if (before := self.held.get(key)) is None or before.sentence != wait.sentence:
            logger.info("waiting", extra={"for": wait.sentence, "until": wait.until or "it is there"})
        self.held[key] = wait

    def end(self, key: str) -> None:
        """Wait for it no longer."""
        self.held.pop(key, None)

    def keep_only(self, hosts: Iterable[str]) -> None:
        """End the waits for all other hosts."""
        kept = {DATABASE, *hosts}
        self.held = {key: wait for key, wait in self.held.items() if key in kept}

    async def write(self, connection: Connection, gates: Mapping[str, Gate]) -> None:
        """Keep in the database what our lanes wait for; `gates` are those of the hosts that we work on."""
        lanes = {gate.lane for gate in gates.values()}
        self._lanes = {lane: wait for lane, wait in self._lanes.items() if lane in lanes}
        for host, gate in gates.items():
            wait, written = long_wait(gate), self._lanes.pop(gate.lane, None)
            if wait and wait != written:
                logger.info("waiting", extra={"host": host, "for": wait.sentence, "until": wait.until})
            if wait != written:
                await connection.execute(WRITE, _row(host, wait))
            if wait:
                self._lanes[gate.lane] = wait

    async def write_free(self, connection: Connection, states: Mapping[str, HostState], ours: Iterable[str]) -> None:
        """Likewise what keeps us from hosts that nobody works on; of several crews the first writes."""
        ours = set(ours)
        for host, wait in self.held.items():
            state = states.get(host)
            if state and not (state.taken or state.blocked or state.waiting) and host not in ours:
                await connection.execute(WRITE, _row(host, wait))
                self._free[host] = wait

    async def clear(self, connection: Connection) -> None:
        """Take back what `write_free` wrote: we wait no longer."""
        for host, wait in self._free.items():
            await connection.execute(CLEAR, _row(host, wait))


def _row(host: str, wait: Wait | None) -> dict[str, Any]:
    if wait is None:
        return {"host": host, "code": None, "detail": Jsonb({}), "until": None}
    return {"host": host, "code": wait.code, "detail": Jsonb(dict(wait.detail)), "until": wait.until}


def long_wait(gate: Gate | None) -> Wait | None:
    """What a lane waits for, where it has waited for long enough to say so."""
    wait = gate.waits if gate else None
    return wait if wait and time.monotonic() - wait.since >= LONG_WAIT else None
