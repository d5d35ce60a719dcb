"""A command that is forked is as one that is begun: nothing of the process that it was forked from shows."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.commands import run_command
from tests.paths import ROOT
from trainer.dataset.manifest import Version
from trainer.directories import Directories

PLUGIN = """
import os, signal, sys
print(sorted(set(os.environ.items()) - {("LC_CTYPE", "C.UTF-8")}), os.getcwd(), sys.argv[1:], sys.path[0])
os.umask(mask := os.umask(0))
print(oct(mask), signal.getsignal(signal.SIGTERM).__name__, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
modules = [dict(vars(its)) for name, its in sys.modules.items() if name.split(".")[0] in ("collector", "trainer")]
print(sorted({its.__qualname__ for held in modules for its in held.values()
    if hasattr(its, "cache_info") and its.cache_info().currsize}))
print("aside", file=sys.stderr)
sys.stdout.flush()
if "KILLED" in os.environ:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment with a plug-in that says what it sees of its process."""
    (tmp_path / "seen.py").write_text(PLUGIN)
    path = f"{tmp_path / 'first'}:{ROOT}"
    return {"PATH": os.defpath, "PADDOCK_PLUGINS": "seen.py", "PADDOCK_HOME": str(tmp_path), "PYTHONPATH": path}


@pytest.fixture
def words(few: tuple[Directories, Version]) -> Sequence[str]:
    """A command that loads the plug-ins, and then refuses what it is asked for."""
    return "train", "--preset", "probe", "--device", "cpu", "--data", str(few[1].folder), "--set", "regressor=none"


def test_a_forked_command_sees_what_a_begun_one_sees(env: dict[str, str], words: Sequence[str]) -> None:
    program = [sys.executable, "-P", "-c", "from trainer.cli.app import main; main()"]
    before = os.umask(0o027)
    try:
        begun = subprocess.run([*program, *words], env=env, capture_output=True, text=True)
        forked = run_command("trainer", *words, env=env)
    finally:
        os.umask(before)
    assert begun.stdout.count("\n") == 3
    assert forked.stdout.splitlines() == begun.stdout.splitlines()
    assert forked.stderr == begun.stderr
    assert forked.returncode == begun.returncode == 2


def test_one_forked_command_sees_nothing_of_another(env: dict[str, str], words: Sequence[str]) -> None:
    assert run_command("trainer", *words, env=env | {"KILLED": "1"}).returncode == -signal.SIGKILL
    with ThreadPoolExecutor(3) as asking:
        done = list(asking.map(lambda word: run_command("trainer", word, env={"PATH": word}), ("a", "b", "c")))
    assert [one.returncode for one in done] == [2, 2, 2]
    assert all(f"no command {word}" in one.stderr for word, one in zip("abc", done, strict=True))
    assert run_command("trainer", "--version", env={}).stdout.startswith("trainer ")
