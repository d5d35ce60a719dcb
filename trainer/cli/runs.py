"""`trainer runs`: list, compare and delete training runs. Listing and deleting do not need torch."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.command_line import Yes, with_common
from collector.console.common import common
from collector.console.visible import on_one_line
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import RunArgument, directories, group, print_rows, warn

if TYPE_CHECKING:
    import numpy as np

    from trainer.dataset.manifest import Version
    from trainer.directories import Directories
    from trainer.runs.runs import Run

commands = group("Training runs: list (without a word), compare, remove.", invoke_without_command=True)

LESS = ("code", "seconds", "epoch", "preset")  # columns that are left out on a narrow terminal


@commands.callback()
@with_common
def list_them(context: typer.Context) -> None:
    """Training runs: list (without a word), compare, remove."""
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.runs.runs import list_runs

    if context.invoked_subcommand is not None:
        return
    root = directories().runs
    held = list_runs(root)
    _warn_of_broken(root)
    if common().json:
        print_json([{"name": run.name, "preset": run.config.preset} | asdict(run.facts) for run in held])
        return
    if not held:
        stdout().print("No run yet: `trainer train` makes one.")
        return
    print_rows([_row(run) for run in held], LESS)


def _row(run: "Run") -> dict[str, str]:
    facts = run.facts
    train, validation = ("-" if error is None else f"{error:.2f}" for error in (facts.train_mse, facts.validation_mse))
    return {
        "run": run.name,
        "preset": run.config.preset,
        "data": facts.data,
        "status": facts.status,
        "epoch": str(facts.epoch or "-"),
        "train MSE": train,
        "validation MSE": validation,
        "seconds": f"{facts.seconds:.0f}",
        "code": facts.code,
    }


def _warn_of_broken(root: Path) -> None:
    from trainer.runs.runs import list_broken

    for sentence in list_broken(root):
        warn(sentence)


@commands.add("compare")
def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A run.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
) -> None:
    """Show how two runs differ, and which is better.

    They are compared on the same photos.

    Example: trainer runs compare first-cnn-1 probe-1
    """
    from collector.console.as_json import print_json
    from trainer.dataset.data import read_table
    from trainer.dataset.examples import Side
    from trainer.evaluation.gain import gain_over
    from trainer.evaluation.scores import Bootstrap, square
    from trainer.runs.runs import find_run, version_of

    where = directories()
    runs = [find_run(where.runs, word) for word in (one, other)]
    _check_comparable(runs)
    version = version_of(runs[0], where)
    labels = {version.manifest.label(run.config.label).key for run in runs}
    if len(labels) > 1:
        raise UsageError(f"{runs[0].name} and {runs[1].name} learnt different labels: {' and '.join(sorted(labels))}.")
    table = read_table(version, *labels)
    outside = table.on(Side.VALIDATION)
    if not len(outside):
        raise UsageError(f"{version.name} has no validation side to compare the runs on.")
    errors = [square(_answers(run, version, where, outside), table.label[outside]) for run in runs]
    bootstrap = Bootstrap(table.horse[outside])
    mses, gain = [bootstrap.mean(its) for its in errors], gain_over(errors[0], errors[1], bootstrap)
    settings = [run.config.model_dump() for run in runs]
    differ = {key: (value, settings[1][key]) for key, value in settings[0].items() if settings[1][key] != value}
    if common().json:
        numbers = {"validation_mse": [asdict(mse) for mse in mses], "gain": asdict(gain)}
        print_json({"runs": [run.name for run in runs], "settings": differ} | numbers)
        return
    _print_comparison(runs, differ, mses, gain, len(outside))


def _check_comparable(runs: list["Run"]) -> None:
    if runs[0].facts.data != runs[1].facts.data:
        raise UsageError(
            f"{runs[0].name} was trained on {runs[0].facts.data} and {runs[1].name} on {runs[1].facts.data}: errors on "
            "different photos cannot be compared. Train both on one version."
        )


def _answers(run: "Run", version: "Version", where: "Directories", indices: "np.ndarray") -> "np.ndarray":
    from trainer.dataset.data import load_pixels
    from trainer.models.answers import load_model
    from trainer.models.device import Device
    from trainer.models.features import answer_version

    device = Device.find("auto", run.config.precision)
    network, _ = load_model(run, device)
    pixels = load_pixels(version, run.config.preparation, where.cache)
    return answer_version(network, run.config, version, pixels, device, where.cache, indices)[0].value


def _print_comparison(
    runs: list["Run"], differ: dict[str, tuple[Any, Any]], mses: list[Any], gain: Any, photos: int
) -> None:
    from rich.table import Table

    from collector.console.terminal import stdout

    table = Table("", runs[0].name, runs[1].name, box=None)
    for key, values in differ.items():
        table.add_row(key, *map(str, values))
    table.add_row("seconds", *(f"{run.facts.seconds:.0f}" for run in runs))
    table.add_row("validation MSE (1..10)", *map(str, mses))
    stdout().print(table)
    sure = "better" if gain.low > 0 else "worse" if gain.high < 0 else "neither clearly better nor worse"
    stdout().print(
        f"{runs[1].name} is {sure}: it saves a share of {gain} of the squared error of {runs[0].name} on the same "
        f"{counted(photos, 'photo')}.",
        soft_wrap=True,
    )


@commands.add("delete", json=False)
def delete(run: RunArgument, yes: Yes = False) -> None:
    """Remove a run and its model.

    Example: trainer runs delete first-cnn-1 --yes
    """
    from collector.console.terminal import stdout
    from trainer.locks import alone
    from trainer.runs.runs import find_folder

    root = directories().runs
    _warn_of_broken(root)
    folder = find_folder(root, run, ready=False)
    if not yes:
        typer.confirm(f"Remove {on_one_line(folder.name)}?", abort=True)
    with alone(folder, f"The run {folder.name} is being trained; stop that first."):
        shutil.rmtree(folder)
    stdout().print(f"{folder.name} is removed.")
