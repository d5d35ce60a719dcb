"""What the page of forecasts shows: answers that were frozen before results were known, and what has come since."""

from dataclasses import dataclass

from collector.storage.forecast_chain import as_forecast, first_broken
from collector.storage.reader import Reader
from collector.web.horse.facts import Row

MOST = 300  # forecasts on the page, the newest
# A forecast is judged by the starts on the flat after the race that the photo was taken for.
NEWEST = """
SELECT newest.*, horse.name, held.digest IS NOT NULL AS held, since.starts, since.metres FROM
    (SELECT * FROM forecast ORDER BY number DESC LIMIT %(most)s) newest
LEFT JOIN horse ON horse.horse_id = newest.horse_id
LEFT JOIN photo held ON held.photo_id = newest.photo
LEFT JOIN LATERAL (SELECT count(*) AS starts, exp(avg(ln(race.distance))) AS metres FROM entry JOIN race USING (race_id)
    WHERE entry.horse_id = newest.horse_id AND race.race_date > newest.dated + 10 AND race.surface <> 'jump'
        AND entry.finish IN ('finished', 'demoted', 'disqualified', 'did_not_finish')) since ON true
ORDER BY number DESC
"""
CHAIN = """
SELECT count(*) AS forecasts, (SELECT digest FROM forecast ORDER BY number DESC LIMIT 1) AS digest FROM forecast
"""


@dataclass(frozen=True, slots=True)
class Register:
    """The newest forecasts, and the chain over all, of which their part is checked."""

    forecasts: int
    digest: str | None  # of the newest one; None: there is none yet
    newest: list[Row]
    broken: int | None  # the number of the first forecast among them that was changed


async def register(reader: Reader) -> Register:
    """The register of forecasts.

    Raises:
        TryLater: the database cannot be reached.
    """
    (chain,) = await reader.rows(CHAIN, {})
    newest = await reader.rows(NEWEST, {"most": MOST})
    broken = first_broken(as_forecast(row) for row in reversed(newest))
    return Register(chain["forecasts"], chain["digest"], newest, broken)
