"""The command that brings saved pages, a person's own photos, and licensed tables into the collection."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.base import group, read_settings, run
from collector.console.common import common
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from collector.console.steps import Steps
    from collector.imports.bring import Progress
    from collector.imports.report import Report
    from collector.politeness.gate import Connection
    from collector.settings import Settings

commands = group()


@commands.add("import")
def bring_pages(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Folders, files, tar, zip, WARC or WACZ.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--as", metavar="KIND", help="What the pages are, such as race_result.")
    ] = None,
    photos: Annotated[
        Path | None, typer.Option("--photos", metavar="DIR", help="Bring your own photos from this folder.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", metavar="FILE", help="The table that says what your photos show (CSV).")
    ] = None,
    jravan: Annotated[
        str | None,
        typer.Option("--jravan", metavar="PLACE", help="Bring a database of JRA-VAN's data: a file or a URL."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be brought, and change nothing.")] = False,
) -> ExitCode:
    """Bring saved pages, your own photos, or licensed entries.

    No request is made. What is brought is not asked for again without need. Run again, the same files bring nothing.

    Example: collector import pages/ --as race_result
    """
    if jravan is not None:
        report = _bring_jravan(_jravan_alone(jravan, paths, kind, photos, manifest), dry_run=dry_run)
    elif photos or manifest:
        report = _bring_photos(*_photos_alone(paths, kind, photos, manifest), dry_run=dry_run)
    elif paths:
        report = _bring_pages(paths, kind, dry_run=dry_run)
    else:
        raise UsageError("Say what to import: PATH..., --photos DIR with --manifest FILE, or --jravan PLACE.")
    return _ended(report, "photos" if photos else "pages", dry_run=dry_run)


def _ended(report: "Report", things: str, *, dry_run: bool) -> ExitCode:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    if common().json:
        print_json(report.as_json())
    else:
        print_report(stdout(), report, things, dry_run=dry_run)
    if report.layout_changed and report.not_read:
        return ExitCode.LAYOUT_CHANGED
    return ExitCode.SOME_FAILED if report.left_out else ExitCode.DONE


def _jravan_alone(place: str, *others: object) -> str:
    if any(others):
        raise UsageError("--jravan is by itself: leave out PATH, --as, --photos and --manifest.")
    return place


def _photos_alone(
    paths: list[Path] | None, kind: str | None, photos: Path | None, manifest: Path | None
) -> tuple[Path, Path]:
    if photos is None or manifest is None:
        raise UsageError("--photos DIR and --manifest FILE belong together: the table says what the photos show.")
    if paths or kind:
        raise UsageError("Photos are imported by themselves: leave out PATH and --as, or --photos and --manifest.")
    return photos, manifest


def _bring_photos(folder: Path, table: Path, *, dry_run: bool) -> "Report":
    """Bring the photos of a folder, and show how far that is."""
    from collector.console.steps import Steps
    from collector.console.terminal import stderr
    from collector.frontier.due import today
    from collector.imports.identify import Places
    from collector.imports.manifest import read_manifest
    from collector.imports.photo_files import check_files, read_table
    from collector.imports.photos import PhotoImport
    from collector.imports.report import Report
    from collector.sources.registry import archived_sites
    from collector.storage.archive import digest_of

    raw = read_table(table, folder)
    manifest = read_manifest(raw, table.name, today())
    manifest.check()
    check_files(manifest, folder)
    settings, report = read_settings(), Report(all_names=common().json)
    places = Places(archived_sites(settings))
    steps = Steps(stderr(), "photos")

    async def bring(connection: "Connection") -> "Report":
        brought = PhotoImport(connection, folder, manifest, digest_of(raw), places, report, dry_run, steps.show)
        return await brought.run()

    return _imported(settings, steps, bring)


def _bring_pages(paths: list[Path], kind: str | None, *, dry_run: bool) -> "Report":
    """Bring what these paths hold, and show how far that is."""
    from collector.console.steps import Steps
    from collector.console.terminal import stderr
    from collector.imports.bring import Import
    from collector.imports.files import Files
    from collector.imports.identify import Places, read_kind
    from collector.imports.report import Report
    from collector.sources.registry import archived_sites

    settings = read_settings()
    sites = archived_sites(settings)
    wanted = read_kind(kind, {site.source.name: site.source for site in sites}.values())
    files = Files(paths, any_kind=wanted is not None)
    files.check()
    report = Report(all_names=common().json)
    steps = Steps(stderr())

    def show(progress: "Progress") -> None:
        steps.say(progress_in_words(progress))

    async def bring(connection: "Connection") -> "Report":
        return await Import(connection, files, Places(sites, wanted), report, dry_run, show).run()

    return _imported(settings, steps, bring)


def _bring_jravan(place: str, *, dry_run: bool) -> "Report":
    """Bring what a converter's database holds, and show how far that is."""
    from collector.console.steps import Steps
    from collector.console.terminal import stderr
    from collector.imports.identify import Places
    from collector.imports.jravan import bring_jravan
    from collector.imports.jravan_open import opened, recognised
    from collector.imports.report import Report
    from collector.sources.registry import archived_sites

    settings, report, steps = read_settings(), Report(all_names=common().json), Steps(stderr())
    places = Places(archived_sites(settings))

    def show(progress: "Progress") -> None:
        steps.say(progress_in_words(progress))

    with opened(place) as database:
        recognised(database)  # before our own database is started

        async def bring(connection: "Connection") -> "Report":
            return await bring_jravan(connection, database, places, report, dry_run=dry_run, show=show)

        return _imported(settings, steps, bring)


