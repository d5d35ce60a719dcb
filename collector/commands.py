"""What each command does: opens what it needs, calls one function, prints one result."""

import logging
from typing import Any

import typer
from rich.control import Control
from rich.segment import ControlType

from collector import forget as forgetting
from collector import reparse as reparsing
from collector.command_base import (
    connected,
    log_to_stderr,
    look_alike,
    opened_database,
    print_json,
    read_schedule,
    read_settings,
    run,
    say_how_it_ended,
    stop_on_signals,
    workplace,
)
from collector.console import as_typed
from collector.crawl import crawl as run_crawl
from collector.errors import ExitCode, TryLater, UsageError
from collector.frontier import read_scope
from collector.models import UNDATED
from collector.plan import print_plan, robots_verdict
from collector.politeness import host_name
from collector.progress import Progress, tell_crawl
from collector.report import (
    print_changes,
    print_doomed,
    print_forgotten,
    print_status,
    print_summary,
)
from collector.settings import load_settings
from collector.status import report
from collector.terminal import stderr, stdout
from collector.web.renewal import renew
from collector.worker import work as run_worker


def crawl(
    since: str | None,
    until: str | None,
    limit: int | None,
    *,
    all_races: bool,
    dry_run: bool,
    as_json: bool,
    demo: bool,
) -> ExitCode:
    """`collector crawl`."""
    settings = read_settings(demo=demo)
    scope = read_scope(since, until, limit, all_races=all_races)
    settings.check_crawl()
    if all_races and not settings.netkeiba_url:
        raise UsageError("--races all needs the site that has the races; PADDOCK_NETKEIBA_URL is set to nothing.")
    console = stderr(demo=demo)
    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        place = workplace(settings, conninfo)
        async with look_alike(settings):
            if dry_run:
                return await print_plan(stdout(demo=demo), place, settings.keibado_url, scope, as_json=as_json)
            stop_on_signals(place)
            with Progress(console, tell_crawl) as progress:
                summary, code = await run_crawl(place, settings.keibado_url, scope, progress.show)
        if as_json:
            print_json(summary.as_json())
        else:
            print_summary(stdout(demo=demo), summary)
        await say_how_it_ended(console, place, code)
        return code

    with opened_database(settings, console) as conninfo:
        return run(main(conninfo))


def work(*, demo: bool) -> ExitCode:
    """`collector worker`."""
    settings = read_settings(demo=demo)
    settings.check_crawl()
    schedule = read_schedule(settings)
    log_to_stderr(logging.INFO)

    async def main(conninfo: str) -> ExitCode:
        place = workplace(settings, conninfo)
        stop_on_signals(place)
        async with look_alike(settings):
            await run_worker(place, schedule)
        return ExitCode.INTERRUPTED if place.interrupted else ExitCode.DONE

    with opened_database(settings, stderr(demo=demo)) as conninfo:
        return run(main(conninfo))


def status(*, as_json: bool, demo: bool) -> None:
    """`collector status`."""
    with connected(read_settings(demo=demo)) as connect:

        async def main() -> dict[str, Any]:
            async with await connect() as connection:
                facts = await report(connection)
                return facts | {"next": [as_typed(thing, demo=demo) for thing in facts["next"]]}

        facts = run(main())
    if as_json:
        print_json(facts)
    else:
        print_status(stdout(demo=demo), facts)


def reparse(since: str | None, *, dry_run: bool, as_json: bool, demo: bool) -> ExitCode:
    """`collector reparse`."""
    console = stderr(demo=demo)
    # Horses and their aptitudes are of no day; they are read again where everything is.
    first_day = UNDATED if since is None else read_scope(since, None, None).since

    def show(done: int, total: int) -> None:
        if console.is_terminal:
            console.print(f"{done} of {total} pages", end="")
            console.control(Control(ControlType.CARRIAGE_RETURN))

    with connected(read_settings(demo=demo)) as connect:

        async def main() -> reparsing.Changes:
            async with await connect() as connection:
                return await reparsing.reparse(connection, first_day, dry_run=dry_run, show=show)

        try:
            changes = run(main())
        except KeyboardInterrupt:
            console.print("Interrupted; nothing was changed.")
            raise
    if as_json:
        print_json(changes.as_json())
    else:
        print_changes(stdout(demo=demo), changes, dry_run=dry_run)
    if changes.still_changed:
        return ExitCode.LAYOUT_CHANGED
    return ExitCode.SOME_FAILED if changes.unreadable else ExitCode.DONE


def robots(url: str, *, as_json: bool, demo: bool) -> ExitCode:
    """`collector robots`."""
    settings = read_settings(demo=demo)
    site = next((site for site in settings.sites if host_name(site) == host_name(url)), None)
    if site is None:
        raise UsageError(f"{url} is not on one of the sites ({', '.join(settings.sites)}), so it is never asked for.")
    settings.check_crawl()

    async def main(conninfo: str) -> dict[str, Any]:
        async with look_alike(settings):
            return await robots_verdict(workplace(settings, conninfo), site, url)

    with opened_database(settings, stderr(demo=demo)) as conninfo:
        facts = run(main(conninfo))
    if as_json:
        print_json(facts)
    else:
        console = stdout(demo=demo)
        for name, value in facts.items():
            console.print(f"{name.replace('_', ' '):15} {'-' if value is None else value}", soft_wrap=True)
    return ExitCode.DONE if facts["allowed"] else ExitCode.BLOCKED


def forget(url: str | None, host: str | None, *, yes: bool, as_json: bool, demo: bool) -> None:
    """`collector forget`."""
    if (url is None) == (host is None):
        raise UsageError("Name either the address of a photo, or --host HOST.")
    if url is not None and not host_name(url):
        raise UsageError(f"{url} is no address; write it as http://old.keibado.ne.jp/keibabook/160104/photo01.html.")
    with connected(read_settings(demo=demo)) as connect:

        async def foresee() -> forgetting.Doomed:
            async with await connect() as connection:
                return await forgetting.foresee(connection, url=url, host=host)

        async def main() -> forgetting.Forgotten:
            async with await connect() as connection:
                forgotten = await forgetting.forget(connection, url=url, host=host)
                try:
                    await renew(connection)  # its views still tell of it, and no server may be there to see to it
                except TryLater as error:
                    stderr(demo=demo).print(f"The photos are gone; {error}.", soft_wrap=True, markup=False)
                return forgotten

        if not yes:
            doomed = run(foresee())
            print_doomed(stderr(demo=demo), url or f"the host {host}", doomed)
            question = "Do that?" if doomed.known else "Note it, so that it is never asked for?"
            typer.confirm(question, abort=True, err=True)
        forgotten = run(main())
    if as_json:
        print_json(forgotten.as_json())
    else:
        print_forgotten(stdout(demo=demo), forgotten)


def demo_site(host: str, port: int | None, issues: int, photos: int, crawl_delay: float, hostile: list[str]) -> None:
    """`collector demo-site`."""
    from collector.demo.hostile import list_faults
    from collector.demo.site import run as serve

    if "help" in hostile:
        stdout(demo=True).print(list_faults(), markup=False, soft_wrap=True)
        return
    serve(
        host=host,
        port=port or load_settings().demo_port,
        issues=issues,
        photos=photos,
        crawl_delay=crawl_delay,
        hostile=hostile,
    )
