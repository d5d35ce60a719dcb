"""`trainer dataset`: list, show, verify, compare and delete data set versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.console.command_line import Yes
from collector.console.common import common
from collector.console.measures import size_in_words
from collector.console.visible import on_one_line
from collector.console.wording import counted
from collector.errors import UsageError
from trainer.cli.base import directories, group, print_rows, warn

if TYPE_CHECKING:
    from trainer.dataset.diff import Difference
    from trainer.dataset.manifest import Manifest, Version

commands = group("Data set versions: list, look, check, compare, remove.")

VersionName = Annotated[
    str, typer.Argument(metavar="VERSION", help="A data set version: its name, its beginning, or last.")
]
LESS = ("format", "left out")  # columns that are left out on a narrow terminal
SHOWN = 10  # photos that are named for a difference


def warn_of_broken(root: Path) -> None:
    """Warn about each version that cannot be read."""
    from trainer.dataset.manifest import list_broken

    for sentence in list_broken(root):
        warn(sentence)


def facts_of(version: "Version") -> dict[str, Any]:
    """A version as `--json` prints it."""
    from trainer.dataset.examples import why_skipped

    words = {code: why_skipped(code) for code in version.manifest.left_out}
    return version.manifest.as_json() | {"folder": version.folder, "left_out_words": words}


@commands.add("list")
def list_them() -> None:
    """List the versions, oldest first.

    Unfinished exports are listed, too.

    Example: trainer dataset list
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.dataset.manifest import list_unfinished, list_versions

    root = directories().datasets
    found, unfinished = list_versions(root), list_unfinished(root)
    warn_of_broken(root)
    if common().json:
        print_json([version.manifest.as_json() | {"folder": version.folder} for version in found])
        return
    if not found and not unfinished:
        stdout().print("No data set version yet: `trainer export` makes one.")
        return
    print_rows([_row(version) for version in found], LESS)
    for folder in unfinished:
        stdout().print(f"{folder.name}: unfinished; the same `trainer export` continues it.", soft_wrap=True)


def _row(version: "Version") -> dict[str, str]:
    manifest = version.manifest
    return {
        "version": version.name,
        "labels": ", ".join(label.key for label in manifest.labels),
        "split": manifest.split,
        "photos": str(sum(manifest.photos.values())),
        "horses": str(manifest.horses_in_all),
        "left out": str(sum(manifest.left_out.values())),
        "format": manifest.format,
        "size": size_in_words(sum(shard.size for shard in manifest.shards)),
    }


@commands.add("show")
def show(name: VersionName = "last") -> None:
    """Show what is in a version.

    Its sides and types, the photos that were left out and why, and leaks.

    Example: trainer dataset show last
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.dataset.manifest import find_version

    version = find_version(directories().datasets, name)
    if common().json:
        print_json(facts_of(version))
        return
    print_version(version)
    stdout().print(f"Its card: {version.folder / 'README.md'}", soft_wrap=True)


def print_version(version: "Version") -> None:
    """Print the content of a version."""
    from rich.table import Table

    from collector.console.terminal import stdout
    from collector.storage.racing import Kind
    from trainer.dataset.examples import Side, why_skipped
    from trainer.dataset.label_card import label_words

    manifest, console = version.manifest, stdout()
    console.print(version.name, style="bold", end="")
    console.print(f"  split {manifest.split}, {manifest.format}")
    kinds = list(Kind) if manifest.kinds else []  # no other axis than distance has types
    table = Table("side", "photos", "horses", *kinds, box=None)
    for side in Side:
        counts = [manifest.photos[side], manifest.horses[side], *(manifest.kinds[side][kind] for kind in kinds)]
        table.add_row(side, *map(str, counts))
    console.print(table)
    for label in manifest.labels:
        photos = counted(sum(label.photos.values()), "photo")
        console.print(f"label {label.key}: {photos}; {label_words(label)}", soft_wrap=True)
    for code, count in sorted(manifest.left_out.items()):
        console.print(f"left out: {count:5}  {why_skipped(code)}")
    if (leaks := manifest.leaks)["horses"] or leaks["near_duplicates"]:
        console.print(
            f"leaks: {counted(leaks['horses'], 'horse is', 'horses are')} on more than one side, "
            f"{counted(leaks['photos'], 'photo')} outside "
            "training with a training horse; errors on this split are too good to be true.",
            style="yellow",
        )
    else:
        console.print("leaks: no horse and no near duplicate on two sides")


@commands.add("verify")
def verify(name: VersionName = "last") -> None:
    """Check every file of a version against its digest.

    Example: trainer dataset verify last
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.dataset import manifest

    version = manifest.find_version(directories().datasets, name)
    wrong = manifest.verify(version)
    if common().json:
        print_json({"version": version.name, "wrong": wrong})
    if wrong:
        raise UsageError(f"{version.name} is damaged: {' '.join(wrong)} Delete it and export it again.")
    if not common().json:
        shards, others = len(version.manifest.shards), len(version.manifest.beside)
        words = f"{version.name}: all files are unchanged ({shards} of photos, {others} that describe them)."
        stdout().print(words, soft_wrap=True)


