"""A diagnosis for people: printed on the terminal, and written as a page with plots in the run's folder."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from collector.console.as_json import json_text
from collector.console.wording import counted
from trainer.directories import write_file
from trainer.evaluation.diagnose import Diagnosis
from trainer.evaluation.verdict import Gap
from trainer.plots import grid, intervals, lines, save


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """Print the errors as a table, then what to do next."""
    table = Table("error (MSE, 1..10)", "", "what the step adds", box=None)
    for row in _rows(found):
        table.add_row(*row)
    console.print(table)
    for line in _facts(found):
        console.print(line, soft_wrap=True)
    if found.constant:
        console.print("The answers hardly differ from photo to photo. Likely causes:", style="bold yellow")
        for number, cause in enumerate(found.causes, 1):
            console.print(f"  {number}. {cause}", soft_wrap=True)
    console.print("What to do next:", style="bold")
    for line in found.advice:
        console.print(f"  - {line}", soft_wrap=True)


def _rows(found: Diagnosis) -> list[tuple[str, str, str]]:
    rows = []
    if found.noise_floor is not None:
        rows.append(("noise of the labels", f"{found.noise_floor:.2f}", counted(found.floor_photos, "photo")))
    rows.append(("human level", "not known" if found.human is None else f"{found.human:.2f}", ""))
    gaps = {"train": Gap.BIAS, "train_dev": Gap.VARIANCE, "validation": Gap.MISMATCH}
    if "train_dev" not in found.errors:
        gaps["validation"] = Gap.VARIANCE_AND_MISMATCH
    for side, error in found.errors.items():
        rows.append((side, f"{error.value:.2f} [{error.low:.2f}, {error.high:.2f}]", _step(found, gaps[side])))
    return rows


def _step(found: Diagnosis, name: Gap) -> str:
    """What a step adds, as far as that is known."""
    if name is Gap.BIAS and found.human is None:
        return f"{name.words}: human level is not known"
    if name not in found.gaps:
        return f"{name.words}: too few horses to say"
    gap = found.gaps[name]
    unsure = ", which may be zero" if gap.low <= 0 <= gap.high else ""
    return f"{gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]  {name.words}{unsure}"


def _facts(found: Diagnosis) -> list[str]:
    spread = ", ".join(f"{side} {std:.3f}" for side, std in found.std.items())
    said = [f"Standard deviation of the answers: {spread}."]
    if found.dead:
        said.append(f"Units of the first dense layer whose output is zero for every photo: {found.dead:.0%}.")
    if found.sight and found.right_sight:
        seen = f"Backbone's features: variation {found.sight.variation:.2f}, constant {found.sight.constant:.0%}"
        right = f"{found.right_sight.variation:.2f} and {found.right_sight.constant:.0%}"
        said.append(
            f"{seen}" + (f"; at the scale it was trained on {right}." if found.sight != found.right_sight else ".")
        )
    if found.frame:
        share, chance = found.frame
        words = f"Saliency on the outer frame: {share.value:.0%} [{share.low:.0%}, {share.high:.0%}], by chance "
        looks = (
            "less there than by chance" if share.high < chance else "there as much as elsewhere, as far as that shows"
        )
        said.append(f"{words}{chance:.0%}: it looks {looks}.")
    if found.curve:
        last = found.curve.points[-1]
        points = ", ".join(
            f"{counted(point.horses, 'horse')} {point.validation_mse:.2f}" for point in found.curve.points
        )
        said.append(f"Learning curve (validation): {points}.")
        if found.curve.doubled is not None:
            gain = last.validation_mse - found.curve.doubled
            said.append(f"With twice the horses, about {found.curve.doubled:.2f} is expected ({gain:.2f} less).")
    return said


def write_page(folder: Path, found: Diagnosis, maps: list[tuple[Any, str]]) -> Path:
    """Write diagnosis.md with its plots, and diagnosis.json; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "diagnosis.json", json_text(found.as_json(), indent=1) + "\n")
    errors = [(side, its.value, its.low, its.high) for side, its in found.errors.items()]
    save(intervals(errors, "MSE on the scale 1..10"), folder / "errors.png")
    save(grid(maps), folder / "saliency.png")
    curve = ""
    if found.curve:
        points = found.curve.points
        drawn = {
            "training": [point.train_mse for point in points],
            "validation": [point.validation_mse for point in points],
        }
        save(lines([point.horses for point in points], drawn, ("horses", "MSE (1..10)")), folder / "curve.png")
        curve = "![Learning curve](curve.png)\n"
    rows = "\n".join(f"| {name} | {error} | {gap} |" for name, error, gap in _rows(found))
    causes = "".join(f"{number}. {cause}\n" for number, cause in enumerate(found.causes, 1))
    page = PAGE.format(
        run=found.run,
        rows=rows,
        facts="\n".join(f"- {line}" for line in _facts(found)),
        causes=f"\n## Why the answers hardly differ\n\n{causes}" if causes else "",
        advice="\n".join(f"- {line}" for line in found.advice),
        curve=curve,
    )
    write_file(folder / "diagnosis.md", page)
    return folder / "diagnosis.md"


PAGE = """# Diagnosis of {run}

| error (MSE, 1..10) | | what the step adds |
|---|--:|---|
{rows}

![Errors](errors.png)
{curve}
{facts}
{causes}
## What to do next

{advice}

## Where it looks

![Saliency](saliency.png)
"""
