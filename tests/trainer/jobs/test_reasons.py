"""Why a job is in its state: codes in the database, sentences where a person reads."""

import pytest

from trainer.jobs import hold, job_store
from trainer.jobs.reasons import SENTENCES, Cause, Reason, describe
from trainer.jobs.task import State, Task

EVERYTHING = {
    "times": 3, "rented": "paddock-1", "limit": "1 h", "exit_code": 1, "error": "full", "folder": "/x",
    "detail": "by luck",
}  # fmt: skip


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence(cause: Cause) -> None:
    assert SENTENCES.keys() == set(Cause)
    sentence = describe(cause, EVERYTHING, "a")
    assert sentence
    assert "{" not in sentence
    assert "-" not in sentence.split()


def test_what_another_version_wrote_is_shown_as_it_is() -> None:
    assert describe("", {}, "a") == ""
    assert describe("by luck", {}, "a") == "by luck"
    assert describe("luck", {"a": "{b}", "c": 2}, "a") == "luck: {b}, 2"
    assert describe(Cause.LIMIT, {}, "a") == "its limit of - is reached"


def test_a_machine_that_may_still_be_rented_is_named() -> None:
    assert describe(Cause.NOT_STARTED, {"error": "No {x}."}, "a") == "No {x}."
    said = describe(Cause.NOT_STARTED, {"error": "No.", "rented": "p-1"}, "a")
    assert said == "No. Should an earlier attempt still run and cost: sky jobs cancel -n p-1"


def test_the_command_that_tries_again_names_the_job() -> None:
    said = describe(Cause.NOT_KEPT, {"error": "full", "folder": "/x"}, "finetune-1")
    assert said.endswith("it is in /x, and `trainer job resume finetune-1` tries it again")


def test_what_the_database_decides_is_stored_as_a_code(conninfo: str) -> None:
    with job_store.opened(conninfo) as connection:
        for name in ("queued", "running"):
            task = Task(command=("true",))
            job_store.queue(connection, name, task, place="local", queue="m:cpu", gpus=0, code=None, data=None)
        left = Reason(Cause.LIMIT, {"limit": "1 h"}).as_parameters
        connection.execute(
            "UPDATE training_job SET state = 'running', attempts = 1, stop_asked = true, reason = %(reason)s,"
            " reason_detail = %(detail)s::jsonb WHERE name = 'running'", left,
        )  # fmt: skip
        queued, running = job_store.list_jobs(connection)
        assert running.why == "its limit of 1 h is reached"
        job_store.stop(connection, queued)
        facts = {"job": running.id, "attempt": 1, "seconds": 1.0, "killed": 0}
        connection.execute(hold.REQUEUE, facts | Reason(Cause.NOT_RUN, {"error": "x"}).as_parameters)
        queued, running = job_store.list_jobs(connection)
        assert (queued.state, queued.reason, queued.reason_detail) == (State.STOPPED, Cause.STOPPED_EARLY, {})
        assert (running.state, running.reason, running.reason_detail) == (State.STOPPED, Cause.STOPPED, {})
        facts = running.as_json()
        assert (facts["reason"], facts["reason_code"]) == ("stopped by hand", "stopped")
        job_store.resume(connection, running)
        assert job_store.find_job(connection, "running").why == ""
