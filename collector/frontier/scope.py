"""What a crawl covers: its dates, as a person names them and as queries ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from collector.console.typed import half_width
from collector.console.wording import counted
from collector.errors import UsageError
from collector.storage.roles import UNDATED

FIRST_YEAR = 2001  # where no source has photos from before
BEFORE_AN_ISSUE = "4"  # days before an issue's date on which its races may have been; part of queries


@dataclass(frozen=True, slots=True)
class Scope:
    """What a crawl covers: the dates, both included, and a limit on the number of issues, from the first on."""

    since: date
    until: date
    limit: int | None = None  # issues; of labels: pages
    all_races: bool = False  # every race day of the range; or those only that the photos need

    @property
    def pages(self) -> int | None:
        """How many pages may be asked for at most, where that is limited."""
        return self.limit if self.since == UNDATED else None

    @property
    def token(self) -> str:
        """A short name of this scope, the same for every process that crawls it."""
        limit, races = f"#{self.limit}" if self.limit else "", "+races" if self.all_races else ""
        return f"{self.since}..{self.until}{limit}{races}"

    @property
    def title(self) -> str:
        """What it covers, for people."""
        if self.since == UNDATED:
            return "labels" if self.limit is None else f"labels, at most {counted(self.limit, 'page')}"
        until = "today" if self.until == date.max else f"{self.until}"
        limit = f", at most {counted(self.limit, 'issue')}" if self.limit else ""
        return f"{self.since} to {until}{limit}{', all races' if self.all_races else ''}"


def read_scope(
    since: str | None,
    until: str | None,
    limit: int | None,
    *,
    all_races: bool = False,
    first_year: int = FIRST_YEAR,
) -> Scope:
    """What a user's words cover: a year or a date each; without a first one, from the first year on.

    Raises:
        UsageError: with an example.
    """
    first = _read_day(since, "--since", date(first_year, 1, 1), date(1, 1, 1))
    last = _read_day(until, "--until", date.max, date(1, 12, 31))
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}.")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit {limit} is not a number of issues; it must be 1 or more.")
    return Scope(first, last, limit, all_races)


def _read_day(text: str | None, option: str, default: date, whole_year: date) -> date:
    if text is None:
        return default
    typed = half_width(text).replace("/", "-")
    try:
        if len(typed) == 4 and typed.isdecimal():
            return whole_year.replace(year=int(typed))
        return date.fromisoformat(typed)
    except ValueError as error:
        raise UsageError(f"{option} {text} is neither a year (2016) nor a date (2016-05-23).") from error


# The end of a crawl's range: its last day, or the day of its last issue where their number is limited.
RANGE_END = """LEAST(%(until)s::date, CASE WHEN %(limit)s::int IS NULL THEN NULL ELSE
    (SELECT dated FROM page WHERE role = 'issue' AND dated >= %(since)s::date
     ORDER BY dated OFFSET %(limit)s::int - 1 LIMIT 1) END)"""

# A year's index and a month's calendar stand under their first day, and are needed for any part of it; races are
# before their issue.
IN_SCOPE = f"""dated <= {RANGE_END} AND dated >=
    CASE WHEN role = 'listing' THEN date_trunc('year', %(since)s::date)::date
         WHEN role = 'calendar' THEN date_trunc('month', %(since)s::date)::date
         WHEN role IN ('race_day', 'coming_day', 'result', 'card') THEN %(since)s::date - {BEFORE_AN_ISSUE}
         ELSE %(since)s::date END"""


def scope_parameters(hosts: Sequence[str], scope: Scope) -> dict[str, Any]:
    """What the scope's conditions in SQL need."""
    return {"hosts": list(hosts), "since": scope.since, "until": scope.until, "limit": scope.limit}
