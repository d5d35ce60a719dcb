"""The commands. Thin: words become values, one function is called, one result is printed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.program import Commands, run_program

EXIT_CODES = """
Exit codes: 0 done; 2 wrong use or configuration; 3 the site blocked or refused us, the work stays queued;
4 some pages failed; 5 the layout of pages has changed; 7 a file, a folder or a full disk stood in the way; 130
interrupted, everything fetched is kept.
"""

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Collects paddock photos and what belongs to them: politely, and without losing anything.",
    epilog=EXIT_CODES,
)
db = typer.Typer(cls=Commands, no_args_is_help=True, help="The database: its schema, its address, a shell, a backup.")
app.add_typer(db, name="db")


class RacesOf(StrEnum):
    """Which races a crawl collects."""

    PHOTOS = "photos"
    ALL = "all"


Demo = Annotated[
    bool,
    typer.Option(
        "--demo",
        help="Work on a local look-alike of the site, with a home and a database of its own.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; everything else on stderr.")]
Since = Annotated[str | None, typer.Option(metavar="YEAR|DATE", help="First issue: 2016 or 2016-05-23.")]
Until = Annotated[str | None, typer.Option(metavar="YEAR|DATE", help="Last issue: 2017 or 2017-12-25.")]


@app.command(epilog=EXIT_CODES)
def crawl(
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many issues, from the first on.")] = None,
    races: Annotated[
        RacesOf, typer.Option("--races", help="Races of the days that the photos need, or of every JRA race day.")
    ] = RacesOf.PHOTOS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked for; only robots.txt is.")
    ] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Collect paddock photos, their issues, and the races of their days. Stop it whenever you like: the next run goes
    on from there.

    Example: collector crawl --since 2016 --until 2017-06-30

    Tried without a network: collector crawl --since 2016 --demo
    """
    from collector import commands

    all_races = races is RacesOf.ALL
    code = commands.crawl(since, until, limit, all_races=all_races, dry_run=dry_run, as_json=as_json, demo=demo)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def worker(demo: Demo = False) -> None:
    """Work on whatever is queued, and on the schedule, until stopped. Any number may run, on any number of machines.

    Example: collector worker
    """
    from collector import commands

    raise typer.Exit(commands.work(demo=demo))


