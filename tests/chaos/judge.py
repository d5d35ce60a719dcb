"""What a site holds against a collector, judged by the site's own record alone."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from collector.demo.requestlog import LoggedRequest
from tests.chaos.facts import readable

# A request may be held up on its way by a busy machine, between the moment that its process takes for its start and
# the moment at which it leaves. The collector pauses five times as long as the last answer took, counted from that
# same moment; so a hold-up that is longer than a fifth of the delay is made up for, and no shorter one takes more.
HELD_UP = 0.2  # of the delay
LEAST = 0.002  # seconds; the database's clock and ours are read one after the other
NOTICED = 5.0  # seconds after a strike, by which every process has used its session again and found it gone


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the site saw it, on one clock for all processes."""

    host: str
    path: str
    started: float  # seconds
    ended: float | None  # None: it is open still
    late: float = 0.0  # seconds by which `started` may be late, because the site itself was held up
    fault: str | None = None

    def __str__(self) -> str:
        took = "open" if self.ended is None else f"{1000 * (self.ended - self.started):.0f} ms"
        late = f" (seen up to {1000 * self.late:.0f} ms late)" if self.late > LEAST else ""
        return f"{self.host} {self.path} {took}{f' {self.fault}' if self.fault else ''}{late}"


def seen(requests: Sequence[LoggedRequest], late: Mapping[int, float]) -> list[Seen]:
    """The site's record as the judge reads it."""
    return [
        Seen(one.host or "", readable(one.path), one.started, one.ended, late.get(number, 0.0), one.fault)
        for number, one in enumerate(requests)
    ]


def by_host(requests: Sequence[Seen]) -> dict[str, list[Seen]]:
    """The requests to each host, oldest first."""
    hosts = defaultdict[str, list[Seen]](list)
    for request in sorted(requests, key=lambda request: request.started):
        hosts[request.host].append(request)
    return dict(hosts)


def overlaps(requests: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
    """Requests to one host of which the later began while the earlier was open."""
    found = []
    for asked in by_host(requests).values():
        longest = asked[0]
        for request in asked[1:]:
            if longest.ended is None or longest.ended > request.started:
                found.append((longest, request))
            if longest.ended is not None and (request.ended is None or request.ended > longest.ended):
                longest = request
    return found


def short_gaps(requests: Sequence[Seen], delay: float) -> list[tuple[Seen, Seen]]:
    """Requests to one host that followed each other in less than the delay, whatever delayed either of them."""
    return [
        (earlier, later)
        for asked in by_host(requests).values()
        for earlier, later in pairwise(asked)
        if later.started - (earlier.started - earlier.late) < delay * (1 - HELD_UP) - LEAST
    ]


def smallest_gap(requests: Sequence[Seen]) -> float:
    """Seconds between two requests to one host, at the least."""
    return min(
        (later.started - earlier.started for asked in by_host(requests).values() for earlier, later in pairwise(asked)),
        default=float("inf"),
    )


def repeats(requests: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
    """Requests for what the site had already answered well: the answer, and the repeat."""
    answered, found = dict[tuple[str, str], Seen](), []
    for request in sorted(requests, key=lambda request: request.started):
        name = request.host, request.path
        if name in answered:
            found.append((answered[name], request))
        if request.fault in (None, "slow"):
            answered[name] = request
    return found


def unexplained(requests: Sequence[Seen], strikes: Sequence[tuple[float, float]]) -> list[tuple[Seen, Seen]]:
    """Repeats for which no strike is left, if each excuses one on each host.

    A strike, from its beginning to its end, excuses a repeat that comes after its beginning, of an answer that it
    met, or that was asked for soon after its end, by a process that had not yet noticed.
    """
    left = {host: sorted(strikes, key=lambda strike: strike[1]) for host in by_host(requests)}
    found = []
    for answer, repeat in repeats(requests):
        excuses = [
            (began, ended)
            for began, ended in left[repeat.host]
            if began <= repeat.started and ended + NOTICED >= answer.started
        ]
        if excuses:
            left[repeat.host].remove(excuses[0])
        else:
            found.append((answer, repeat))
    return found


def unlogged(requests: Sequence[Seen], log: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Requests that the site saw and our own log does not have."""
    return list((Counter((one.host, one.path) for one in requests) - Counter(log)).elements())


def unseen(requests: Sequence[Seen], log: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Requests in our own log that the site did not see."""
    return list((Counter(log) - Counter((one.host, one.path) for one in requests)).elements())
