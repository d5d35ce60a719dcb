"""What the commands about labels, horses and matches do: open what they need, call one function, print one result."""

import logging
from typing import Any

from collector import refresh as refreshing
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
from collector.errors import ExitCode, UsageError
from collector.frontier import read_span
from collector.horse import about, print_horse
from collector.horse_names import find_horses
from collector.matching import Matched, decide_by_hand, match_photos, open_photos
from collector.progress import Progress, tell_refresh
from collector.report import print_matches, print_refreshed, print_schedule
from collector.schedule import report
from collector.terminal import stderr, stdout


def refresh_labels(
    older_than: str | None, horse: str | None, limit: int | None, *, dry_run: bool, as_json: bool, demo: bool
) -> ExitCode:
    """`collector refresh-labels`."""
    settings = read_settings(demo=demo)
    age = read_span(older_than, "--older-than")
    settings.check_crawl()
    if settings.netkeiba_url is None:
        raise UsageError("PADDOCK_NETKEIBA_URL is empty, and labels come from there; unset it.")
    site, console = settings.netkeiba_url, stderr(demo=demo)
    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        place = workplace(settings, conninfo)
        async with await place.connect() as connection:
            chosen = await find_horses(connection, horse) if horse is not None else None
            if dry_run:
                foreseen = await refreshing.foresee(connection, site, older_than=age, horses=chosen)
                _print_foreseen(foreseen, limit, as_json=as_json, demo=demo)
                return ExitCode.DONE
            await refreshing.plan(connection, site, older_than=age, horses=chosen)
        stop_on_signals(place)
        async with look_alike(settings):
            with Progress(console, tell_refresh) as progress:
                done, code = await refreshing.refresh(place, site, refreshing.label_scope(limit), progress.show)
        if as_json:
            print_json(done.as_json())
        else:
            print_refreshed(stdout(demo=demo), done)
        await say_how_it_ended(console, place, code)
        return code

    with opened_database(settings, console) as conninfo:
        return run(main(conninfo))


def _print_foreseen(foreseen: refreshing.Foreseen, limit: int | None, *, as_json: bool, demo: bool) -> None:
    asked = foreseen.within(limit)
    sure = asked.most == asked.due
    if as_json:
        known = {"pages_due": foreseen.due, "requests_at_least": asked.due, "requests": asked.most}
        print_json(known | {"requests_are_an_estimate": not sure})
        return
    words = f"{foreseen.due} {'page is' if foreseen.due == 1 else 'pages are'} due"
    words += f", at most {limit} are asked for: {asked.due}" if limit else f": {asked.due}"
    words += "" if sure else f" to {asked.most}"
    words += " request" if asked.most == 1 else " requests"
    words += "." if sure else ", an estimate: what a page leads to is known when it has been read."
    stdout(demo=demo).print(words, soft_wrap=True)


def horse(name: str, *, as_json: bool, demo: bool) -> None:
    """`collector horse`."""
    with connected(read_settings(demo=demo)) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                found = await find_horses(connection, name)
                return [await about(connection, horse_id) for horse_id in found]

        horses = run(main())
    if as_json:
        print_json(horses)
        return
    for facts in horses:
        print_horse(stdout(demo=demo), facts)


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
        print_matches(stdout(demo=demo), result)


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
        print_schedule(stdout(demo=demo), ticks)
