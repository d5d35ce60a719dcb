"""An attempt's hold on its job: it writes under its number, and only the newest number may write.

A claim assigns the number. A machine that froze, or that lost the database for a while, thus learns that another has
taken over, and ends its attempt at once. It never overwrites anything newer.

An attempt counts up a heartbeat, and an observer compares it with the value of its last look. No clock is involved: a
clock that jumps takes no job away, nor does a database that was away for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

BEAT_EVERY = 2.0  # seconds
FROZEN = 30  # seconds without a beat, all observed by looks, after which an attempt counts as gone
# Seconds without an answer from the database after which a job of the fleet is ended. Together with its time to save
# (see the supervisor) that is less than FROZEN, so it has ended before another machine begins.
LEASE = 16.0

# A job that may run in a cloud has to be looked for there, even if no engine works on it now.
RENTED: LiteralString = "(attempts > 0 AND task->>'cloud' IS NOT NULL)"
HELD: LiteralString = "id = %(job)s AND attempts = %(attempt)s AND state = 'running'"
BEAT: LiteralString = (
    f"UPDATE training_job SET beat = beat + 1, seconds = %(seconds)s WHERE {HELD} RETURNING stop_asked"
)
# A piece that is sent twice, because the first answer was lost, is stored once.
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
UPDATE training_job SET state = %(state)s, reason = %(reason)s, reason_detail = %(detail)s::jsonb,
    exit_code = %(exit_code)s, ended_at = now(), seconds = %(seconds)s, started_at = NULL WHERE {HELD} RETURNING state
"""
# A job that was asked to stop does not begin again, unless a machine may still be rented for it.
REQUEUE: LiteralString = f"""
UPDATE training_job SET started_at = NULL, seconds = %(seconds)s, kills = kills + %(killed)s,
    state = CASE WHEN stop_asked AND NOT {RENTED} THEN 'stopped' ELSE 'queued' END,
    reason = CASE WHEN stop_asked AND NOT {RENTED} THEN 'stopped' ELSE %(reason)s END,
    reason_detail = CASE WHEN stop_asked AND NOT {RENTED} THEN '{{}}' ELSE %(detail)s::jsonb END,
    ended_at = CASE WHEN stop_asked AND NOT {RENTED} THEN now() END
WHERE {HELD} RETURNING state
"""

# A job that is bound to another machine waits for that machine: no other could take it, except to stop it.
RUNNING: LiteralString = """
SELECT id AS job, uid, name, attempts AS attempt, beat, machine, seconds, 0 AS killed FROM training_job
WHERE state = 'running' AND NOT (id = ANY (%(mine)s)) AND (queue LIKE 'fleet:%%' OR machine = %(machine)s OR stop_asked)
"""
REQUEUE_SILENT: LiteralString = REQUEUE.replace("RETURNING", "AND beat = %(beat)s RETURNING")


@dataclass(slots=True)
class Pulse:
    """Finds the silent attempts by looking at their beats."""

    every: float  # least seconds between two looks
    seen: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # job: attempt, beat, looks without a new beat

    def silent(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the rows just read whose attempt has been silent for too long."""
        self.seen = {row["job"]: self._count(row) for row in rows}
        return [row for row in rows if self.seen[row["job"]][2] * self.every >= FROZEN]

    def _count(self, row: dict[str, Any]) -> tuple[int, int, int]:
        now, before = (row["attempt"], row["beat"]), self.seen.get(row["job"])
        return *now, before[2] + 1 if before and before[:2] == now else 0
