"""What the page says of the run that answers: which, on what data, and how good on horses that it had never seen."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from collector.console.wording import JST
from trainer.dataset.manifest import Version
from trainer.evaluation.verdict import Verdict
from trainer.runs.runs import Run


@dataclass(frozen=True, slots=True)
class Quality:
    """A run on the test side, as `trainer evaluate` has found it. Errors are mean absolute ones on 0..1."""

    verdict: Verdict
    photos: int
    horses: int
    error: float
    constant_error: float  # of always answering the median
    coverage: float  # share of labels within the interval


@dataclass(frozen=True, slots=True)
class About:
    """The run, for people and for programs."""

    run: str
    preset: str
    trained: date
    data: str
    photos: int | None  # of the data set; None where it is gone
    horses: int | None
    newest_photo: str | None
    quality: Quality | None  # None: nobody has evaluated it

    def as_json(self) -> dict[str, Any]:
        """The facts as /healthz and the API answer them."""
        return {"run": self.run, "data": self.data, "verdict": self.quality.verdict if self.quality else None}


def about(run: Run, version: Version | None) -> About:
    """What is known of a run."""
    manifest = version.manifest if version else None
    return About(
        run.name,
        run.config.preset,
        datetime.fromisoformat(run.facts.started).astimezone(JST).date(),
        run.facts.data,
        sum(manifest.photos.values()) if manifest else None,
        manifest.horses_in_all if manifest else None,
        manifest.newest_photo if manifest else None,
        read_quality(run),
    )


def read_quality(run: Run) -> Quality | None:
    """What the run's evaluation on the test side says; None where there is none that can be read."""
    try:
        facts = json.loads((run.folder / "evaluation-test" / "scores.json").read_text())
        beside = Verdict.SKILL if facts["skill"] else Verdict.NO_SKILL
        verdict = Verdict.CONSTANT if facts["constant"] else beside
        constant = facts["baselines"]["constant median"]["mae"]["value"]
        error, coverage = facts["scores"]["mae"]["value"], facts["coverage"]["value"]
        return Quality(verdict, facts["photos"], facts["horses"], error, constant, coverage)
    except (OSError, ValueError, KeyError, TypeError):
        return None
