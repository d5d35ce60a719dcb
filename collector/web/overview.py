"""What is held and how it came, counted: by year, by how much is known, by axis, by page, by host."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from collector.models import PageKind, PageState
from collector.politeness import LATE
from collector.racing import Axis
from collector.web.reader import Reader

BINS = 20  # of an aptitude between 0 and 1
CLASSES = (1, 2, 4, 8, 16, 32, 64)  # the least reviews of each class
STATES = (
    PageState.FETCHED, PageState.DUE, PageState.FAILED, PageState.QUARANTINED, PageState.GONE, PageState.EXCLUDED
)  # fmt: skip
DAYS = 60  # that the politeness report looks back
MOST_FAILURES = 8  # reasons that are shown, the most frequent first
SLOW_ANSWERS = "five times the last answer's duration"  # as `collector.robots.delay_in_force` puts it
TROUBLE = ("refused", "try_later", "unsafe")  # outcomes of requests that brought nothing

YEARS = """
SELECT extract(year FROM dated)::int AS year, count(value) AS rated, count(horse_id) - count(value) AS known,
    count(*) - count(horse_id) AS open, count(race_id) AS raced
FROM photo_search GROUP BY year ORDER BY year
"""
HELD = """
SELECT (SELECT count(*) FROM photo) AS photos, (SELECT count(*) FROM issue) AS issues, count(horse_id) AS horses,
    count(value) AS rated, count(*) - count(horse_id) AS open_names
FROM horse_search
"""
# The latest opinion of each horse and axis: this order is the index's own, read backwards.
OPINIONS = """
WITH latest AS (
    SELECT DISTINCT ON (horse_id, axis) axis, value, reviews FROM aptitude
    ORDER BY horse_id DESC, axis DESC, observed_at DESC)
SELECT axis, LEAST(width_bucket(value, 0, 1, %(bins)s), %(bins)s) AS bin,
    CASE WHEN axis = 'distance' THEN width_bucket(reviews, %(classes)s::int[]) END AS class,
    count(*) AS horses, sum(reviews) AS reviews
FROM latest WHERE value IS NOT NULL GROUP BY axis, bin, class
"""
# One look at all pages; why a page failed is told only of those that did.
PAGES = """
WITH counted AS MATERIALIZED (
    SELECT kind, state, CASE WHEN state IN ('failed', 'quarantined') THEN COALESCE(error, '') END AS reason,
        count(*) AS pages, max(id) AS sample
    FROM page GROUP BY 1, 2, 3),
worst AS (SELECT * FROM counted WHERE reason IS NOT NULL ORDER BY pages DESC, sample LIMIT %(most)s)
SELECT kind, state, NULL AS reason, sum(pages)::bigint AS pages, NULL AS url FROM counted GROUP BY kind, state
UNION ALL
SELECT worst.kind, worst.state, reason, pages, url FROM worst JOIN page ON page.id = sample
"""
DRIFTS = "SELECT source, kind, field, old_coverage, new_coverage, samples, observed_at FROM drift ORDER BY id"
HOSTS = """
SELECT name, delay, delay_reason, smallest_gap, last_request_at, excluded_at, reason,
    CASE WHEN blocked_until > clock_timestamp() THEN NULLIF(blocked_until, 'infinity') END AS closed_until,
    COALESCE(blocked_until = 'infinity', false) AS closed
FROM host ORDER BY name
"""
LOG = """
SELECT host, (at AT TIME ZONE 'UTC')::date AS day, outcome, count(*) AS requests,
    count(*) FILTER (WHERE gap < delay - %(late)s) AS sooner