@commands.add("diff")
def compare(
    one: Annotated[str, typer.Argument(metavar="A", help="The version before.")],
    other: Annotated[str, typer.Argument(metavar="B", help="The version after.")],
) -> None:
    """Show the differences between two versions.

    In photos, labels, sides and settings.

    Example: trainer dataset diff 3f2a last
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from trainer.dataset import diff
    from trainer.dataset.manifest import find_version

    root = directories().datasets
    before, after = find_version(root, one), find_version(root, other)
    difference = diff.compare(before, after)
    if common().json:
        print_json(difference.as_json())
        return
    if difference.nothing:
        stdout().print(f"{before.name} and {after.name} have the same content.", soft_wrap=True)
    else:
        _print_difference(difference)


def _print_difference(difference: "Difference") -> None:
    from collector.console.terminal import stdout
    from trainer.dataset.examples import why_skipped

    for name, (was, now) in difference.settings.items():
        stdout().print(f"{name}: {_in_words(was)} → {_in_words(now)}", soft_wrap=True)
    for code, (was, now) in difference.left_out.items():
        stdout().print(f"left out, {why_skipped(code)}: {was} → {now}", soft_wrap=True)
    for words, photos in (
        ("added", difference.added),
        ("removed", difference.removed),
        ("other bytes", difference.repainted),
    ):
        _print_some(words, photos)
    for name, photos in difference.relabelled.items():
        _print_some(name, [f"{photo} {_short(was)} → {_short(now)}" for photo, (was, now) in photos.items()])
    _print_some("side", [f"{photo} {was} → {now}" for photo, (was, now) in difference.moved.items()])
    columns = sorted({column for its in difference.changed.values() for column in its})
    for column in columns:
        its = {photo: found[column] for photo, found in difference.changed.items() if column in found}
        _print_some(column, [f"{photo} {_in_words(was)} → {_in_words(now)}" for photo, (was, now) in its.items()])


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _in_words(value: Any) -> str:
    from collector.console.as_json import plain_value

    return "nothing" if value is None else str(plain_value(value))


def _print_some(words: str, lines: list[str]) -> None:
    from collector.console.terminal import stdout

    if lines:
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        stdout().print(f"{words}: {len(lines)} ({', '.join(lines[:SHOWN])}{more})", soft_wrap=True)


@commands.add("delete")
def delete(name: VersionName, yes: Yes = False) -> None:
    """Remove a version or an unfinished export.

    It can be exported again.

    Example: trainer dataset delete paddock-3f2a9c01b7d4 --yes
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.console.wording import as_typed
    from trainer.dataset import manifest
    from trainer.dataset.data import forget_cached

    where = directories()
    root = where.datasets
    unfinished = {folder.name: folder for folder in manifest.list_unfinished(root)}
    warn_of_broken(root)
    folder = unfinished.get(name) or manifest.find_folder(root, name)
    if not yes:
        typer.confirm(f"Remove {on_one_line(folder.name)}?", abort=True)
    again = _command_for(folder)
    freed = manifest.delete(folder)
    if folder.name not in unfinished:
        others = [one for kept in (root, where.cache / "inputs") for one in manifest.list_versions(kept)]
        freed += forget_cached(where.cache, folder.name.rpartition("-")[2], others)
    if common().json:
        print_json({"deleted": folder.name, "bytes": freed, "again": as_typed(again).strip("`") or None})
        return
    stdout().print(f"{folder.name} is removed; {size_in_words(freed)} freed.", soft_wrap=True)
    if again:
        stdout().print(f"{again} makes it again, as long as the database has not changed.", soft_wrap=True)


def _command_for(folder: Path) -> str:
    """The command that makes a version again; empty if it is unfinished or cannot be read."""
    from trainer.dataset.manifest import read_version
    from trainer.dataset.request import Request

    try:
        manifest = read_version(folder).manifest
    except UsageError:
        return ""
    plain = Request()
    given = {
        "--name": (manifest.name, plain.name),
        "--split": ("FILE" if manifest.split == "file" else manifest.split, plain.split),
        "--size": (manifest.query["size"], plain.size),
        "--format": (manifest.format, plain.format.value),
    }
    words = [f" {option} {value}" for option, (value, usual) in given.items() if value != usual]
    words += [f" --rights own --licence {manifest.query.get('licence')}"] * manifest.own
    words += [" --every-photo"] * manifest.query.get("every_photo", False)
    return f"`trainer export{_label_options(manifest)}{''.join(words)}`"


def _label_options(manifest: "Manifest") -> str:
    """The options that ask for the same labels again."""
    from trainer.dataset.request import POLL

    usual = [] if manifest.own else [POLL.definition.name], [POLL.axis] if manifest.labels else []
    names = list(dict.fromkeys(label.key.partition("/")[0] for label in manifest.labels))
    axes = list(dict.fromkeys(label.axis for label in manifest.labels))
    names, axes = ([] if its == plain else its for its, plain in zip((names, axes), usual, strict=True))
    settings: dict[str, Any] = manifest.query["labels"]
    files = {key.partition("/")[0] for key, its in settings.items() if "file" in its}
    said = [f" --label {'FILE' if name in files else name}" for name in names] + [f" --axis {axis}" for axis in axes]
    poll = next((its for its in settings.values() if "min_reviews" in its), {})
    if poll.get("min_reviews", 1) > 1:
        said.append(f" --min-reviews {poll['min_reviews']}")
    return "".join(said) + (" --keep-unreviewed" if poll.get("keep_unreviewed") else "")
