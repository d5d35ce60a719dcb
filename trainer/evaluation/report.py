"""An evaluation for people: a table on the terminal, and a page with plots in the run's folder."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from collector.console.as_json import json_text
from collector.console.wording import counted
from collector.storage.decoders import decoders
from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import Preparation, prepare
from trainer.directories import write_file
from trainer.evaluation.baselines import WORDS, Baseline
from trainer.evaluation.evaluate import OUT_OF_FOLD, Evaluation
from trainer.evaluation.gain import Gain
from trainer.evaluation.groups import Averaging
from trainer.evaluation.predictions import Answered, write_predictions
from trainer.evaluation.scores import Score, Scores
from trainer.evaluation.verdict import LEAST, MATTERS, Verdict
from trainer.models.answers import COVERAGE
from trainer.plots import figure, grid, intervals, save, scatter

SHEET = 8  # photos on the sheets of the best and the worst answers
THUMBNAIL = Preparation(150, 200)


SENTENCES = {
    Verdict.LEARNT: "{run} on its training photos: MSE {mse} on the scale 1..10, which does not show how good it is; "
    "leave out --split.",
    Verdict.CONSTANT: "CONSTANT. {run} {where}: R2 {r2}; its answers hardly differ from photo to photo; `trainer "
    "diagnose` finds the cause.",
    Verdict.BEYOND_PEDIGREE_AND_RACE: "BEYOND PEDIGREE AND RACE. {run} {where}: R2 {r2}; it is better than every "
    "answer without a photo, of which {best} is the best with R2 {best_r2:.3f}.",
    Verdict.SKILL: "SKILL. {run} {where}: R2 {r2}, so it is better than the mean label; that it is better than every "
    "answer without a photo is not shown{best_words}.",
    Verdict.UNDECIDED: "UNDECIDED. {run} {where}: R2 {r2}; it may be zero, and it may be {matters:g} or more, which "
    "would matter. More horses decide.",
    Verdict.NO_SKILL: "NO SKILL. {run} {where}: R2 {r2}; it may be zero, and it is below {matters:g}, from which on it "
    "would matter.",
    Verdict.WORSE: "WORSE. {run} {where}: R2 {r2}; the mean label is the better answer.",
}
FEW = "UNDECIDED. {run} {where}: R2 {r2}, of {horses}; a verdict needs {least}."


def sentence(evaluation: Evaluation) -> str:
    """The verdict in one sentence."""
    best = Baseline(evaluation.best_baseline)
    best_r2 = 1 - evaluation.baselines[best].mse.value / evaluation.baselines[Baseline.MEAN].mse.value
    few = evaluation.verdict is Verdict.UNDECIDED and evaluation.horses < LEAST
    return (FEW if few else SENTENCES[evaluation.verdict]).format(
        run=evaluation.run,
        where=_where(evaluation),
        mse=evaluation.scores.mse,
        r2=evaluation.r2,
        best=WORDS[best],
        best_r2=best_r2,
        best_words="" if best is Baseline.MEAN else f" (the best, {WORDS[best]}, has R2 {best_r2:.3f})",
        matters=MATTERS,
        horses=counted(evaluation.horses, "horse"),
        least=LEAST,
    )


def _judged(evaluation: Evaluation) -> str:
    return f"{counted(evaluation.photos, 'photo')} of {counted(evaluation.horses, 'horse')}"


def _where(evaluation: Evaluation) -> str:
    if evaluation.side != OUT_OF_FOLD:
        return f"on {evaluation.side}"
    return "out of fold by time" if evaluation.by_time else "out of fold"


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print the verdict, the table of scores (the run, then the others) and the warnings."""
    console.print(sentence(evaluation), style="bold" if evaluation.skill else "bold yellow", soft_wrap=True)
    console.print(f"{_judged(evaluation)}; intervals of 95 %, resampled by horse")
    table = Table(Column("", no_wrap=True), *_heads(evaluation), box=None)
    for name, scores, gain in _rows(evaluation):
        table.add_row(name, _short(scores.mse), *_others(evaluation, scores), gain)
    console.print(table)
    if evaluation.coverage and evaluation.width is not None:
        console.print(
            f"Interval of {COVERAGE:.0%}: contains {evaluation.coverage.value:.1%} of labels, "
            f"{evaluation.width:.2f} wide; all photos of a horse together: MSE {_short(evaluation.by_horse)}",
            soft_wrap=True,
        )
    if evaluation.averaging:
        console.print(_averaging(evaluation.averaging), soft_wrap=True)
    for line in _warnings(evaluation):
        console.print(line, style="yellow", soft_wrap=True)


def _heads(evaluation: Evaluation) -> list[str]:
    return ["MSE (1..10)", "MAE", "rank", *(["types"] if evaluation.has_types else []), "saves of its error"]


def _others(evaluation: Evaluation, scores: Scores) -> list[str]:
    """MAE and rank, and the types where the axis has some."""
    types = [f"{scores.accuracy.value:.2f}"] if evaluation.has_types else []
    return [f"{scores.mae.value:.3f}", _short(scores.spearman), *types]


def _rows(evaluation: Evaluation) -> list[tuple[str, Scores, str]]:
    """The run, the baselines and the first attempt's models, each with what the run saves of its error."""
    without = [
        (WORDS[Baseline(name)], scores, _short(evaluation.gains[name])) for name, scores in evaluation.baselines.items()
    ]
    rivals = [(name, scores, _short(evaluation.rival_gains[name])) for name, scores in evaluation.rivals.items()]
    return [(evaluation.run, evaluation.scores, ""), *without, *rivals]


