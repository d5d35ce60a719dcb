"""What the commands about labels, horses and matches do: open what they need, call one function, print one result."""

import logging
from typing import Any

from collector import database
from collector import refresh as refreshing
from collector.command_base import (
    connected,
    log_to_stderr,
    look_alike,
    print_json,
    read_schedule,
    read_settings,
    run,
    say_how_it_ended,
    stop_on_signals,
    workplace,
)
from collector.errors import ExitCode, UsageError
from collector.frontier import read_span
from collector.horse import about, print_horse
from collector.matching import Matched, decide_by_hand, match_photos, open_photos
from collector.progress import Progress, stderr_console, tell_refresh
from collector.report import print_matches, print_refreshed, print_schedule
from collector.schedule import report
from collector.terminal import stdout


def refresh_labels(
    older_than: str | None, horse: str | None, limit: int | None, *, dry_run: bool, as_json: bool, demo: bool
) -> ExitCode:
    """`collector refresh-labels`."""
    settings = read_settings(demo=demo)
    age = read_span(older_than, "--older-than")
    settings.check_crawl()
    if settings.netkeiba_url is None:
        raise UsageError("PADDOCK_NETKEIBA_URL is empty, and labels come from there; unset it.")
    site, console = settings.netkeiba_url, stderr_console()
    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        place = workplace(settings, conninfo)
        async with await place.connect() as connection:
            chosen = await refreshing.find_horses(connection, horse) if horse else None
            due = await refreshing.plan(connection, site, older_than=age, horses=chosen, keep=not dry_run)
        if dry_run:
            asked = min(due, limit or due)
            facts = {"pages_due": due, "requests": asked}
            print_json(facts) if as_json else stdout().print(f"{asked} of {due} pages due would be asked for.")
            return ExitCode.DONE
        stop_on_signals(place)
        async with look_alike(settings):
            with Progress(console, tell_refresh) as progress:
                done, code = await refreshing.refresh(place, site, refreshing.label_scope(limit), progress.show)
        if as_json:
            print_json(done.as_json())
        else:
            print_refreshed(stdout(), done)
        say_how_it_ended(console, code, demo=demo)
        return code

    with database.opened(settings.database_url, settings.home) as conninfo:
        return run(main(conninfo))


def horse(name: str, *, as_json: bool, demo: bool) -> None:
    """`collector horse`."""
    with connected(read_settings(demo=demo)) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                found = await refreshing.find_horses(connection, name)
                return [await about(connection, horse_id) for horse_id in found]

        horses = run(main())
    if as_json:
        print_json(horses)
        return
    for facts in horses:
        print_horse(stdout(), facts)


def match(*, review: bool, by_hand: tuple[str, str] | None, as_json: bool, demo: bool) -> None:
    """`collector match`."""
    if review and by_hand:
        raise UsageError("--review only lists, --set only decides: give one of them.")
    with connected(read_settings(demo=demo)) as connect:

        async def main() -> Matched | list[dict[str, Any]] | str:
            async with await connect() as connection:
                if by_hand:
                    return await decide_by_hand(connection, *by_hand)
                return await open_photos(connection) if review else await match_photos(connection, again=True)

        result = run(main())
    if as_json:
        print_json({"horse_id": result} if isinstance(result, str) else _plain(result))
    else:
        print_matches(stdout(), result)


def _plain(result: Matched | list[dict[str, Any]]) -> Any:
    return result.as_json() if isinstance(result, Matched) else result


def schedule(*, as_json: bool, demo: bool) -> None:
    """`collector schedule`."""
    settings = read_settings(demo=demo)
    wanted = read_schedule(settings)
    with connected(settings) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                return await report(connection, wanted)

        ticks = run(main())
    if as_json:
        print_json(ticks)
    else:
        print_schedule(stdout(), ticks)
