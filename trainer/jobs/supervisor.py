"""Runs one command in its own process group, and ends the whole group on request, or when the engine is gone.

The engine starts this file as a separate program that imports nothing of Paddock: it has to be small, and to outlive an
engine that is killed. Its stdin is a pipe from the engine. The lines on it:

    on      the attempt still owns the job
    end     SIGTERM, a while to save a checkpoint, SIGKILL
    kill    SIGKILL at once: nothing that it might still save would be kept

When the pipe closes, the engine is gone, and the command is ended. If another machine may take the job over, it is also
ended when the pipe is silent for longer than the lease, as with a frozen engine: it ends before the other one begins.
Processes that the command leaves behind are killed, too.

    python supervisor.py GRACE LEASE FOLDER PID_FILE READ_ONLY COMMAND ...

LEASE 0 means no lease. Exit code: the command's; 128 plus the signal's number if a signal ended it; 127 if it cannot be
started. The supervisor ends itself by SIGHUP if it ended the command because the engine was gone.
"""

import ctypes
import errno
import math
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
LAST = 8.0  # seconds that a command has to save once the lease is over
REASONS = {
    errno.ENOENT: "the machine that runs the job has no such program, or not the one that its first line names",
    errno.EACCES: "it is not executable (`chmod +x`)",
    errno.ENOEXEC: "its first line does not say what runs it, as #!/bin/sh does",
}


def mount_read_only(folder: str) -> None:
    """For root, which ignores permissions, mount a folder read-only in a namespace of this process.

    If the kernel does not allow that, the permissions remain, which all other users obey.
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
    """Send a signal to the processes that are left in a group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def adopt_orphans() -> None:
    """Become the parent of processes that the command detaches, so that they can be found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill every process that was adopted."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    while listed.exists() and (children := listed.read_text().split()):
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
                os.waitpid(int(child), 0)
            except (ProcessLookupError, ChildProcessError):
                continue


def identify(pid: int) -> str:
    """A process's id, its start (ticks since boot), and the id of the boot: ids alone are given out again.

    Empty if the process does not exist, or the system does not say.
    """
    try:
        began = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        return f"{pid} {began} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
    except OSError:
        return ""


def start(command: list[str], folder: str) -> "subprocess.Popen[bytes] | None":
    """Start the command in a new session; None, and a line on stderr, if that fails."""
    try:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror)
        sys.stderr.write(f"{command[0]} cannot be started: {reason}\n")
        return None


def hear() -> bytes | None:
    """What the engine has sent within a tick; None if nothing, empty if it is gone."""
    return os.read(0, 1 << 16) if select.select([0], [], [], TICK)[0] else None


def attend(child: "subprocess.Popen[bytes]", grace: float, lease: float) -> bool:
    """Wait for the command's end, or end it; whether that was because the engine was gone."""
    heard, deadline, closed, gone = time.monotonic(), math.inf, False, False
    while child.poll() is None:
        words = time.sleep(TICK) if closed else hear()
        now = time.monotonic()
        heard = now if words else heard
        closed = closed or words == b""
        if words and b"kill" in words:
            deadline = now
        elif not gone and (closed or (lease and now - heard > lease)):
            gone = True
            end_group(child.pid, signal.SIGTERM)
            deadline = min(deadline, now + (LAST if lease else grace))
        elif words and b"end" in words and deadline == math.inf:
            end_group(child.pid, signal.SIGTERM)
            deadline = now + grace
        if now >= deadline:
            end_group(child.pid, signal.SIGKILL)
    return gone


def main(grace: float, lease: float, folder: str, pid_file: str, read_only: str, command: list[str]) -> int:
    """Run the command to its end; the exit code."""
    if read_only:
        mount_read_only(read_only)
    adopt_orphans()
    child = start(command, folder)
    if child is None:
        return 127
    Path(pid_file).write_text(identify(child.pid) or str(child.pid))
    gone = attend(child, grace, lease)
    end_group(child.pid, signal.SIGKILL)
    end_orphans()
    if gone:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGHUP)
    code = child.returncode
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # only the pipe ends us; with SIG_IGN the command would inherit that
    sys.exit(main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6:]))
