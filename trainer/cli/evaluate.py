"""How good a run is, or anybody's answers are: evaluate."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.errors import UsageError
from trainer.cli.base import Data, DeviceName, absolute, directories, group, progress

if TYPE_CHECKING:
    from trainer.dataset.manifest import Version
    from trainer.evaluation.evaluate import Evaluation
    from trainer.evaluation.predictions import Answered

commands = group()


class SideName(StrEnum):
    """A side of a data set, or all horses but those of the test side, each by a model that has not seen it."""

    OUT_OF_FOLD = "out_of_fold"
    TRAIN = "train"
    TRAIN_DEV = "train_dev"
    VALIDATION = "validation"
    TEST = "test"


RunIfAny = Annotated[
    str | None, typer.Argument(metavar="RUN", help="A run: its name, its beginning, or last.", show_default="last")
]
Split = Annotated[SideName, typer.Option("--split", metavar="SIDE", help=f"What is answered: {', '.join(SideName)}.")]
ByTime = Annotated[
    bool, typer.Option("--by-time", help="Out of fold: answer each horse from horses that were seen earlier.")
]
Predictions = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Judge these answers in place of a run: CSV or Parquet with photo and value."),
]
LabelKey = Annotated[
    str,
    typer.Option(metavar="KEY", help="The label that is judged, definition/axis.", show_default="the first one"),
]


@commands.add("evaluate")
def show_scores(
    run: RunIfAny = None,
    side: Split = SideName.OUT_OF_FOLD,
    by_time: ByTime = False,
    predictions: Predictions = None,
    data: Data = "last",
    label: LabelKey = "",
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
        _judge_file(predictions, side, data, label, by_time)
    else:
        _judge_run(run or "last", side, device, label, by_time)


def _judge_file(path: Path, side: SideName, data: str, label: str, by_time: bool) -> None:
    from trainer.dataset.manifest import find_version
    from trainer.directories import as_file_name
    from trainer.evaluation.evaluate import evaluate_file

    where = directories()
    version = find_version(where.datasets, data)
    judged = evaluate_file(absolute(path), version, side.value, label, by_time=by_time)
    named = f"-{as_file_name(label)}" if label and label != version.manifest.label().key else ""
    folder = where.home / "evaluations" / f"{as_file_name(path.stem)}-{_folder_name(side, by_time)}{named}"
    _print_evaluation(*judged, folder, version)


def _judge_run(word: str, side: SideName, device: str, label: str, by_time: bool) -> None:
    from collector.console.terminal import stderr, stdout
    from trainer.dataset.examples import Side
    from trainer.evaluation.evaluate import evaluate, evaluate_out_of_fold
    from trainer.models.device import Device
    from trainer.runs.judged import evaluation_folder
    from trainer.runs.runs import find_run, version_of
    from trainer.training.learn import Report

    where = directories()
    found = find_run(where.runs, word)
    used = Device.find(device, found.config.precision)
    if side is SideName.OUT_OF_FOLD:
        console = stderr()
        with progress("photos and folds", console) as show:
            report = Report(progress=lambda _work, done, of: show(done, of), message=console.print)
            judged = evaluate_out_of_fold(found, where, used, report, label, by_time=by_time)
    else:
        with progress("photos") as show:
            judged = evaluate(found, Side(side.value), where, used, show, label)
    folder = evaluation_folder(found, _folder_name(side, by_time), label)
    _print_evaluation(*judged, folder, version_of(found, where))
    others = [its for its in found.config.labels if its != judged[0].label_key]
    if others and not label and not common().json:
        stdout().print(f"It has learnt other labels too: --label {' or '.join(others)}.", soft_wrap=True)


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
