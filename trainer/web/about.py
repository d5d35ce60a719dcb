"""The facts about the run behind the page: its name, its data set, and its quality on new horses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from collector.console.wording import JST
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.evaluation.baselines import Baseline
from trainer.evaluation.evaluate import OUT_OF_FOLD
from trainer.evaluation.verdict import Verdict
from trainer.labels.scales import Scale
from trainer.runs.judged import evaluation_folder, how_to_judge
from trainer.runs.runs import Run


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a run is on horses it has not seen, by `trainer evaluate`. Errors are mean absolute errors on 0..1."""

    verdict: Verdict
    photos: int
    horses: int
    error: float
    constant_error: float  # of the mean label
    coverage: float  # share of labels within the interval


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """What a run has learnt from."""

    photos: int
    horses: int
    newest_photo: str | None


@dataclass(frozen=True, slots=True)
class About:
    """The facts about the run, for people and for programs."""

    run: str
    preset: str
    trained: date
    data: str
    label: str  # that the run has learnt: definition/axis
    axis: str
    low_end: str  # what 0 stands for, such as short
    high_end: str  # what 1 stands for
    learnt_from: LearntFrom | None  # None: the data set does not exist any more
    quality: Quality | None  # None: it was not evaluated
    verdicts: Mapping[str, Verdict | None]  # on its answers to each of its labels; None: these were not evaluated
    how_to_judge: str  # the command that evaluates it
    space: str | None  # names its feature space: points of one name can be compared; None: it computes none

    def as_json(self) -> dict[str, Any]:
        """The facts in answers of /healthz and of the API."""
        return {
            "run": self.run,
            "data": self.data,
            "label": self.label,
            "axis": self.axis,
            "low_end": self.low_end,
            "high_end": self.high_end,
            "verdict": self.quality.verdict if self.quality else None,
        }

    def trust(self) -> dict[str, Any]:
        """How far to trust it: what it has learnt from, and how good it is."""
        return {
            "preset": self.preset,
            "trained": self.trained,
            "learnt_from": self.learnt_from,
            "quality": self.quality,
            "how_to_judge": self.how_to_judge,
            "space": self.space,
        }


def about(run: Run, label: str, scale: Scale, version: Version | None, space: str | None = None) -> About:
    """The facts about a run that has learnt a label on a scale."""
    manifest = version.manifest if version else None
    learnt_from = (
        LearntFrom(sum(manifest.photos.values()), manifest.horses_in_all, manifest.newest_photo) if manifest else None
    )
    named = label if run.config.label else ""  # a run of a former release does not name its label
    return About(
        run.name,
        run.config.preset,
        datetime.fromisoformat(run.facts.started).astimezone(JST).date(),
        run.facts.data,
        label,
        label.partition("/")[2],
        scale.low,
        scale.high,
        learnt_from,
        read_quality(run, named),
        {key: quality.verdict if (quality := read_quality(run, key)) else None for key in run.config.labels},
        how_to_judge(run, named),
        space,
    )


def read_quality(run: Run, label: str = "") -> Quality | None:
    """The result of the run's evaluation out of fold, or else on the test side; None if it was not evaluated."""
    for side in (OUT_OF_FOLD, Side.TEST):
        try:
            facts = json.loads((evaluation_folder(run, side, label) / "scores.json").read_text())
            verdict, constant = Verdict(facts["verdict"]), facts["baselines"][Baseline.MEAN]["mae"]["value"]
            error, coverage = facts["scores"]["mae"]["value"], facts["coverage"]["value"]
            return Quality(verdict, facts["photos"], facts["horses"], error, constant, coverage)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