def _imported(settings: "Settings", steps: "Steps", bring: "Callable[[Connection], Awaitable[Report]]") -> "Report":
    from collector.cli.session import connected

    with connected(settings) as connect:

        async def main() -> "Report":
            async with await connect() as connection:
                return await bring(connection)

        try:
            with steps:
                return run(main())
        except KeyboardInterrupt:
            steps.console.print("Interrupted; what was brought is kept, the same command goes on from here.")
            raise


def progress_in_words(progress: "Progress") -> str:
    """How far an import is, and the time that is left."""
    from collector.console.measures import size_in_words, span_in_words

    read = f"{size_in_words(progress.done)} of {size_in_words(progress.total)}"
    left = span_in_words(progress.seconds_left)
    return f"{read} read, {progress.report.captures} pages, time left {left}"


def print_report(console: "Console", report: "Report", things: str, *, dry_run: bool) -> None:
    """What was brought, what was held already, and what was left out and why."""
    from collector.codes import Aside
    from collector.console.code_words import describe

    verb = "would be brought" if dry_run else "brought"
    counts = report.standings
    console.print(f"{report.brought} {things} {verb}, {counts['known']} known before; no request made.")
    for (source, kind), count in sorted(report.kinds.items()):
        console.print(f"  {source}: {count} {kind}")
    for count, words in (
        (counts["older"] + counts["undated"], "only kept as history: what is held came later, or nobody knows"),
        (counts["confirmed"], "say the same as what is held"),
        (report.gone, "say that there is no such page"),
        (report.saved_anew, "are UTF-8, although they name another charset; they are read as UTF-8"),
        (report.not_read, "archived and not read: the layout of their kind has changed"),
        (report.elsewhere, "races at other racecourses than the JRA's are left out: their ids are made another way"),
        (report.orphans, "entries are left out: their race is not there"),
    ):
        if count:
            console.print(f"  {count} {words}", soft_wrap=True)
    for code, count in report.left_out.most_common():
        console.print(f"Left out: {count} {Aside(code)}", soft_wrap=True)
        for file, detail in report.names[code]:
            console.print(f"    {file}: {describe(Aside, code, detail)}", soft_wrap=True)
        if count > len(report.names[code]):
            console.print("    ... (--json names all)")
