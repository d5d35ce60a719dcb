"""The command that brings saved pages, a person's own photos, and licensed tables into the collection."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.base import group, read_settings
from collector.cli.bringing import imported, print_report
from collector.cli.camera import Camera, Clock, Course, Folder, Offset, Photographer, Rights, bring_camera
from collector.console.common import common
from collector.console.wording import counted
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collector.imports.bring import Progress
    from collector.imports.report import Report
    from collector.politeness.gate import Connection

commands = group()

Paths = Annotated[list[Path] | None, typer.Argument(metavar="PATH...", help="Folders, files, tar, zip, WARC or WACZ.")]
As = Annotated[str | None, typer.Option("--as", metavar="KIND", help="What the pages are, such as race_result.")]
Photos = Annotated[Path | None, typer.Option("--photos", metavar="DIR", help="Bring your own photos from this folder.")]
Table = Annotated[
    Path | None, typer.Option("--manifest", metavar="FILE", help="The table that says what your photos show (CSV).")
]
Licensed = Annotated[
    str | None, typer.Option("--jravan", metavar="PLACE", help="Bring a database of JRA-VAN's data: a file or a URL.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be brought, and change nothing.")]


@commands.add("import")
def bring_pages(
    paths: Paths = None,
    kind: As = None,
    photos: Photos = None,
    manifest: Table = None,
    camera: Folder = None,
    course: Course = None,
    photographer: Photographer = None,
    rights: Rights = None,
    offset: Offset = None,
    clock: Clock = None,
    jravan: Licensed = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Bring saved pages, your own photos, or licensed entries.

    No request is made. What is brought is not asked for again without need. Run again, the same files bring nothing.

    Example: collector import pages/ --as race_result
    """
    of_camera = Camera(course, photographer, rights, offset, clock or [])
    if camera:
        if paths or kind or photos or manifest or jravan is not None:
            raise UsageError("--camera is used by itself: leave out PATH, --as, --photos, --manifest and --jravan.")
        return bring_camera(camera, of_camera, dry_run=dry_run)
    if of_camera.given:
        raise UsageError(f"{of_camera.given} is about the photos of --camera DIR: name their folder.")
    if jravan is not None:
        report = _bring_jravan(_jravan_alone(jravan, paths, kind, photos, manifest), dry_run=dry_run)
    elif photos or manifest:
        report = _bring_photos(*_photos_alone(paths, kind, photos, manifest), dry_run=dry_run)
    elif paths:
        report = _bring_pages(paths, kind, dry_run=dry_run)
    else:
        raise UsageError(
            "Say what to import: PATH..., --camera DIR, --photos DIR with --manifest FILE, or --jravan PLACE."
        )
    return _said(report, "photos" if photos else "pages", dry_run=dry_run)


def _said(report: "Report", things: str, *, dry_run: bool) -> ExitCode:
    """Say what an import brought."""
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

    return imported(settings, steps, bring)


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

    return imported(settings, steps, bring)


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

        return imported(settings, steps, bring)


def progress_in_words(progress: "Progress") -> str:
    """How far an import is, and the time that is left."""
    from collector.console.measures import size_in_words, span_in_words

    read = f"{size_in_words(progress.done)} of {size_in_words(progress.total)}"
    left = span_in_words(progress.seconds_left)
    return f"{read} read, {counted(progress.report.captures, 'page')}, time left {left}"
