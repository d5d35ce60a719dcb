"""Why a job is in its state: a code, with what its sentence needs. The sentences are here only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from collector.console.code_words import Facts


class Cause(StrEnum):
    """`training_job.reason`; empty where there is nothing to explain."""

    ENGINE_GONE = "engine_gone"  # killed, or its machine was lost; the job is queued again
    ENGINE_GONE_STOPPING = "engine_gone_stopping"  # likewise, after someone asked for the job's end
    ENGINE_STOPPED = "engine_stopped"
    OUT_OF_TOUCH = "out_of_touch"  # the engine lost the database or its supervisor
    KILLED = "killed"  # from outside; the job is queued again
    KILLED_TOO_OFTEN = "killed_too_often"  # detail: times
    DRIVER_KILLED = "driver_killed"  # of a job in a cloud; the job is queued again
    DRIVER_LOST = "driver_lost"  # killed too often; detail: rented
    STOPPED = "stopped"  # by hand
    STOPPED_EARLY = "stopped_early"  # by hand, before it began
    LIMIT = "limit"  # detail: limit
    EXIT_CODE = "exit_code"  # detail: exit_code
    NO_PROGRAM = "no_program"  # exit code 127; detail: exit_code
    NOT_STARTED = "not_started"  # detail: error, and perhaps rented
    NOT_CONTINUED = "not_continued"  # likewise
    NOT_KEPT = "not_kept"  # detail: error, folder
    NOT_RUN = "not_run"  # an error of the engine's; detail: error
    RUN_EXISTS = "run_exists"  # it is done, and its run was not added to those of the machine
    OTHER = "other"  # a sentence of an earlier version; it is the detail


SENTENCES = {
    Cause.ENGINE_GONE: "its engine was gone; it continues from its last checkpoint",
    Cause.ENGINE_GONE_STOPPING: "its engine was gone",
    Cause.ENGINE_STOPPED: "its engine was stopped",
    Cause.OUT_OF_TOUCH: "its engine was out of touch; it continues from its last checkpoint",
    Cause.KILLED: "its process was killed; it continues from its last checkpoint",
    Cause.KILLED_TOO_OFTEN: "its process was killed {times} times; is the memory enough?",
    Cause.DRIVER_KILLED: "its driver was killed; the next one finds the rented machine by name",
    Cause.DRIVER_LOST: "its driver was killed; should it still run and cost: sky jobs cancel -n {rented}",
    Cause.STOPPED: "stopped by hand",
    Cause.STOPPED_EARLY: "stopped before it began",
    Cause.LIMIT: "its limit of {limit} is reached",
    Cause.EXIT_CODE: "it ended with exit code {exit_code}",
    Cause.NO_PROGRAM: "it ended with exit code {exit_code}, as if a program was not found; its log says which",
    Cause.NOT_STARTED: "{error}",
    Cause.NOT_CONTINUED: "The job could not continue ({error}).",
    Cause.NOT_KEPT: "what it made or printed could not be kept ({error}); it is in {folder}, and `trainer job resume"
    " {job}` tries it again",
    Cause.NOT_RUN: "it could not be run or kept: {error} (the engine's log has more)",
    Cause.RUN_EXISTS: "its run is in its output only: another run has that name",
    Cause.OTHER: "{detail}",
}
STILL_RENTED = " Should an earlier attempt still run and cost: sky jobs cancel -n {rented}"
MAY_BE_RENTED = (Cause.NOT_STARTED, Cause.NOT_CONTINUED)


@dataclass(frozen=True, slots=True)
class Reason:
    """A cause, and what its sentence needs, by name."""

    cause: Cause | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def as_parameters(self) -> dict[str, Any]:
        """The reason as a parameter of a statement."""
        return {"reason": self.cause or "", "detail": json.dumps(dict(self.detail))}


def describe(code: str, detail: Mapping[str, Any], job: str) -> str:
    """The reason why a job is in its state, as a sentence; a code of another version is shown as it is."""
    if code not in set(Cause):
        return ": ".join(part for part in (code, ", ".join(map(str, detail.values()))) if part)
    cause = Cause(code)
    sentence = SENTENCES[cause] + (STILL_RENTED if cause in MAY_BE_RENTED and "rented" in detail else "")
    return sentence.format_map(Facts(detail, job=job))
