"""`trainer serve` as a process: where it listens, what it asks for, how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from collector.settings import Settings
from tests.commands import begun_command
from tests.filled import OPINIONS, SITE
from tests.paths import ROOT
from tests.trainer.web.conftest import Held
from trainer.cli.app import app
from trainer.cli.serve import guard_for


@contextmanager
def serving(held: Held, *words: str) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """The command in a process of its own, with a run and its collection: what it says, its address, the process."""
    command = [sys.executable, "-m", "trainer", "serve", "--port", "0", "--run", held.run.name, *words]
    where = {"PADDOCK_HOME": str(held.directories.home), "PADDOCK_DATABASE_URL": held.conninfo}
    environment = os.environ | where  # noqa: TID251
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    found = re.search(r"http://\S+", said)
    assert found, said
    try:
        yield said, found[0], process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        process.stdout.close()


@contextmanager
def served(run: str, said: Path, **settings: str) -> Iterator[str]:
    """The address of a run that a forked command serves, where its start is not the point; what it says is in files."""
    err = said / "err"
    with begun_command("serve", "--port", "0", "--run", run, env=os.environ | settings, said=said) as fork:  # noqa: TID251
        while "Ctrl-C" not in (words := err.read_text() if err.exists() else ""):
            assert Path(f"/proc/{fork.pid}").exists()
            time.sleep(0.02)
        found = re.search(r"http://\S+", words)
        assert found, words
        yield found[0]


def ask(url: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_it_answers_beyond_this_machine_with_its_token_only(held: Held, horse: bytes) -> None:
    with serving(held, "--host", "0.0.0.0") as (said, url, process):
        base, token = url.replace("0.0.0.0", "127.0.0.1").split("?token=")
        assert len(token) >= 32
        assert "PADDOCK_SERVE_TOKEN" in said
        assert ask(f"{base}openapi.json")[0] == 401
        assert ask(f"{base}healthz", Host="paddock.example")[0] == 200
        bearer = {"Authorization": f"Bearer {token}"}
        data = quote(b64encode(horse).decode())
        status, answer = ask(f"{base}predict.json?data={data}", **bearer)  # an address of some 20,000 characters
        assert status == 200
        assert answer["run"] == held.run.name
        assert len(answer["similar"]) == 6
        row = held.gallery.index.table.rows[0]
        known = ask(f"{base}predict.json?url={quote(row['image_url'])}", **bearer)[1]["known"]
        assert known["photo"] == row["photo"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_token_is_asked_for_where_set_or_beyond_this_machine() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.5"):
        assert (guard_for(Settings(), host).token, guard_for(Settings(), host).local_only) == (None, True)
    for host in ("0.0.0.0", "::", "192.168.1.5", "paddock.example"):
        guard = guard_for(Settings(), host)
        assert guard.token
        assert not guard.local_only
        assert guard.token != guard_for(Settings(), host).token
    assert guard_for(Settings(serve_token="a-token-of-this-test"), "127.0.0.1").token == "a-token-of-this-test"


def trainer(held: Held, *words: str, **settings: str) -> Any:
    environment = {"PADDOCK_HOME": str(held.directories.home), "PADDOCK_DATABASE_URL": held.conninfo} | settings
    return CliRunner(env=environment).invoke(app, list(words))


@pytest.mark.parametrize(
    ("words", "settings", "says"),
    [
        (("--run", "nobody"), {}, "No run is called 'nobody'"),
        (("--host", "192.0.2.1"), {}, "Nothing can listen on 192.0.2.1 port 8771"),
        ((), {"PADDOCK_SERVE_TOKEN": "short"}, "PADDOCK_SERVE_TOKEN: a token is 16 to 200 letters"),
        ((), {"PADDOCK_DATABASE_URL": "no such thing"}, "PADDOCK_DATABASE_URL cannot be understood"),
        (("--device", "cuda"), {}, "--device cuda: torch finds no such device here"),
    ],
)
def test_a_mistake_is_one_sentence(held: Held, words: tuple[str, ...], settings: dict[str, str], says: str) -> None:
    done = trainer(held, "serve", *words, **settings)
    assert done.exit_code == 2, done.stderr
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_predict_asks_the_crawled_sites_for_nothing(held: Held) -> None:
    row = held.gallery.index.table.rows[0]
    words = ("--run", held.run.name, "--json", "--no-saliency")
    done = trainer(held, "predict", row["image_url"], *words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)[0]["value"] is not None
    for url in (f"{SITE}/none.jpg", f"{OPINIONS}/horse/1/"):
        refused = trainer(held, "predict", url, *words)
        assert refused.exit_code == 2
        assert "only the crawl sends requests to" in refused.stderr.replace("\n", " ")
