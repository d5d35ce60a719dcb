"""What `collector serve` does: open the collection, open the port, serve until it is told to end."""

import logging
from functools import partial

from rich.console import Console

from collector import database
from collector.command_base import log_to_stderr, read_settings, run
from collector.settings import Settings
from collector.terminal import stderr
from collector.web.app import make_app, make_guard
from collector.web.guards import Guard
from collector.web.service import serving
from collector.web.serving import address, is_local, new_token, reading_token, serve_until_told


def serve(host: str, port: int, *, admin: bool, demo: bool) -> None:
    """`collector serve`."""
    settings = read_settings(demo=demo)
    log_to_stderr(logging.WARNING)
    guard = guard_for(settings, host, admin=admin)
    say = partial(say_where, stderr(demo=demo), host, guard)

    async def main(conninfo: str) -> None:
        async with serving(conninfo, guard, demo=demo) as service:
            await serve_until_told(make_app(service), host, port, say)

    with database.opened(settings.database_url, settings.home) as conninfo:
        run(main(conninfo))


def guard_for(settings: Settings, host: str, *, admin: bool) -> Guard:
    """What is asked of requests: beyond this machine a token, since the photos are for private study."""
    token = reading_token(settings.serve_token, host)
    return make_guard(token=token, admin_token=new_token() if admin else None, local_only=is_local(host))


def say_where(console: Console, host: str, guard: Guard, port: int) -> None:
    """Tell the address to open."""
    console.print(f"The collection is on {address(host, port, guard.token)}", soft_wrap=True)
    if guard.admin_token:
        console.print(f"Decide things from {address(host, port, guard.admin_token, 'review')}", soft_wrap=True)
    if guard.token:
        console.print("Programs send it as `Authorization: Bearer ...`. PADDOCK_SERVE_TOKEN sets one that stays.")
    if host in ("0.0.0.0", "::"):  # noqa: S104 - is compared, not listened on
        console.print(f"From another machine, write this one's name or address in place of {host}.")
    console.print("Ctrl-C ends it.")
