"""What the commands about data sets do: open what they need, call one function, print one result."""

from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from collector import database
from collector.console import as_typed
from collector.errors import UsageError
from collector.racing import Axis, Kind
from collector.visible import visible
from trainer.command_base import (
    absolute,
    places,
    plain_value,
    print_json,
    print_rows,
    progress,
    read_settings,
    size_in_words,
    stdout,
    warn,
)
from trainer.data import forget_cached
from trainer.dataset import diff as comparing
from trainer.dataset import manifest as versions
from trainer.dataset.diff import Difference
from trainer.dataset.formats import Format
from trainer.dataset.manifest import Version, find_version
from trainer.examples import Side, Wanted
from trainer.export import Request
from trainer.export import export as write

LESS = ("format", "left out")  # columns that a narrow terminal does without
SHOWN = 10  # photos that a difference names


def export(
    wanted: Wanted,
    out: Path | None,
    name: str,
    split: str,
    size: int | None,
    data_format: str,
    *,
    resume: bool,
    as_json: bool,
    demo: bool,
) -> None:
    """`trainer export`."""
    settings = read_settings(demo=demo)
    root = absolute(out) if out else places(demo=demo).datasets
    if not name.isidentifier():
        raise UsageError(f"--name {name!r} is no name; letters, digits and _ make one.")
    if resume and not versions.list_unfinished(root):
        raise UsageError(f"There is no interrupted export in {root} to go on with; leave out --resume.")
    request = Request(wanted, split, Format(data_format), size, name)
    _warn_of_broken(root, demo=demo)
    before = {version.name for version in versions.list_versions(root)}
    with database.opened(settings.database_url, settings.home) as conninfo, progress("photos") as tell:
        version = write(conninfo, root, request, tell)
    _warn_of_empty_sides(version)
    if as_json:
        print_json(version.manifest.as_json() | {"folder": version.folder})
        return
    _print_version(version)
    there = f"It is there already: {version.folder}" if version.name in before else f"Written to {version.folder}"
    stdout().print(there, soft_wrap=True)


def _warn_of_broken(root: Path, *, demo: bool) -> None:
    for sentence in versions.list_broken(root):
        warn(as_typed(sentence, demo=demo))


def _warn_of_empty_sides(version: Version) -> None:
    """Runs are chosen on one of these sides and judged on the other."""
    empty = [side for side in (Side.VALIDATION, Side.TEST) if not version.manifest.photos[side]]
    if empty:
        sides = " and no ".join(empty)
        warn(f"the split {version.manifest.split} leaves no {sides} photo, so a run on this version cannot be judged.")


def list_versions(*, as_json: bool, demo: bool) -> None:
    """`trainer dataset list`."""
    root = places(demo=demo).datasets
    found, unfinished = versions.list_versions(root), versions.list_unfinished(root)
    _warn_of_broken(root, demo=demo)
    if as_json:
        print_json([version.manifest.as_json() | {"folder": version.folder} for version in found])
        return
    if not found and not unfinished:
        stdout().print(as_typed("There is no data set version yet: `trainer export` makes one.", demo=demo))
        return
    print_rows([_row(version) for version in found], LESS)
    for folder in unfinished:
        words = f"{folder.name}: unfinished; the same `trainer export` goes on with it."
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


def _row(version: Version) -> dict[str, str]:
    manifest = version.manifest
    return {
        "version": version.name,
        "axis": manifest.axis,
        "split": manifest.split,
        "photos": str(sum(manifest.photos.values())),
        "horses": str(manifest.horses_in_all),
        "left out": str(sum(manifest.left_out.values())),
        "format": manifest.format,
        "size": size_in_words(sum(shard.size for shard in manifest.shards)),
    }


