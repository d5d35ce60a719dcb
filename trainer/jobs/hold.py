"""An attempt's hold on its job: whatever it writes is written under its number, and only the newest number may.

A claim hands the number out. A machine that froze and wakes up, or that the database was cut off from, so finds out
that another has taken over, and ends at once: none of what it has made replaces anything newer.

Whether an attempt is alive is told by a counter, which whoever looks compares with what it was at the last look. So
no clock has a say in it: one that jumps takes no job away, and neither does a database that nobody reached for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

BEAT_EVERY = 2.0  # seconds
FROZEN = 30  # seconds without a beat, over so many looks that each found none, after which an attempt counts as gone
# Seconds without an answer of the database after which a job of the fleet is ended: with what it has to save in (see
# the keeper) it has ended before another machine begins.
LEASE = 16.0

# What may run in a cloud has to be looked for there, also where no engine is at work on it just now.
RENTED: LiteralString = "(attempts > 0 AND task->>'cloud' IS NOT NULL)"
HELD: LiteralString = "id = %(job)s AND attempts = %(attempt)s AND state = 'running'"
BEAT: LiteralString = (
    f"UPDATE training_job SET beat = beat + 1, seconds = %(seconds)s WHERE {HELD} RETURNING stop_asked"
)
# Given twice because the first answer was lost, a piece is kept once.
APPEND: LiteralString = f"""
WITH longer AS (UPDATE training_job SET log_bytes = %(start)s + %(size)s
    WHERE {HELD} AND log_bytes IN (%(start)s, %(start)s + %(size)s) RETURNING id),
kept AS (INSERT INTO training_log (job_id, start, content) SELECT id, %(start)s, %(content)s FROM longer
    ON CONFLICT DO NOTHING)
SELECT id FROM longer
"""
STILL_HELD: LiteralString = f"SELECT id FROM training_job WHERE {HELD}"
KEEP_OUTPUT: LiteralString = (
    f"UPDATE training_job SET output = %(output)s, output_attempt = %(attempt)s WHERE {HELD} RETURNING id"
)
FINISH: LiteralString = f"""
UPDATE training_job SET state = %(state)s, reason = %(reason)s, exit_code = %(exit_code)s, ended_at = now(),
    seconds = %(seconds)s, started_at = NULL WHERE {HELD} RETURNING state
"""
# One that was asked to stop does not begin again, unless something may still be rented for it.
AGAIN: LiteralString = f"""
UPDATE training_job SET started_at = NULL, seconds = %(seconds)s, kills = kills + %(killed)s,
    state = CASE WHEN stop_asked AND NOT {RENTED} THEN 'stopped' ELSE 'queued' END,
    reason = CASE WHEN stop_asked AND NOT {RENTED} THEN 'stopped by hand' ELSE %(reason)s END,
    ended_at = CASE WHEN stop_asked AND NOT {RENTED} THEN now() END
WHERE {HELD} RETURNING state
"""

# What runs at another machine's home goes on when that wakes up: nobody else could take it, unless to stop it.
RUNNING: LiteralString = """
SELECT id AS job, uid, name, attempts AS attempt, beat, machine, seconds, 0 AS killed FROM training_job
WHERE state = 'running' AND NOT (id = ANY (%(mine)s)) AND (queue LIKE 'fleet:%%' OR machine = %(machine)s OR stop_asked)
"""
TAKE_AWAY: LiteralString = AGAIN.replace("RETURNING", "AND beat = %(beat)s RETURNING")


@dataclass(slots=True)
class Pulse:
    """Tells which attempts are silent, from looks at their counters."""

    every: float  # seconds between two looks, at least
    seen: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # job: attempt, beat, looks without another

    def silent(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows, of those that were found now, whose attempt has been silent for too long."""
        self.seen = {row["job"]: self._count(row) for row in rows}
        return [row for row in rows if self.seen[row["job"]][2] * self.every >= FROZEN]

    def _count(self, row: dict[str, Any]) -> tuple[int, int, int]:
        now, before = (row["attempt"], row["beat"]), self.seen.get(row["job"])
        return *now, before[2] + 1 if before and before[:2] == now else 0
