"""What is held and how it came, counted: by year, by how much is known, by axis, by page; hosts beside it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from collector.console.wording import JST
from collector.frontier.status import HORSES
from collector.storage.racing import Axis
from collector.storage.reader import Reader
from collector.storage.roles import PageState, Role
from collector.web.overview.treatment import DAYS, HOSTS, HostReport, Log, host_report

BINS = 20  # of an aptitude between 0 and 1
CLASSES = (1, 2, 4, 8, 16, 32, 64)  # the least reviews of each class
STATES = (
    PageState.FETCHED, PageState.DUE, PageState.FAILED, PageState.QUARANTINED, PageState.GONE, PageState.EXCLUDED
)  # fmt: skip
MOST_FAILURES = 8  # reasons that are shown, the most frequent first

YEARS = """
SELECT extract(year FROM dated)::int AS year, count(value) AS rated, count(horse_id) - count(value) AS known,
    count(*) - count(horse_id) AS open, count(race_id) AS raced
FROM photo_search GROUP BY year ORDER BY year
"""
HELD = f"""
SELECT (SELECT count(*) FROM photo) AS photos, (SELECT count(*) FROM issue) AS issues, horses, rated,
    (SELECT count(*) - count(horse_id) FROM horse_search) AS open_names
FROM ({HORSES}) AS counted
"""
REMARKS = """
SELECT count(*) AS remarks, count(*) FILTER (WHERE distance_said = 'said') AS said,
    count(*) FILTER (WHERE distance_said = 'nothing') AS nothing,
    count(*) FILTER (WHERE distance_said = 'not_understood') AS not_understood
FROM photo WHERE comment IS NOT NULL
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
# One look at all pages; why a page failed is read only for those that did.
PAGES = """
WITH counted AS MATERIALIZED (
    SELECT role, state, state IN ('failed', 'quarantined') AS bad,
        CASE WHEN state IN ('failed', 'quarantined') THEN error_code END AS code, count(*) AS pages, max(id) AS sample
    FROM page GROUP BY 1, 2, 3, 4),
worst AS (SELECT * FROM counted WHERE bad ORDER BY pages DESC, sample LIMIT %(most)s)
SELECT role, state, false AS bad, NULL AS code, NULL AS detail, sum(pages)::bigint AS pages, NULL AS url
FROM counted GROUP BY role, state
UNION ALL
SELECT worst.role, worst.state, true, code, error, pages, url FROM worst JOIN page ON page.id = sample
"""
DRIFTS = """
SELECT source, kind, field, old_coverage, new_coverage, samples, observed_at,
    (SELECT role FROM page WHERE page.source = drift.source AND page.kind = drift.kind LIMIT 1) AS role
FROM drift ORDER BY id
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

    role: str  # or one of a later version
    state: PageState
    code: str | None  # collector.codes.Failure, or one of a later version
    pages: int
    url: str  # of the newest of them
    detail: str | None  # of the same page; it may quote a site, so nothing in it is to be trusted


@dataclass(frozen=True, slots=True)
class Overview:
    """All numbers of the overview, and as of when they are."""

    at: datetime
    years: list[Year]  # without a gap from the first to the last
    coverage: Coverage
    opinions: Opinions
    remarks: dict[str, int]  # how many remarks there are, and how many say what of distance, by Said
    pages: dict[Role, dict[PageState, int]]
    failures: list[Failure]
    drifts: list[dict[str, Any]]
    hosts: list[HostReport]

    @property
    def days(self) -> list[date]:
        """The last DAYS days (of Japan), today included."""
        return [self.at.date() - timedelta(days=back) for back in reversed(range(DAYS))]

    @property
    def empty(self) -> bool:
        """Whether nothing has ever been asked for."""
        return not (self.coverage.photos or self.pages or self.hosts)


async def count(reader: Reader, log: Log, at: datetime) -> Overview:
    """Count everything.

    Raises:
        TryLater: the database cannot be reached, or did not answer in time.
    """
    at = at.astimezone(JST)
    first = at.date() - timedelta(days=DAYS - 1)
    years, (held,), (remarks,), opinions, pages, drifts, hosts, requests = await asyncio.gather(
        reader.rows(YEARS),
        reader.rows(HELD),
        reader.rows(REMARKS),
        reader.rows(OPINIONS, {"bins": BINS, "classes": list(CLASSES)}),
        reader.rows(PAGES, {"most": MOST_FAILURES}),
        reader.rows(DRIFTS),
        reader.rows(HOSTS),
        log.read(reader, first, at.date()),
    )
    return Overview(
        at,
        _years(years),
        _coverage(years, held),
        _opinions(opinions),
        remarks,
        _pages([row for row in pages if not row["bad"]]),
        [_failure(row) for row in pages if row["bad"]],
        drifts,
        sorted((host_report(row, requests, first) for row in hosts), key=lambda host: -host.requests),
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
        if row["axis"] not in bins:  # of a later version
            continue
        bins[Axis(row["axis"])][row["bin"] - 1] += row["horses"]
        if row["axis"] == Axis.DISTANCE:
            by_class[row["class"] or 0] += row["horses"]
    reviews = sum(row["reviews"] or 0 for row in rows if row["axis"] == Axis.DISTANCE)
    return Opinions(bins, [by_class[index] for index in range(1, len(CLASSES) + 1)], by_class[0], reviews)


def _pages(rows: Sequence[Row]) -> dict[Role, dict[PageState, int]]:
    pages: dict[Role, dict[PageState, int]] = {}
    for role in Role:
        states = {row["state"]: row["pages"] for row in rows if row["role"] == role}
        if states:
            pages[role] = {state: states.get(state, 0) for state in STATES}
    return dict(sorted(pages.items(), key=lambda entry: -sum(entry[1].values())))


def _failure(row: Row) -> Failure:
    return Failure(row["role"], PageState(row["state"]), row["code"], row["pages"], row["url"], row["detail"])
