"""What `trainer evaluate` said of a run, as it is kept in the run's folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.directories import BEST, LAST
from trainer.runs.runs import Run, find_run, list_runs

SIDES = ("out_of_fold", "test")  # the first one is the headline


@dataclass(frozen=True, slots=True)
class Judged:
    """How good a run is on horses that it has not seen."""

    side: str
    verdict: str  # a code of `trainer.evaluation.verdict`
    r2: float  # against the mean label
    mse: float  # on the scale 1..10
    horses: int

    @property
    def words(self) -> str:
        """The same in words."""
        verdict = self.verdict.replace("_", " ").upper()
        return f"{verdict} on {self.horses} horses ({self.side.replace('_', ' ')}), R2 {self.r2:.3f} against the mean"


def judged(run: Run) -> Judged | None:
    """What was said of a run; None if it was not evaluated, or by a former release."""
    for side in SIDES:
        try:
            facts = json.loads((run.folder / f"evaluation-{side}" / "scores.json").read_text())
            mse, r2 = facts["scores"]["mse"]["value"], facts["r2"]["value"]
            return Judged(side, facts["verdict"], r2, mse, facts["horses"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def judged_words(run: Run) -> str:
    """How good a run is, in words, or how to find out."""
    found = judged(run)
    return found.words if found else f"NOT EVALUATED: `trainer evaluate {run.name}` says how good it is"


def best_of(runs: Sequence[Run]) -> Run | None:
    """The run with the least error out of fold, among those of the data set and the label of the last one that was
    evaluated; without any, the last run. None without runs."""
    scores = {run.name: found for run in runs if (found := judged(run)) and found.side == SIDES[0]}
    known = [run for run in runs if run.name in scores]
    if not known:
        return runs[-1] if runs else None
    alike = [run for run in known if _learnt(run) == _learnt(known[-1])]
    return min(alike, key=lambda run: scores[run.name].mse)


def _learnt(run: Run) -> tuple[str, str]:
    return run.facts.data, run.config.label


def find_best(root: Path, word: str) -> Run:
    """The run of a word as for `find_run`, or the `best` one.

    Raises:
        UsageError: none or several match, or the run has no model yet.
    """
    if word != BEST:
        return find_run(root, word)
    found = best_of([run for run in list_runs(root) if run.ready])
    return found or find_run(root, LAST)  # which says that there is none
