"""Queues jobs again whose attempt is gone, and removes the folders of ended jobs on this machine."""

import logging
import os
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from trainer.jobs import bundles
from trainer.jobs.folders import Folders, attempt_in, end_leftovers
from trainer.jobs.hold import REQUEUE_SILENT, RUNNING, Pulse
from trainer.jobs.reasons import Cause, Reason
from trainer.jobs.working import Engine, remove
from trainer.locks import is_locked, try_lock

logger = logging.getLogger(__name__)

REAP_EVERY = 2.0  # seconds
KEPT = ("slots",)  # a folder that is not a job's

NEEDED = """
SELECT name, uid, output_attempt, state = 'failed' FROM training_job WHERE state IN ('queued', 'running', 'failed')
"""


@dataclass(slots=True)
class Reaper:
    """Looks for attempts that are gone."""

    engine: Engine
    pulse: Pulse = field(default_factory=lambda: Pulse(REAP_EVERY))

    async def look(self) -> None:
        """Queue jobs again whose attempt is gone; those that were asked to stop become stopped."""
        database, machine = self.engine.database, self.engine.machine
        rows = await database.execute(RUNNING, {"mine": list(self.engine.at_work), "machine": machine})
        silent = self.pulse.silent(rows)
        for row in rows:
            ours = row["machine"] == machine and self._has_left(row["name"], row["uid"], row["attempt"])
            if not ours and row not in silent:
                continue
            if await database.execute(REQUEUE_SILENT, row | Reason(Cause.ENGINE_GONE).as_parameters):
                logger.warning("a job continues whose engine is gone", extra={"job": row["name"]})

    def _has_left(self, name: str, job: UUID, attempt: int) -> bool:
        """Whether an attempt began in this home and has no process left, because its engine was killed."""
        folders = Folders(self.engine.directories.jobs / name)
        if attempt_in(folders, job) != attempt or is_locked(self.engine.lock_of(name)):
            return False  # it began elsewhere, or its process still saves
        end_leftovers(folders)
        return True


def tidy(engine: Engine) -> None:
    """Remove the folders of ended jobs that an engine has left behind, because it was killed or superseded.

    Output that could not be stored stays, until the job is resumed or deleted.
    """
    with psycopg.connect(engine.database.conninfo, autocommit=True) as connection:
        needed = {name: rest for name, *rest in connection.execute(NEEDED)}
        bundles.drop_unused(connection)
    for root in engine.directories.jobs.iterdir():
        if not root.is_dir() or root.name in KEPT or (descriptor := try_lock(engine.lock_of(root.name))) is None:
            continue
        try:
            end_leftovers(Folders(root))
            if root.name not in needed or _is_over(Folders(root), *needed[root.name]):
                remove(root)
        finally:
            os.close(descriptor)


def _is_over(folders: Folders, job: UUID, output_attempt: int, failed: bool) -> bool:
    return failed and (attempt_in(folders, job) or 0) <= output_attempt
