"""The commands about horses and their labels: refresh-labels, horse, match."""

import logging
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.base import check_crawl, group, log_to_stderr, read_settings, run
from collector.console.common import common
from collector.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collector.engine.refresh import Foreseen
    from collector.matching.match import Matched
    from collector.settings import Settings

commands = group()


@commands.add("refresh-labels")
def refresh_labels(
    older_than: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Also those not asked for since: 30d, 12h, 8w.")
    ] = None,
    horse: Annotated[
        str | None, typer.Option(metavar="NAME|ID", help="This horse now, whether or not it is due.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N pages.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many pages are due; ask for none.")] = False,
) -> ExitCode:
    """Ask for the aptitudes that are due.

    They are those of the horses that photos show; a horse's interval follows how fast opinion of it changes.

    Example: collector refresh-labels --older-than 30d
    """
    from collector.cli.horse import check_word
    from collector.console.measures import read_span
    from collector.sources import Gift
    from collector.sources.registry import is_given

    settings = read_settings()
    age = read_span(older_than, "--older-than") if older_than is not None else None
    check_word(horse)
    check_crawl(settings)
    if not is_given(settings, Gift.APTITUDES):
        raise UsageError("No site that gives labels is switched on; `collector sources` lists the variables.")
    return _refresh(settings, Refreshing(age, horse, limit), dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class Refreshing:
    """Which labels are asked for."""

    older_than: timedelta | None
    horse: str | None
    limit: int | None  # pages


def _refresh(settings: "Settings", wanted: Refreshing, *, dry_run: bool) -> ExitCode:
    """Ask for labels, or say how many are due, and print the result."""
    from collector.cli import session
    from collector.cli.horse import find_horses
    from collector.cli.progress import Progress, show_refresh
    from collector.cli.report import print_refreshed
    from collector.console.as_json import print_json
    from collector.console.terminal import stderr, stdout
    from collector.engine.refresh import foresee, label_scope, labels_of, plan, refresh

    log_to_stderr(logging.WARNING)

    async def main(conninfo: str) -> ExitCode:
        crawler = session.crawler(settings, conninfo)
        asked = labels_of(crawler)
        assert asked is not None
        async with await crawler.connect() as connection:
            chosen = await find_horses(connection, wanted.horse) if wanted.horse is not None else None
            if dry_run:
                foreseen = await foresee(connection, asked, older_than=wanted.older_than, horses=chosen)
                _print_foreseen(foreseen, wanted.limit)
                return ExitCode.DONE
            await plan(connection, asked, older_than=wanted.older_than, horses=chosen)
        session.stop_on_signals(crawler)
        async with session.look_alike(settings):
            with Progress(stderr(), show_refresh) as progress:
                done, code = await refresh(crawler, asked, label_scope(wanted.limit), progress.show)
        if common().json:
            print_json(done.as_json())
        else:
            print_refreshed(stdout(), done)
        await session.say_how_it_ended(stderr(), crawler, code)
        return code

    with session.opened_to_ask(settings, stderr()) as conninfo:
        return run(main(conninfo))


def _print_foreseen(foreseen: "Foreseen", limit: int | None) -> None:
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    asked = foreseen.within(limit)
    sure = asked.most == asked.due
    if common().json:
        known = {"pages_due": foreseen.due, "requests_at_least": asked.due, "requests": asked.most}
        print_json(known | {"requests_are_an_estimate": not sure})
        return
    words = f"{foreseen.due} {'page is' if foreseen.due == 1 else 'pages are'} due"
    words += f", at most {limit} are asked for: {asked.due}" if limit else f": {asked.due}"
    words += "" if sure else f" to {asked.most}"
    words += " request" if asked.most == 1 else " requests"
    words += "." if sure else ", an estimate: what a page leads to is known when it has been read."
    stdout().print(words, soft_wrap=True)


@commands.add("horse")
def show_horse(name: Annotated[str, typer.Argument(metavar="NAME|ID", help="The horse.")]) -> None:
    """Show what is known of a horse.

    That is its entries, its photos with the remarks beside them and what was read from these, its aptitudes and how
    they moved.

    Example: collector horse キタサンブラック
    """
    from collector.cli.horse import about, check_word, find_horses, print_horse
    from collector.cli.session import connected
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    check_word(name)
    with connected(read_settings()) as connect:

        async def main() -> list[dict[str, Any]]:
            async with await connect() as connection:
                found = await find_horses(connection, name)
                return [await about(connection, horse_id) for horse_id in found]

        horses = run(main())
    if common().json:
        print_json(horses)
        return
    for facts in horses:
        print_horse(stdout(), facts)


@commands.add("match")
def match_horses(
    review: Annotated[bool, typer.Option("--review", help="List the photos that are open, and stop.")] = False,
    by_hand: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--set", metavar="PHOTO HORSE", help="Decide one by hand, for good: photo and horse, each by its id."
        ),
    ] = None,
    back: Annotated[
        str | None,
        typer.Option("--take-back", metavar="PHOTO", help="Take a decision by hand back: the rules decide it again."),
    ] = None,
) -> None:
    """Find out which horse each photo shows.

    And in which race it ran; a crawl does it by itself as races come in.

    Example: collector match --review

    Decided by hand: collector match --set example:160104/01 2011104350
    """
    from collector.cli.report import print_matches
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.matching.match import Matched

    if [review, by_hand is not None, back is not None].count(True) > 1:
        raise UsageError("--review only lists, --set only decides, --take-back only takes back: give one of them.")
    if back is not None:
        _take_back(back)
        return
    result = _match(by_hand, review=review)
    if common().json:
        plain = result.as_json() if isinstance(result, Matched) else result
        print_json({"horse_id": plain} if isinstance(plain, str) else plain)
    else:
        print_matches(stdout(), result)


def _is_asked() -> bool:
    """Whether a person sits at the terminal who can be asked."""
    return not common().json and sys.stdin.isatty() and sys.stdout.isatty()


def _take_back(photo: str) -> None:
    """Take a decision by hand back, and say so."""
    from collector.cli.session import connected
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout
    from collector.matching.by_hand import check_photo, take_back

    check_photo(photo)
    with connected(read_settings()) as connect:

        async def main() -> str:
            async with await connect() as connection:
                return await take_back(connection, photo)

        taken = run(main())
    if common().json:
        print_json({"photo": taken})
    else:
        stdout().print(f"Taken back: what {taken} shows is decided by the rules again.", soft_wrap=True)


def _match(by_hand: tuple[str, str] | None, *, review: bool) -> "Matched | list[dict[str, Any]] | str":
    """What a decision, a list or a new matching comes to."""
    from collector.cli.session import connected
    from collector.cli.walk import Naming, ask
    from collector.console.terminal import stdout
    from collector.matching.by_hand import check_photo, decide_by_hand
    from collector.matching.match import match_photos, open_photos
    from collector.matching.walks import open_walks

    if by_hand:
        check_photo(by_hand[0])
    with connected(read_settings()) as connect:

        async def main() -> "Matched | list[dict[str, Any]] | str":
            async with await connect() as connection:
                if by_hand:
                    return await decide_by_hand(connection, *by_hand)
                if not review:
                    return await match_photos(connection, again=True)
                if _is_asked() and (races := await open_walks(connection)):
                    await Naming(connection, stdout(), ask).run(races)
                    return await match_photos(connection)
                return await open_photos(connection)

        return run(main())
