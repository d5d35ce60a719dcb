"""An evaluation for people: a table on the terminal, and a page with plots in the run's folder."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from collector.console.as_json import json_text
from collector.storage.decoders import decoders
from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import Preparation, prepare
from trainer.directories import write_file
from trainer.evaluation.evaluate import Answered, Evaluation
from trainer.evaluation.verdict import Verdict
from trainer.models.answers import COVERAGE
from trainer.plots import figure, grid, intervals, save, scatter

SHEET = 8  # photos on the sheets of the best and the worst answers
THUMBNAIL = Preparation(150, 200)


SENTENCES = {
    Verdict.LEARNT: "{run} on its training photos: MSE {mse} on the scale 1..10, which does not show how good it is; "
    "leave out --split.",
    Verdict.CONSTANT: "CONSTANT. {run} on {side}: MSE {mse} on the scale 1..10; its answers hardly differ from photo "
    "to photo; `trainer diagnose` finds the cause.",
    Verdict.SKILL: "SKILL. {run} on {side}: MSE {mse} on the scale 1..10; the constant median's is {constant:.3f}, "
    "higher by {gain}.",
    Verdict.NO_SKILL: "NO SKILL. {run} on {side}: MSE {mse} on the scale 1..10; the constant median's is "
    "{constant:.3f}, and the difference, {gain}, may be zero.",
}


def sentence(evaluation: Evaluation) -> str:
    """The verdict in one sentence."""
    return SENTENCES[evaluation.verdict].format(
        run=evaluation.run,
        side=evaluation.side,
        mse=evaluation.scores.mse,
        constant=evaluation.baselines["constant median"].mse.value,
        gain=evaluation.gains["constant median"],
    )


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print the verdict, the table of scores (the run, then the baselines) and the warnings."""
    console.print(sentence(evaluation), style="bold" if evaluation.skill else "bold yellow", soft_wrap=True)
    console.print(f"{evaluation.photos} photos of {evaluation.horses} horses; intervals of 95 %, resampled by horse")
    table = Table(Column("", no_wrap=True), "MSE (1..10)", "MAE", "rank", "types", "run's gain in MSE", box=None)
    rows = [(evaluation.run, evaluation.scores, ""), *_baseline_rows(evaluation)]
    for name, scores, gain in rows:
        others = (f"{number.value:.2f}" for number in (scores.mae, scores.spearman, scores.accuracy))
        table.add_row(name, _short(scores.mse), *others, gain)
    console.print(table)
    console.print(
        f"Interval of {COVERAGE:.0%}: contains {evaluation.coverage.value:.1%} of labels, {evaluation.width:.2f} wide; "
        f"all photos of a horse together: MSE {_short(evaluation.by_horse)}",
        soft_wrap=True,
    )
    for line in _warnings(evaluation):
        console.print(line, style="yellow", soft_wrap=True)


def _baseline_rows(evaluation: Evaluation) -> list[tuple[str, Any, str]]:
    return [(name, scores, _short(evaluation.gains[name])) for name, scores in evaluation.baselines.items()]


def _short(score: Any) -> str:
    return f"{score.value:.2f} [{score.low:.2f}, {score.high:.2f}]"


def _warnings(evaluation: Evaluation) -> list[str]:
    said = []
    if evaluation.side is Side.VALIDATION:
        said.append(
            "The best epoch and the intervals were chosen on these photos: only the test side is a fair measure."
        )
    if not evaluation.promised:
        said.append(f"The validation side has too few horses for an interval of {COVERAGE:.0%}: it is the whole scale.")
    if evaluation.leak:
        parts = ", ".join(
            f"{name}: MSE {mse:.2f} on {photos} photos" for name, (photos, mse) in evaluation.leak.items()
        )
        said.append(f"Leak: some of these horses are also in training ({parts}).")
    if evaluation.horses < 30:
        said.append(f"{evaluation.horses} horses are few; see how wide the intervals are.")
    said += [
        f"Not compared with {preset}: `trainer train --preset {preset}` trains it." for preset in evaluation.missing
    ]
    return said


