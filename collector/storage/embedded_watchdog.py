"""Each process that uses the embedded Postgres restarts it when it dies."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from collector.console.trouble import reason_of
from collector.errors import UsageError
from collector.storage.embedded import is_alive, start_again

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds
AGAIN_AFTER = 5.0  # seconds, after a failed start

# Failures of a folder, a disk or Postgres; any other error is a bug.
Failure = UsageError | OSError | psycopg.Error


class _Watchdog:
    """A thread that watches the server of one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.failure: Failure | None = None  # why it cannot be started now
        self.stopping = threading.Event()

    def watch(self) -> None:
        """Check the server again and again, and restart it when it is gone, until `stopping` is set."""
        while not self.stopping.wait(AGAIN_AFTER if self.failure else LOOK_EVERY):
            if is_alive(self.directory / "data"):
                continue
            try:
                start_again(self.directory)
            except BlockingIOError:  # another process does it
                continue
            except (UsageError, OSError, psycopg.Error) as error:
                if self.failure is None:
                    logger.warning("the embedded database cannot be started again", extra={"reason": reason_of(error)})
                self.failure = error
            else:
                self.failure = None
                logger.warning("the embedded database had died, and was started again")


@contextmanager
def watched(directory: Path) -> Iterator[None]:
    """Restart the server of a folder when it dies, until the context ends. The caller holds its lease.

    Raises:
        UsageError, OSError, psycopg.Error: why the database could not be restarted.
    """
    watchdog = _Watchdog(directory)
    thread = threading.Thread(target=watchdog.watch, name="watchdog of the embedded database", daemon=True)
    thread.start()
    try:
        yield
    except psycopg.OperationalError as lost:
        if watchdog.failure is not None:
            raise watchdog.failure from lost
        raise
    finally:
        watchdog.stopping.set()
        thread.join()
