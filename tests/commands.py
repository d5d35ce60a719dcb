"""A command as a process of its own, forked from one that has everything imported: it starts in milliseconds."""

import multiprocessing
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

import collector.cli
from tests.forks import Fork, forked_with_torch

# What a command of either program imports first; torch and the rest of `trainer` only where it is needed.
forked = multiprocessing.get_context("forkserver")
forked.set_forkserver_preload(
    [
        *(f"collector.cli.{module.name}" for module in pkgutil.iter_modules(collector.cli.__path__)),
        "collector.engine.worker", "collector.matching.match", "collector.pipeline.forget",
        "collector.pipeline.reparse", "alembic.command", "uvloop", __name__,
    ]
)  # fmt: skip


def run_command(program: str, *words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `collector` or `trainer` to its end: in this folder, with this umask, and with no more environment."""
    with tempfile.TemporaryDirectory(prefix="paddock-command-") as folder:
        if program == "trainer":
            with begun_command(*words, env=env, said=Path(folder)) as fork:
                code = fork.wait()
        else:
            code = _without_torch(program, words, dict(env), Path.cwd(), _umask(), Path(folder))
        out, err = ((Path(folder) / name).read_bytes().decode() for name in ("out", "err"))
    return subprocess.CompletedProcess([program, *words], code, out, err)


def begun_command(*words: str, env: Mapping[str, str], said: Path) -> AbstractContextManager[Fork]:
    """Begin a command of `trainer`, which writes what it says into the files `out` and `err` of a folder."""
    return forked_with_torch(_run, "trainer", words, dict(env), Path.cwd(), _umask(), said)


def _umask() -> int:
    """There is no way to look at it but to set it."""
    before = os.umask(0o077)
    os.umask(before)
    return before


def _without_torch(*given: object) -> int:
    """Run a command as a fork of a process without torch, as some look at the memory of theirs; its exit code."""
    process = forked.Process(target=_run, args=given)
    process.start()
    return _joined(process)


def _joined(process: BaseProcess) -> int:
    try:
        process.join()
    finally:
        if process.is_alive():  # the wait was interrupted
            process.kill()
    assert process.exitcode is not None
    return process.exitcode


def _run(program: str, words: tuple[str, ...], env: dict[str, str], cwd: Path, umask: int, said: Path) -> None:
    os.chdir(cwd)
    os.umask(umask)
    os.environ.clear()  # noqa: TID251
    os.environ.update(env)  # noqa: TID251
    sys.path[:0] = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    for stream, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
    sys.argv = [program, *words]
    import_module(f"{program}.cli.app").main()
