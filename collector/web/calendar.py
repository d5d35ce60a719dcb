"""The ways to photos by time: back numbers with their covers, and a calendar of race days, a year at a time."""

import re
from calendar import Calendar as Weeks
from datetime import date
from typing import LiteralString

from aiohttp import web

from collector.web.horse.facts import Row
from collector.web.pages import Pages
from collector.web.search.address import read_query
from collector.web.server.problems import Code, Problem

# A cover is the first photo of its issue that is held.
ISSUES: LiteralString = """
SELECT issue.source || ':' || code AS issue, issue_date, held.photos, cover.photo, cover.width, cover.height FROM issue
CROSS JOIN LATERAL (SELECT count(*) AS photos FROM photo
    WHERE source = issue.source AND issue_code = code AND digest IS NOT NULL) AS held
LEFT JOIN LATERAL (SELECT photo_id AS photo, width, height FROM photo
    WHERE source = issue.source AND issue_code = code AND digest IS NOT NULL ORDER BY number LIMIT 1) AS cover ON true
WHERE issue_date >= make_date(%(year)s, 1, 1) AND issue_date < make_date(%(year)s + 1, 1, 1)
ORDER BY issue_date DESC, code DESC, issue.source
"""
ISSUE_YEARS: LiteralString = """
SELECT extract(year FROM issue_date)::int AS year, count(*) AS count FROM issue GROUP BY 1 ORDER BY 1 DESC
"""
RACE_YEARS: LiteralString = """
SELECT extract(year FROM race_date)::int AS year, count(*) AS count, max(race_date) AS last FROM photo_search
WHERE race_date IS NOT NULL GROUP BY 1 ORDER BY 1 DESC
"""
DAYS: LiteralString = """
SELECT race_date AS day, count(*) AS photos FROM photo_search
WHERE race_date >= make_date(%(year)s, 1, 1) AND race_date < make_date(%(year)s + 1, 1, 1) GROUP BY 1 ORDER BY 1
"""
# The picture of a race is of the horse that came in first, of those that there is a photo of.
RACES: LiteralString = """
SELECT * FROM (
    SELECT DISTINCT ON (race_id) race_id, race.racecourse, race.race_number, race.name, race.grade, race.surface,
        race.distance, photo, photo.width, photo.height, photo.horse_name,
        count(*) OVER (PARTITION BY race_id) AS photos
    FROM photo_search AS photo JOIN race USING (race_id) WHERE photo.race_date = %(day)s
    ORDER BY race_id, photo.finish_position NULLS LAST, photo) AS race
ORDER BY left(race_id, 10), race_number, race_id
"""
BESIDE: LiteralString = """
SELECT (SELECT max(race_date) FROM photo_search WHERE race_date < %(day)s) AS before,
    (SELECT min(race_date) FROM photo_search WHERE race_date > %(day)s) AS after
"""
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Calendar:
    """What is answered with a year of back numbers, or of race days."""

    def __init__(self, pages: Pages) -> None:
        self._pages, self._reader = pages, pages.service.reader

    async def issues(self, request: web.Request) -> web.Response:
        """The back numbers of a year, each with its first photo."""
        years = await self._reader.rows(ISSUE_YEARS)
        year = _year(request) or (years[0]["year"] if years else None)
        found = await self._reader.rows(ISSUES, {"year": year}) if year else []
        return self._pages.render(request, "issues.html", years=years, year=year, issues=found)

    async def races(self, request: web.Request) -> web.Response:
        """The race days of a year, and the races of one of them: the last one, unless another is asked for."""
        years = await self._reader.rows(RACE_YEARS)
        day, year = _day(request), _year(request)
        if day is None:
            day = next((row["last"] for row in years if year in (None, row["year"])), None)
        year = year if day is None else day.year
        days = {row["day"]: row["photos"] for row in await self._reader.rows(DAYS, {"year": year})} if year else {}
        races = await self._reader.rows(RACES, {"day": day}) if day else []
        beside: Row = (await self._reader.rows(BESIDE, {"day": day}))[0] if day else {}
        return self._pages.render(
            request, "races.html", years=years, year=year, day=day, days=days, months=months_of(days), races=races,
            beside=beside,
        )  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        """Where they are."""
        return [web.get("/issues", self.issues), web.get("/races", self.races)]


def months_of(days: dict[date, int]) -> list[tuple[date, list[list[date]]]]:
    """The months in which there are days, each with its weeks from Monday on; a week has days of other months too."""
    months = sorted({day.replace(day=1) for day in days})
    return [(month, Weeks().monthdatescalendar(month.year, month.month)) for month in months]


def _year(request: web.Request) -> int | None:
    return read_query({"year": request.query.get("year", "")}).year


def _day(request: web.Request) -> date | None:
    text = request.query.get("day", "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text if DAY.fullmatch(text) else "")
    except ValueError as error:
        raise Problem(Code.NOT_UNDERSTOOD, "day is to be such as 2016-01-05") from error
