"""Predictions for photos, and a run's model as an ONNX file: predict, onnx."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.common import common
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import (
    BestRunArgument,
    BestRunOption,
    DeviceName,
    LabelOption,
    absolute,
    directories,
    group,
    progress,
    read_settings,
    warn,
)

if TYPE_CHECKING:
    from collector.settings import Settings
    from trainer.inference.serving import Other, Prediction, Predictor
    from trainer.labels.definition import Scale
    from trainer.runs.runs import Run

commands = group()

BATCH = 64  # photos at once
COMPARED = 16  # photos on which the exported model is compared with the run

Photos = Annotated[list[str], typer.Argument(metavar="PHOTO|URL|DIR", help="Files, addresses, or folders of photos.")]
Saliency = Annotated[
    bool | None,
    typer.Option("--saliency/--no-saliency", help="Draw what the model looked at; by default only for one photo."),
]
Together = Annotated[
    bool,
    typer.Option(
        "--together", help="Answer for horses too: all photos of a folder, or all named themselves, show one."
    ),
]


@commands.add("predict")
def answer_for_photos(
    photos: Photos,
    run: BestRunOption = "best",
    saliency: Saliency = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of these pictures.")] = None,
    together: Together = False,
    label: LabelOption = "",
    device: DeviceName = "auto",
) -> None:
    """Predict from photos.

    The label that the run has learnt, such as distance from 0 (short) to 1 (long), its interval, the type, what the
    model looked at, and how good the run is. With --together several photos of a horse also give one answer: the mean
    of their values and of the ends of their intervals.

    Example: trainer predict horse.jpg

    Several photos of one horse: trainer predict --together walking.jpg standing.jpg
    """
    from collector.console.as_json import print_json
    from trainer.inference.serving import Predictor
    from trainer.models.device import Device
    from trainer.runs.judged import find_best, named_for

    where = directories()
    found = find_best(where.runs, run, label)
    predictor = Predictor(found, Device.find(device, found.config.precision), label)
    folder = absolute(out) if out else where.home / "predictions" / named_for(found.name, found, label)
    drawn = saliency if saliency is not None else len(photos) == 1 and not Path(photos[0]).is_dir()
    answers = _answers(predictor, photos, folder if drawn else None)
    horses = _horses(predictor, answers) if together else []
    if common().json:
        facts = {"run": found.name, "label": predictor.key, "verdict": _verdict(found, label)}
        print_json([horse.as_json() | facts for horse in horses] or [answer.as_json() | facts for answer in answers])
    else:
        _print(answers, horses, predictor.scale)
        _print_verdicts(found, predictor)
    if all(answer.prediction.value is None for answer in answers):
        raise UsageError(f"No photo could be read: {answers[0].prediction.problem}.")


def _print_verdicts(run: "Run", predictor: "Predictor") -> None:
    from collector.console.terminal import stdout
    from trainer.runs.judged import judged_words

    for learnt in predictor.learnt:
        named = learnt.key if len(run.config.labels) > 1 else ""  # a run of a former release does not name its label
        stdout().print(f"By {run.name}, {learnt.key}: {judged_words(run, named)}.", soft_wrap=True)


def _verdict(run: "Run", label: str) -> str | None:
    from trainer.runs.judged import judged

    said = judged(run, label)
    return said.verdict if said else None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer for a photo."""

    prediction: "Prediction"
    folder: str | None  # that the photo lies in; None: it was named itself
    saliency: Path | None  # its picture

    def as_json(self) -> dict[str, Any]:
        """The answer as `--json` prints it."""
        return self.prediction.as_json() | {"saliency": self.saliency}


@dataclass(frozen=True, slots=True)
class Horse:
    """The answer for a horse, and those for its photos."""

    prediction: "Prediction"
    folder: str | None
    answers: list[Answered]

    def as_json(self) -> dict[str, Any]:
        """The answer as `--json` prints it."""
        numbers = {name: value for name, value in self.prediction.as_json().items() if name != "photo"}
        return {"folder": self.folder} | numbers | {"photos": [answer.as_json() for answer in self.answers]}


def _answers(predictor: "Predictor", words: list[str], maps: Path | None) -> list[Answered]:
    """The answers for all photos of some words, with their saliency pictures, if a folder is given for them."""
    from trainer.dataset.formats import batched
    from trainer.inference.photos import count_photos, passed_in_words, read_all

    settings, passed, answers = read_settings(), Counter[str](), list[Answered]()
    photos, count = read_all(words, lambda url: _read_address(url, settings), passed), sum(map(count_photos, words))
    with progress("photos") as show:
        show(0, count)
        for batch in batched(photos, BATCH):
            named = [(photo.name, photo.body) for photo in batch]
            predictions = predictor.predict(named)
            pictures = _draw(predictor, named, maps) if maps else {}
            for photo, prediction in zip(batch, predictions, strict=True):
                answers.append(Answered(prediction, photo.folder, pictures.get(photo.name)))
            show(len(answers), count)
    if passed:
        warn(f"{passed_in_words(passed)}.")
    return answers


