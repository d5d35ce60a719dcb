"""The hash chain over all forecasts: every row has a digest of itself and of the row before. Pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from collector.console.wording import counted

BEGIN = "0" * 64  # in place of the digest before the first row


@dataclass(frozen=True, slots=True)
class Forecast:
    """An answer that was frozen. The fields are the columns of the table `forecast`, in this order."""

    number: int  # from 1 on, without a gap
    made_at: datetime
    photo: str  # its id
    photo_digest: str  # SHA-256 of the picture
    horse_id: str
    race_id: str | None  # the race that the photo was taken for
    dated: date  # of the photo's issue
    run: str
    run_digest: str  # of the model and its settings
    label: str  # definition/axis by which it is judged
    label_digest: str  # of the definition
    value: float  # 0..1
    low: float  # of the interval
    high: float
    baselines: Mapping[str, float]  # what answers without the photo say, frozen with it
    previous: str  # the digest of the row before
    digest: str = ""

    def sealed(self) -> "Forecast":
        """The same with its digest."""
        return replace(self, digest=self.computed())

    def computed(self) -> str:
        """The digest that its fields have."""
        facts = {name: value for name, value in self.plain().items() if name != "digest"}
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=_as_text).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


NAMES = tuple(field.name for field in fields(Forecast))


def as_forecast(row: Mapping[str, Any]) -> Forecast:
    """The forecast in a row of the table, which may have other columns too."""
    return Forecast(**{name: row[name] for name in NAMES})


def first_broken(rows: Iterable[Forecast]) -> int | None:
    """The number of the first of these rows, which follow each other, that was changed; None: the chain holds."""
    before: Forecast | None = None
    for row in rows:
        previous = BEGIN if row.number == 1 else before.digest if before else row.previous
        follows = before is None or row.number == before.number + 1
        if not follows or row.previous != previous or row.computed() != row.digest:
            return row.number
        before = row
    return None


def _as_text(value: date | datetime) -> str:
    """A day, or a moment in UTC whatever the zone of the session that read it."""
    return (value.astimezone(UTC) if isinstance(value, datetime) else value).isoformat()


def problems(rows: Iterable[Forecast], witnessed: Mapping[int, str]) -> Iterator[str]:
    """What was changed since it was written: one sentence each.

    `witnessed` are digests by number that were noted elsewhere. Without them, rows that are missing at the end could
    not be found.
    """
    previous, expected, seen = BEGIN, 1, set[int]()
    for row in rows:
        seen.add(row.number)
        if row.number != expected:
            gap = f"{expected}" if row.number == expected + 1 else f"{expected} to {row.number - 1}"
            yield f"Forecast {gap} is missing."
        elif row.previous != previous:
            yield f"Forecast {row.number} does not follow the one before it: one of the two was changed."
        if row.computed() != row.digest:
            yield f"Forecast {row.number} was changed."
        elif witnessed.get(row.number, row.digest) != row.digest:
            yield f"Forecast {row.number} is not the one that was noted when it was made."
        previous, expected = row.digest, row.number + 1
    lost = sorted(number for number in witnessed if number not in seen and number >= expected)
    if lost:
        yield f"Missing from number {lost[0]} on: {counted(len(lost), 'forecast')}."