def _short(score: Score | Gain) -> str:
    return f"{score.value:.2f} [{score.low:.2f}, {score.high:.2f}]"


def _averaging(found: Averaging) -> str:
    words = (
        f"The mean of a horse's photos, for {counted(found.horses, 'horse')} with several: MSE {_short(found.mean)}, "
        f"of one photo {_short(found.one)}; it saves {_short(found.gain)} of the error."
    )
    if found.one_covered and found.mean_covered:
        words += (
            f" The mean of its intervals contains {found.mean_covered.value:.1%} of labels, that of one photo "
            f"{found.one_covered.value:.1%}."
        )
    return words


def _warnings(evaluation: Evaluation) -> list[str]:
    said = []
    if evaluation.opened is not None:
        times = "once" if evaluation.opened == 1 else f"{evaluation.opened} times"
        said.append(f"The final test of {evaluation.data} was opened {times} now: each look makes the next prove less.")
    if evaluation.unanswered:
        of = "of the pool" if evaluation.side == OUT_OF_FOLD else f"on {evaluation.side}"
        said.append(f"Not judged, because they have no answer: {counted(evaluation.unanswered, 'more photo')} {of}.")
    if evaluation.side == Side.VALIDATION:
        said.append("The best epoch and the intervals were chosen on these photos: leave out --split.")
    if not evaluation.promised:
        said.append(f"There are too few horses for an interval of {COVERAGE:.0%}: it is the whole scale.")
    if evaluation.leak:
        parts = ", ".join(
            f"{name}: MSE {mse:.2f} on {counted(photos, 'photo')}" for name, (photos, mse) in evaluation.leak.items()
        )
        said.append(f"Leak: some of these horses are also in training ({parts}).")
    if evaluation.horses < 30:
        said.append(f"{counted(evaluation.horses, 'horse is', 'horses are')} few; see how wide the intervals are.")
    return said + [f"Not compared with {preset}: {why}" for preset, why in evaluation.missing.items()]


def write_report(folder: Path, evaluation: Evaluation, answered: Answered, version: Version) -> Path:
    """Write report.md with its plots, scores.json and predictions.parquet; returns the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "scores.json", json_text(evaluation.as_json(), indent=1) + "\n")
    save(scatter(answered.label.tolist(), answered.value.tolist(), evaluation.run), folder / "scatter.png")
    write_predictions(folder, answered)
    errors = [(name, its.mse.value, its.mse.low, its.mse.high) for name, its, _ in _rows(evaluation)]
    save(intervals(errors, "MSE on the scale 1..10"), folder / "errors.png")
    if evaluation.coverages:
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
    rows = answered.rows
    positions = {(rows[position]["source"], rows[position]["photo"]): position for position in chosen}
    sides = {rows[position]["side"] for position in chosen}
    found: dict[int, tuple[Any, str]] = {}
    for shard in version.manifest.shards:
        if len(found) == len(positions):
            break
        if shard.side not in sides:
            continue
        for row, body in read_shard(Format(version.manifest.format), version.folder / shard.path):
            position = positions.get((row["source"], row["photo"]))
            if position is not None:
                label = answered.table.label[answered.examples[position]]
                words = f"{row['photo']}\nlabel {label:.2f}, answer {answered.value[position]:.2f}"
                found[position] = decoders().run(prepare, body, THUMBNAIL), words
    return [found[position] for position in chosen]


def _page(evaluation: Evaluation) -> str:
    scores = [
        " | ".join(["", name, _short(its.mse), *_others(evaluation, its), gain, ""]).strip()
        for name, its, gain in _rows(evaluation)
    ]
    heads = ["", *_heads(evaluation)]
    groups = [
        f"| {column} {name} | {photos} | {mse:.2f} | {mae:.3f} |"
        for column, its in evaluation.groups.items()
        for name, (photos, mse, mae) in its.items()
    ]
    return PAGE.format(
        e=evaluation,
        judged=_judged(evaluation),
        where=_where(evaluation),
        verdict=sentence(evaluation),
        scores="\n".join([f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|", *scores]),
        groups="\n".join(groups),
        warnings="\n".join(f"- {line}" for line in _warnings(evaluation)) or "- none",
        interval=_interval(evaluation),
        by_horse=_short(evaluation.by_horse),
        averaging=_averaging(evaluation.averaging) if evaluation.averaging else "No horse has several photos.",
    )


def _interval(evaluation: Evaluation) -> str:
    if evaluation.coverage is None:
        return "There are no intervals."
    words = (
        f"The interval of {COVERAGE:.0%} contains {evaluation.coverage} of the labels; its mean width is "
        f"{evaluation.width:.2f}."
    )
    reached = ", ".join(f"{float(coverage):.0%} → {its:.0%}" for coverage, its in evaluation.coverages.items())
    return f"{words} Requested and reached coverage: {reached}.\n\n![Coverage](calibration.png)" if reached else words


PAGE = """# {e.run} {where}

**{verdict}**

{judged} of the data set {e.data}, label {e.label_key}. Intervals of 95 %, by resampling
horses. The last column is the share of the squared error of that line's answers that the run saves, on the same photos;
beside the mean label it is R2.

{scores}

![Errors](errors.png) ![Answers against labels](scatter.png)

The mean answer to all photos of a horse: MSE {by_horse}. {averaging} Each photo's answer is in predictions.parquet.

## Warnings

{warnings}

## Interval

{interval}

## By year, course and sex

| | photos | MSE | MAE |
|---|--:|--:|--:|
{groups}

## Best and worst

![Best](best.png)
![Worst](worst.png)

The photos belong to their photographers: do not publish this page.
"""
