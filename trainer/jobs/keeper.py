"""Runs one command as a process group of its own, and ends all of it when it is told to, or when the engine is gone.

The engine starts this file as a program of its own, without anything of Paddock's: it has to live when the engine is
killed, and be small. On stdin it holds a pipe whose other end is the engine's: a line asks for the end, and so does
the pipe's closing, which is what the kernel does for an engine that was killed. SIGTERM, a while to save a
checkpoint, SIGKILL; and whatever the command leaves behind is killed too.

    python keeper.py GRACE FOLDER PID_FILE READ_ONLY COMMAND ...

Exit code: the command's own; 128 and the signal's number where a signal ended it; 127 where it is no program.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
PR_SET_CHILD_SUBREAPER = 36
TICK = 0.2  # seconds


def mount_read_only(folder: str) -> None:
    """For root, whom permissions do not stop, a folder is mounted read-only in a namespace of this process's own.

    Where the kernel does not let us, it stays at the permissions, which stop everybody else.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    path = os.fsencode(folder)
    steps = (
        lambda: libc.unshare(CLONE_NEWNS),
        lambda: libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None),
        lambda: libc.mount(path, path, None, MS_BIND | MS_REC, None),
        lambda: libc.mount(None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None),
    )
    all(step() == 0 for step in steps)


def end_group(group: int, number: int) -> None:
    """Send a signal to all that is left of a process group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def adopt_orphans() -> None:
    """Be the parent of processes that the command detaches, so that they can be found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill every process whose parent we have become."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    while listed.exists() and (children := listed.read_text().split()):
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
                os.waitpid(int(child), 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def main(grace: float, folder: str, pid_file: str, read_only: str, command: list[str]) -> int:
    """Run the command to its end, or to ours."""
    if read_only:
        mount_read_only(read_only)
    adopt_orphans()
    try:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        return 127
    Path(pid_file).write_text(str(child.pid))
    deadline = None
    asked = False
    while child.poll() is None:
        if not asked and select.select([sys.stdin], [], [], TICK)[0]:
            asked, deadline = True, time.monotonic() + grace
            end_group(child.pid, signal.SIGTERM)
        elif asked:
            time.sleep(TICK / 4)
        if deadline is not None and time.monotonic() > deadline:
            end_group(child.pid, signal.SIGKILL)
            deadline = None
    end_group(child.pid, signal.SIGKILL)
    end_orphans()
    code = child.returncode
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # what ends us is the pipe; ignored, the command would ignore it too
    sys.exit(main(float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]))
