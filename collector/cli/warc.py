"""`collector archive export`: the archive as WARC or WACZ, for other programs."""

import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from collector.cli.base import group, read_settings
from collector.console.common import common
from collector.console.wording import counted, things
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from collector.warc.answers import Wanted
    from collector.warc.export import Exported

commands = group()

Since = Annotated[
    str | None, typer.Option(metavar="YEAR|DATE", help="Only what came on that day or later: 2026 or 2026-11-01.")
]
Kinds = Annotated[
    list[str] | None, typer.Option(metavar="KIND", help="Only pages of this kind; may be given several times.")
]
Sources = Annotated[list[str] | None, typer.Option(metavar="SOURCE", help="Only pages of this source; likewise.")]
Photos = Annotated[
    bool, typer.Option("--photos", help="Also the pictures. They belong to their makers; do not publish them.")
]
Originals = Annotated[
    bool, typer.Option("--originals", help="Also the pictures of your own camera, which say where and by whom.")
]

REFUSAL = "no archive replaces: name a file"


@commands.add("export")
def export_archive(
    wacz: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a WACZ file (for replayweb.page).")] = None,
    warc: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a WARC file (name it .warc.gz).")] = None,
    since: Since = None,
    kind: Kinds = None,
    source: Sources = None,
    photos: Photos = False,
    originals: Originals = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> ExitCode:
    """Write the archive as one WARC or WACZ file.

    No request is made. What is forgotten or kept out by its site is never in it, and what is licensed to you alone
    only where --source names it; the file names the terms of each source. Answers whose bytes are damaged are named
    and left out (exit code 4).

    Example: collector archive export --wacz paddock.wacz

    Only results, for another program: collector archive export --warc results.warc.gz --kind race_result
    """
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.frontier.scope import read_scope

    file = _file_of(wacz, warc)
    first_day = None if since is None else read_scope(since, None, None).since
    if originals and not photos:
        raise UsageError("--originals is about the pictures: add --photos.")
    kinds, named = _kinds(kind, photos=photos), _sources(source)
    wanted = _wanted(first_day, kinds, named, photos=photos, originals=originals)
    done = _export(file, wanted, packaged=wacz is not None, force=force)
    if common().json:
        print_json({"file": f"{file}"} | done.as_json())
    else:
        _print(stdout(), file, done)
    _print_left_out(stderr(), done, chosen=named is not None)
    return ExitCode.SOME_FAILED if done.damaged else ExitCode.DONE


def _print(console: "Console", file: Path, done: "Exported") -> None:
    from collector.console.measures import size_in_words

    words = f"{file}: {counted(done.responses, 'answer')}, {done.revisits} of them again; {size_in_words(done.bytes)}"
    console.print(words, soft_wrap=True, highlight=False)


def _print_left_out(console: "Console", done: "Exported", *, chosen: bool) -> None:
    """What is not in the file; `chosen`: the sources were named, so that those that were not are not missed."""
    for name, count in () if chosen else done.left_out.items():
        words = f"Left out: {counted(count, 'page')} of {name}, which is licensed to you alone; "
        words += f"`--source {name}` writes {things(count, 'it', 'them')}."
        console.print(words, soft_wrap=True, highlight=False)
    for url in done.damaged:
        console.print(f"Damaged, and left out: {url}", soft_wrap=True)


def _wanted(
    since: "date | None", kinds: tuple[str, ...] | None, named: tuple[str, ...] | None, *, photos: bool, originals: bool
) -> "Wanted":
    """What goes out: of a camera no files as they came, of a licensed source nothing, unless that is asked for."""
    from collector.sources.registry import for_subscribers, is_personal, sources
    from collector.warc.answers import Wanted

    withheld = () if originals else tuple(name for name in sources() if is_personal(name))
    left_out = tuple(name for name in for_subscribers() if name not in (named or ()))
    return Wanted(since, kinds, named, photos, withheld, left_out)


def _file_of(wacz: Path | None, warc: Path | None) -> Path:
    file = wacz or warc
    if file is None or (wacz and warc):
        raise UsageError("Name one file: --wacz paddock.wacz, or --warc paddock.warc.gz.")
    return file


def _sources(names: list[str] | None) -> tuple[str, ...] | None:
    from collector.sources.registry import sources

    _check_known("--source", names, list(sources()))
    return tuple(names) if names else None


def _kinds(names: list[str] | None, *, photos: bool) -> tuple[str, ...] | None:
    from collector.sources.registry import sources
    from collector.sources.source import IMAGE, ROBOTS

    known = {kind for source in sources().values() for kind in source.kinds}
    _check_known("--kind", names, [*sorted(known), IMAGE, ROBOTS])
    if names and IMAGE in names and not photos:
        raise UsageError(f"--kind {IMAGE} needs --photos: pictures belong to their makers, and are left out otherwise.")
    return tuple(names) if names else None


def _check_known(option: str, names: list[str] | None, known: list[str]) -> None:
    for name in names or ():
        if name not in known:
            raise UsageError(f"{option} {name} is not known; there are {', '.join(known)}.")


def _export(file: Path, wanted: "Wanted", *, packaged: bool, force: bool) -> "Exported":
    """Write the file beside its place, and put it there when it is whole."""
    import psycopg

    from collector.cli.whole_file import beside, check_place
    from collector.console.steps import Steps
    from collector.console.terminal import stderr
    from collector.storage import database
    from collector.warc.answers import Answers
    from collector.warc.export import export_wacz, export_warc

    settings = read_settings()
    check_place(file, REFUSAL, force=force)

    def open_file() -> IO[bytes]:
        return tempfile.TemporaryFile(dir=file.parent)

    with (
        database.opened(settings.database_url, settings.home) as conninfo,
        psycopg.connect(conninfo) as connection,
        beside(file) as part,
    ):
        answers, show = Answers(connection, wanted), Steps(stderr(), "answers").show
        done = export_wacz(answers, part, open_file, show) if packaged else export_warc(answers, part, show)
        check_place(file, REFUSAL, force=force)  # it may have come meanwhile
    return done
