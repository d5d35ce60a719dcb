"""A command as a process of its own, forked from one that has everything imported: it starts in milliseconds."""

import gc
import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Lock

import collector.cli
import trainer

# What a command of either program imports first; torch and the rest of `trainer` only where it is needed.
forked = multiprocessing.get_context("forkserver")
forked.set_forkserver_preload(
    [
        *(f"collector.cli.{module.name}" for module in pkgutil.iter_modules(collector.cli.__path__)),
        "collector.engine.worker", "collector.matching.match", "collector.pipeline.forget",
        "collector.pipeline.reparse", "alembic.command", "uvloop", __name__,
    ]
)  # fmt: skip
# What `trainer` imports late besides its own modules, which costs most of the seconds of a command that trains.
LATE = (
    "torch._dynamo", "matplotlib.pyplot", "rich.progress", "rich.table", "scipy.sparse.csgraph", "scipy.stats",
    "sklearn.decomposition", "sklearn.model_selection", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.svm",
)  # fmt: skip


def run_command(program: str, *words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `collector` or `trainer` to its end: in this folder, with this umask, and with no more environment."""
    fork = _of_trainer() if program == "trainer" else _fork
    with tempfile.TemporaryDirectory(prefix="paddock-command-") as folder:
        code = fork(program, words, dict(env), Path.cwd(), _umask(), Path(folder))
        out, err = ((Path(folder) / name).read_bytes().decode() for name in ("out", "err"))
    return subprocess.CompletedProcess([program, *words], code, out, err)


def _umask() -> int:
    """There is no way to look at it but to set it."""
    before = os.umask(0o077)
    os.umask(before)
    return before


def _fork(*given: object) -> int:
    """Run a command in a fork of a process without torch, as some look at the memory of theirs; its exit code."""
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


@cache
def _of_trainer() -> Callable[..., int]:
    """Begin a process with all of `trainer` and torch in it; the function that runs commands in forks of it.

    It ends with the test process, whose end of the connection then closes.
    """
    ours, theirs = forked.Pipe()
    forked.Process(target=_serve, args=(theirs,)).start()
    theirs.close()
    Finalize(None, ours.close, exitpriority=1)  # or it would be waited for in vain
    turn = Lock()

    def fork(*given: object) -> int:
        with turn:
            ours.send(given)
            pid = ours.recv()
            try:
                return ours.recv()
            except BaseException:  # the wait was interrupted
                os.kill(pid, signal.SIGKILL)
                ours.recv()
                raise

    return fork


def _serve(requests: Connection) -> None:
    """Import what commands need, and run each that is asked for in a fork: its id at once, its exit code at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the test process, which then ends this one
    modules = (module.name for module in pkgutil.walk_packages(trainer.__path__, "trainer."))
    for name in (*modules, *LATE):
        if not name.endswith("__main__"):
            import_module(name)
    gc.freeze()
    while True:
        try:
            given = requests.recv()
        except EOFError:
            return
        process = ForkContext().Process(target=_run_as_begun, args=(requests, *given))
        process.start()
        requests.send(process.pid)
        requests.send(_joined(process))


def _run_as_begun(requests: Connection, *given: object) -> None:
    requests.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    multiprocessing.set_start_method(None, force=True)  # pyright: ignore[reportArgumentType]  (back to what it is)
    _run(*given)


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
