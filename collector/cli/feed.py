"""The commands about what is new: follow, feed."""

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, LiteralString

import typer

from collector.cli.base import group, read_settings, run
from collector.console.common import common
from collector.errors import UsageError

if TYPE_CHECKING:
    from collector.politeness.gate import Connection
    from collector.web.feed.news import Feed

commands = group()

NONE_FOLLOWED = "No horse is followed yet: `collector follow NAME` follows one."
STATED: LiteralString = """
SELECT horse_id FROM followed WHERE horse_id = %(word)s UNION SELECT horse_id FROM photo_match WHERE horse_id = %(word)s
"""


@commands.add("follow")
def follow_horse(
    name: Annotated[str | None, typer.Argument(metavar="NAME|ID", help="The horse; without it, list them.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Do not follow it any longer.")] = False,
) -> None:
    """Follow a horse: what is new of it stands in the feed.

    Without a name, list the horses that are followed.

    Example: collector follow キタサンブラック
    """
    from collector.cli.horse import check_word
    from collector.cli.session import connected
    from collector.console.as_json import print_json
    from collector.console.terminal import stdout

    if stop and name is None:
        raise UsageError("--stop needs a horse; `collector follow` lists those that are followed.")
    check_word(name)
    with connected(read_settings()) as connect:

        async def main() -> tuple[list[str], list[dict[str, Any]]]:
            async with await connect() as connection:
                changed = await _change(connection, name, stop=stop) if name is not None else []
                return changed, await _followed(connection)

        changed, rows = run(main())
    if common().json:
        print_json(rows)
        return
    if stop:
        stdout().print(f"No longer followed: {', '.join(changed)}.", markup=False, soft_wrap=True)
    elif not rows:
        stdout().print(NONE_FOLLOWED)
    for row in rows:
        if not changed or row["horse_id"] in changed:
            stdout().print(_line(row), markup=False, soft_wrap=True)


async def _change(connection: "Connection", word: str, *, stop: bool) -> list[str]:
    """Follow the horses that a person means, or no longer; their ids.

    Raises:
        UsageError: there is no such horse, or it is not followed.
    """
    from collector.cli.horse import find_horses
    from collector.console.typed import half_width
    from collector.web.feed.followed import follow, stop_following

    rows = await (await connection.execute(STATED, {"word": half_width(word)})).fetchall()
    horses = [row[0] for row in rows] or await find_horses(connection, word)
    if not stop:
        await follow(connection, horses)
    elif not await stop_following(connection, horses):
        raise UsageError(f"{word} is not followed; `collector follow` lists the horses that are.")
    return horses


async def _followed(connection: "Connection") -> list[dict[str, Any]]:
    from collector.web.feed.followed import FOLLOWED

    found = await (await connection.execute(FOLLOWED)).fetchall()
    return [dict(zip(("horse_id", "name", "followed_at"), row, strict=True)) for row in found]


def _line(row: dict[str, Any]) -> str:
    from collector.console.wording import in_japan

    return f"{row['name'] or 'Not known by name'} ({row['horse_id']}), followed since {in_japan(row['followed_at'])}"


@commands.add("feed")
def show_feed(
    since: Annotated[
        str, typer.Option(metavar="SPAN|DATE", help="Since when: 14d, 12h, 8w or 2016-05-23 (in Japan).")
    ] = "14d",
) -> None:
    """Show what is new of the horses that are followed.

    That is their photos, changed opinions, and the races that they are entered in from today on.

    Example: collector feed --since 7d
    """
    from collector.console.as_json import print_json
    from collector.console.wording import JST
    from collector.storage import database
    from collector.storage.reader import Reader
    from collector.web.feed.news import read_feed

    now = datetime.now(UTC)
    begin = _begin(since, now)
    settings = read_settings()

    async def main(conninfo: str) -> "Feed":
        async with Reader(conninfo) as reader:
            return await read_feed(reader, begin, now.astimezone(JST).date())

    with database.opened(settings.database_url, settings.home) as conninfo:
        feed = run(main(conninfo))
    if common().json:
        print_json([news.as_json() for news in feed.news])
    else:
        _print(feed, begin)


def _print(feed: "Feed", begin: datetime) -> None:
    """The news for a person, a line each."""
    from collector.console.catalogue import PAGES
    from collector.console.terminal import stdout
    from collector.console.wording import in_japan
    from collector.web.feed.said import facts_of, title_of

    if feed.followed_at is None:
        stdout().print(NONE_FOLLOWED)
    elif not feed.news:
        stdout().print(f"Nothing is new since {in_japan(begin, seconds=False)}.")
    words = PAGES.read("en")
    for news in feed.news:
        line = f"{in_japan(news.at, seconds=False)}  {title_of(news, words)}  ({facts_of(news, words)})"
        stdout().print(line.removesuffix("  ()"), markup=False, highlight=False, soft_wrap=True)


def _begin(text: str, now: datetime) -> datetime:
    """The moment that a span before now, or a day in Japan, begins with.

    Raises:
        UsageError: it is neither.
    """
    from collector.console.measures import read_span
    from collector.console.typed import half_width
    from collector.console.wording import JST

    try:
        day = date.fromisoformat(half_width(text).replace("/", "-"))
    except ValueError:
        return now - read_span(text, "--since")
    return datetime.combine(day, time(), JST)
