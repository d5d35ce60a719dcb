"""The collection in a browser: serve."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.base import group, log_to_stderr, read_settings, run
from collector.console.common import common

if TYPE_CHECKING:
    from rich.console import Console

    from collector.settings import Settings
    from collector.web.server.guards import Guard

commands = group()


@commands.add("serve", json=False)
def serve_collection(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; beyond this machine it asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="Port; 0 takes a free one.")] = 8770,
    admin: Annotated[
        bool, typer.Option("--admin", help="Print a token for decisions; without it nothing can be changed.")
    ] = False,
) -> None:
    """Show the collection in a browser.

    Search, horses over the years, races, what is open, and an API.

    Example: collector serve
    """
    from collector.console.terminal import stderr
    from collector.imports.own_remark import store_remark
    from collector.storage import database
    from collector.web.app import make_app
    from collector.web.asking.client import Asking
    from collector.web.server.serving import serve_until_stopped
    from collector.web.service import serving

    settings = read_settings()
    log_to_stderr(logging.WARNING)
    guard = guard_for(settings, host, admin=admin)
    say = partial(say_where, stderr(), host, guard)
    demo, asking = common().demo, Asking(settings.answers, settings.serve_token)

    async def main(conninfo: str) -> None:
        async with serving(conninfo, guard, store_remark, asking=asking, demo=demo) as service:
            await serve_until_stopped(make_app(service), host, port, say)

    with database.opened(settings.database_url, settings.home) as conninfo:
        run(main(conninfo))


def guard_for(settings: "Settings", host: str, *, admin: bool) -> "Guard":
    """What is asked of requests: beyond this machine a token, since the photos are for private study."""
    from collector.web.app import make_guard
    from collector.web.server.serving import is_local, new_token, reading_token

    token = reading_token(settings.serve_token, host)
    return make_guard(token=token, admin_token=new_token() if admin else None, local_only=is_local(host))


def say_where(console: "Console", host: str, guard: "Guard", port: int) -> None:
    """Print the address to open."""
    from collector.web.server.serving import address

    console.print(f"The collection is on {address(host, port, guard.token)}", soft_wrap=True)
    if guard.admin_token:
        console.print(f"Decide things from {address(host, port, guard.admin_token, 'review')}", soft_wrap=True)
    if guard.token:
        console.print("Programs send it as `Authorization: Bearer ...`. PADDOCK_SERVE_TOKEN sets one that stays.")
    if host in ("0.0.0.0", "::"):  # noqa: S104 - is compared, not listened on
        console.print(f"From another machine, write this one's name or address in place of {host}.")
    console.print("Ctrl-C ends it.")
