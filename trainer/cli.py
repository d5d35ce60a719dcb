"""The commands. Thin: words become values, one function is called, one result is printed."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from collector.errors import PaddockError
from collector.racing import Axis
from trainer.errors import Diverged, ExitCode

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use, configuration or data; 6 training stopped because its loss was no number, the "
    "last good checkpoint is kept; 7 a file or folder could not be written or read (a full disk, no permission); 130 "
    "interrupted, --resume goes on from there."
)


class Commands(TyperGroup):
    """A group whose commands answer a user's mistake with one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        from trainer.command_base import as_typed
        from trainer.places import explain

        demo = bool(ctx.params.get("demo")) or "--demo" in (*ctx._protected_args, *ctx.args)
        try:
            return super().invoke(ctx)
        except Diverged as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(ExitCode.DIVERGED) from error
        except PaddockError as error:
            typer.echo(f"error: {as_typed(str(error), demo=demo)}", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except ModuleNotFoundError as error:
            typer.echo(f"error: {error.name} is not installed: pip install 'paddock[trainer]'.", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except OSError as error:
            typer.echo(f"error: {explain(error)}", err=True)
            raise typer.Exit(ExitCode.DISK) from error
        except typer.Abort as error:
            typer.echo("error: Not confirmed, so nothing was done; add --yes to do it without being asked.", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error


def _group(words: str, **options: Any) -> typer.Typer:
    return typer.Typer(
        cls=Commands,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        help=words,
        **options,
    )


app = _group(
    "Learns distance aptitude from the collected photos, and says how good it is.",
    no_args_is_help=True,
    epilog=EXIT_CODES,
)
dataset = _group("Data set versions: list, look, check, compare, remove.", no_args_is_help=True)
app.add_typer(dataset, name="dataset")
runs = _group("Training runs: list (without a word), compare, remove.")
app.add_typer(runs, name="runs")


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


Demo = Annotated[bool, typer.Option("--demo", help="Work on what `collector crawl --demo` has collected.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; everything else on stderr.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name, its beginning, or last.")]
Data = Annotated[str, typer.Argument(metavar="VERSION", help="A data set version: its name, its beginning, or last.")]


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


@dataset.command("list", epilog=EXIT_CODES)
def dataset_list(as_json: Json = False, demo: Demo = False) -> None:
    """List the versions, oldest first, and exports that have not ended.

    Example: trainer dataset list
    """
    from trainer import data_commands

    data_commands.list_versions(as_json=as_json, demo=demo)


@dataset.command("show", epilog=EXIT_CODES)
def dataset_show(version: Data = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Say what is in a version: sides, types, what was left out and why, what leaks.

    Example: trainer dataset show last
    """
    from trainer import data_commands

    data_commands.show(version, as_json=as_json, demo=demo)


@dataset.command("verify", epilog=EXIT_CODES)
def dataset_verify(version: Data = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Check every file of a version against its digest.

    Example: trainer dataset verify last
    """
    from trainer import data_commands

    data_commands.verify(version, as_json=as_json, demo=demo)


@dataset.command("diff", epilog=EXIT_CODES)
def dataset_diff(
    one: Annotated[str, typer.Argument(metavar="A", help="The version before.")],
    other: Annotated[str, typer.Argument(metavar="B", help="The version after.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say what changed from one version to another: photos, labels, sides, settings.

    Example: trainer dataset diff 3f2a last
    """
    from trainer import data_commands

    data_commands.diff(one, other, as_json=as_json, demo=demo)


@dataset.command("delete", epilog=EXIT_CODES)
def dataset_delete(
    version: Data,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Remove a version, or an export that has not ended. The database can make it again.

    Example: trainer dataset delete paddock-3f2a9c01b7d4 --yes
    """
    from trainer import data_commands

    data_commands.delete(version, yes=yes, as_json=as_json, demo=demo)


def main() -> None:
    """The `trainer` program."""
    sys.exit(app())
