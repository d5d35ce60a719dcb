"""The commands. Thin: words become values, one function is called, one result is printed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.program import run_program
from collector.racing import Axis
from trainer.cli_base import EXIT_CODES, Demo, Json, group
from trainer.data_cli import dataset
from trainer.job_cli import job

app = group(
    "Learns distance aptitude from the collected photos, and says how good it is.",
    no_args_is_help=True,
    epilog=EXIT_CODES,
)
app.add_typer(dataset, name="dataset")
runs = group("Training runs: list (without a word), compare, remove.")
app.add_typer(runs, name="runs")
app.add_typer(job, name="job")


class DataFormat(StrEnum):
    """How a data set is written."""

    PARQUET = "parquet"
    IMAGEFOLDER = "imagefolder"
    WEBDATASET = "webdataset"


class SideName(StrEnum):
    """Which part of a data set."""

    TRAIN = "train"
    TRAIN_DEV = "train_dev"
    VALIDATION = "validation"
    TEST = "test"


DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name, its beginning, or last.")]


@app.command(epilog=EXIT_CODES)
def export(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where versions go; below PADDOCK_HOME unless given.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="N", help="What the version's name begins with.")] = "paddock",
    axis: Annotated[Axis, typer.Option(help="Which of the five aptitudes is the label.")] = Axis.DISTANCE,
    split: Annotated[
        str,
        typer.Option(
            metavar="RULE|FILE",
            help="horse (by time, no horse on two sides), issues-2016 (as the first attempt), or a CSV.",
        ),
    ] = "horse",
    min_reviews: Annotated[int, typer.Option(min=1, metavar="N", help="Reviews that a label has to come from.")] = 1,
    keep_unreviewed: Annotated[
        bool,
        typer.Option(
            "--keep-unreviewed", help="Also horses that nobody has reviewed, at 0.5, to show what that costs."
        ),
    ] = False,
    size: Annotated[
        int | None, typer.Option(min=16, metavar="PX", help="Longest edge; the photos as they came unless given.")
    ] = None,
    data_format: Annotated[DataFormat, typer.Option("--format", help="How it is written.")] = DataFormat.PARQUET,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted export (it does so anyway).")
    ] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Write the labelled photos as a data set version. The same database gives the same version, byte for byte.

    Example: trainer export --min-reviews 3

    Tried without a network, after collector crawl --since 2016 --demo and refresh-labels --demo: trainer export --demo
    """
    from trainer import data_commands
    from trainer.examples import Wanted

    wanted = Wanted(axis, min_reviews, keep_unreviewed)
    data_commands.export(wanted, out, name, split, size, data_format.value, resume=resume, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def train(
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="first-cnn, svr, alexnet-frozen-2017, probe or finetune; finetune where there is a GPU, else probe.",
        ),
    ] = None,
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set something otherwise; more than once.")
    ] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Freeze parameters by name, such as 'backbone.*'.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="N", help="What the run is called.")] = None,
    device: DeviceName = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where runs go; below PADDOCK_HOME unless given.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with --name, or the last unfinished run.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Train on a data set version. Stop it whenever you like: --resume goes on from there and ends the same.

    Example: trainer train --preset probe

    Tried without a network, after trainer export --demo: trainer train --demo --preset first-cnn

    On two GPUs: torchrun --standalone --nproc-per-node 2 -m trainer train --preset finetune
    """
    from trainer import train_command

    train_command.train(
        preset, data, settings or [], freeze or [], name, device, out, resume=resume, as_json=as_json, demo=demo
    )


@app.command(epilog=EXIT_CODES)
def evaluate(
    run: RunName = "last",
    side: Annotated[SideName, typer.Option("--split", help="Which side of its data set.")] = SideName.TEST,
    device: DeviceName = "auto",
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say how good a run is on photos that it has not seen, beside the baselines that it has to beat.

    Example: trainer evaluate probe-1
    """
    from trainer import judge_commands

    judge_commands.evaluate(run, side.value, device, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def diagnose(
    run: RunName = "last",
    human: Annotated[
        float | None,
        typer.Option(min=0, metavar="MSE", help="Human level on the scale 1..10; else what `guess` measured."),
    ] = None,
    curve: Annotated[
        bool | None, typer.Option("--curve/--no-curve", help="Train anew on 10 to 100 % of the horses.")
    ] = None,
    device: DeviceName = "auto",
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say where a run's error comes from (bias, variance, other years, labels) and what to do next.

    Example: trainer diagnose last --human 2.5
    """
    from trainer import judge_commands

    judge_commands.diagnose(run, human, device, curve=curve, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def guess(
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    photos: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many photos.")] = 20,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page, on this machine only.")] = 8770,
    demo: Demo = False,
) -> None:
    """Measure how well a person does: a page shows validation photos, and you say how far each horse would stay.

    Example: trainer guess --photos 40
    """
    from trainer import judge_commands

    judge_commands.guess(data, photos, port, demo=demo)


@app.command(epilog=EXIT_CODES)
def predict(
    photo: Annotated[str, typer.Argument(metavar="PHOTO|URL|DIR", help="A file, an address, or a folder of photos.")],
    run: Annotated[str, typer.Option(metavar="R", help="A run: its name, its beginning, or last.")] = "last",
    saliency: Annotated[
        bool | None,
        typer.Option("--saliency/--no-saliency", help="Draw what it looked at; without a word, for one photo."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where those pictures go.")] = None,
    device: DeviceName = "auto",
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Answer for photos: distance aptitude from 0 (short) to 1 (long), its interval, the type, what it looked at.

    Example: trainer predict horse.jpg
    """
    from trainer import predict_commands

    predict_commands.predict(photo, run, out, device, maps=saliency, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def onnx(
    run: RunName = "last",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Beside the run unless given.")] = None,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Write a run's model as ONNX, and check that it answers as the run does.

    Example: trainer onnx probe-1 --out model.onnx
    """
    from trainer import predict_commands

    predict_commands.onnx(run, out, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def serve(
    run: Annotated[str, typer.Option(metavar="R", help="A run: its name, its beginning, or last.")] = "last",
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine it asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 8771,
    keep_uploads: Annotated[
        Path | None,
        typer.Option("--keep-uploads", metavar="DIR", help="Keep the photos that people give; else none is kept."),
    ] = None,
    device: DeviceName = "auto",
    demo: Demo = False,
) -> None:
    """Answer for photos on a page, in Japanese and English, and for programs.

    Listens on this machine only unless --host says otherwise, and then asks for a token, which it prints, or which
    PADDOCK_SERVE_TOKEN sets.

    Example: trainer serve --run probe-1

    Tried without a network, after trainer train --demo: trainer serve --demo
    """
    from trainer import serve_command

    serve_command.serve(run, host, port, keep_uploads, device, demo=demo)


@runs.callback(invoke_without_command=True)
def list_runs(context: typer.Context, as_json: Json = False, demo: Demo = False) -> None:
    """List the runs, oldest first."""
    if context.invoked_subcommand is None:
        from trainer import run_commands

        run_commands.list_runs(as_json=as_json, demo=demo)


@runs.command("compare", epilog=EXIT_CODES)
def runs_compare(
    one: Annotated[str, typer.Argument(metavar="A", help="A run.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another run.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say in what two runs differ, and which is better on the same photos.

    Example: trainer runs compare first-cnn-1 probe-1
    """
    from trainer import judge_commands

    judge_commands.compare(one, other, as_json=as_json, demo=demo)


@runs.command("delete", epilog=EXIT_CODES)
def runs_delete(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    demo: Demo = False,
) -> None:
    """Remove a run and its model.

    Example: trainer runs delete first-cnn-1 --yes
    """
    from trainer import run_commands

    run_commands.delete(run, yes=yes, demo=demo)


@app.command(epilog=EXIT_CODES)
def sweep(
    presets: Annotated[list[str], typer.Option("--preset", metavar="NAME", help="A preset; more than once.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=A,B", help="A setting and the values to try; more than once."),
    ] = None,
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    gpus: Annotated[int | None, typer.Option("--gpu", min=1, metavar="N", help="So many GPUs for each run.")] = None,
    name: Annotated[str | None, typer.Option(metavar="N", help="What its jobs' names begin with.")] = None,
    where: Annotated[str, typer.Option(metavar="PLACE", help="local, or a place of profiles.toml.")] = "local",
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Train every combination of presets and settings, as many at once as there is room for, and compare them.

    Ctrl-C ends the watching, not the jobs; the same command with the same --name goes on watching.

    Example: trainer sweep --preset probe --preset finetune --set random_seed=0,1,2
    """
    from trainer import sweep_command

    sweep_command.sweep(presets, settings or [], data, gpus or 0, name, where, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def worker(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to do.")] = False,
    demo: Demo = False,
) -> None:
    """Work on training jobs: those of this machine, and those of the fleet on the same Postgres.

    Commands start one of their own where it is needed; keep one up on every machine of a fleet.

    Example: trainer worker
    """
    from trainer import job_commands

    job_commands.worker(until_idle=until_idle, demo=demo)


def main() -> None:
    """The `trainer` program."""
    run_program(app)
