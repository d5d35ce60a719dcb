"""Labelled photos as a data set version: export."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.errors import UsageError
from collector.storage.racing import Axis
from trainer.cli.base import absolute, group, places, progress, read_settings, warn

if TYPE_CHECKING:
    from trainer.dataset.manifest import Version
    from trainer.dataset.plan import Request

commands = group()


class DataFormat(StrEnum):
    """How a data set is written."""

    PARQUET = "parquet"
    IMAGEFOLDER = "imagefolder"
    WEBDATASET = "webdataset"


Split = Annotated[
    str,
    typer.Option(
        metavar="RULE|FILE",
        help="horse (by time, no horse on two sides), issues-2016 (as the first attempt), or a CSV.",
    ),
]
AxisName = Annotated[Axis, typer.Option(metavar="AXIS", help=f"Which aptitude is the label: {', '.join(Axis)}.")]
KeepUnreviewed = Annotated[
    bool,
    typer.Option("--keep-unreviewed", help="Also horses that nobody has reviewed, at 0.5, to show what that costs."),
]


@commands.add("export")
def export_photos(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where versions go; below PADDOCK_HOME unless given.")
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the version's name begins with.")] = "paddock",
    axis: AxisName = Axis.DISTANCE,
    split: Split = "horse",
    min_reviews: Annotated[int, typer.Option(min=1, metavar="N", help="Reviews that a label has to come from.")] = 1,
    keep_unreviewed: KeepUnreviewed = False,
    size: Annotated[
        int | None, typer.Option(min=16, metavar="PX", help="Longest edge; the photos as they came unless given.")
    ] = None,
    data_format: Annotated[
        DataFormat, typer.Option("--format", metavar="FORMAT", help=f"How it is written: {', '.join(DataFormat)}.")
    ] = DataFormat.PARQUET,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted export (it does so anyway).")
    ] = False,
) -> None:
    """Write the labelled photos as a data set version.

    The same database gives the same version, byte for byte.

    Example: trainer export --min-reviews 3

    Tried without a network, after collector crawl --since 2016 --demo and refresh-labels --demo: trainer export --demo
    """
    from trainer.dataset.examples import Selection
    from trainer.dataset.formats import Format
    from trainer.dataset.plan import Request
    from trainer.dataset.split import SPLITS

    if not name.isidentifier():
        raise UsageError(f"--name {name!r} is not a name; letters, digits and _ make one.")
    if split not in SPLITS and not Path(split).exists():
        rules = ", ".join(SPLITS)
        raise UsageError(f"--split {split} is neither a rule ({rules}) nor a file that can be read.")
    selection = Selection(axis, min_reviews, keep_unreviewed)
    _write(Request(selection, split, Format(data_format.value), size, name), out, resume=resume)


def _write(request: "Request", out: Path | None, *, resume: bool) -> None:
    """Write the version that is asked for, and say what is in it."""
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.storage import database
    from trainer.cli.data import facts_of, print_version, warn_of_broken
    from trainer.dataset.export import export
    from trainer.dataset.manifest import list_unfinished, list_versions

    settings = read_settings()
    root = absolute(out) if out else places().datasets
    if resume and not list_unfinished(root):
        raise UsageError(f"There is no interrupted export in {root} to go on with; leave out --resume.")
    warn_of_broken(root)
    before = {version.name for version in list_versions(root)}
    with database.opened(settings.database_url, settings.home) as conninfo, progress("photos") as tell:
        version = export(conninfo, root, request, tell)
    _warn_of_empty_sides(version)
    if common().json:
        print_json(facts_of(version))
        return
    print_version(version)
    there = f"It is there already: {version.folder}" if version.name in before else f"Written to {version.folder}"
    stdout().print(there, soft_wrap=True)


def _warn_of_empty_sides(version: "Version") -> None:
    """Runs are chosen on one of these sides and judged on the other."""
    from trainer.dataset.examples import Side

    empty = [side for side in (Side.VALIDATION, Side.TEST) if not version.manifest.photos[side]]
    if empty:
        sides = " and no ".join(empty)
        warn(f"the split {version.manifest.split} leaves no {sides} photo, so a run on this version cannot be judged.")
