"""What the commands about runs do: list them, remove one. Neither needs torch."""

import shutil
from dataclasses import asdict

import typer
from rich.table import Column, Table

from trainer.command_base import places, print_json, stdout
from trainer.locks import alone
from trainer.runs import find_run
from trainer.runs import list_runs as read_runs


def list_runs(*, as_json: bool, demo: bool) -> None:
    """`trainer runs`."""
    held = read_runs(places(demo=demo).runs)
    if as_json:
        print_json([{"name": run.name, "preset": run.config.preset} | asdict(run.facts) for run in held])
        return
    if not held:
        stdout().print("There is no run yet: `trainer train` makes one.")
        return
    names = ("preset", "data", "status", "epoch", "train MSE", "validation MSE", "seconds", "code")
    table = Table(Column("run", no_wrap=True), *names, box=None)
    for run in held:
        facts = run.facts
        errors = ["-" if error is None else f"{error:.2f}" for error in (facts.train_mse, facts.validation_mse)]
        table.add_row(
            run.name, run.config.preset, facts.data, facts.status, str(facts.epoch or "-"), *errors,
            f"{facts.seconds:.0f}", facts.code,
        )  # fmt: skip
    stdout().print(table)


def delete(word: str, *, yes: bool, demo: bool) -> None:
    """`trainer runs delete`."""
    run = find_run(places(demo=demo).runs, word, ready=False)
    if not yes:
        typer.confirm(f"Remove {run.name}?", abort=True)
    with alone(run.folder, f"The run {run.name} is being trained; stop that first."):
        shutil.rmtree(run.folder)
    stdout().print(f"{run.name} is removed.")
