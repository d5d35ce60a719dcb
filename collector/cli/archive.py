"""The commands about what is held: reparse reads it again, forget removes it."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.base import Since, group, read_settings, run
from collector.console.command_line import Yes
from collector.console.common import common
from collector.errors import ExitCode, TryLater, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from collector.pipeline.forget import Doomed, Forgotten
    from collector.pipeline.reparse import Changes
    from collector.politeness.gate import Connection

commands = group()


@commands.add("reparse")
def read_again(
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> ExitCode:
    """Derive everything again from the stored pages.

    No request is made. With --since, only issues and races from then on are read.

    Example: collector reparse --since 2016 --dry-run
    """
    from collector.cli.report import print_changes
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.frontier.scope import read_scope
    from collector.storage.roles import UNDATED

    # Horses and their aptitudes are of no day; they are read again where everything is.
    first_day = UNDATED if since is None else read_scope(since, None, None).since
    changes = _reparse(first_day, dry_run=dry_run)
    if common().json:
        print_json(changes.as_json())
    else:
        print_changes(stdout(), changes, dry_run=dry_run)
    if changes.still_changed:
        return ExitCode.LAYOUT_CHANGED
    return ExitCode.SOME_FAILED if changes.unreadable else ExitCode.DONE


def _reparse(first_day: date, *, dry_run: bool) -> "Changes":
    """Read all pages from this day on, and show how far that is."""
    from collector.cli.session import connected
    from collector.console.steps import Steps
    from collector.console.terminal import stderr
    from collector.pipeline.reparse import reparse

    console = stderr()
    steps = Steps(console, "pages")

    with connected(read_settings()) as connect:

        async def main() -> "Changes":
            async with await connect() as connection:
                return await reparse(connection, first_day, dry_run=dry_run, show=steps.show)

        try:
            with steps:
                return run(main())
        except KeyboardInterrupt:
            console.print("Interrupted; nothing was changed.")
            raise


@commands.add("forget")
def forget_photos(
    url: Annotated[
        str | None, typer.Argument(metavar="URL|PHOTO", help="A photo's page or picture, or its id.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Everything that came from this host.")] = None,
    yes: Yes = False,
) -> None:
    """Remove photos for good and never ask for them again.

    An opt-out: of one photo, or of all photos of a host.

    Example: collector forget http://www.example.com/160104/photo01.html

    By its id, which its page shows: collector forget example:160104/01
    """
    from collector.cli.report import print_doomed, print_forgotten
    from collector.cli.session import connected
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.pipeline.forget import address_of, foresee

    _check_named(url, host)
    with connected(read_settings()) as connect:

        async def look() -> "tuple[str | None, Doomed | None]":
            async with await connect() as connection:
                address = await address_of(connection, url) if url else None
                return address, None if yes else await foresee(connection, url=address, host=host)

        address, doomed = run(look())
        if doomed is not None:
            print_doomed(stderr(), url or f"the host {host}", doomed)
            question = "Do that?" if doomed.known else "Note it, so that it is never asked for?"
            typer.confirm(question, abort=True, err=True)
        forgotten = run(_forget(connect, address, host))
    if common().json:
        print_json(forgotten.as_json())
    else:
        print_forgotten(stdout(), forgotten)


async def _forget(connect: "Callable[[], Awaitable[Connection]]", url: str | None, host: str | None) -> "Forgotten":
    """Remove the photos, and what the search holds of them."""
    from collector.console.terminal import stderr
    from collector.pipeline.forget import forget
    from collector.web.search.renewal import renew

    async with await connect() as connection:
        forgotten = await forget(connection, url=url, host=host)
        try:
            await renew(connection)  # its views still hold it, and no server may be there to see to it
        except TryLater as error:
            stderr().print(f"The photos are gone; {error}.", soft_wrap=True)
        return forgotten


def _check_named(url: str | None, host: str | None) -> None:
    from collector.politeness.gate import host_name
    from collector.storage.photo_ids import EXAMPLE, PHOTO_ID

    if (url is None) == (host is None):
        raise UsageError("Name either the address of a photo, or --host HOST.")
    if url is not None and not PHOTO_ID.fullmatch(url) and not host_name(url):
        examples = f"http://www.example.com/160104/photo01.html, or the photo's id as {EXAMPLE}"
        raise UsageError(f"{url} is not an address; write it as {examples}.")
