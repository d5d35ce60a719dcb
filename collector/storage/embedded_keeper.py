"""Whoever uses the embedded Postgres keeps it up: where it dies, it is started again, with no command in between."""

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
AGAIN_AFTER = 5.0  # seconds, where it could not be started

# What is wrong with a folder, a disk or Postgres itself; anything else is an error of our own.
Failure = UsageError | OSError | psycopg.Error


class _Keeper:
    """A thread that looks after the server of one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.failure: Failure | None = None  # why it cannot be started at present
        self.stopping = threading.Event()

    def look(self) -> None:
        """Look, and start it where it is gone, until told to stop."""
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
def kept_up(directory: Path) -> Iterator[None]:
    """Keep the server of a folder up for as long as the context lasts; its lease is to be held.

    Raises:
        UsageError, OSError, psycopg.Error: the database went away, and this is why it could not be started again.
    """
    keeper = _Keeper(directory)
    thread = threading.Thread(target=keeper.look, name="keeper of the embedded database", daemon=True)
    thread.start()
    try:
        yield
    except psycopg.OperationalError as lost:
        if keeper.failure is not None:
            raise keeper.failure from lost
        raise
    finally:
        keeper.stopping.set()
        thread.join()
