"""How good frozen forecasts turned out: judged by what the horses did since, beside baselines frozen with them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

import numpy as np

from collector.storage.forecast_chain import Forecast
from trainer.evaluation.baselines import Baseline
from trainer.evaluation.gain import Gain, gain_over
from trainer.evaluation.scores import Bootstrap, is_nearly_constant, square
from trainer.evaluation.verdict import LEAST, Verdict, verdict_on
from trainer.labels.definition import Connection, Observed, Subjects, Wanted
from trainer.labels.observing import observe
from trainer.labels.shrink import settle

HORSES_SINCE: LiteralString = (
    "SELECT DISTINCT ON (photo) photo AS key, horse_id, race_id, dated FROM forecast ORDER BY photo, number"
)
FORECAST = Subjects(HORSES_SINCE, "forecasts")


@dataclass(frozen=True, slots=True)
class Month:
    """The forecasts for the issues of one month."""

    month: str  # 2026-11
    forecasts: int
    judged: int  # of which the label is known now
    mse: float | None  # on the scale 1..10; None: nothing is judged yet
    mean_mse: float | None  # of the mean label, frozen with them


@dataclass(frozen=True, slots=True)
class Score:
    """How good the forecasts of one run by one label are."""

    run: str
    run_digest: str
    label: str
    forecasts: int
    judged: int
    horses: int  # of which the label is known now
    redefined: int  # of those judged, forecasts that were made for another version of the definition
    months: list[Month]
    mse: float | None
    gains: dict[str, Gain]  # over each baseline
    covered: float | None  # share of the labels within their intervals
    verdict: Verdict | None  # None: too few are judged

    def as_json(self) -> dict[str, Any]:
        """The score as `--json` prints it."""
        return asdict(self)


def known_labels(connection: Connection, wanted: Wanted) -> dict[str, float]:
    """The labels of forecast photos that are known now, by photo.

    Values are shrunk by what all horses of the register say.
    """
    observations = observe(connection, [wanted], FORECAST)
    found: dict[str, Observed] = observations.found[wanted.key]
    labels, _ = settle(wanted, found, {one.horse_id for one in found.values()})
    return {photo: label.value for photo, label in labels.items()}


def score(forecasts: Sequence[Forecast], labels: Mapping[str, float], label_digest: str) -> Score:
    """The score of one run's forecasts by one label. Pure."""
    first = forecasts[0]
    judged = [one for one in forecasts if one.photo in labels]
    value, label = (np.array(its, float) for its in _pairs(judged, labels))
    horse = np.unique([one.horse_id for one in judged], return_inverse=True)[1] if judged else np.zeros(0, int)
    horses = len(np.unique(horse))
    gains = _gains(judged, value, label, horse) if horses > 1 else {}
    others = [gain for name, gain in gains.items() if name != Baseline.MEAN]
    known = horses >= LEAST and Baseline.MEAN in gains
    constant = known and is_nearly_constant(value, label)
    return Score(
        run=first.run,
        run_digest=first.run_digest,
        label=first.label,
        forecasts=len(forecasts),
        judged=len(judged),
        horses=horses,
        redefined=sum(one.label_digest != label_digest for one in judged),
        months=[_month(month, its, labels) for month, its in _by_month(forecasts).items()],
        mse=float(square(value, label).mean()) if judged else None,
        gains=gains,
        covered=float(np.mean([one.low <= labels[one.photo] <= one.high for one in judged])) if judged else None,
        verdict=verdict_on(gains[Baseline.MEAN], others, constant=constant, horses=horses) if known else None,
    )


def _pairs(judged: Sequence[Forecast], labels: Mapping[str, float]) -> tuple[list[float], list[float]]:
    return [one.value for one in judged], [labels[one.photo] for one in judged]


def _gains(judged: Sequence[Forecast], value: np.ndarray, label: np.ndarray, horse: np.ndarray) -> dict[str, Gain]:
    """The gains over the baselines that all of these forecasts were frozen with."""
    bootstrap, errors = Bootstrap(horse), square(value, label)
    names = [name for name in judged[0].baselines if all(name in one.baselines for one in judged)]
    return {
        name: gain_over(square(np.array([one.baselines[name] for one in judged]), label), errors, bootstrap)
        for name in names
    }


def _by_month(forecasts: Sequence[Forecast]) -> dict[str, list[Forecast]]:
    found: dict[str, list[Forecast]] = {}
    for one in forecasts:
        found.setdefault(f"{one.dated:%Y-%m}", []).append(one)
    return dict(sorted(found.items()))


def _month(month: str, its: Sequence[Forecast], labels: Mapping[str, float]) -> Month:
    judged = [one for one in its if one.photo in labels]
    value, label = (np.array(side, float) for side in _pairs(judged, labels))
    mean = np.array([one.baselines.get(Baseline.MEAN, np.nan) for one in judged])
    return Month(
        month=month,
        forecasts=len(its),
        judged=len(judged),
        mse=float(square(value, label).mean()) if judged else None,
        mean_mse=float(square(mean, label).mean()) if judged else None,
    )
