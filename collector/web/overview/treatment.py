"""How hosts have been treated: the pauses they asked for and got, and what was asked of them, day by day."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from collector.codes import Block
from collector.console.wording import JST
from collector.frontier.status import ASKED_HOSTS
from collector.politeness.gate import LATE
from collector.storage.reader import Reader

DAYS = 60  # that a report looks back
TROUBLE = ("refused", "try_later", "unsafe")  # outcomes of requests that brought nothing

HOSTS = f"""
SELECT name, delay, delay_reason, smallest_gap, least_slack, last_request_at, excluded_at, block_code, reason,
    CASE WHEN blocked_until > clock_timestamp() THEN NULLIF(blocked_until, 'infinity') END AS closed_until,
    COALESCE(blocked_until = 'infinity', false) AS closed
{ASKED_HOSTS}"""
LOG = """
SELECT host, (at AT TIME ZONE 'Asia/Tokyo')::date AS day, outcome, count(*) AS requests, min(gap) AS gap
FROM fetch_log WHERE at >= %(since)s AND outcome <> 'imported' GROUP BY host, day, outcome
"""
Row = dict[str, Any]


class Pace(StrEnum):
    """Whether a host has been given its pauses."""

    KEPT = "kept"
    NOT_KEPT = "not_kept"
    LONGER_NOW = "longer_now"  # likewise, and the delay is longer now than the smallest gap was
    FREE = "free"  # nobody asks for a pause
    UNSEEN = "unseen"  # fewer than two requests


@dataclass(frozen=True, slots=True)
class HostReport:
    """How a host has been treated."""

    name: str
    delay: float | None  # seconds in force at the last request
    why: str | None  # what asks for it: Delay, or one of a later version
    smallest_gap: float | None  # seconds between two requests, ever
    least_slack: float | None  # seconds beyond the delay in force then, of any gap
    last_request_at: datetime | None
    closed: bool
    closed_until: datetime | None  # None though closed: for good
    block_code: str | None  # why it is closed: Block, or one of a later version
    detail: str | None  # as the crawl noted it; it may quote the site
    days: list[tuple[int, int]]  # requests that were answered, and that were not, of the last DAYS days
    outcomes: dict[str, int]  # of the same requests
    recent_gap: float | None  # seconds, the smallest between two of the same requests

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
        """Whether each gap was as long as the delay in force then asked for."""
        if self.delay == 0:
            return Pace.FREE
        if self.delay is None or self.smallest_gap is None:
            return Pace.UNSEEN
        if self.least_slack is not None and self.least_slack < -LATE:
            return Pace.NOT_KEPT
        return Pace.KEPT if self.smallest_gap >= self.delay - LATE else Pace.LONGER_NOW


class Log:
    """The requests by host, day and outcome. Days that are over stay as they are, so that they are counted once."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._settled = date.min  # days before this one are held for good

    async def read(self, reader: Reader, first: date, today: date) -> list[Row]:
        """All from a day on.

        Raises:
            TryLater: the database cannot be reached, or did not answer in time.
        """
        held = [row for row in self._rows if first <= row["day"] < self._settled]
        since = datetime.combine(max(first, self._settled), time.min, JST)
        self._rows = held + await reader.rows(LOG, {"since": since})
        # A request of yesterday's last minute may still be waiting for its answer.
        self._settled = today - timedelta(days=1)
        return self._rows


def host_report(row: Row, log: Sequence[Row], first: date) -> HostReport:
    """A host's report, of its row and of the requests from a day on."""
    mine = [entry for entry in log if entry["host"] == row["name"]]
    answered, in_vain = [0] * DAYS, [0] * DAYS
    outcomes: Counter[str] = Counter()
    for entry in mine:
        outcomes[entry["outcome"]] += entry["requests"]
        # A request of a moment ago, on a database's clock that is ahead of ours, is of the last day.
        day = min((entry["day"] - first).days, DAYS - 1)
        (in_vain if entry["outcome"] in TROUBLE else answered)[day] += entry["requests"]
    return HostReport(
        row["name"], row["delay"], row["delay_reason"], row["smallest_gap"], row["least_slack"],
        row["last_request_at"],
        row["closed"] or bool(row["closed_until"] or row["excluded_at"]), row["closed_until"],
        Block.FORGOTTEN if row["excluded_at"] else row["block_code"], row["reason"],
        list(zip(answered, in_vain, strict=True)), dict(outcomes),
        min((entry["gap"] for entry in mine if entry["gap"] is not None), default=None),
    )  # fmt: skip
