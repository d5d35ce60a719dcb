"""Predictions for photos, and a run's model as an ONNX file: predict, onnx."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.errors import UsageError
from trainer.cli.base import DeviceName, RunArgument, RunOption, absolute, directories, group, read_settings, warn

if TYPE_CHECKING:
    from collector.settings import Settings
    from trainer.inference.serving import Prediction, Predictor

commands = group()

BATCH = 64  # photos at once
COMPARED = 16  # photos on which the exported model is compared with the run


@commands.add("predict")
def answer_for_photos(
    photo: Annotated[str, typer.Argument(metavar="PHOTO|URL|DIR", help="A file, an address, or a folder of photos.")],
    run: RunOption = "last",
    saliency: Annotated[
        bool | None,
        typer.Option("--saliency/--no-saliency", help="Draw what the model looked at; by default only for one photo."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of these pictures.")] = None,
    device: DeviceName = "auto",
) -> None:
    """Predict from photos.

    Distance aptitude from 0 (short) to 1 (long), its interval, the type, and what the model looked at.

    Example: trainer predict horse.jpg
    """
    from collector.console.as_json import print_json
    from trainer.inference.serving import Predictor
    from trainer.models.device import Device
    from trainer.runs.runs import find_run

    where = directories()
    found = find_run(where.runs, run)
    predictor = Predictor(found, Device.find(device, found.config.precision))
    folder = absolute(out) if out else where.home / "predictions" / found.name
    with_maps = not Path(photo).is_dir() if saliency is None else saliency
    answers = _answers(predictor, photo, folder if with_maps else None)
    if common().json:
        print_json([prediction.as_json() | {"saliency": path, "run": found.name} for prediction, path in answers])
    else:
        _print(answers)
    if all(prediction.value is None for prediction, _ in answers):
        raise UsageError(f"No photo could be read: {answers[0][0].problem}.")


def _answers(predictor: "Predictor", photo: str, maps: Path | None) -> list[tuple["Prediction", Path | None]]:
    """The answers for all photos of a word, with their saliency pictures, if a folder is given for them."""
    from trainer.dataset.formats import batched
    from trainer.inference.photos import passed_in_words, read_photos

    settings, passed, answers = read_settings(), Counter[str](), []
    for batch in batched(read_photos(photo, lambda url: _read_address(url, settings), passed), BATCH):
        predictions = predictor.predict(batch)
        pictures = _draw(predictor, batch, maps) if maps else {}
        answers += [(prediction, pictures.get(prediction.photo)) for prediction in predictions]
    if passed:
        warn(f"{passed_in_words(passed)}.")
    return answers


def _read_address(url: str, settings: "Settings") -> bytes:
    from collector.sources.registry import addresses
    from trainer.inference.collection import collection_if_any, conninfo_if_any
    from trainer.inference.photos import Reach, read_address

    async def read(conninfo: str | None) -> bytes:
        async with collection_if_any(conninfo) as collection:
            reach = Reach(settings.contact, addresses(settings), inside=True)
            return await read_address(url, reach, collection.photo_at if collection else None)

    with conninfo_if_any(settings) as conninfo:
        return asyncio.run(read(conninfo))


def _print(answers: list[tuple["Prediction", Path | None]]) -> None:
    from rich.table import Column, Table

    from collector.console.terminal import stdout
    from trainer.models.answers import COVERAGE

    types = any(prediction.kind for prediction, _ in answers)
    table = Table(Column("photo", overflow="fold"), "value", f"{COVERAGE:.0%} interval", box=None, pad_edge=False)
    table.add_column("type" if types else "", overflow="fold")
    for prediction, _ in answers:
        if prediction.value is None:
            table.add_row(prediction.photo, "-", "", f"not read: {prediction.problem}")
            continue
        reach = f"{prediction.low:.2f} to {prediction.high:.2f}"
        table.add_row(prediction.photo, f"{prediction.value:.3f}", reach, prediction.kind or "")
    stdout().print(table)
    # Below the table, where a path has a whole line.
    for prediction, path in answers:
        if path:
            stdout().print(f"What it looked at in {prediction.photo}: {path}", soft_wrap=True)


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
    run: RunArgument = "last",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default in the run's folder.")] = None,
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
    from trainer.runs.runs import find_run, version_of

    where = directories()
    found = find_run(where.runs, run)
    path = absolute(out) if out else found.folder / "model.onnx"
    how = found.config.preparation
    pixels = load_pixels(version_of(found, where), how, where.cache)
    difference = export_onnx(found, path, np.array(pixels[:COMPARED]))
    if common().json:
        print_json({"run": found.name, "path": path, "difference": difference})
        return
    stdout().print(
        f"{path}: takes uint8 pixels (n, {how.height}, {how.width}, 3), prepared by `{how.fit}`, and gives value, low "
        f"and high; on {len(pixels[:COMPARED])} photos it differs from {found.name} by {difference:.1e} at most.",
        soft_wrap=True,
    )
