"""What the commands that answer for photos do: load a run, call one function, print one result."""

import asyncio
from pathlib import Path

import numpy as np
from rich.table import Column, Table

from collector.decoders import decoders
from collector.errors import UsageError
from collector.settings import Settings
from trainer.answers import COVERAGE
from trainer.collection import collection_if_any, conninfo_if_any
from trainer.command_base import absolute, places, print_json, read_settings, stdout
from trainer.data import load_pixels
from trainer.dataset.formats import batched
from trainer.device import Device
from trainer.pixels import BrokenPicture, fit, open_picture
from trainer.places import as_file_name, make_folder
from trainer.runs import find_run, version_of
from trainer.saliency import draw, saliency
from trainer.serving import Prediction, Predictor, export_onnx
from trainer.sources import Reach, read_address, read_photos

BATCH = 64  # photos at once
COMPARED = 16  # photos on which an exported model is compared


def predict(
    photo: str, word: str, out: Path | None, device_name: str, *, maps: bool | None, as_json: bool, demo: bool
) -> None:
    """`trainer predict`."""
    settings, where = read_settings(demo=demo), places(demo=demo)
    run = find_run(where.runs, word)
    predictor = Predictor(run, Device.find(device_name, run.config.precision))
    folder = absolute(out) if out else where.home / "predictions" / run.name
    with_maps = not Path(photo).is_dir() if maps is None else maps
    told = []
    for batch in batched(read_photos(photo, lambda url: _read_address(url, settings)), BATCH):
        predictions = predictor.predict(batch)
        pictures = _draw(predictor, batch, folder) if with_maps else {}
        told += [(prediction, pictures.get(prediction.photo)) for prediction in predictions]
    if as_json:
        print_json([prediction.as_json() | {"saliency": path, "run": run.name} for prediction, path in told])
    else:
        _print(told)
    if all(prediction.value is None for prediction, _ in told):
        raise UsageError(f"No photo could be read: {told[0][0].problem}.")


def _read_address(url: str, settings: Settings) -> bytes:
    async def read(conninfo: str | None) -> bytes:
        async with collection_if_any(conninfo) as collection:
            reach = Reach(settings.contact, settings.sites, inside=True)
            return await read_address(url, reach, collection.photo_at if collection else None)

    with conninfo_if_any(settings) as conninfo:
        return asyncio.run(read(conninfo))


def _print(told: list[tuple[Prediction, Path | None]]) -> None:
    types = any(prediction.kind for prediction, _ in told)
    table = Table(Column("photo", overflow="fold"), "value", f"{COVERAGE:.0%} interval", box=None, pad_edge=False)
    table.add_column("type" if types else "", overflow="fold")
    for prediction, _ in told:
        if prediction.value is None:
            table.add_row(prediction.photo, "-", "", f"not read: {prediction.problem}")
            continue
        reach = f"{prediction.low:.2f} to {prediction.high:.2f}"
        table.add_row(prediction.photo, f"{prediction.value:.3f}", reach, prediction.kind or "")
    stdout().print(table)
    # Under the table, where paths have the whole line to themselves.
    for prediction, path in told:
        if path:
            stdout().print(f"What it looked at in {prediction.photo}: {path}", soft_wrap=True)


def _draw(predictor: Predictor, photos: list[tuple[str, bytes | str]], folder: Path) -> dict[str, Path]:
    """Saliency pictures of the photos that can be read, by name."""
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


def onnx(word: str, out: Path | None, *, as_json: bool, demo: bool) -> None:
    """`trainer onnx`."""
    where = places(demo=demo)
    run = find_run(where.runs, word)
    path = absolute(out) if out else run.folder / "model.onnx"
    pixels = load_pixels(version_of(run, where), run.config.preparation, where.cache)
    difference = export_onnx(run, path, np.array(pixels[:COMPARED]))
    if as_json:
        print_json({"run": run.name, "path": path, "difference": difference})
        return
    how = run.config.preparation
    stdout().print(
        f"{path}: takes uint8 pixels (n, {how.height}, {how.width}, 3), prepared by `{how.fit}`, and gives value, low "
        f"and high; on {len(pixels[:COMPARED])} photos it differs from {run.name} by {difference:.1e} at most.",
        soft_wrap=True,
    )
