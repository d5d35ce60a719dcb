"""What `trainer evaluate` said of a run, as it is kept in the run's folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.console.wording import counted
from collector.errors import UsageError
from trainer.directories import BEST, LAST, as_file_name
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
        side = self.side.replace("_", " ")
        return f"{verdict} on {counted(self.horses, 'horse')} ({side}), R2 {self.r2:.3f} against the mean"


def named_for(name: str, run: Run, label: str) -> str:
    """The name of what is kept of a run, for one of its labels; that for its first label (the default) is as given."""
    return f"{name}-{as_file_name(label)}" if run.config.place_of(label) else name


def evaluation_folder(run: Run, side: str, label: str = "") -> Path:
    """Where the evaluation of a run on a side is kept, by one of its labels (by default the first)."""
    return run.folder / named_for(f"evaluation-{side}", run, label)


def judged(run: Run, label: str = "") -> Judged | None:
    """What was said of a run's answers to one of its labels (by default the first); None if it was not evaluated, or by
    a former release."""
    for side in SIDES:
        try:
            facts = json.loads((evaluation_folder(run, side, label) / "scores.json").read_text())
            mse, r2 = facts["scores"]["mse"]["value"], facts["r2"]["value"]
            return Judged(side, facts["verdict"], r2, mse, facts["horses"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def judged_words(run: Run, label: str = "") -> str:
    """How good a run's answers to one of its labels are, in words, or how to find out."""
    if found := judged(run, label):
        return found.words
    return f"NOT EVALUATED: `{how_to_judge(run, label)}` says how good it is"


def how_to_judge(run: Run, label: str = "") -> str:
    """The command that says how good a run's answers to one of its labels are."""
    named = f" --label {label}" if run.config.place_of(label) else ""
    return f"trainer evaluate {run.name}{named}"


def best_of(runs: Sequence[Run], label: str = "") -> Run | None:
    """The run whose answers to a label have the least error out of fold, among those of the data set of the last one
    that was evaluated; without any, the last run that has learnt it. None if none has. Without a label, it is the own
    label of the last run that was evaluated.
    """
    held = [run for run in runs if not label or label in run.config.labels]
    scores = {run.name: found for run in held if (found := judged(run, label)) and found.side == SIDES[0]}
    known = [run for run in held if run.name in scores]
    if not known:
        return held[-1] if held else None
    alike = [run for run in known if _learnt(run, label) == _learnt(known[-1], label)]
    return min(alike, key=lambda run: scores[run.name].mse)


def _learnt(run: Run, label: str) -> tuple[str, str]:
    return run.facts.data, label or run.config.label


def find_best(root: Path, word: str, label: str = "") -> Run:
    """The run of a word as for `find_run`, or the `best` one for a label.

    Raises:
        UsageError: none or several match, or the run has no model yet or has not learnt the label.
    """
    runs = [run for run in list_runs(root) if run.ready]
    found = best_of(runs, label) if word == BEST else find_run(root, word)
    if found is None and runs:
        raise UsageError(f"No run has learnt {label}: `trainer train --set label={label}` makes one.")
    found = found or find_run(root, LAST)  # which says that there is none
    found.config.place_of(label)
    return found
