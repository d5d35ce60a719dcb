"""`trainer forecast`: answers frozen before the results are known, and how good they turned out."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.common import common
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import BestRunOption, DeviceName, directories, group, print_rows, progress, read_settings, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.storage.forecast_chain import Forecast
    from trainer.directories import Directories
    from trainer.forecasts.scoring import Score
    from trainer.labels.definition import Wanted

commands = group()

JUDGES = "results-after"  # the definition by which forecasts are judged


@commands.add("forecast")
def register_of_forecasts(
    run: BestRunOption = "best",
    score: Annotated[bool, typer.Option("--score", help="Judge all forecasts by what the horses did since.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check that no forecast was changed or removed.")] = False,
    device: DeviceName = "auto",
) -> None:
    """Freeze a run's answers to photos whose horses have not run since.

    A forecast is never changed: the database refuses it, and every row has a digest of itself and of the row before.
    They are judged by results-after, that is by the races after the one that the photo was taken for.

    Example: trainer forecast --run last
    """
    if score and verify:
        raise UsageError("--score and --verify are two commands: give one of them.")
    if verify:
        _verify()
    elif score:
        _score()
    else:
        _freeze(directories(), run, device)


def _freeze(where: "Directories", word: str, device: str) -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.storage import database
    from trainer.dataset.export import snapshot
    from trainer.forecasts import freezing, register
    from trainer.inference.serving import Predictor
    from trainer.models.device import Device
    from trainer.runs.judged import find_best, judged_words
    from trainer.runs.runs import version_of

    settings = read_settings()
    run = find_best(where.runs, word)
    version = version_of(run, where)
    wanted = _judge_of(version.manifest.label(run.config.label).axis)
    with database.opened(settings.database_url, settings.home) as conninfo:
        with snapshot(conninfo) as connection:
            digests = freezing.digest_of_run(run), freezing.digest_of_label(wanted)
            held = register.held_photos(connection, digests[0], wanted.key, digests[1])
            rows = freezing.open_photos(connection, held)
            found: list[Forecast] = []
            if rows:
                predictor = Predictor(run, Device.find(device, run.config.precision))
                with progress("photos") as report:
                    found = list(freezing.freeze(connection, rows, predictor, version, wanted, report))
        added = register.add(conninfo, settings.home, found) if found else []
    if common().json:
        print_json({"run": run.name, "label": wanted.key, "added": [row.plain() for row in added], "held": len(held)})
        return
    if not added:
        words = f"No new photo to forecast: {len(held)} are in the register, and the others' horses have run since."
        stdout().print(words, soft_wrap=True)
        return
    of = run.name
    stdout().print(
        f"{counted(len(added), f'forecast of {of} is', f'forecasts of {of} are')} frozen, "
        f"numbers {added[0].number} to {added[-1].number}. {judged_words(run)}. "
        f"The newest digest is {added[-1].digest}: where others can read it, it proves all forecasts up to here.",
        soft_wrap=True,
    )


def _judge_of(axis: str) -> "Wanted":
    """The label by which forecasts on an axis are judged."""
    from trainer.labels.registry import wanted_labels

    return wanted_labels([JUDGES], [axis])[0]


def _verify() -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.storage import database
    from collector.storage.forecast_chain import problems
    from trainer.dataset.export import snapshot
    from trainer.forecasts import register

    settings = read_settings()
    noted = register.witnessed(settings.home)
    with database.opened(settings.database_url, settings.home) as conninfo, snapshot(conninfo) as connection:
        rows = list(register.read(connection))
    wrong = list(problems(rows, noted))
    if not wrong and (new := [row for row in rows if row.number not in noted]):
        warn(UNNOTED.format(count=counted(len(new), "forecast"), file=settings.home / register.WITNESS))
        register.note(settings.home, new)
    newest = rows[-1].digest if rows else None
    if common().json:
        print_json({"forecasts": len(rows), "newest": newest, "wrong": wrong})
    if wrong:
        raise UsageError(wrong[0], wrong[1:])
    if not common().json:
        words = (
            f"{counted(len(rows), 'forecast is as it was', 'forecasts are as they were')} made; "
            f"the newest digest is {newest}."
            if rows
            else NOTHING
        )
        stdout().print(words, soft_wrap=True)


UNNOTED = (
    "Without a note in {file} until now: {count}. It cannot be known from here whether later ones were removed, or all "
    "were written anew: compare with a digest that was published."
)
NOTHING = "The register is empty: `trainer forecast --run RUN` freezes the first forecasts."


def _score() -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    found = _scores()
    if common().json:
        print_json([score.as_json() for score in found])
        return
    if not found:
        stdout().print(NOTHING)
    for score in found:
        _print_score(score)


def _scores() -> "list[Score]":
    """The score of each run and label in the register."""
    from collector.storage import database
    from collector.storage.forecast_chain import problems
    from trainer.dataset.export import snapshot
    from trainer.forecasts import register
    from trainer.forecasts.freezing import digest_of_label
    from trainer.forecasts.scoring import known_labels, score

    settings = read_settings()
    grouped: dict[tuple[str, str], list[Forecast]] = {}
    found: list[Score] = []
    with database.opened(settings.database_url, settings.home) as conninfo, snapshot(conninfo) as connection:
        rows = list(register.read(connection))
        if wrong := list(problems(rows, register.witnessed(settings.home))):
            warn(f"{wrong[0]} So these scores prove nothing; `trainer forecast --verify` says what was changed.")
        for row in rows:
            grouped.setdefault((row.run_digest, row.label), []).append(row)
        labels: dict[str, Any] = {}
        for (_, key), its in grouped.items():
            wanted = _judge_of(key.partition("/")[2])
            labels.setdefault(key, known_labels(connection, wanted))
            found.append(score(its, labels[key], digest_of_label(wanted)))
    return found


def _print_score(score: "Score") -> None:
    from collector.console.terminal import stdout

    verdict = score.verdict.words if score.verdict else f"TOO FEW ({counted(score.horses, 'horse')} with results)"
    stdout().print(
        f"{verdict}. {score.run} by {score.label}: {score.judged} "
        f"of {counted(score.forecasts, 'forecast')} can be judged now.",
        soft_wrap=True,
    )
    print_rows(_months(score), ())
    for name, gain in score.gains.items():
        stdout().print(f"gain over {name}: {gain}", soft_wrap=True)
    if score.redefined:
        stdout().print(f"{score.redefined} were made for another version of {score.label}.", style="yellow")


def _months(score: "Score") -> "Sequence[dict[str, str]]":
    return [
        {
            "month": month.month,
            "forecasts": str(month.forecasts),
            "judged": str(month.judged),
            "MSE (1..10)": "-" if month.mse is None else f"{month.mse:.2f}",
            "of the mean": "-" if month.mean_mse is None else f"{month.mean_mse:.2f}",
        }
        for month in score.months
    ]