@app.command(epilog=EXIT_CODES)
def schedule(as_json: Json = False, demo: Demo = False) -> None:
    """Say when labels are refreshed and new back numbers are looked for next, and what came of the last time.

    Example: collector schedule
    """
    from collector import label_commands

    label_commands.schedule(as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def status(as_json: Json = False, demo: Demo = False) -> None:
    """Say what is held, what is due, how each host stands, what failed, and what to do next.

    Example: collector status --json
    """
    from collector import commands

    commands.status(as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def reparse(
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Derive everything again from the stored pages, with no request at all; with --since, issues and races from then
    on only.

    Example: collector reparse --since 2016 --dry-run
    """
    from collector import commands

    raise typer.Exit(commands.reparse(since, dry_run=dry_run, as_json=as_json, demo=demo))


@app.command("refresh-labels", epilog=EXIT_CODES)
def refresh_labels(
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="SPAN", help="Also those not asked for since: 30d, 12h, 8w."),
    ] = None,
    horse: Annotated[
        str | None, typer.Option("--horse", metavar="NAME|ID", help="This horse now, whenever it is due.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many pages.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many pages are due; ask for none.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Ask for the aptitudes of the horses that photos show, those that are due; a horse's interval follows how fast
    opinion of it changes.

    Example: collector refresh-labels --older-than 30d
    """
    from collector import label_commands

    code = label_commands.refresh_labels(older_than, horse, limit, dry_run=dry_run, as_json=as_json, demo=demo)
    raise typer.Exit(code)


@app.command(epilog=EXIT_CODES)
def horse(
    name: Annotated[str, typer.Argument(metavar="NAME|ID", help="The horse.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say what is known of a horse: its entries, its photos, its aptitudes and how they moved.

    Example: collector horse キタサンブラック
    """
    from collector import label_commands

    label_commands.horse(name, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def match(
    review: Annotated[bool, typer.Option("--review", help="List the photos that are open, and stop.")] = False,
    by_hand: Annotated[
        tuple[str, str] | None,
        typer.Option("--set", metavar="PHOTO HORSE", help="Decide one by hand, for good: 160104-01 and an id or name."),
    ] = None,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Find out which horse each photo shows and in which race it ran; the crawl does it by itself as races come in.

    Example: collector match --review

    Decided by hand: collector match --set 160104-01 2011104350
    """
    from collector import label_commands

    label_commands.match(review=review, by_hand=by_hand, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def robots(
    url: Annotated[str, typer.Argument(help="A page of one of the sites.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say whether robots.txt allows an address, by which line, and which delay is in force and why.

    Example: collector robots http://old.keibado.ne.jp/keibabook/160104/index.html
    """
    from collector import commands

    raise typer.Exit(commands.robots(url, as_json=as_json, demo=demo))


@app.command(epilog=EXIT_CODES)
def forget(
    url: Annotated[str | None, typer.Argument(help="A photo's page or picture.")] = None,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Everything that came from this host.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Remove a photo, or all photos of a host, for good, and never ask for them again (an opt-out).

    Example: collector forget http://old.keibado.ne.jp/keibabook/160104/photo01.html
    """
    from collector import commands

    commands.forget(url, host, yes=yes, as_json=as_json, demo=demo)


@app.command(epilog=EXIT_CODES)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine it asks for a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8770,
    admin: Annotated[
        bool,
        typer.Option("--admin", help="Print a token for decisions; without it nothing can be changed."),
    ] = False,
    demo: Demo = False,
) -> None:
    """Show the collection in a browser: search, horses over the years, races, what is open, and an API.

    Example: collector serve
    """
    from collector.serve_command import serve as serve_collection

    serve_collection(host, port, admin=admin, demo=demo)


@app.command("demo-site", epilog=EXIT_CODES)
def demo_site(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; PADDOCK_DEMO_PORT unless given.")] = None,
    issues: Annotated[int, typer.Option(min=1, max=50, help="Issues a year.")] = 8,
    photos: Annotated[int, typer.Option(min=1, max=17, help="Photos an issue, at most.")] = 10,
    crawl_delay: Annotated[float, typer.Option(min=0, help="Crawl-delay of its robots.txt, in seconds.")] = 0.03,
    hostile: Annotated[
        list[str] | None,
        typer.Option(metavar="FAULT", help="Misbehave so; may be given more than once (see `--hostile help`)."),
    ] = None,
) -> None:
    """Serve the look-alike site alone, well-behaved or hostile on demand, until stopped.

    Example: collector demo-site --port 8900 --hostile 503@/keibabook/1601*
    """
    from collector import commands

    commands.demo_site(host, port, issues, photos, crawl_delay, hostile or [])


@db.command("upgrade", epilog=EXIT_CODES)
def db_upgrade(demo: Demo = False) -> None:
    """Bring the schema up to date. The embedded database does it by itself.

    Example: collector db upgrade
    """
    from collector import dbtools

    dbtools.upgrade(demo=demo)


@db.command("url", epilog=EXIT_CODES)
def db_url(demo: Demo = False) -> None:
    """Print the database's address, for other programs. The embedded database is up only while a command works on it:
    `collector db psql` is its shell.

    Example: collector db url
    """
    from collector import dbtools

    dbtools.print_url(demo=demo)


@db.command(
    "psql",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=EXIT_CODES,
)
def db_psql(context: typer.Context, demo: Demo = False) -> None:
    """Open a shell on the database; further words go to psql.

    Example: collector db psql -c "SELECT count(*) FROM photo"
    """
    from collector import dbtools

    raise typer.Exit(dbtools.psql(context.args, demo=demo))


@db.command("dump", epilog=EXIT_CODES)
def db_dump(
    file: Annotated[Path, typer.Argument(help="Where the backup goes; - is stdout.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    demo: Demo = False,
) -> None:
    """Write a full backup, for your eyes only: bytes and facts in one file. It is there whole or not at all.

    Example: collector db dump paddock.dump

    Handed on: collector db dump - | ssh elsewhere 'cat > paddock.dump'
    """
    from collector import backup

    backup.dump(file, force=force, demo=demo)


@db.command("restore", epilog=EXIT_CODES)
def db_restore(
    file: Annotated[Path, typer.Argument(help="A backup made by `collector db dump`.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is in the database.")] = False,
    demo: Demo = False,
) -> None:
    """Put a backup back, all of it or nothing, and bring it up to date. A database that holds something is replaced
    only with --yes.

    Example: collector db restore paddock.dump
    """
    from collector import restore

    restore.restore(file, yes=yes, demo=demo)


def main() -> None:
    """The `collector` program."""
    run_program(app)
