"""What the commands about data sets do: open what they need, call one function, print one result."""

from pathlib import Path

import typer
from rich.table import Column, Table

from collector import database
from collector.errors import UsageError
from trainer.command_base import absolute, places, print_json, progress, read_settings, size_in_words, stdout
from trainer.dataset import diff as comparing
from trainer.dataset import manifest as versions
from trainer.dataset.formats import Format
from trainer.dataset.manifest import Version, find_version
from trainer.examples import Kind, Side, Wanted
from trainer.export import Request
from trainer.export import export as write

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
    with database.opened(settings.database_url, settings.home) as conninfo, progress("photos") as tell:
        version = write(conninfo, root, request, tell)
    if as_json:
        print_json(version.manifest.as_json() | {"folder": version.folder})
        return
    _print_version(version)
    stdout().print(f"Written to {version.folder}", soft_wrap=True)


def list_versions(*, as_json: bool, demo: bool) -> None:
    """`trainer dataset list`."""
    root = places(demo=demo).datasets
    found, unfinished = versions.list_versions(root), versions.list_unfinished(root)
    if as_json:
        print_json([version.manifest.as_json() | {"folder": version.folder} for version in found])
        return
    if not found and not unfinished:
        stdout().print("There is no data set version yet: `trainer export` makes one.")
        return
    table = Table(
        Column("version", no_wrap=True), "axis", "split", "photos", "horses", "left out", "format", "size", box=None
    )
    for version in found:
        manifest = version.manifest
        size = size_in_words(sum(shard.size for shard in manifest.shards))
        counts = [sum(manifest.photos.values()), manifest.horses_in_all, sum(manifest.left_out.values())]
        table.add_row(version.name, manifest.axis, manifest.split, *map(str, counts), manifest.format, size)
    stdout().print(table)
    for folder in unfinished:
        stdout().print(f"{folder.name}: unfinished; the same `trainer export` goes on with it.", soft_wrap=True)


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
    console.print(f"[bold]{version.name}[/]  axis {manifest.axis}, split {manifest.split}, {manifest.format}")
    table = Table("side", "photos", "horses", *Kind, box=None)
    for side in Side:
        kinds = [str(manifest.kinds[side][kind]) for kind in Kind]
        table.add_row(side, str(manifest.photos[side]), str(manifest.horses[side]), *kinds)
    console.print(table)
    for reason, count in sorted(manifest.left_out.items()):
        console.print(f"left out: {count:5}  {reason}")
    leaks = manifest.leaks
    if leaks["horses"] or leaks["near_duplicates"]:
        console.print(
            f"[yellow]leaks: {leaks['horses']} horses stand on more than one side, {leaks['photos']} photos outside "
            f"training show a training horse; errors on this split are too good to be true.[/]"
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
        stdout().print(f"{version.name}: all {len(version.manifest.shards)} files are as they were written.")


def diff(one: str, other: str, *, as_json: bool, demo: bool) -> None:
    """`trainer dataset diff`."""
    root = places(demo=demo).datasets
    before, after = find_version(root, one), find_version(root, other)
    difference = comparing.compare(before, after)
    if as_json:
        print_json(difference.as_json())
        return
    console = stdout()
    if difference.nothing:
        console.print(f"{before.name} and {after.name} hold the same.")
        return
    for name, (was, now) in difference.settings.items():
        console.print(f"{name}: {was} → {now}")
    for words, photos in (
        ("added", difference.added),
        ("removed", difference.removed),
        ("other bytes", difference.repainted),
    ):
        _print_some(words, photos)
    _print_some("label", [f"{photo} {was:.3f} → {now:.3f}" for photo, (was, now) in difference.relabelled.items()])
    _print_some("side", [f"{photo} {was} → {now}" for photo, (was, now) in difference.moved.items()])


def _print_some(words: str, said: list[str]) -> None:
    if said:
        more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
        stdout().print(f"{words}: {len(said)} ({', '.join(said[:SHOWN])}{more})", soft_wrap=True)


def delete(word: str, *, yes: bool, as_json: bool, demo: bool) -> None:
    """`trainer dataset delete`."""
    root = places(demo=demo).datasets
    unfinished = {folder.name: folder for folder in versions.list_unfinished(root)}
    folder = unfinished.get(word) or find_version(root, word).folder
    if not yes:
        typer.confirm(f"Remove {folder.name}?", abort=True)
    freed = versions.delete(folder)
    if as_json:
        print_json({"deleted": folder.name, "bytes": freed})
    else:
        stdout().print(f"{folder.name} is removed; {size_in_words(freed)} are free again.")
