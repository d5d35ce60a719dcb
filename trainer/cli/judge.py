"""Why a run is as good as it is: diagnose, and guess, which measures human level."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.common import common
from collector.console.measures import span_in_words
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import Data, DeviceName, LabelOption, RunArgument, directories, group, progress

if TYPE_CHECKING:
    import numpy as np

    from trainer.dataset.rows import Indexed
    from trainer.directories import Directories
    from trainer.evaluation.diagnose import Diagnosis
    from trainer.evaluation.guess import Quiz
    from trainer.models.device import Device
    from trainer.runs.runs import Run
    from trainer.training.material import Material

commands = group()

MAPS = 12  # photos whose saliency is drawn


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


@commands.add("diagnose")
def find_causes(
    run: RunArgument = "last",
    human: HumanLevel = None,
    curve: Curve = None,
    label: LabelOption = "",
    device: DeviceName = "auto",
) -> None:
    """Show where a run's error comes from.

    Bias, variance, other years or labels, and the next step.

    Example: trainer diagnose last --human 2.5
    """
    from collector.console.as_json import print_json
    from trainer.evaluation.diagnose import diagnose
    from trainer.evaluation.diagnosis_page import write_page
    from trainer.models.answers import load_model
    from trainer.models.device import Device
    from trainer.runs.judged import named_for
    from trainer.runs.runs import find_run, version_of
    from trainer.training.material import gather

    where = directories()
    judged = find_run(where.runs, run)
    used = Device.find(device, judged.config.precision)
    version = version_of(judged, where)
    network, _ = load_model(judged, used, label)
    with progress("photos") as show:
        material = gather(version, judged.config, where.cache, show).led_by(judged.config.place_of(label))
        level = _guessed(where, material) if human is None else human
        found = diagnose(judged, network, material, used, level, show)
    _add_curve(found, judged, material, used, curve)
    indices = material.table.on(_side_to_show(found))
    pictures, heat = _draw_saliency(network, material.table.rows, material.pixels, indices, used)
    _add_frame(found, heat)
    page = write_page(judged.folder / named_for("diagnosis", judged, label), found, pictures)
    if common().json:
        print_json(found.as_json() | {"report": page})
        return
    _print_diagnosis(found, judged, page)


def _guessed(where: "Directories", material: "Material") -> float | None:
    """The human level by `trainer guess`, which asks for distance; None for other labels, or if nobody guessed."""
    from collector.storage.racing import Axis
    from trainer.evaluation.guess import guesses_path, human_level

    if material.table.key.partition("/")[2] != Axis.DISTANCE:
        return None
    guessed = human_level(guesses_path(where.home, material.version.manifest.version))
    return guessed.value if guessed else None


def _add_curve(found: "Diagnosis", run: "Run", material: "Material", device: "Device", requested: bool | None) -> None:
    from collector.console.terminal import stderr
    from trainer.evaluation.curve import learning_curve

    if requested or (requested is None and run.config.closed_form):
        stderr().print("The learning curve: training again on shares of the horses ...")
        with progress("trainings") as show:
            found.curve = learning_curve(run, material, device, progress=show)


def _add_frame(found: "Diagnosis", heat: "np.ndarray") -> None:
    from trainer.evaluation.diagnose import frame_of
    from trainer.inference.saliency import frame_share

    if not found.constant:  # the saliency of a constant answer says nothing
        found.frame = frame_of([frame_share(heat[place : place + 1]) for place in range(len(heat))])


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
    with progress("maps of what it looks at") as show:
        heat = saliency(network, pixels[chosen], device, show)
    values = answer(network, pixels[chosen], device)[0].value
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

    A page, in Japanese and English, shows validation photos, and you say how far each horse would stay.

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
        words = f"{counted(quiz.answered, 'answer')} now; all of them so far: MSE {level} on the scale 1..10"
        stdout().print(f"{words}. `trainer diagnose` uses that as human level. Kept in {path}", soft_wrap=True)


async def _ask(quiz: "Quiz", port: int) -> None:
    from aiohttp import web

    from collector.console.terminal import stderr
    from collector.web.server.serving import make_runner
    from trainer.web.quiz import make_quiz

    ended = asyncio.Event()
    runner = make_runner(make_quiz(quiz, ended.set))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"Port {port} is taken; name another one with --port.") from error
        stderr().print(f"Open http://127.0.0.1:{port}/ and say how far each horse would stay; Ctrl-C ends it early.")
        await ended.wait()
        await asyncio.sleep(1)  # until the last page is sent, with its stylesheet
    except asyncio.CancelledError:
        return
    finally:
        await runner.cleanup()
