"""Room for photos in work: what people send at once never fills the memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.web.server.problems import Code, Problem


class Slots:
    """A number of slots, each for one photo from its first byte to its answer."""

    def __init__(self, count: int) -> None:
        self._free = count

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take one, for as long as the context lasts.

        Raises:
            Problem: all are taken.
        """
        if not self._free:
            raise Problem(Code.BUSY, retry_after=1)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
