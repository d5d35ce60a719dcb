"""Plots as figures; the same numbers always give the same file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

mpl.use("agg")

INK, RED, GREY = "#1f4e79", "#b5452c", "#9aa0a6"
STYLE: Any = {
    "figure.dpi": 100, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.alpha": 0.25,
}  # fmt: skip


def figure(columns: int = 1, rows: int = 1, size: tuple[float, float] = (5.2, 3.2)) -> tuple[Figure, Any]:
    """A figure of `columns` x `rows` plots, each of a size in inches; `save` closes it."""
    with mpl.rc_context(STYLE):
        return plt.subplots(
            rows, columns, figsize=(size[0] * columns, size[1] * rows), layout="constrained", squeeze=False
        )


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG, without the names of program and time, and close it."""
    drawn.savefig(path, metadata={"Software": None})
    plt.close(drawn)


def histogram(values: Mapping[str, Sequence[float]], boundaries: Sequence[float], what: str = "photos") -> Figure:
    """Labels of several sides over 0..1, with vertical lines between the types; `what` is counted."""
    drawn, axes = figure()
    edges = [step / 20 for step in range(21)]
    axes[0, 0].hist(list(values.values()), edges, stacked=True, label=list(values))
    for boundary in boundaries:
        axes[0, 0].axvline(boundary, color=GREY, linestyle=":")
    axes[0, 0].set(xlabel="label (0 short, 1 long)" if boundaries else "label", ylabel=what, xlim=(0, 1))
    axes[0, 0].legend(frameon=False)
    return drawn


def bars(counts: Mapping[Any, float], what: str, by: str) -> Figure:
    """Counts by key."""
    drawn, axes = figure()
    axes[0, 0].bar([str(key) for key in counts], list(counts.values()), color=INK)
    axes[0, 0].set(xlabel=by, ylabel=what)
    axes[0, 0].tick_params(axis="x", rotation=45 if len(counts) > 8 else 0)
    return drawn


def grid(pictures: Sequence[tuple[Any, str]], columns: int = 4) -> Figure:
    """Pictures with a title each."""
    rows = max(1, -(-len(pictures) // columns))
    drawn, axes = figure(columns, rows, (2.1, 1.8))
    for axis in axes.flat:
        axis.axis("off")
    for axis, (pixels, words) in zip(axes.flat, pictures, strict=False):
        axis.imshow(pixels)
        axis.set_title(words, fontsize=8)
    return drawn


def scatter(
    one: Sequence[float], other: Sequence[float], title: str, names: tuple[str, str] = ("label", "predicted")
) -> Figure:
    """Two numbers of 0..1 against each other, such as predictions against labels."""
    drawn, axes = figure(size=(4.2, 4.0))
    axes[0, 0].plot([0, 1], [0, 1], color=GREY, linestyle=":")
    axes[0, 0].scatter(one, other, s=9, alpha=0.5, color=INK, linewidths=0)
    axes[0, 0].set(xlabel=names[0], ylabel=names[1], xlim=(0, 1), ylim=(0, 1), title=title)
    return drawn


def intervals(rows: Sequence[tuple[str, float, float, float]], what: str) -> Figure:
    """Values with their intervals, one below the other: (name, value, low, high)."""
    drawn, axes = figure(size=(6.4, 0.6 + 0.36 * len(rows)))
    for row, (_, value, low, high) in enumerate(reversed(rows)):
        axes[0, 0].plot([low, high], [row, row], color=INK, linewidth=2)
        axes[0, 0].plot([value], [row], "o", color=RED if row == len(rows) - 1 else INK)
    axes[0, 0].set_yticks(range(len(rows)), [name for name, *_ in reversed(rows)])
    axes[0, 0].set(xlabel=what)
    return drawn


def lines(x: Sequence[float], curves: Mapping[str, Sequence[float]], labels: tuple[str, str]) -> Figure:
    """Curves over a common x axis."""
    drawn, axes = figure()
    for name, values in curves.items():
        axes[0, 0].plot(x, values, marker="o", markersize=3, label=name)
    axes[0, 0].set(xlabel=labels[0], ylabel=labels[1])
    axes[0, 0].legend(frameon=False)
    return drawn
