"""The overview as a page: the numbers, counted at most once a minute, and the pictures drawn of them."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from collector.storage.racing import MIDDLE, MILE, SPRINT, Axis, Kind, kind_of
from collector.storage.roles import PageState, Role
from collector.web.overview import facts
from collector.web.overview.charts import Columns, Rect, columns, parts
from collector.web.overview.facts import BINS, CLASSES, STATES, Overview
from collector.web.overview.treatment import HostReport, Log, Pace
from collector.web.pages import Pages

HOLDS = 60.0  # seconds that numbers are shown for
HOLDS_EARLY = 5.0  # seconds, as long as the search's views have not been made since the server started
TALL, LOW, LOWEST = 220, 72, 64  # px of a picture
# What a request led to, in the five ways that are shown.
OUTCOMES = {
    "new": "brought", "changed": "brought", "not_modified": "not_modified", "refused": "refused",
    "try_later": "error", "unsafe": "error",
}  # fmt: skip
OUTCOME_GROUPS: tuple[str, ...] = ("brought", "not_modified", "other", "refused", "error")
CLASS_NAMES = [
    str(least) if after == least + 1 else f"{least}–{after - 1}" for least, after in itertools.pairwise(CLASSES)
] + [f"{CLASSES[-1]}+"]
AXES = [axis for axis in Axis if axis is not Axis.DISTANCE]


@dataclass(frozen=True, slots=True)
class Band:
    """The part of the distance scale that one of the four types takes up."""

    kind: Kind
    x: float  # percent
    middle: float  # percent
    horses: int


@dataclass(frozen=True, slots=True)
class HostPicture:
    """A host's report, and what is drawn of it."""

    report: HostReport
    days: Columns
    outcomes: dict[str, int]  # requests by OUTCOME_GROUPS
    parts: dict[str, Rect]
    gap: float | None  # percent of the picture's width that the smallest gap is drawn with
    delay: float | None  # percent at which the delay in force is marked


@dataclass(frozen=True, slots=True)
class Drawing:
    """The pictures of an overview."""

    years: Columns
    distance: Columns
    bands: list[Band]
    axes: dict[Axis, Columns]
    reviews: Columns
    pages: dict[Role, dict[PageState, Rect]]
    hosts: list[HostPicture]
    ill: bool  # something wants a person's look


def draw(numbers: Overview) -> Drawing:
    """Everything that is drawn."""
    opinions = numbers.opinions
    hosts = [draw_host(report) for report in numbers.hosts]
    return Drawing(
        columns([(year.rated, year.known, year.open) for year in numbers.years], TALL),
        columns([(horses,) for horses in opinions.bins[Axis.DISTANCE]], TALL, gap=False),
        bands(opinions.bins[Axis.DISTANCE]),
        {axis: columns([(horses,) for horses in opinions.bins[axis]], LOWEST, gap=False) for axis in AXES},
        columns([(horses,) for horses in opinions.classes], TALL),
        {kind: parts(states) for kind, states in numbers.pages.items()},
        hosts,
        bool(numbers.drifts) or any(host.closed or host.pace is Pace.NOT_KEPT for host in numbers.hosts),
    )


def bands(bins: list[int]) -> list[Band]:
    """The four types along the scale of distance; their bounds lie between two bins."""
    counted = dict.fromkeys(Kind, 0)
    for index, horses in enumerate(bins):
        counted[kind_of((index + 0.5) / BINS)] += horses
    starts, ends = (0.0, SPRINT, MILE, MIDDLE), (SPRINT, MILE, MIDDLE, 1.0)
    return [
        Band(kind, 100 * start, round(50 * (start + end), 3), counted[kind])
        for kind, start, end in zip(Kind, starts, ends, strict=True)
    ]


def draw_host(report: HostReport) -> HostPicture:
    """A host's pictures."""
    outcomes = dict.fromkeys(OUTCOME_GROUPS, 0)
    for outcome, requests in report.outcomes.items():
        outcomes[OUTCOMES.get(outcome, "other")] += requests
    gap = delay = None
    if report.delay and report.smallest_gap is not None:
        scale = 90 / max(report.delay, report.smallest_gap)
        gap, delay = round(scale * max(report.smallest_gap, 0), 3), round(scale * report.delay, 3)
    return HostPicture(report, columns(report.days, LOW), outcomes, parts(outcomes), gap, delay)


def num(number: int) -> str:
    """A number as it is read: 12,345."""
    return f"{number:,}"


def share(part: float, whole: float) -> str:
    """A share in percent. What is not nothing is never called 0, and what is not all is never called 100."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1%"
    if 10 <= percent <= 99 or percent in (0, 100):
        return f"{percent:.0f}%"
    return f"{min(percent, 99.9):.1f}%"


class OverviewPage:
    """What answers with the overview."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._counting = asyncio.Lock()
        self._log = Log()
        self._held: tuple[float, Overview] | None = None

    async def numbers(self) -> Overview:
        """The numbers as of a minute ago at most; requests that come while they are counted wait for the same ones.

        Raises:
            TryLater: the database cannot be reached.
        """
        service = self._pages.service
        async with self._counting:
            if self._held is None or self._held[0] < service.clock():
                counted = await facts.count(service.reader, self._log, datetime.now(UTC))
                self._held = (service.clock() + (HOLDS if service.renewal.at else HOLDS_EARLY), counted)
            return self._held[1]

    async def show(self, request: web.Request) -> web.Response:
        """What is held and how it came, in pictures."""
        numbers = await self.numbers()
        held = await self._pages.service.reader.rows("SELECT DISTINCT source FROM photo")
        return self._pages.render(
            request, "overview.html", sources=[row["source"] for row in held], numbers=numbers,
            drawing=draw(numbers), class_names=CLASS_NAMES, states=STATES, num=num, share=share,
        )  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        """Where it is."""
        return [web.get("/overview", self.show)]