def _horses(predictor: "Predictor", answers: list[Answered]) -> list[Horse]:
    """The answers for horses: the photos of a folder are of one, and those that were named themselves are of one."""
    found: dict[str | None, list[Answered]] = {}
    for answer in answers:
        found.setdefault(answer.folder, []).append(answer)
    horses = []
    for folder, its in found.items():
        read = sum(answer.prediction.value is not None for answer in its)
        photos = counted(read, "photo")
        name = f"{folder}, {photos}" if folder else f"{photos} together"
        horses.append(Horse(predictor.together([answer.prediction for answer in its], name), folder, its))
    return horses


def _read_address(url: str, settings: "Settings") -> bytes:
    from collector.sources.registry import known_addresses
    from trainer.inference.collection import collection_if_any, conninfo_if_any
    from trainer.inference.photos import Reach, read_address

    async def read(conninfo: str | None) -> bytes:
        async with collection_if_any(conninfo) as collection:
            reach = Reach(settings.contact, known_addresses(settings), inside=True)
            return await read_address(url, reach, collection.photo_at if collection else None)

    with conninfo_if_any(settings) as conninfo:
        return asyncio.run(read(conninfo))


def _print(answers: list[Answered], horses: list[Horse], scale: "Scale") -> None:
    from rich.table import Column, Table

    from collector.console.terminal import stdout
    from trainer.models.answers import COVERAGE

    types = any(answer.prediction.kind for answer in answers)
    value = f"0 {scale.low}, 1 {scale.high}"
    table = Table(Column("photo", overflow="fold"), value, f"{COVERAGE:.0%} interval", box=None, pad_edge=False)
    table.add_column("type" if types else "", overflow="fold")
    for horse in horses:
        table.add_row(*_row(horse.prediction), style="bold")
        for answer in horse.answers:
            table.add_row(*_row(answer.prediction))
    for answer in [] if horses else answers:
        table.add_row(*_row(answer.prediction))
    stdout().print(table)
    for answer in horses or answers:
        for other in answer.prediction.others:
            stdout().print(_other(answer.prediction.photo, other), soft_wrap=True)
    # Below the table, where a path has a whole line.
    for answer in answers:
        if answer.saliency:
            stdout().print(f"What it looked at in {answer.prediction.photo}: {answer.saliency}", soft_wrap=True)


def _other(photo: str, other: "Other") -> str:
    metres = f" ({other.metres:,.0f} m)" if other.metres is not None else ""
    ends = f"0 {other.low_end}, 1 {other.high_end}"
    return f"{photo}, {other.label} ({ends}): {other.value:.3f}{metres}, {other.low:.2f} to {other.high:.2f}"


def _row(prediction: "Prediction") -> tuple[str, str, str, str]:
    if prediction.value is None:
        return prediction.photo, "-", "", f"not read: {prediction.problem}"
    metres = f" ({prediction.metres:,.0f} m)" if prediction.metres is not None else ""
    reach = f"{prediction.low:.2f} to {prediction.high:.2f}"
    return prediction.photo, f"{prediction.value:.3f}{metres}", reach, prediction.kind or ""


def _draw(predictor: "Predictor", photos: list[tuple[str, bytes | str]], folder: Path) -> dict[str, Path]:
    """The saliency pictures of the readable photos, by the photo's name."""
    from collector.storage.decoders import decoders
    from trainer.dataset.pixels import BrokenPicture, fit, open_picture
    from trainer.directories import as_file_name, make_folder
    from trainer.inference.saliency import draw, saliency

    found: dict[str, Path] = {}
    how = predictor.run.config.preparation
    for name, body in photos:
        try:
            photo = decoders().run(open_picture, body) if isinstance(body, bytes) else None
        except BrokenPicture:
            continue
        if photo is None:
            continue
        make_folder(folder)
        found[name] = folder / f"{as_file_name(name)}.png"
        heat = saliency(predictor.network, fit(photo, how)[None], predictor.device)[0]
        draw(photo, heat, how).save(found[name])
    return found


@commands.add("onnx")
def write_onnx(
    run: BestRunArgument = "best",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default in the run's folder.")] = None,
    label: LabelOption = "",
) -> None:
    """Write a run's model as ONNX.

    It is then compared with the run's own predictions.

    Example: trainer onnx probe-1 --out model.onnx
    """
    import numpy as np

    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.dataset.data import load_pixels
    from trainer.inference.serving import export_onnx
    from trainer.runs.judged import find_best, judged_words, named_for
    from trainer.runs.runs import version_of

    where = directories()
    found = find_best(where.runs, run, label)
    path = absolute(out) if out else found.folder / f"{named_for('model', found, label)}.onnx"
    how = found.config.preparation
    pixels = load_pixels(version_of(found, where), how, where.cache)
    difference = export_onnx(found, path, np.array(pixels[:COMPARED]), label)
    if common().json:
        print_json({"run": found.name, "path": path, "difference": difference, "judged": judged_words(found, label)})
        return
    photos = counted(len(pixels[:COMPARED]), "photo")
    stdout().print(
        f"{path}: takes uint8 pixels (n, {how.height}, {how.width}, 3), prepared by `{how.fit}`, and gives value, low "
        f"and high; on {photos} it differs from {found.name} by {difference:.1e} at most. "
        f"{judged_words(found, label)}.",
        soft_wrap=True,
    )
