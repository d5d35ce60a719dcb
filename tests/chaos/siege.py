"""Work that is begun by a command and then struck again and again, until it is done as if nothing had been."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from collector.demo.world.world import World
from tests.chaos import judge
from tests.chaos.facts import Facts, differences, due, facts_of, logged, unread
from tests.chaos.fleet import Fleet
from tests.chaos.judge import Seen
from tests.chaos.strikes import FIRST, THE_SITES, Stage, Strike, Struck, strike
from tests.chaos.watched_site import watched_site

DELAY = 0.15  # seconds between two requests to one host
TAKEN_UP = 90.0  # seconds, without a command
LOOK_EVERY = 0.5  # seconds
WORLD = World(years=range(2016, 2018), issues_per_year=4, photos_per_issue=8)
COMMANDS = (("crawl", "--since", "2016", "--until", "2017"), ("refresh-labels",))


@dataclass(frozen=True, slots=True)
class Phase:
    """What one command comes to when nothing disturbs it."""

    words: tuple[str, ...]
    requests: int
    facts: Facts  # held afterwards


async def undisturbed(folder: Path, conninfo: str) -> list[Phase]:
    """Each command run to its end, at full speed."""
    phases = []
    with watched_site(WORLD) as site:
        alone = Fleet(folder, conninfo, site, 0.0)
        for words in COMMANDS:
            before = site.count
            code = await alone.run(*words)
            assert code == 0, alone.said()
            phases.append(Phase(words, site.count - before, facts_of(conninfo, site)))
        assert not judge.repeats(judge.seen(site.requests, site.log.late)), "undisturbed, nothing is asked for twice"
        return phases


@dataclass(slots=True)
class Siege:
    """A stage, and what has happened on it."""

    stage: Stage
    seed: int
    struck: list[Struck] = field(default_factory=list)
    _due_since: dict[str, float] = field(default_factory=dict)  # by host
    _watch: asyncio.Task[None] | None = None
    _phase: Phase | None = None
    _first: int = 0  # requests before it

    @property
    def requests(self) -> list[Seen]:
        """What the site was asked so far."""
        return judge.seen(self.stage.site.requests, self.stage.site.log.late)

    async def endure(self, phase: Phase, strikes: Sequence[Strike]) -> None:
        """Begin one command, kill it, strike, and see it through without another command."""
        site = self.stage.site
        first = self._first = site.count
        self._phase = phase
        await self.stage.fleet.begin(*phase.words)
        self._watch = asyncio.create_task(self.keep_watch())
        try:
            for one in (Strike(FIRST, 3 / phase.requests, 0.0, 0.0), *strikes):
                await self._wait_for_requests(first + int(one.share * phase.requests))
                self.struck.append(await self._watched(one))
            await self._holds(phase.facts)
        finally:
            self._watch.cancel()

    async def _watched(self, one: Strike) -> Struck:
        striking = asyncio.create_task(strike(self.stage, one))
        while not striking.done():
            self._check_the_watch()
            await asyncio.wait([striking], timeout=LOOK_EVERY)
        return await striking

    async def _wait_for_requests(self, count: int) -> None:
        """Wait until the site has seen this number of requests."""
        while self.stage.site.count < count:
            self._check_the_watch()
            await asyncio.sleep(0.005)

    async def _holds(self, facts: Facts) -> None:
        """Wait until everything is held that an undisturbed crawl holds."""
        began, count = time.monotonic(), -1
        while found := await asyncio.to_thread(self._missing, facts):
            if count != self.stage.site.count:
                began, count = time.monotonic(), self.stage.site.count
            lines = "\n".join(found)
            assert time.monotonic() - began < TAKEN_UP, self.report(f"not the same facts in the end:\n{lines}")
            self._check_the_watch()
            await asyncio.sleep(LOOK_EVERY)

    async def _left(self) -> str:
        """Where the work stands still, and what is not held."""
        asked = self.stage.site.count - self._first
        missing = await asyncio.to_thread(self._missing, self._phase.facts) if self._phase else []
        lines = [f"{asked} requests", unread(self.stage.server.conninfo), *missing]
        return "\n".join(lines)

    def _missing(self, facts: Facts) -> list[str]:
        return differences(facts_of(self.stage.server.conninfo, self.stage.site), facts)

    def _check_the_watch(self) -> None:
        if self._watch is not None and self._watch.done():
            self._watch.result()

    async def keep_watch(self) -> None:
        """See to it that a host of which pages are due is asked again within ninety seconds, whatever happens."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                hosts = await asyncio.to_thread(due, self.stage.server.conninfo)
            except psycopg.OperationalError:
                continue  # it is being struck
            now = time.monotonic()
            last = {one.host: one.started for one in self.stage.site.requests}
            self._due_since = {host: self._due_since.get(host, now) for host in hosts}
            idle = now - max([began, *last.values()])
            assert idle < TAKEN_UP, self.report(
                f"the work is not done, and no request comes for {TAKEN_UP:g} s\n{await self._left()}"
            )
            for host, since in self._due_since.items():
                idle = now - max(since, last.get(host, 0.0))
                assert idle < TAKEN_UP, self.report(f"{host}: pages are due, and no request comes for {TAKEN_UP:g} s")

    def verdict(self) -> list[str]:
        """What the site, and our own log, have to say against us."""
        self._measure()
        requests, log = self.requests, logged(self.stage.server.conninfo)
        ours = [(one.began, one.ended) for one in self.struck if one.strike.kind not in THE_SITES]
        found = [self._around(later, f"open together with {earlier}") for earlier, later in judge.overlaps(requests)]
        found += [
            self._around(later, f"{1000 * (later.started - earlier.started):.0f} ms after {earlier}")
            for earlier, later in judge.short_gaps(requests, DELAY)
        ]
        found += [
            self._around(repeat, "asked for again, and no strike is left that would excuse it")
            for _, repeat in judge.unexplained(requests, ours)
        ]
        if len(judge.repeats(requests)) > len(ours):
            found.append(f"{len(judge.repeats(requests))} requests more, by {len(ours)} strikes of ours")
        if len(lost := judge.unlogged(requests, log)) > len(ours):
            found.append(f"{len(lost)} requests that our log does not have, by {len(ours)} strikes: {lost}")
        if made_up := judge.unseen(requests, log):
            found.append(f"requests in our log that never reached the site: {made_up}")
        return found

    def _measure(self) -> None:
        starts = [one.started for one in self.requests]
        for one in self.struck:
            one.asked_again = next((start - one.ended for start in starts if start >= one.ended), None)

    def _around(self, request: Seen, what: str) -> str:
        """A violation, and what happened about that moment."""
        at = request.started
        events = [(one.started, str(one)) for one in self.requests]
        events += [(one.began, f"STRIKE {one.strike}") for one in self.struck]
        events += [(one.ended, f"END OF STRIKE {one.strike}") for one in self.struck]
        events += [(moment, f"{name} ended with {code}") for moment, name, code in self.stage.fleet.ends]
        near = [f"  {moment - at:+8.3f} s  {text}" for moment, text in sorted(events) if -3 < moment - at < 1]
        return "\n".join([f"{request}: {what}", *near])

    def report(self, violation: str) -> str:
        """Everything that it takes to see it again."""
        self._measure()
        lines = [f"seed {self.seed}: {violation}", "strikes:", *(f"  {one}" for one in self.struck)]
        lines += ["last requests:", *(f"  {one.started:.3f} {one}" for one in self.requests[-10:])]
        return "\n".join([*lines, self.stage.fleet.said()])

    def summary(self) -> str:
        """What came of it, in one line."""
        self._measure()
        slowest = max((one.asked_again or 0.0 for one in self.struck), default=0.0)
        spoilt = sum(one.fault not in (None, "slow") for one in self.requests)
        gap = judge.smallest_gap(self.requests)
        return (
            f"seed {self.seed}: {len(self.struck)} strikes, {len(self.requests)} requests of which"
            f" {len(judge.repeats(self.requests))} again and {spoilt} spoilt by the site, smallest gap"
            f" {1000 * gap:.0f} ms of {1000 * DELAY:.0f}, slowest to be taken up {slowest:.1f} s"
        )
