"""The driver of a job in a cloud leaves nothing behind.

It runs against a stand-in for the server's answers, since no cloud can be reached here.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.trainer.jobs.clouds import RENTED
from trainer.jobs import job_store
from trainer.jobs.cloud import driver
from trainer.jobs.cloud.driver import STOPPED, Driver, drive
from trainer.jobs.task import State, Task


class NotUp(Exception):
    def __init__(self, cluster_status: Any = None) -> None:
        super().__init__("not up")
        self.cluster_status = cluster_status


class Status(str):
    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)

    def is_terminal(self) -> bool:
        return self in ("SUCCEEDED", "FAILED", "CANCELLED")


class Server:
    """Stands in for SkyPilot: managed jobs and buckets, and what was done about them."""

    def __init__(self, *held: str, buckets: tuple[str, ...] = (), ends: str = "SUCCEEDED") -> None:
        self.held = [self.job(number, status) for number, status in enumerate(held, 1)]
        self.buckets, self.ends, self.done = list(buckets), ends, list[str]()
        self.exceptions = SimpleNamespace(
            ClusterNotUpError=NotUp, NoCloudAccessError=KeyError, ResourcesUnavailableError=KeyError,
            NotSupportedError=KeyError, StorageError=KeyError, CloudError=KeyError,
        )  # fmt: skip
        self.Task = SimpleNamespace(from_yaml_config=self.make)
        self.jobs = SimpleNamespace(
            queue_v2=self.queue, launch=self.launch, cancel=self.cancel, tail_logs=lambda **_: self.end()
        )
        self.launching: list[Any] = []

    @staticmethod
    def job(number: int, status: str) -> Any:
        return SimpleNamespace(job_id=number, job_name="paddock-a-1", status=Status(status), failure_reason=None)

    def make(self, config: dict[str, Any]) -> Any:
        assert "secrets" not in config
        return SimpleNamespace(update_secrets=lambda values: self.done.append(f"secrets {sorted(values)}"))

    def get(self, answer: Any) -> Any:
        return answer

    stream_and_get = get

    def api_status(self, **_: Any) -> list[Any]:
        return [self.launching.pop()] if self.launching else []

    def queue(self, **_: Any) -> Any:
        if not self.held:
            raise NotUp
        return (self.held, 0, {}, 0)

    def launch(self, _: Any, name: str) -> None:
        self.done.append("launch")
        self.held.append(self.job(len(self.held) + 1, "RUNNING"))
        self.buckets.append(name)

    def end(self) -> None:
        if self.ends:
            self.held[-1].status = Status(self.ends)

    def cancel(self, **_: Any) -> None:
        self.done.append("cancel")
        self.held[-1].status = Status("CANCELLED")

    def storage_ls(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in self.buckets]

    def storage_delete(self, name: str) -> None:
        self.done.append("delete")
        self.buckets.remove(name)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the output was brought back; nothing waits long."""
    calls: list[str] = []

    def bring(_: Driver) -> bool:
        calls.append("brought")
        return True

    monkeypatch.setattr(Driver, "bring", bring)
    monkeypatch.setattr(driver, "LOOK_EVERY", 0.01)
    return calls


def a_driver(server: Server) -> Driver:
    task = {"name": "paddock-a-1", "run": "true", "secrets": {"KEY": "***"}}
    return Driver(server, task, {"KEY": "value"}, Path("/nowhere"))


def test_a_job_is_launched_followed_brought_back_and_nothing_is_left(brought: list[str]) -> None:
    server = Server()
    assert drive(a_driver(server), stop=False) == 0
    assert server.done == ["secrets ['KEY']", "launch", "delete"]
    assert brought == ["brought"]
    assert server.buckets == []


def test_a_driver_begun_again_finds_its_job_and_rents_nothing_more(brought: list[str]) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",))
    assert drive(a_driver(server), stop=False) == 0
    assert server.done == ["delete"]


def test_what_the_server_is_still_launching_is_waited_for(brought: list[str]) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",))
    server.launching = [SimpleNamespace(name="sky.jobs.launch")] * 3
    assert drive(a_driver(server), stop=False) == 0
    assert "launch" not in server.done


def test_a_job_that_ended_unseen_is_taken(brought: list[str]) -> None:
    unseen = Server("SUCCEEDED", buckets=("paddock-a-1",))
    assert drive(a_driver(unseen), stop=False) == 0
    assert unseen.done == ["delete"]
    settled = Server("CANCELLED")
    assert drive(a_driver(settled), stop=False) == 0
    assert "launch" in settled.done


@pytest.mark.parametrize("stop", [True, False])
def test_the_end_cancels_brings_back_and_deletes(brought: list[str], stop: bool) -> None:
    server = Server("RUNNING", buckets=("paddock-a-1",), ends="")
    stopped = a_driver(server)
    if not stop:
        stopped.stopping.set()
    assert drive(stopped, stop=stop) == STOPPED
    assert server.done == ["cancel", "delete"]
    assert brought == ["brought"]


def test_what_is_stopped_before_it_was_launched_is_never_launched(brought: list[str]) -> None:
    server = Server()
    assert drive(a_driver(server), stop=True) == STOPPED
    assert server.done == []


def test_a_job_that_fails_there_has_failed(brought: list[str]) -> None:
    assert drive(a_driver(Server(ends="FAILED")), stop=False) == 1


def test_a_bucket_that_cannot_be_emptied_is_kept_and_reported(
    brought: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Driver, "bring", lambda _: False)
    server = Server()
    assert drive(a_driver(server), stop=False) == 1
    assert server.buckets == ["paddock-a-1"]
    assert "AND COSTS. Copy its content yourself, then type: sky storage delete paddock-a-1" in capsys.readouterr().out


def test_a_job_that_may_run_in_a_cloud_is_looked_for_before_it_stops(conninfo: str) -> None:
    with job_store.opened(conninfo) as connection:
        task = Task(command=("true",), cloud=RENTED.cloud)
        facts: dict[str, Any] = {"place": "far", "queue": "q", "gpus": 0, "code": None, "data": None}
        never, begun = (job_store.queue(connection, name, task, **facts) for name in ("never", "begun"))
        connection.execute("UPDATE training_job SET attempts = 1 WHERE id = %s", (begun.id,))
        assert [job_store.stop(connection, job) for job in (never, begun)] == [State.STOPPED, State.QUEUED]
        now = job_store.read_job(connection, begun.id)
        assert now is not None
        assert now.stop_asked
