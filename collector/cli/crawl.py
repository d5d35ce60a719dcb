"""The commands that ask sites and say how that goes: crawl, worker, schedule, status, robots."""

import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.base import Since, Until, check_crawl, group, log_to_stderr, read_settings, run
from collector.console.common import common
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collector.frontier.scope import Scope
    from collector.settings import Settings

commands = group()


class RacesOf(StrEnum):
    """Which races a crawl collects."""

    PHOTOS = "photos"
    ALL = "all"
    NONE = "none"


@commands.add("crawl")
def collect(
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most N issues, from the first on.")] = None,
    races: Annotated[
        RacesOf,
        typer.Option(
            help="Races of the days that the photos need, of every JRA race day, or none: no race site is asked."
        ),
    ] = RacesOf.PHOTOS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked for; ask for robots.txt only.")
    ] = False,
) -> ExitCode:
    """Collect paddock photos, their issues, and their races.

    Stop it at any time: the next run goes on from there.

    Example: collector crawl --since 2016 --until 2017-06-30

    Tried without a network: collector crawl --since 2016 --demo
    """
    from collector.frontier.scope import read_scope
    from collector.sources import Gift
    from collector.sources.registry import first_year, is_given

    settings = read_settings()
    scope = read_scope(since, until, limit, all_races=races is RacesOf.ALL, first_year=first_year())
    check_crawl(settings)
    if scope.all_races and not is_given(settings, Gift.RACES):
        raise UsageError("--races all needs a site that has races, and none is switched on: see `collector sources`.")
    return _crawl(settings, scope, dry_run=dry_run, photos_alone=races is RacesOf.NONE)


def _crawl(settings: "Settings", scope: "Scope", *, dry_run: bool, photos_alone: bool) -> ExitCode:
    """Crawl, or say what a crawl would ask for, and print the result."""
    from collector.cli import report, session
    from collector.cli.dry_run import print_plan
    from collector.cli.progress import Progress, show_crawl
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.engine.crawl import crawl

    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        crawler = session.crawler(settings, conninfo, photos_alone=photos_alone)
        async with session.look_alike(settings):
            if dry_run:
                return await print_plan(stdout(), crawler, scope)
            session.stop_on_signals(crawler)
            with Progress(stderr(), show_crawl) as progress:
                summary, code = await crawl(crawler, scope, progress.show)
        if common().json:
            print_json(summary.as_json())
        else:
            report.print_summary(stdout(), summary)
        await session.say_how_it_ended(stderr(), crawler, code)
        return code

    with session.opened_to_ask(settings, stderr()) as conninfo:
        return run(main(conninfo))


@commands.add("worker", json=False)
def work_on_what_is_queued() -> ExitCode:
    """Work on the queue and on the schedule until stopped.

    Any number of workers may run, on any number of machines. Until the terms of the sources are accepted, they wait.

    Example: collector worker
    """
    from collector.cli import session
    from collector.console.terminal import stderr
    from collector.engine.worker import work

    settings = read_settings()
    check_crawl(settings)
    schedule = session.read_schedule(settings)
    log_to_stderr(logging.INFO)

    async def main(conninfo: str) -> ExitCode:
        crawler = session.crawler(settings, conninfo)
        session.stop_on_signals(crawler)
        async with session.look_alike(settings):
            await work(crawler, schedule)
        return ExitCode.INTERRUPTED if crawler.interrupted else ExitCode.DONE

    with session.opened_to_ask(settings, stderr()) as conninfo:
        return run(main(conninfo))


@commands.add("schedule")
def show_schedule() -> None:
    """Show when what is scheduled is due next.

    Labels are refreshed and new back numbers are looked for; beside each stands what came of the last time.

    Example: collector schedule
    """
    from collector.cli import session
    from collector.cli.report import print_schedule
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.engine.schedule import report

    settings = read_settings()
    wanted = session.read_schedule(settings)
    with session.connected(settings) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                return await report(connection, wanted)

        ticks = run(main())
    if common().json:
        print_json(ticks)
    else:
        print_schedule(stdout(), ticks)


@commands.add("status")
def show_status() -> None:
    """Show what is held, what is due, and what to do next.

    Also how each host stands, what failed, where a layout has changed, and whose terms are not accepted.

    Example: collector status --json
    """
    from collector.cli import session
    from collector.cli.report import print_status
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.console.wording import as_typed
    from collector.frontier.status import report
    from collector.politeness.accepted import missing
    from collector.sources.registry import sites

    settings = read_settings()
    leaves = [leave for site in sites(settings) if (leave := site.leave)]
    with session.connected(settings) as connect:

        async def main() -> dict[str, Any]:
            async with await connect() as connection:
                facts, lacking = await report(connection), await missing(connection, leaves)
                return facts | {
                    "not_accepted": [
                        {"source": leave.source, "changed_since": others_at, "reason": leave.why_not(others_at)}
                        for leave, others_at in lacking
                    ],
                    "next": [
                        as_typed(thing) for thing in [*(leave.next_thing(at) for leave, at in lacking), *facts["next"]]
                    ],
                }

        facts = run(main())
    if common().json:
        print_json(facts)
    else:
        print_status(stdout(), facts)


@commands.add("robots")
def explain_robots(url: Annotated[str, typer.Argument(metavar="URL", help="A page of one of the sites.")]) -> ExitCode:
    """Show whether robots.txt allows an address, and why.

    Also which delay between requests is in force, and why.

    Example: collector robots http://www.example.com/160104/index.html
    """
    from collector.cli import session
    from collector.cli.dry_run import robots_verdict
    from collector.cli.report import print_robots
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.politeness.gate import host_name
    from collector.sources.registry import addresses, sites

    settings = read_settings()
    site = next((site for site in sites(settings) if host_name(site.url) == host_name(url)), None)
    if site is None:
        known = ", ".join(addresses(settings))
        raise UsageError(f"{url} is not on one of the sites ({known}), so it is never asked for.")
    check_crawl(settings)

    async def main(conninfo: str) -> dict[str, Any]:
        async with session.look_alike(settings):
            return await robots_verdict(session.crawler(settings, conninfo), site, url)

    with session.opened_to_ask(settings, stderr()) as conninfo:
        facts = run(main(conninfo))
    if common().json:
        print_json(facts)
    else:
        print_robots(stdout(), facts)
    return ExitCode.DONE if facts["allowed"] else ExitCode.BLOCKED
