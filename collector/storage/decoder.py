"""One process that decodes foreign pictures, as the parent sees it: it answers one call after another."""

import asyncio
import pickle
import signal
import socket
import subprocess
import sys
import time

from collector.storage.decoder_process import LENGTH, PIECE, Answer, Limits, receive

START = (
    "import sys; sys.path[:] = {path!r}; from collector.storage.decoder_process import serve; serve({fd}, {limits!r})"
)


class Lost(Exception):
    """The process has ended; its return code says how."""


class Decoder:
    """One process, which does one call after another."""

    def __init__(self, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            start = START.format(path=sys.path, fd=theirs.fileno(), limits=tuple(limits))
            # Ctrl-C is for the parent only. The child inherits the blocked signal, also while it starts.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-c", start], stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),)
                )
            except BaseException:
                ours.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._socket = ours

    def ask(self, request: bytes, patience: float) -> Answer:
        """The process's answer to a call.

        Raises:
            Lost: it has ended, or was killed because it took longer than `patience` seconds.
        """
        ends_at = time.monotonic() + patience
        try:
            self._socket.settimeout(patience)
            self._socket.sendall(LENGTH.pack(len(request)) + request)
            answer = receive(self._socket, lambda: max(0.001, ends_at - time.monotonic()))
        except OSError as error:  # TimeoutError is one
            self.process.kill()
            raise Lost from error
        if answer is None:
            raise Lost
        return pickle.loads(answer)  # noqa: S301  (our own process; it has our rights, so we trust it)

    async def ask_soon(self, request: bytes, patience: float) -> Answer:
        """The same as `ask`, awaited: it needs no thread.

        Raises:
            Lost: likewise.
        """
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        found = bytearray()
        try:
            async with asyncio.timeout(patience):
                await loop.sock_sendall(self._socket, LENGTH.pack(len(request)) + request)
                while len(found) < LENGTH.size or len(found) < LENGTH.size + LENGTH.unpack_from(found)[0]:
                    piece = await loop.sock_recv(self._socket, PIECE)
                    if not piece:
                        raise Lost
                    found += piece
        except OSError as error:  # TimeoutError is one
            self.process.kill()
            raise Lost from error
        return pickle.loads(memoryview(found)[LENGTH.size :])  # noqa: S301  (likewise)

    def end(self) -> int:
        """End the process; returns its return code."""
        self._socket.close()
        self.process.kill()
        return self.process.wait()
