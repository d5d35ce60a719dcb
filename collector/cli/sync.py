"""`collector sync`: everything that has come since the last time, as a line of cron wants it."""

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.base import check_crawl, group, log_to_stderr, read_settings, run
from collector.cli.crawl import RacesOf
from collector.console.common import common
from collector.console.wording import counted
from collector.errors import ExitCode

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from collector.engine.crawl_jobs import Crawler
    from collector.engine.sync import Plan, Synced
    from collector.settings import Settings

commands = group()


@commands.add("sync")
def bring_up_to_date(
    since: Annotated[
        str | None,
        typer.Option(metavar="YEAR|DATE", help="Look from this day on; without it, from what is held: it says so."),
    ] = None,
    races: Annotated[
        RacesOf | None, typer.Option(help="As for a crawl; without it, all where calendars of races are held.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked for; ask for robots.txt only.")
    ] = False,
) -> ExitCode:
    """Bring the collection up to date.

    For a line of cron: back numbers, races and labels. It asks only for what is new or due, takes up what was
    interrupted, and works together with workers. A second sync on the same database says that one is at work, and
    ends with 0. Outside PADDOCK_HOURS it waits.

    Example: collector sync

    The first time: collector sync --since 2016
    """
    from collector.frontier.scope import read_scope
    from collector.sources.registry import first_year

    settings = read_settings()
    first_day = None if since is None else read_scope(since, None, None, first_year=first_year()).since
    check_crawl(settings)
    return _sync(settings, first_day, races=races, dry_run=dry_run)


def _sync(settings: "Settings", since: "date | None", *, races: RacesOf | None, dry_run: bool) -> ExitCode:
    from collector.cli import session
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr
    from collector.engine.sync import alone, plan_sync

    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        all_races = None if races is None else races is RacesOf.ALL
        crawler = session.crawler(settings, conninfo, photos_alone=races is RacesOf.NONE)
        async with alone(crawler) as first, session.look_alike(settings):
            if not first:
                stderr().print("Another sync is at work on this database; it does what is due.", soft_wrap=True)
                if common().json:
                    print_json({"at_work": True})
                return ExitCode.DONE
            async with await crawler.connect() as connection:
                plan = await plan_sync(connection, crawler, since, all_races=all_races)
            stderr().print(_from_when_on(plan, asked=since is not None), soft_wrap=True, highlight=False)
            return await (_foresee(crawler, settings, plan) if dry_run else _work(crawler, settings, plan))

    with session.opened_to_ask(settings, stderr()) as conninfo:
        return run(main(conninfo))


async def _work(crawler: "Crawler", settings: "Settings", plan: "Plan") -> ExitCode:
    """Ask for what is due, and print what came."""
    from collector.cli import session
    from collector.cli.progress import Progress, show_sync
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.engine.sync import sync

    session.stop_on_signals(crawler)
    with Progress(stderr(), show_sync) as progress:
        done, code = await sync(crawler, plan, progress.show, labels=_has_labels(settings))
    if common().json:
        print_json(done.as_json())
    else:
        _print(stdout(), done)
    await session.say_how_it_ended(stderr(), crawler, code)
    return code


async def _foresee(crawler: "Crawler", settings: "Settings", plan: "Plan") -> ExitCode:
    """Say what would be asked for."""
    from collector.cli.dry_run import foresee_crawl, print_foreseen_crawl
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.engine.refresh import foresee, labels_of
    from collector.engine.sync import plan_as_json

    facts = await foresee_crawl(crawler, plan.scope)
    due = 0
    if _has_labels(settings) and (asked := labels_of(crawler)):
        async with await crawler.connect() as connection:
            due = (await foresee(connection, asked, older_than=None, horses=None)).due
    if common().json:
        print_json(plan_as_json(plan) | facts | {"label_pages_due": due})
    else:
        print_foreseen_crawl(stdout(), plan.scope, facts)
        stdout().print(f"labels          {counted(due, 'page')} due")
    return ExitCode.DONE if facts["allowed"] else ExitCode.BLOCKED


def _has_labels(settings: "Settings") -> bool:
    from collector.sources import Gift
    from collector.sources.registry import is_given

    return is_given(settings, Gift.APTITUDES)


def _from_when_on(plan: "Plan", *, asked: bool) -> str:
    """From which day on it looks, and why."""
    words = f"Looks from {plan.scope.since} on"
    held = [("issue", plan.newest_issue), ("result", plan.newest_result)]
    if not asked:
        known = ", the ".join(f"newest {what} held is of {day}" for what, day in held if day)
        words += f", four weeks back: the {known}"
    words += f". Races: {'every race day' if plan.scope.all_races else 'the days that the photos need'}."
    for scope in plan.left:
        words += f" It also goes on with what was interrupted: {scope.title}."
    return words


def _print(console: "Console", done: "Synced") -> None:
    """What came."""
    from rich.table import Table

    from collector.console.measures import size_in_words, span_in_words

    new: Any = done.as_json()
    table = Table.grid(padding=(0, 2))
    for name in ("issues", "photos", "results", "cards"):
        table.add_row(name, f"{new[f'{name}_new']} new or changed")
    if done.labels:
        table.add_row(
            "labels",
            f"{counted(done.labels.changed, 'horse')} with a new opinion, {counted(done.labels.due, 'page')} still due",
        )
    summary = done.summary
    table.add_row(
        "requests", f"{summary.requests} ({summary.not_modified} not modified), {size_in_words(summary.bytes)}"
    )
    table.add_row("time", span_in_words(summary.elapsed))
    console.print(table)
