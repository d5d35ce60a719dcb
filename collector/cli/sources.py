"""`collector sources`: what sites are allowed to give, and that their terms are accepted. No request."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.base import group, read_settings, run
from collector.console.command_line import with_common
from collector.console.common import common
from collector.errors import UsageError

if TYPE_CHECKING:
    from collector.sources import Source

WORDS = """The sources: list (without a word), accept terms.

Of each is listed what it gives, what is kept of it, its addresses, its terms, whether they are accepted, and the
robots.txt that is held. No request is made.

Example: collector sources --json
"""

commands = group(WORDS, invoke_without_command=True)


@commands.callback()
@with_common
def show_sources(context: typer.Context) -> None:
    """The sources: list (without a word), accept terms."""
    if context.invoked_subcommand is not None:
        return
    from collector.cli.session import connected
    from collector.cli.sources_report import print_sources, sources_report
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    settings = read_settings()
    with connected(settings) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                return await sources_report(connection, settings)

        found = run(main())
    if common().json:
        print_json(found)
    else:
        print_sources(stdout(), found)


@commands.add("accept")
def accept_terms(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source.")],
    permission: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Whose permission to copy you have, and since when; exports say so."),
    ] = None,
) -> None:
    """Accept the terms of a source, so that it may be asked.

    It is done once, and again when the terms have changed. A source whose keepers forbid copying needs --permission.

    Example: collector sources accept example

    With a permission: collector sources accept example --permission "the editors, by mail of 2026-11-20"
    """
    from collector.sources.registry import asked_source

    source = asked_source(name)
    said = None if permission is None else " ".join(permission.split())
    if said == "":
        raise UsageError('--permission is empty; write who gave it, and when, as "the editors, by mail of 2026-11-20".')
    _accept(source, said)


def _accept(source: "Source", permission: str | None) -> None:
    from collector.cli.session import connected
    from collector.cli.sources_report import leave_in_words, leave_of
    from collector.codes import AcceptedBy
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.politeness.accepted import accept

    with connected(read_settings()) as connect:

        async def main() -> dict[str, Any]:
            async with await connect() as connection:
                await accept(connection, source.leave, AcceptedBy.COMMAND, permission)
                return await leave_of(connection, source)

        leave = run(main())
    if common().json:
        print_json({"name": source.name, "terms": source.terms.as_json(), "leave": leave})
    else:
        stdout().print(f"{source.title}: {source.terms}", soft_wrap=True, highlight=False)
        stdout().print(f"Terms {leave_in_words(source.leave, leave)}.", soft_wrap=True, highlight=False)
