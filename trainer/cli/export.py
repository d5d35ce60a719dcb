"""`trainer export`: write the labelled photos as a data set version."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.console.common import common
from collector.errors import UsageError
from trainer.cli.base import absolute, directories, group, progress, read_settings, warn

if TYPE_CHECKING:
    from trainer.dataset.manifest import Version
    from trainer.dataset.request import Request

commands = group()


class Whose(StrEnum):
    """The photos of whom a data set has."""

    OWN = "own"


class DataFormat(StrEnum):
    """The file format of a data set."""

    PARQUET = "parquet"
    IMAGEFOLDER = "imagefolder"
    WEBDATASET = "webdataset"


NOT_YOURS = (
    "Before you publish it: the licence covers your photos alone. Names of horses, entries, results and labels have "
    "other owners, and people may be seen on the photos: DATASHEET.md says what to look at."
)
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the versions; by default in PADDOCK_HOME.")]
Size = Annotated[
    int | None, typer.Option(min=16, metavar="PX", help="Longest edge; by default the photos keep their size.")
]
FileFormat = Annotated[
    DataFormat, typer.Option("--format", metavar="FORMAT", help=f"File format: {', '.join(DataFormat)}.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted export (the default, if there is one).")
]
Split = Annotated[
    str,
    typer.Option(
        metavar="RULE|FILE",
        help="horse (by time, no horse on two sides), issues-2016 (as the first attempt), or a CSV.",
    ),
]
LabelNames = Annotated[
    list[str],
    typer.Option(
        "--label",
        metavar="NAME|FILE",
        show_default=False,
        help="poll (the default), results, results-placed, results-after, comment, an installed one, or a CSV; more "
        "than once. With --rights own there are none by default.",
    ),
]
AxisNames = Annotated[
    list[str],
    typer.Option("--axis", metavar="AXIS", help="distance, surface, wet_going and others; more than once."),
]
Rights = Annotated[
    Whose | None,
    typer.Option(metavar="own", help="Only photos of your own camera, as a data set to publish, with its licence."),
]
LicenceId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="With --rights own: of photos that state different rights, those of this licence."),
]
EveryPhoto = Annotated[
    bool,
    typer.Option("--every-photo", help="Also all photos of a camera's burst, and those whose horse turns its head."),
]
KeepUnreviewed = Annotated[
    bool,
    typer.Option("--keep-unreviewed", help="Also horses without reviews, at 0.5, to show how that harms a model."),
]


@commands.add("export")
def export_photos(
    out: Out = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Beginning of the version's name.")] = "paddock",
    label: LabelNames = [],  # noqa: B006  (typer copies it)
    axis: AxisNames = ["distance"],  # noqa: B006
    rights: Rights = None,
    licence: LicenceId = None,
    every_photo: EveryPhoto = False,
    split: Split = "horse",
    min_reviews: Annotated[int, typer.Option(min=1, metavar="N", help="Least number of reviews behind a label.")] = 1,
    keep_unreviewed: KeepUnreviewed = False,
    size: Size = None,
    data_format: FileFormat = DataFormat.PARQUET,
    resume: Resume = False,
) -> None:
    """Write the labelled photos as a data set version.

    The same database gives the same version, byte for byte.

    Example: trainer export --label poll --label results

    A photo is taken if it has one of the labels; a run learns the first one, or that of --set label=results/distance.

    With --rights own it is a data set of your own photographs that may be published: LICENSE and DATASHEET.md stand
    beside it, and photos need no label.

    Tried without a network, after collector crawl --since 2016 --demo and refresh-labels --demo: trainer export --demo
    """
    from trainer.dataset.formats import Format
    from trainer.dataset.request import Request
    from trainer.labels.registry import wanted_labels

    _check(name, split)
    if licence and not rights:
        raise UsageError("--licence chooses among photos of your own: add --rights own.")
    names = label or ([] if rights else ["poll"])
    labels = wanted_labels(names, axis, min_reviews, keep_unreviewed=keep_unreviewed)
    file_format = Format(data_format.value)
    _write(Request(labels, split, file_format, size, name, bool(rights), licence, every_photo), out, resume=resume)


def _check(name: str, split: str) -> None:
    from trainer.dataset.split import SPLITS

    if not name.isidentifier():
        raise UsageError(f"--name {name!r} is not a valid name; use letters, digits and _.")
    if split not in SPLITS and not Path(split).exists():
        rules = ", ".join(SPLITS)
        raise UsageError(f"--split {split} is neither a rule ({rules}) nor a file that can be read.")


def _write(request: "Request", out: Path | None, *, resume: bool) -> None:
    """Write the requested version, and print its content."""
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.storage import database
    from trainer.cli.data import facts_of, print_version, warn_of_broken
    from trainer.dataset.export import export
    from trainer.dataset.manifest import list_unfinished, list_versions

    settings = read_settings()
    root = absolute(out) if out else directories().datasets
    if resume and not list_unfinished(root):
        raise UsageError(f"{root} has no interrupted export to continue; leave out --resume.")
    warn_of_broken(root)
    before = {version.name for version in list_versions(root)}
    with database.opened(settings.database_url, settings.home) as conninfo, progress("photos") as report:
        version = export(conninfo, root, request, report, directories().cache)
    _warn_of_empty_sides(version)
    if common().json:
        print_json(facts_of(version))
        return
    print_version(version)
    result = f"It exists already: {version.folder}" if version.name in before else f"Written to {version.folder}"
    stdout().print(result, soft_wrap=True)
    if request.own:
        stdout().print(NOT_YOURS, soft_wrap=True)


def _warn_of_empty_sides(version: "Version") -> None:
    """Warn if validation or test is empty: runs are chosen on one of them and judged on the other."""
    from trainer.dataset.examples import Side

    empty = [side for side in (Side.VALIDATION, Side.TEST) if not version.manifest.photos[side]]
    if empty:
        sides = " and no ".join(empty)
        warn(f"the split {version.manifest.split} leaves no {sides} photo, so a run on this version cannot be judged.")
