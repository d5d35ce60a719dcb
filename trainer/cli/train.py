"""`trainer train`: train one run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.errors import UsageError
from trainer.cli.base import Data, DeviceName, Values, absolute, directories, group
from trainer.training.trackers import Tracker, check_installed

if TYPE_CHECKING:
    from trainer.runs.runs import Run

commands = group()


Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="first-cnn, svr, alexnet-frozen-2017, probe, finetune, or the path of a TOML file; by default finetune "
        "with a GPU, else probe.",
    ),
]


Track = Annotated[Tracker | None, typer.Option(help="A library to follow the run with; without this nothing is sent.")]


@commands.add("train")
def train_run(
    preset: Preset = None,
    data: Data = "last",
    settings: Values = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Freeze parameters by name, such as 'backbone.*'.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run.")] = None,
    device: DeviceName = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the runs; by default in PADDOCK_HOME.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue --name, or the last unfinished run.")] = False,
    track: Track = None,
) -> None:
    """Train on a data set version.

    Stop it at any time: --resume continues from there, with the same result.

    Example: trainer train --preset probe

    Tried without a network, after trainer export --demo: trainer train --demo --preset first-cnn

    On two GPUs: torchrun --standalone --nproc-per-node 2 -m trainer train --preset finetune
    """
    from trainer.cli.session import RunRequest, begin_run, continue_run, learn_watched

    where = directories()
    request = RunRequest(where, absolute(out) if out else where.runs, name, preset, data, device)
    if resume and (settings or freeze):
        raise UsageError("--resume continues a run with its own settings: leave out --set and --freeze.")
    if track:
        check_installed(track)
    run, version, used = continue_run(request) if resume else begin_run(request, settings or [], freeze or [])
    learn_watched(run, version, used, where.cache, track)
    used.leave()
    if used.rank == 0:
        _draw(run)
        _print_run(run)


def _draw(run: "Run") -> None:
    metrics = run.metrics()
    if len(metrics) < 2:
        return
    from trainer.plots import lines, save  # importing matplotlib takes half a second

    plots = run.folder / "plots"
    plots.mkdir(exist_ok=True)
    curves = {"training loss": [line["loss"] for line in metrics]}
    if all("validation_mse" in line for line in metrics):
        curves["validation MSE (1..10)"] = [line["validation_mse"] for line in metrics]
    save(lines([line["epoch"] for line in metrics], curves, ("epoch", "")), plots / "training.png")


def _print_run(run: "Run") -> None:
    from dataclasses import asdict

    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    facts = run.facts
    if common().json:
        print_json({"name": run.name, "folder": run.folder, "config": run.config.model_dump()} | asdict(facts))
        return
    console = stdout()
    validation = "-" if facts.validation_mse is None else f"{facts.validation_mse:.2f}"
    console.print(f"{run.name}: training MSE {facts.train_mse:.2f}, validation MSE {validation} on the scale 1..10")
    if facts.words:
        console.print(facts.words, soft_wrap=True)
    console.print(f"How good that is: `trainer evaluate {run.name}`")
