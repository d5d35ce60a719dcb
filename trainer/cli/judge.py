"""How good a run is, and why: evaluate, diagnose, and guess, which measures human level."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.common import common
from collector.console.measures import span_in_words
from collector.errors import UsageError
from trainer.cli.base import Data, DeviceName, RunArgument, absolute, directories, group, progress

if TYPE_CHECKING:
    import numpy as np

    from trainer.dataset.manifest import Version
    from trainer.dataset.rows import Indexed
    from trainer.evaluation.diagnose import Diagnosis
    from trainer.evaluation.evaluate import Evaluation
    from trainer.evaluation.guess import Quiz
    from trainer.evaluation.predictions import Answered
    from trainer.models.device import Device
    from trainer.runs.runs import Run
    from trainer.training.learn import Material

commands = group()

MAPS = 12  # photos whose saliency is drawn


class SideName(StrEnum):
    """A side of a data set, or all horses but those of the test side, each by a model that has not seen it."""

    OUT_OF_FOLD = "out_of_fold"
    TRAIN = "train"
    TRAIN_DEV = "train_dev"
    VALIDATION = "validation"
    TEST = "test"


HumanLevel = Annotated[
    float | None,
    typer.Option(min=0, metavar="MSE", help="Human level on the scale 1..10; by default as `trainer guess` measured."),
]
Curve = Annotated[
    bool | None,
    typer.Option(
        "--curve/--no-curve", help="Train again on 10 to 100 % of the horses; by default only if that takes seconds."
    ),
]


Predictions = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Judge these answers in place of a run: CSV or Parquet with photo and value."),
]


@commands.add("evaluate")
def show_scores(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run: its name, its beginning, or last.", show_default="last")
    ] = None,
    side: Annotated[
        SideName, typer.Option("--split", metavar="SIDE", help=f"What is answered: {', '.join(SideName)}.")
    ] = SideName.OUT_OF_FOLD,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Out of fold: answer each horse from horses that were seen earlier.")
    ] = False,
    predictions: Predictions = None,
    data: Data = "last",
    device: DeviceName = "auto",
) -> None:
    """Show how good a run is on horses it has not seen.

    Next to the baselines without a photo that it has to beat. By default each horse but those of the test side is
    answered by a model that was fitted to the others; a run that was trained in steps is trained again for that.
    --split test opens the final test, which is counted: use it once, at the end.

    Answers of other programs are judged by the same rules with --predictions, on the data set of --data.

    Example: trainer evaluate probe-1

    Example: trainer evaluate --predictions answers.csv
    """
    if predictions and run:
        raise UsageError("Either a RUN or --predictions is judged; leave one of them out.")
    if by_time and side is not SideName.OUT_OF_FOLD:
        raise UsageError("--by-time is for answers out of fold; leave out --split.")
    if not predictions and data != "last":
        raise UsageError("A run is judged on its own data set; --data is for --predictions.")
    if predictions:
        _judge_file(predictions, side, data, by_time)
    else:
        _judge_run(run or "last", side, device, by_time)


def _judge_file(path: Path, side: SideName, data: str, by_time: bool) -> None:
    from trainer.dataset.manifest import find_version
    from trainer.directories import as_file_name
    from trainer.evaluation.evaluate import evaluate_file

    where = directories()
    version = find_version(where.datasets, data)
    judged = evaluate_file(absolute(path), version, side.value, by_time=by_time)
    folder = where.home / "evaluations" / f"{as_file_name(path.stem)}-{_folder_name(side, by_time)}"
    _print_evaluation(*judged, folder, version)


def _judge_run(word: str, side: SideName, device: str, by_time: bool) -> None:
    from collector.console.terminal import stderr
    from trainer.dataset.examples import Side
    from trainer.evaluation.evaluate import evaluate, evaluate_out_of_fold
    from trainer.models.device import Device
    from trainer.runs.runs import find_run, version_of
    from trainer.training.learn import Report

    where = directories()
    found = find_run(where.runs, word)
    used = Device.find(device, found.config.precision)
    if side is SideName.OUT_OF_FOLD:
        with progress("photos and folds") as show:
            report = Report(progress=lambda _work, done, of: show(done, of), message=stderr().print)
            judged = evaluate_out_of_fold(found, where, used, report, by_time=by_time)
    else:
        judged = evaluate(found, Side(side.value), where, used)
    _print_evaluation(*judged, found.folder / f"evaluation-{_folder_name(side, by_time)}", version_of(found, where))


def _folder_name(side: SideName, by_time: bool) -> str:
    return f"{side.value}_by_time" if by_time else side.value


def _print_evaluation(evaluation: "Evaluation", answered: "Answered", folder: Path, version: "Version") -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.evaluation.report import print_evaluation, write_report

    page = write_report(folder, evaluation, answered, version)
    if common().json:
        print_json(evaluation.as_json() | {"report": page})
        return
    print_evaluation(stdout(), evaluation)
    stdout().print(f"With plots: {page}", soft_wrap=True)


@commands.add("diagnose")
def find_causes(
    run: RunArgument = "last",
    human: HumanLevel = None,
    curve: Curve = None,
    device: DeviceName = "auto",
) -> None:
    """Show where a run's error comes from.

    Bias, variance, other years or labels, and the next step.

    Example: trainer diagnose last --human 2.5
    """
    from collector.console.as_json import print_json
    from trainer.evaluation.diagnose import diagnose
    from trainer.evaluation.diagnosis_page import write_page
    from trainer.evaluation.guess import guesses_path, human_level
    from trainer.inference.saliency import frame_share
    from trainer.models.answers import load_model
    from trainer.models.device import Device
    from trainer.runs.runs import find_run, version_of
    from trainer.training.learn import gather

    where = directories()
    judged = find_run(where.runs, run)
    used = Device.find(device, judged.config.precision)
    version = version_of(judged, where)
    network, _ = load_model(judged, used)
    material = gather(version, judged.config, where.cache)
    guessed = human_level(guesses_path(where.home, version.manifest.version))
    level = human if human is not None else guessed.value if guessed else None
    found = diagnose(judged, network, material.table, material.pixels, used, level)
    _add_curve(found, judged, material, used, curve)
    indices = material.table.on(_side_to_show(found))
    pictures, heat = _draw_saliency(network, material.table.rows, material.pixels, indices, used)
    found.frame = frame_share(heat)
    page = write_page(judged.folder / "diagnosis", found, pictures)
    if common().json:
        print_json(found.as_json() | {"report": page})
        return
    _print_diagnosis(found, judged, page)


def _add_curve(found: "Diagnosis", run: "Run", material: "Material", device: "Device", requested: bool | None) -> None:
    from collector.console.terminal import stderr
    from trainer.evaluation.curve import learning_curve

    if requested or (requested is None and run.config.closed_form):
        stderr().print("The learning curve: training again on shares of the horses ...")
        found.curve = learning_curve(run, material, device)


def _print_diagnosis(found: "Diagnosis", run: "Run", page: Any) -> None:
    from collector.console.terminal import stdout
    from trainer.evaluation.diagnosis_page import print_diagnosis

    print_diagnosis(stdout(), found)
    if found.curve is None:
        seconds = run.facts.seconds * 5
        stdout().print(
            f"With --curve: what more photos would bring; it trains again for about {span_in_words(seconds)}."
        )
    stdout().print(f"With plots: {page}", soft_wrap=True)


def _side_to_show(found: "Diagnosis") -> Any:
    from trainer.dataset.examples import Side

    return Side.VALIDATION if Side.VALIDATION in found.errors else Side.TRAIN


def _draw_saliency(
    network: Any, rows: list[dict[str, Any]], pixels: "Indexed", indices: "np.ndarray", device: "Device"
) -> tuple[list[tuple[Any, str]], "np.ndarray"]:
    from trainer.inference.saliency import overlay, saliency
    from trainer.models.answers import answer

    chosen = indices[:: max(1, len(indices) // MAPS)][:MAPS]
    heat = saliency(network, pixels[chosen], device)
    values = answer(network, pixels[chosen], device).value
    drawn = [
        (overlay(pixels[index], its), f"{rows[index]['photo']} {value:.2f}")
        for index, its, value in zip(chosen, heat, values, strict=True)
    ]
    return drawn, heat


@commands.add("guess", json=False)
def ask_a_person(
    data: Data = "last",
    photos: Annotated[int, typer.Option(min=1, metavar="N", help="At most N photos.")] = 20,
    port: Annotated[
        int, typer.Option(min=1, max=65535, metavar="PORT", help="Port of the page, on this machine only.")
    ] = 8770,
) -> None:
    """Measure how well a person does.

    A page shows validation photos, and you say how far each horse would stay.

    Example: trainer guess --photos 40
    """
    from collector.console.terminal import stdout
    from trainer.dataset.manifest import find_version
    from trainer.evaluation.guess import choose, guesses_path, human_level

    where = directories()
    version = find_version(where.datasets, data)
    path = guesses_path(where.home, version.manifest.version)
    quiz = choose(version, photos, path)
    if not quiz.photos:
        raise UsageError(f"Every validation horse of {version.name} has been answered already: {path}.")
    asyncio.run(_ask(quiz, port))
    level = human_level(path)
    if level:
        words = f"{quiz.answered} answers now; all of them so far: MSE {level} on the scale 1..10"
        stdout().print(f"{words}. `trainer diagnose` uses that as human level. Kept in {path}", soft_wrap=True)


async def _ask(quiz: "Quiz", port: int) -> None:
    from aiohttp import web

    from collector.console.terminal import stderr
    from collector.web.server.serving import make_runner
    from trainer.evaluation.guess import make_page

    ended = asyncio.Event()
    runner = make_runner(make_page(quiz, ended.set))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"Port {port} is taken; name another one with --port.") from error
        stderr().print(f"Open http://127.0.0.1:{port}/ and say how far each horse would stay; Ctrl-C ends it early.")
        await ended.wait()
        await asyncio.sleep(0.5)  # until the last page is sent
    except asyncio.CancelledError:
        return
    finally:
        await runner.cleanup()
