"""`collector serve` as a process: where it listens, what it asks for, what it leaves in the database, how it ends."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.cli.serve import guard_for
from collector.settings import Settings
from collector.storage import programs
from tests.collector.cli.test_cli import environment
from tests.collector.web.conftest import Shown
from tests.commands import run_command
from tests.filled import execute

COLLECTOR = [sys.executable, "-c", "from collector.cli.app import main; main()"]


@contextmanager
def serving(conninfo: str, *words: str, **settings: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command in a process of its own: what it says, and the process."""
    process = subprocess.Popen(
        [*COLLECTOR, "serve", "--port", "0", *words], env=environment(conninfo) | settings, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    try:
        yield said, process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        process.stdout.close()


def ask(url: str, data: dict[str, str] | None = None, **headers: str) -> tuple[int, Any]:
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} | headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def addresses(said: str) -> list[tuple[str, str]]:
    """Base and token of each address that is printed."""
    found = re.findall(r"(http://[^\s?]+/)\w*(?:\?token=(\S+))?", said)
    return [(base.replace("0.0.0.0", "127.0.0.1"), token) for base, token in found]


def test_on_this_machine_it_needs_no_token_and_changes_nothing(shown: Shown) -> None:
    with serving(shown.conninfo) as (said, process):
        ((base, token),) = addresses(said)
        assert (token, "127.0.0.1" in base) == ("", True)
        assert ask(f"{base}api/photos")[0] == 200
        decision = {"photo": "160104-01", "horse": "x"}
        assert ask(f"{base}api/decisions/match", decision, Authorization="Bearer guess")[0] == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_beyond_this_machine_it_asks_for_a_token_to_read_and_to_decide(own: Shown) -> None:
    ((photo, horse_id),) = execute(
        own.conninfo, "SELECT photo, horse_id FROM photo_search WHERE horse_id IS NOT NULL LIMIT 1"
    )
    with serving(own.conninfo, "--host", "0.0.0.0", "--admin") as (said, _):
        (base, reading), (_, deciding) = addresses(said)
        assert len({reading, deciding, ""}) == 3
        assert ask(f"{base}api/photos")[0] == 401
        assert ask(f"{base}api/photos", Authorization=f"Bearer {reading}")[0] == 200
        assert ask(f"{base}healthz", Host="paddock.example")[0] == 200
        decision = {"photo": photo, "horse": horse_id}
        assert ask(f"{base}api/decisions/match", decision, Authorization=f"Bearer {reading}")[0] == 403
        answer = ask(f"{base}api/decisions/match", decision, Authorization=f"Bearer {deciding}")
        assert answer == (200, {"photo": photo, "horse_id": horse_id})
    ((by_hand,),) = execute(own.conninfo, "SELECT count(*) FROM photo_match WHERE by_hand")
    assert by_hand == 1


def test_a_token_that_is_set_stays() -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        guard = guard_for(Settings(serve_token="a-token-of-this-test"), host, admin=True)
        assert guard.token == "a-token-of-this-test"
        assert guard.admin_token not in (None, guard.token)
    assert guard_for(Settings(), "::1", admin=False).token is None
    assert guard_for(Settings(), "::", admin=False).token


def test_a_port_that_is_taken_is_reported_in_one_sentence(shown: Shown) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_command("collector", "serve", "--port", port, env=environment(shown.conninfo))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: Nothing can listen on 127.0.0.1 port {port} (Address already in use); --port takes another one."
    ]


def test_a_backup_needs_no_role_and_holds_no_small_photos(own: Shown, tmp_path: Path) -> None:
    ((photo,),) = execute(own.conninfo, "SELECT photo FROM photo_search LIMIT 1")
    with serving(own.conninfo) as (said, _):
        ((base, _),) = addresses(said)
        with urllib.request.urlopen(f"{base}photos/{photo}/320.jpg", timeout=20) as answer:
            assert answer.status == 200
    assert execute(own.conninfo, "SELECT count(*) FROM thumbnail") == [(1,)]
    file = tmp_path / "paddock.dump"
    assert run_command("collector", "db", "dump", str(file), env=environment(own.conninfo)).returncode == 0
    script = subprocess.run([programs.binary("pg_restore"), "--file=-", file], capture_output=True, text=True).stdout
    assert "CREATE MATERIALIZED VIEW public.photo_search" in script
    assert "paddock_reader" not in script
    assert "COPY public.thumbnail" not in script


def test_the_role_that_reads_can_do_nothing_else(shown: Shown) -> None:
    with serving(shown.conninfo), psycopg.connect(shown.conninfo, autocommit=True) as connection:
        connection.execute("SET ROLE paddock_reader")
        for statement in (b"DELETE FROM photo", b"CREATE TABLE mine ()", b"SELECT 1 FROM training.machine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