def write_report(folder: Path, evaluation: Evaluation, answered: Answered, version: Version) -> Path:
    """Write report.md with its plots, and scores.json; returns the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "scores.json", json_text(evaluation.as_json(), indent=1) + "\n")
    save(scatter(answered.label.tolist(), answered.value.tolist(), evaluation.run), folder / "scatter.png")
    rows = [(evaluation.run, evaluation.scores), *evaluation.baselines.items()]
    errors = [(name, its.mse.value, its.mse.low, its.mse.high) for name, its in rows]
    save(intervals(errors, "MSE on the scale 1..10"), folder / "errors.png")
    _draw_calibration(evaluation, folder / "calibration.png")
    order = np.argsort(np.abs(answered.value - answered.label), kind="stable")
    half = (len(order) + 1) // 2  # so that no photo is on both sheets
    for name, chosen in (("best", order[:half][:SHEET]), ("worst", order[half:][::-1][:SHEET])):
        save(grid(_photos(version, answered, chosen)), folder / f"{name}.png")
    write_file(folder / "report.md", _page(evaluation))
    return folder / "report.md"


def _draw_calibration(evaluation: Evaluation, path: Path) -> None:
    drawn, axes = figure(size=(4.2, 4.0))
    axes[0, 0].plot([0.4, 1], [0.4, 1], color="#9aa0a6", linestyle=":")
    axes[0, 0].plot([float(coverage) for coverage in evaluation.coverages], list(evaluation.coverages.values()), "o-")
    axes[0, 0].set(xlabel="requested coverage", ylabel="share of labels within", xlim=(0.4, 1), ylim=(0.2, 1.02))
    save(drawn, path)


def _photos(version: Version, answered: Answered, chosen: np.ndarray) -> list[tuple[Any, str]]:
    """The chosen photos, each with its label and answer, in the given order."""
    positions = {(answered.rows[position]["source"], answered.rows[position]["photo"]): position for position in chosen}
    found: dict[int, tuple[Any, str]] = {}
    for shard in version.manifest.shards:
        if len(found) == len(positions):
            break
        if shard.side != answered.rows[0]["side"]:
            continue
        for row, body in read_shard(Format(version.manifest.format), version.folder / shard.path):
            position = positions.get((row["source"], row["photo"]))
            if position is not None:
                words = f"{row['photo']}\nlabel {answered.label[position]:.2f}, answer {answered.value[position]:.2f}"
                found[position] = decoders().run(prepare, body, THUMBNAIL), words
    return [found[position] for position in chosen]


def _page(evaluation: Evaluation) -> str:
    scores = [
        f"| {name} | {_short(its.mse)} | {_short(its.mae)} | {_short(its.spearman)} | {_short(its.accuracy)} | {gain} |"
        for name, its, gain in [(evaluation.run, evaluation.scores, ""), *_baseline_rows(evaluation)]
    ]
    groups = [
        f"| {column} {name} | {photos} | {mse:.2f} | {mae:.3f} |"
        for column, its in evaluation.groups.items()
        for name, (photos, mse, mae) in its.items()
    ]
    return PAGE.format(
        e=evaluation,
        verdict=sentence(evaluation),
        scores="\n".join(scores),
        groups="\n".join(groups),
        warnings="\n".join(f"- {line}" for line in _warnings(evaluation)) or "- none",
        coverage=f"{COVERAGE:.0%}",
        by_horse=_short(evaluation.by_horse),
        reached=", ".join(f"{float(coverage):.0%} → {its:.0%}" for coverage, its in evaluation.coverages.items()),
    )


PAGE = """# {e.run} on {e.side}

**{verdict}**

{e.photos} photos of {e.horses} horses of the data set {e.data}. Intervals of 95 %, by resampling horses; the gain is
how much lower the run's MSE is than the baseline's on the same photos.

| | MSE (1..10) | MAE (0..1) | Spearman | four types | run's gain in MSE |
|---|--:|--:|--:|--:|--:|
{scores}

![Errors](errors.png) ![Answers against labels](scatter.png)

The mean answer to all photos of a horse: MSE {by_horse}.

## Warnings

{warnings}

## Interval

The interval of {coverage} contains {e.coverage} of the labels; its mean width is {e.width:.2f}. Requested and reached
coverage: {reached}.

![Coverage](calibration.png)

## By year, course and sex

| | photos | MSE | MAE |
|---|--:|--:|--:|
{groups}

## Best and worst

![Best](best.png)
![Worst](worst.png)

The photos belong to their photographers: do not publish this page.
"""
