"""Which job is next: a machine claims a queued job that fits, in one statement that also numbers the attempt.

Jobs begin in the order in which they were queued. A job that does not fit the free slots lets later jobs pass for ten
minutes. After that, no later job begins on a machine that could run it. So small jobs use slots that a big one cannot,
and a big job does not wait for ever.
"""

import hashlib
from typing import LiteralString

from trainer.jobs.hold import RENTED
from trainer.jobs.task import COLUMNS, LOCAL

FLEET = "fleet"  # the queues that every machine of the fleet takes jobs from
PASSING = 600  # seconds
CPU, GPU = "cpu", "gpu"


def queue_of(place: str, machine: str, gpus: int) -> str:
    """The queue of jobs for this machine or for the fleet; jobs on GPUs have a separate one."""
    whose = hashlib.sha256(machine.encode()).hexdigest()[:16] if place == LOCAL else FLEET
    return f"{whose}:{GPU if gpus else CPU}"


# Slots that a job takes. A notebook on the CPU takes none: it is idle most of the time, and would block others.
NEEDS: LiteralString = "CASE WHEN queue LIKE '%%:gpu' THEN gpus WHEN task->>'opens' IS NOT NULL THEN 0 ELSE 1 END"
CLAIM: LiteralString = f"""
WITH queued AS (
    SELECT id, name, {NEEDS} AS needs, queued_at, stop_asked, {RENTED} AS rented
    FROM training_job WHERE state = 'queued' AND queue = ANY (%(queues)s)
), chosen AS (
    SELECT training_job.id FROM training_job JOIN queued USING (id)
    WHERE training_job.state = 'queued' AND needs <= %(free)s AND NOT queued.name = ANY (%(busy)s)
      AND (NOT queued.stop_asked OR queued.rented)
      AND (needs = 0 OR NOT EXISTS (
        SELECT FROM queued AS older WHERE (older.queued_at, older.id) < (queued.queued_at, queued.id)
        AND older.needs > %(free)s AND older.needs <= %(most)s
        AND older.queued_at < clock_timestamp() - make_interval(secs => %(passing)s)))
    ORDER BY queued.queued_at, queued.id LIMIT 1 FOR UPDATE OF training_job SKIP LOCKED
)
UPDATE training_job SET state = 'running', attempts = attempts + 1, beat = 0, machine = %(machine)s,
    reason = '', reason_detail = '{{}}', started_at = clock_timestamp()
FROM chosen WHERE training_job.id = chosen.id AND training_job.state = 'queued'
RETURNING {", ".join(f"training_job.{name}" for name in COLUMNS.split(", "))}, {NEEDS} AS needs
"""  # pyright: ignore[reportAssignmentType]
# Whether this machine has work, now or once slots are free. A job that no longer fits it does not count.
LEFT: LiteralString = f"""
SELECT EXISTS (SELECT FROM training_job WHERE queue = ANY (%(queues)s) AND (state = 'running'
    OR state = 'queued' AND {NEEDS} <= CASE WHEN queue LIKE '%%:gpu' THEN %(gpus)s ELSE %(slots)s END)) AS something
"""