def show(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer dataset show`."""
    version = find_version(places(demo=demo).datasets, word)
    if as_json:
        print_json(version.manifest.as_json() | {"folder": version.folder})
        return
    _print_version(version)
    stdout().print(f"Its card: {version.folder / 'README.md'}", soft_wrap=True)


def _print_version(version: Version) -> None:
    manifest, console = version.manifest, stdout()
    console.print(version.name, style="bold", end="")
    console.print(f"  axis {manifest.axis}, split {manifest.split}, {manifest.format}")
    kinds = list(Kind) if manifest.axis == Axis.DISTANCE else []  # no other axis has types
    table = Table("side", "photos", "horses", *kinds, box=None)
    for side in Side:
        counts = [manifest.photos[side], manifest.horses[side], *(manifest.kinds[side][kind] for kind in kinds)]
        table.add_row(side, *map(str, counts))
    console.print(table)
    for reason, count in sorted(manifest.left_out.items()):
        console.print(f"left out: {count:5}  {reason}")
    leaks = manifest.leaks
    if leaks["horses"] or leaks["near_duplicates"]:
        console.print(
            f"leaks: {leaks['horses']} horses stand on more than one side, {leaks['photos']} photos outside "
            f"training show a training horse; errors on this split are too good to be true.",
            style="yellow",
        )
    else:
        console.print("leaks: no horse and no near duplicate on two sides")


def verify(word: str, *, as_json: bool, demo: bool) -> None:
    """`trainer dataset verify`."""
    version = find_version(places(demo=demo).datasets, word)
    wrong = versions.verify(version)
    if as_json:
        print_json({"version": version.name, "wrong": wrong})
    if wrong:
        raise UsageError(f"{version.name} is damaged: {' '.join(wrong)} Delete it and export it again.")
    if not as_json:
        shards, beside = len(version.manifest.shards), len(version.manifest.beside)
        words = f"{version.name}: all files are as they were written ({shards} of photos, {beside} that describe them)."
        stdout().print(words, soft_wrap=True)


def diff(one: str, other: str, *, as_json: bool, demo: bool) -> None:
    """`trainer dataset diff`."""
    root = places(demo=demo).datasets
    before, after = find_version(root, one), find_version(root, other)
    difference = comparing.compare(before, after)
    if as_json:
        print_json(difference.as_json())
        return
    if difference.nothing:
        stdout().print(f"{before.name} and {after.name} hold the same.", soft_wrap=True)
    else:
        _print_difference(difference)


def _print_difference(difference: Difference) -> None:
    for name, (was, now) in difference.settings.items():
        stdout().print(f"{name}: {was} → {now}", soft_wrap=True)
    for reason, (was, now) in difference.left_out.items():
        stdout().print(f"left out, {reason}: {was} → {now}", soft_wrap=True)
    for words, photos in (
        ("added", difference.added),
        ("removed", difference.removed),
        ("other bytes", difference.repainted),
    ):
        _print_some(words, photos)
    _print_some("label", [f"{photo} {was:.3f} → {now:.3f}" for photo, (was, now) in difference.relabelled.items()])
    _print_some("side", [f"{photo} {was} → {now}" for photo, (was, now) in difference.moved.items()])
    columns = sorted({column for its in difference.changed.values() for column in its})
    for column in columns:
        its = {photo: found[column] for photo, found in difference.changed.items() if column in found}
        _print_some(column, [f"{photo} {_in_words(was)} → {_in_words(now)}" for photo, (was, now) in its.items()])


def _in_words(value: Any) -> str:
    return "nothing" if value is None else str(plain_value(value))


def _print_some(words: str, said: list[str]) -> None:
    if said:
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        stdout().print(f"{words}: {len(said)} ({', '.join(said[:SHOWN])}{more})", soft_wrap=True)


def delete(word: str, *, yes: bool, as_json: bool, demo: bool) -> None:
    """`trainer dataset delete`."""
    where = places(demo=demo)
    root = where.datasets
    unfinished = {folder.name: folder for folder in versions.list_unfinished(root)}
    _warn_of_broken(root, demo=demo)
    folder = unfinished.get(word) or versions.find_folder(root, word)
    if not yes:
        typer.confirm(f"Remove {visible(folder.name)}?", abort=True)
    again = _command_for(folder)
    freed = versions.delete(folder)
    if folder.name not in unfinished:
        others = [one for kept in (root, where.cache / "inputs") for one in versions.list_versions(kept)]
        freed += forget_cached(where.cache, folder.name.rpartition("-")[2], others)
    if as_json:
        print_json({"deleted": folder.name, "bytes": freed, "again": as_typed(again, demo=demo).strip("`") or None})
        return
    stdout().print(f"{folder.name} is removed; {size_in_words(freed)} are free again.", soft_wrap=True)
    if again:
        words = f"{again} makes it again, as long as the database holds the same."
        stdout().print(as_typed(words, demo=demo), soft_wrap=True)


def _command_for(folder: Path) -> str:
    """The command that makes a version again; nothing of one that is unfinished or cannot be read."""
    try:
        manifest = versions.read_version(folder).manifest
    except UsageError:
        return ""
    query, plain = manifest.query, Request()
    given = {
        "--name": (manifest.name, plain.name),
        "--axis": (manifest.axis, plain.wanted.axis.value),
        "--split": ("FILE" if manifest.split == "file" else manifest.split, plain.split),
        "--min-reviews": (query["min_reviews"], plain.wanted.min_reviews),
        "--size": (query["size"], plain.size),
        "--format": (manifest.format, plain.format.value),
    }
    words = [f" {option} {value}" for option, (value, usual) in given.items() if value != usual]
    return f"`trainer export{''.join(words)}{' --keep-unreviewed' if query['keep_unreviewed'] else ''}`"
