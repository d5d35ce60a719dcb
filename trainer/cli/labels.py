"""`trainer labels`: which labels there are, how reliable they are, and how far they agree."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import absolute, directories, group, print_rows, read_settings

if TYPE_CHECKING:
    from trainer.labels.definition import Wanted
    from trainer.labels.survey import Survey

commands = group()


class About(StrEnum):
    """What has labels."""

    PHOTOS = "photos"
    HORSES = "horses"


Compare = Annotated[
    str | None,
    typer.Option(
        "--compare",
        metavar="NAME,...",
        help="Definitions and CSV files; by default all definitions that have the axis.",
    ),
]
Axes = Annotated[list[str], typer.Option("--axis", metavar="AXIS", help="distance and others; more than once.")]
Of = Annotated[
    About | None,
    typer.Option("--of", metavar="WHAT", help="photos or horses; by default photos, if there are any with a horse."),
]


@commands.add("labels")
def survey_labels(
    compare: Compare = None,
    axis: Axes = ["distance"],  # noqa: B006  (typer copies it)
    of: Of = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the page; by default in PADDOCK_HOME.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the labels of all horses, for the pages of the search.")
    ] = False,
) -> None:
    """Show which labels there are, and how reliable they are.

    Also how far each two agree. A label is a definition on an axis: poll is what reviewers think, results what a
    horse's own starts say.

    Example: trainer labels --compare poll,results

    Tried without a network, after collector crawl --since 2016 --demo and refresh-labels --demo: trainer labels --demo
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    wanted = _wanted(compare, axis)
    page = absolute(out) if out else directories().home / "labels"
    if store and of is About.PHOTOS:
        raise UsageError("--store keeps the labels of horses: leave out --of photos.")
    found, written, stored = _survey(wanted, About.HORSES if store else of, page, store=store)
    if common().json:
        print_json(found.as_json() | {"page": written, "stored": stored})
        return
    _print(found)
    if stored is not None:
        stdout().print(
            f"{counted(stored, 'label is', 'labels are')} stored: `collector serve` and `collector horse` show them."
        )
    stdout().print(f"With pictures: {written}", soft_wrap=True)


def _wanted(compare: str | None, axes: list[str]) -> "list[Wanted]":
    from trainer.labels.registry import definitions, wanted_labels

    if compare is not None:
        given = [name.strip() for name in compare.split(",") if name.strip()]
        if not given:
            raise UsageError("--compare names no label definition: leave it out, or name some.")
        return wanted_labels(given, axes)
    names = [name for name, its in definitions().items() if any(axis in its.scales for axis in axes)]
    if not names:
        raise UsageError(f"No label definition has the axis {' or '.join(axes)}.")
    return wanted_labels(names, axes)


def _survey(wanted: "list[Wanted]", of: About | None, page: Path, *, store: bool) -> "tuple[Survey, Path, int | None]":
    """The survey of the database, its page, and how many labels were stored."""
    from collector.console.terminal import stderr
    from collector.storage import database
    from trainer.dataset.export import snapshot
    from trainer.labels.definition import HORSES, PHOTOS
    from trainer.labels.observing import observe
    from trainer.labels.store import store_labels
    from trainer.labels.survey import survey
    from trainer.labels.survey_page import write_pages

    settings = read_settings()
    with database.opened(settings.database_url, settings.home) as conninfo:
        with snapshot(conninfo) as connection:
            some = connection.execute(f"SELECT 1 FROM ({PHOTOS.query}) photo LIMIT 1").fetchone()
            subjects = HORSES if of is About.HORSES or (of is None and not some) else PHOTOS
            stderr().print(
                f"Reading {', '.join(one.key for one in wanted)} of the {subjects.about} ...", soft_wrap=True
            )
            observations = observe(connection, wanted, subjects)
        horses = {one.horse_id for its in observations.found.values() for one in its.values()}
        _check_some(bool(horses), subjects.about)
        settled = observations.settled(horses)
        stored = store_labels(conninfo, wanted, settled) if store else None
    found = survey(observations, settled, subjects.about)
    return found, write_pages(page, found, observations, settled), stored


def _check_some(found: bool, about: str) -> None:
    if not found:
        raise UsageError(
            f"No {about} have any of these labels: `collector crawl` and `collector refresh-labels` collect races and "
            "opinions, and `collector import` brings pages that you have."
        )


def _print(found: "Survey") -> None:
    from collector.console.terminal import stdout
    from trainer.labels.survey_page import agreement_rows, label_rows

    print_rows(label_rows(found), ("middle", "evidence"))
    if found.agreements:
        stdout().print()
        print_rows(agreement_rows(found), ("3 or more", "10 or more", "20 or more", "5 or more"))