FROM fetch_log JOIN host ON host.name = fetch_log.host
WHERE at >= %(since)s GROUP BY host, day, outcome
"""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Year:
    """The photos of a year's back numbers, by how much is known of the horse."""

    year: int
    rated: int  # the horse is known, and reviewers have rated its distance
    known: int  # the horse is known, and not rated
    open: int

    @property
    def photos(self) -> int:
        """All photos of the year."""
        return self.rated + self.known + self.open


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many photos there are at each step from a line in an index to an example to learn from."""

    photos: int  # that the magazine lists
    pictures: int  # of which the picture is held
    horse: int  # and which horse it shows
    race: int  # and for which race it was taken
    rated: int  # and whose distance aptitude is known
    issues: int
    horses: int  # that photos show
    rated_horses: int
    open_names: int  # names on photos whose horse is open


@dataclass(frozen=True, slots=True)
class Opinions:
    """How aptitudes and reviews are spread over the rated horses."""

    bins: dict[Axis, list[int]]  # horses from 0 to 1, in BINS equal steps
    classes: list[int]  # horses by number of reviews, as CLASSES
    uncounted: int  # horses whose page does not say how many
    reviews: int  # of all horses together


@dataclass(frozen=True, slots=True)
class Failure:
    """Pages that failed alike."""

    kind: PageKind
    state: PageState
    reason: str  # as the crawl noted it; it may quote a site, so nothing in it is to be trusted
    pages: int
    url: str  # of one of them


class Pace(StrEnum):
    """Whether a host has been given its pauses."""

    KEPT = "kept"
    NOT_KEPT = "not_kept"
    LONGER_NOW = "longer_now"  # a slow answer has just made the delay longer than it was: nothing can be said
    FREE = "free"  # nobody asks for a pause
    UNSEEN = "unseen"  # fewer than two requests


@dataclass(frozen=True, slots=True)
class HostReport:
    """How a host has been treated."""

    name: str
    delay: float | None  # seconds in force at the last request
    why: str | None  # what asks for it
    smallest_gap: float | None  # seconds between two requests, ever
    last_request_at: datetime | None
    closed: bool
    closed_until: datetime | None  # None though closed: for good
    reason: str | None  # why it is closed
    days: list[tuple[int, int]]  # requests that were answered, and that were not, of the last DAYS days
    outcomes: dict[str, int]  # of the same requests
    sooner: int  # of the same requests: after a gap below the delay in force now

    @property
    def requests(self) -> int:
        """All requests of the last DAYS days."""
        return sum(self.outcomes.values())

    @property
    def busiest(self) -> int:
        """Requests of the day with most."""
        return max(map(sum, self.days))

    @property
    def pace(self) -> Pace:
        """Whether the smallest gap ever is as long as the delay in force asks for."""
        if self.delay == 0:
            return Pace.FREE
        if self.delay is None or self.smallest_gap is None:
            return Pace.UNSEEN
        if self.smallest_gap >= self.delay - LATE:
            return Pace.KEPT
        return Pace.LONGER_NOW if self.why == SLOW_ANSWERS else Pace.NOT_KEPT


@dataclass(frozen=True, slots=True)
class Overview:
    """All numbers of the overview, and as of when they are."""

    at: datetime
    years: list[Year]  # without a gap from the first to the last
    coverage: Coverage
    opinions: Opinions
    pages: dict[PageKind, dict[PageState, int]]
    failures: list[Failure]
    drifts: list[dict[str, Any]]
    hosts: list[HostReport]

    @property
    def days(self) -> list[date]:
        """The last DAYS days (UTC), today included."""
        return [self.at.date() - timedelta(days=back) for back in reversed(range(DAYS))]

    @property
    def empty(self) -> bool:
        """Whether nothing has ever been asked for."""
        return not (self.coverage.photos or self.pages or self.hosts)


async def count(reader: Reader, at: datetime) -> Overview:
    """Count everything.

    Raises:
        TryLater: the database cannot be reached, or did not answer in time.
    """
    years = await reader.rows(YEARS)
    (held,) = await reader.rows(HELD)
    opinions = await reader.rows(OPINIONS, {"bins": BINS, "classes": list(CLASSES)})
    pages = await reader.rows(PAGES, {"most": MOST_FAILURES})
    since = datetime.combine(at.date(), datetime.min.time(), UTC) - timedelta(days=DAYS - 1)
    log = await reader.rows(LOG, {"since": since, "late": LATE})
    hosts = [_host(row, log, since.date()) for row in await reader.rows(HOSTS)]
    return Overview(
        at,
        _years(years),
        _coverage(years, held),
        _opinions(opinions),
        _pages([row for row in pages if row["reason"] is None]),
        [_failure(row) for row in pages if row["reason"] is not None],
        await reader.rows(DRIFTS),
        sorted(hosts, key=lambda host: -host.requests),
    )


def _years(rows: Sequence[Row]) -> list[Year]:
    found = {row["year"]: Year(row["year"], row["rated"], row["known"], row["open"]) for row in rows}
    return [found.get(year, Year(year, 0, 0, 0)) for year in range(min(found), max(found) + 1)] if found else []


def _coverage(years: Sequence[Row], held: Row) -> Coverage:
    def together(*names: str) -> int:
        return sum(row[name] for row in years for name in names)

    pictures = together("rated", "known", "open")
    # The search's view may lag behind the table, of which a photo has just been taken out.
    photos = max(held["photos"], pictures)
    return Coverage(
        photos, pictures, together("rated", "known"), together("raced"), together("rated"),
        held["issues"], held["horses"], held["rated"], held["open_names"],
    )  # fmt: skip


def _opinions(rows: Sequence[Row]) -> Opinions:
    bins = {axis: [0] * BINS for axis in Axis}
    by_class: Counter[int] = Counter()
    for row in rows:
        bins[Axis(row["axis"])][row["bin"] - 1] += row["horses"]
        if row["axis"] == Axis.DISTANCE:
            by_class[row["class"] or 0] += row["horses"]
    reviews = sum(row["reviews"] or 0 for row in rows if row["axis"] == Axis.DISTANCE)
    return Opinions(bins, [by_class[place] for place in range(1, len(CLASSES) + 1)], by_class[0], reviews)


def _pages(rows: Sequence[Row]) -> dict[PageKind, dict[PageState, int]]:
    pages: dict[PageKind, dict[PageState, int]] = {}
    for kind in PageKind:
        states = {row["state"]: row["pages"] for row in rows if row["kind"] == kind}
        if states:
            pages[kind] = {state: states.get(state, 0) for state in STATES}
    return dict(sorted(pages.items(), key=lambda entry: -sum(entry[1].values())))


def _failure(row: Row) -> Failure:
    return Failure(PageKind(row["kind"]), PageState(row["state"]), row["reason"], row["pages"], row["url"])


def _host(row: Row, log: Sequence[Row], first: date) -> HostReport:
    mine = [entry for entry in log if entry["host"] == row["name"]]
    answered, in_vain = [0] * DAYS, [0] * DAYS
    outcomes: Counter[str] = Counter()
    for entry in mine:
        outcomes[entry["outcome"]] += entry["requests"]
        # A request of a moment ago, on a database's clock that is ahead of ours, is of the last day.
        day = min((entry["day"] - first).days, DAYS - 1)
        (in_vain if entry["outcome"] in TROUBLE else answered)[day] += entry["requests"]
    return HostReport(
        row["name"], row["delay"], row["delay_reason"], row["smallest_gap"], row["last_request_at"],
        row["closed"] or bool(row["closed_until"] or row["excluded_at"]), row["closed_until"],
        "forgotten on request" if row["excluded_at"] else row["reason"],
        list(zip(answered, in_vain, strict=True)), dict(outcomes), sum(entry["sooner"] for entry in mine),
    )  # fmt: skip
