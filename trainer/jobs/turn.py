"""Whose turn it is: machines take from the line of jobs what fits them, in one statement that also numbers the attempt.

Jobs begin in the order in which they were queued. One that does not fit what is free just now lets others pass for ten
minutes; from then on nothing else begins on a machine that could run it until it has its turn. So a small job uses
what a big one cannot, and a big one waits no longer than the jobs before it last.
"""

import hashlib
from typing import LiteralString

from trainer.jobs.hold import RENTED
from trainer.jobs.task import COLUMNS, LOCAL

FLEET = "fleet"  # queues of jobs that any machine may take
PASSING = 600  # seconds
CPU, GPU = "cpu", "gpu"


def queue_of(place: str, machine: str, gpus: int) -> str:
    """The queue of jobs for this machine, or for any of the fleet; those for GPUs apart."""
    whose = hashlib.sha256(machine.encode()).hexdigest()[:16] if place == LOCAL else FLEET
    return f"{whose}:{GPU if gpus else CPU}"


# Slots that a job takes. A notebook on the CPU takes none: it is idle for most of its time, and would keep others out.
WANTS: LiteralString = "CASE WHEN queue LIKE '%%:gpu' THEN gpus WHEN task->>'opens' IS NOT NULL THEN 0 ELSE 1 END"
CLAIM: LiteralString = f"""
WITH line AS (
    SELECT id, name, {WANTS} AS wants, queued_at, stop_asked, {RENTED} AS rented
    FROM training_job WHERE state = 'queued' AND queue = ANY (%(queues)s)
), chosen AS (
    SELECT training_job.id FROM training_job JOIN line USING (id)
    WHERE training_job.state = 'queued' AND wants <= %(free)s AND NOT line.name = ANY (%(busy)s)
      AND (NOT line.stop_asked OR line.rented)
      AND (wants = 0 OR NOT EXISTS (
        SELECT FROM line AS older WHERE (older.queued_at, older.id) < (line.queued_at, line.id)
        AND older.wants > %(free)s AND older.wants <= %(most)s
        AND older.queued_at < clock_timestamp() - make_interval(secs => %(passing)s)))
    ORDER BY line.queued_at, line.id LIMIT 1 FOR UPDATE OF training_job SKIP LOCKED
)
UPDATE training_job SET state = 'running', attempts = attempts + 1, beat = 0, machine = %(machine)s, reason = '',
    started_at = clock_timestamp()
FROM chosen WHERE training_job.id = chosen.id AND training_job.state = 'queued'
RETURNING {", ".join(f"training_job.{name}" for name in COLUMNS.split(", "))}, {WANTS} AS wants
"""  # pyright: ignore[reportAssignmentType]
# What this machine has to do, now or when something is free; what no longer fits it starts no engine and keeps none.
LEFT: LiteralString = f"""
SELECT EXISTS (SELECT FROM training_job WHERE queue = ANY (%(queues)s) AND (state = 'running'
    OR state = 'queued' AND {WANTS} <= CASE WHEN queue LIKE '%%:gpu' THEN %(gpus)s ELSE %(slots)s END)) AS something
"""
