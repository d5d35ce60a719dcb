"""What the commands about runs do: list them, remove one. Neither needs torch."""

import shutil
from dataclasses import asdict
from pathlib import Path

import typer

from collector.console import as_typed
from collector.visible import visible
from trainer.command_base import places, print_json, print_rows, stdout, warn
from trainer.locks import alone
from trainer.runs import Run, find_folder, list_broken
from trainer.runs import list_runs as read_runs

LESS = ("code", "seconds", "epoch", "preset")  # columns that a narrow terminal does without


def list_runs(*, as_json: bool, demo: bool) -> None:
    """`trainer runs`."""
    root = places(demo=demo).runs
    held = read_runs(root)
    _warn_of_broken(root, demo=demo)
    if as_json:
        print_json([{"name": run.name, "preset": run.config.preset} | asdict(run.facts) for run in held])
        return
    if not held:
        stdout().print(as_typed("There is no run yet: `trainer train` makes one.", demo=demo))
        return
    print_rows([_row(run) for run in held], LESS)


def _row(run: Run) -> dict[str, str]:
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


def _warn_of_broken(root: Path, *, demo: bool) -> None:
    for sentence in list_broken(root):
        warn(as_typed(sentence, demo=demo))


def delete(word: str, *, yes: bool, demo: bool) -> None:
    """`trainer runs delete`."""
    root = places(demo=demo).runs
    _warn_of_broken(root, demo=demo)
    folder = find_folder(root, word, ready=False)
    if not yes:
        typer.confirm(f"Remove {visible(folder.name)}?", abort=True)
    with alone(folder, f"The run {folder.name} is being trained; stop that first."):
        shutil.rmtree(folder)
    stdout().print(f"{folder.name} is removed.")
