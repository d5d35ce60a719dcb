"""Runs one command as a process group of its own, and ends all of it when it is told to, or when the engine is gone.

The engine starts this file as a program of its own, without anything of Paddock's: it has to live when the engine is
killed, and be small. On stdin it holds a pipe whose other end is the engine's. Lines that come there:

    on      the attempt is still the job's own
    end     SIGTERM, a while to save a checkpoint, SIGKILL
    kill    SIGKILL at once: nothing that it might still save would be kept

The pipe's closing is the engine's end, and asks for the command's. Where another machine would take the job over, so
does a silence that lasts longer than the lease, as of an engine that is frozen: it has ended before the other begins.
Whatever the command leaves behind is killed too.

    python keeper.py GRACE LEASE FOLDER PID_FILE READ_ONLY COMMAND ...

LEASE 0 is no lease. Exit code: the command's own; 128 and the signal's number where a signal ended it; 127 where it
cannot be started. The keeper ends itself by SIGHUP where it was the engine's absence that ended the command.
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
LAST = 8.0  # seconds to save in, once the lease is over
REASONS = {
    errno.ENOENT: "where the job runs there is no such program, or none that its first line names",
    errno.EACCES: "it may not be run: has it its x bit (`chmod +x`)?",
    errno.ENOEXEC: "its first line does not say what runs it, as #!/bin/sh does",
}


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


def identify(pid: int) -> str:
    """A process beyond its number: when it began (ticks since the start of the machine), and which start that was.

    Empty where there is no such process, or the system does not say; numbers alone are given out again.
    """
    try:
        began = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        return f"{pid} {began} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
    except OSError:
        return ""


def start(command: list[str], folder: str) -> "subprocess.Popen[bytes] | None":
    """The command, in a session of its own; None where it cannot be started, and says so."""
    try:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        reason = REASONS.get(error.errno or 0, error.strerror)
        sys.stderr.write(f"{command[0]} cannot be started: {reason}\n")
        return None


def hear() -> bytes | None:
    """What the engine has said within a moment; nothing (None), or that it is gone (empty)."""
    return os.read(0, 1 << 16) if select.select([0], [], [], TICK)[0] else None


def attend(child: "subprocess.Popen[bytes]", grace: float, lease: float) -> bool:
    """Wait for the command's end, or bring it about; whether that was because the engine was not there."""
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
    """Run the command to its end, or to ours."""
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
        signal.signal(number, lambda *_: None)  # what ends us is the pipe; ignored, the command would ignore it too
    sys.exit(main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6:]))
