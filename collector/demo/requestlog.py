"""The log of requests to the look-alike, to check a collector's politeness."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

KEPT = 20_000  # newest requests


@dataclass(slots=True)
class LoggedRequest:
    """One request, from its first line to the last byte of its answer."""

    path: str  # with its query
    started: float  # seconds, monotonic clock of this machine
    started_at: float  # seconds since 1970
    conditional: bool
    user_agent: str | None
    contact: str | None  # the From header
    open_requests: int  # at its start, itself included
    host: str | None = None  # the Host header, with the port
    fault: str | None = None  # the fault of the answer, if any
    status: int | None = None  # None where the connection ended before an answer
    ended: float | None = None  # monotonic; None while it is open


class RequestLog:
    """The newest requests to a site."""

    def __init__(self, kept: int = KEPT) -> None:
        self.requests: deque[LoggedRequest] = deque(maxlen=kept)
        self.total = 0
        self.open_requests = 0
        self.most_open = 0

    @contextmanager
    def record(
        self,
        path: str,
        *,
        conditional: bool = False,
        user_agent: str | None = None,
        contact: str | None = None,
        host: str | None = None,
    ) -> Iterator[LoggedRequest]:
        """A request that is open until the block ends."""
        self.open_requests += 1
        self.total += 1
        self.most_open = max(self.most_open, self.open_requests)
        request = LoggedRequest(
            path, time.monotonic(), time.time(), conditional, user_agent, contact, self.open_requests, host
        )
        self.requests.append(request)
        try:
            yield request
        finally:
            self.open_requests -= 1
            request.ended = time.monotonic()

    def smallest_gap(self) -> float | None:
        """The fewest seconds between the starts of two requests; None for fewer than two requests."""
        starts = [request.started for request in self.requests]
        return min((later - earlier for earlier, later in pairwise(starts)), default=None)

    def as_json(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "open": self.open_requests,
            "most_open": self.most_open,
            "requests": [asdict(request) for request in self.requests],
        }
