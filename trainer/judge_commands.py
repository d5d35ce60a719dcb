"""What the commands that judge a run do: load it, call one function, print one result."""

import asyncio
from typing import Any

import numpy as np
from rich.table import Table

from collector.console import as_typed
from collector.errors import UsageError
from trainer.answers import answer, load_model
from trainer.command_base import places, print_json, stderr, stdout
from trainer.curve import learning_curve
from trainer.data import load_pixels, read_table
from trainer.dataset.manifest import Version, find_version
from trainer.device import Device
from trainer.diagnose import Diagnosis
from trainer.diagnose import diagnose as find_out
from trainer.diagnosis_page import print_diagnosis, write_page
from trainer.evaluate import evaluate as judge
from trainer.examples import Side
from trainer.guess import Quiz, choose, guesses_path, human_level, make_page
from trainer.learn import gather
from trainer.places import Places
from trainer.report import print_evaluation, write_report
from trainer.rows import Indexed
from trainer.runs import Run, find_run, version_of
from trainer.saliency import frame_share, overlay, saliency
from trainer.scores import Bootstrap, square

MAPS = 12  # photos whose saliency is drawn


def evaluate(word: str, side: str, device_name: str, *, as_json: bool, demo: bool) -> None:
    """`trainer evaluate`."""
    where = places(demo=demo)
    run = find_run(where.runs, word)
    device = Device.find(device_name, run.config.precision)
    evaluation, answered = judge(run, Side(side), where, device)
    page = write_report(run.folder / f"evaluation-{side}", evaluation, answered, version_of(run, where))
    if as_json:
        print_json(evaluation.as_json() | {"report": page})
        return
    print_evaluation(stdout(), evaluation, demo=demo)
    stdout().print(f"With plots: {page}", soft_wrap=True)


def compare(one: str, other: str, *, as_json: bool, demo: bool) -> None:
    """`trainer runs compare`."""
    where = places(demo=demo)
    runs = [find_run(where.runs, word) for word in (one, other)]
    if runs[0].facts.data != runs[1].facts.data:
        raise UsageError(
            f"{runs[0].name} was trained on {runs[0].facts.data} and {runs[1].name} on {runs[1].facts.data}: errors on "
            "different photos cannot be compared. Train both on one version."
        )
    version = version_of(runs[0], where)
    table = read_table(version)
    outside = table.on(Side.VALIDATION)
    if not len(outside):
        raise UsageError(f"{version.name} has no validation side to compare the runs on.")
    errors = [square(_answers(run, version, where, outside), table.label[outside]) for run in runs]
    bootstrap = Bootstrap(table.horse[outside])
    mses, gain = [bootstrap.mean(its) for its in errors], bootstrap.mean(errors[0] - errors[1])
    settings = [run.config.model_dump() for run in runs]
    differ = {key: (value, settings[1][key]) for key, value in settings[0].items() if settings[1][key] != value}
    if as_json:
        print_json({"runs": [run.name for run in runs], "settings": differ, "validation_mse": mses, "gain": gain})
        return
    told = Table("", runs[0].name, runs[1].name, box=None)
    for key, values in differ.items():
        told.add_row(key, *map(str, values))
    told.add_row("seconds", *(f"{run.facts.seconds:.0f}" for run in runs))
    told.add_row("validation MSE (1..10)", *map(str, mses))
    stdout().print(told)
    sure = "better" if gain.low > 0 else "worse" if gain.high < 0 else "not surely better or worse"
    stdout().print(f"{runs[1].name} is {sure}: its MSE is lower by {gain} on the same {len(outside)} photos.")


def _answers(run: Run, version: Version, where: Places, indices: np.ndarray) -> np.ndarray:
    device = Device.find("auto", run.config.precision)
    network, _ = load_model(run, device)
    return answer(network, load_pixels(version, run.config.preparation, where.cache), device, indices).value


def diagnose(
    word: str, human: float | None, device_name: str, *, curve: bool | None, as_json: bool, demo: bool
) -> None:
    """`trainer diagnose`."""
    where = places(demo=demo)
    run = find_run(where.runs, word)
    device = Device.find(device_name, run.config.precision)
    version = version_of(run, where)
    network, _ = load_model(run, device)
    material = gather(version, run.config, where.cache)
    guessed = human_level(guesses_path(where.home, version.manifest.version))
    level = human if human is not None else guessed.value if guessed else None
    found = find_out(run, network, material.table, material.pixels, device, level)
    if curve or (curve is None and run.config.closed_form):
        stderr().print("The learning curve: training anew on shares of the horses ...")
        found.curve = learning_curve(run, material, device)
    folder = run.folder / "diagnosis"
    maps = _draw_saliency(network, material.table.rows, material.pixels, material.table.on(_looked_at(found)), device)
    found.frame = frame_share(maps[1])
    page = write_page(folder, found, maps[0])
    if as_json:
        print_json(found.as_json() | {"report": page})
        return
    print_diagnosis(stdout(), found, demo=demo)
    if found.curve is None:
        seconds = run.facts.seconds * 5
        stdout().print(f"With --curve: what more photos would bring; it trains anew for some {seconds:.0f} s.")
    stdout().print(f"With plots: {page}", soft_wrap=True)


def _looked_at(found: Diagnosis) -> Side:
    return Side.VALIDATION if Side.VALIDATION in found.errors else Side.TRAIN


def _draw_saliency(
    network: Any, rows: list[dict[str, Any]], pixels: Indexed, indices: np.ndarray, device: Device
) -> tuple[list[tuple[Any, str]], np.ndarray]:
    chosen = indices[:: max(1, len(indices) // MAPS)][:MAPS]
    heat = saliency(network, pixels[chosen], device)
    value = answer(network, pixels[chosen], device).value
    drawn = [
        (overlay(pixels[index], its), f"{rows[index]['photo']} {told:.2f}")
        for index, its, told in zip(chosen, heat, value, strict=True)
    ]
    return drawn, heat


def guess(data: str, count: int, port: int, *, demo: bool) -> None:
    """`trainer guess`."""
    where = places(demo=demo)
    version = find_version(where.datasets, data)
    path = guesses_path(where.home, version.manifest.version)
    quiz = choose(version, count, path)
    if not quiz.photos:
        raise UsageError(f"Every validation horse of {version.name} has been asked for already: {path}.")
    asyncio.run(_ask(quiz, port))
    level = human_level(path)
    if level:
        told = f"{quiz.told} answers now; all of them so far: MSE {level} on the scale 1..10"
        words = f"{told}. `trainer diagnose` uses that as human level. Kept in {path}"
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


async def _ask(quiz: Quiz, port: int) -> None:
    from aiohttp import web

    from collector.web.serving import make_runner

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
        await asyncio.sleep(0.5)  # the last page is on its way
    except asyncio.CancelledError:
        return
    finally:
        await runner.cleanup()
