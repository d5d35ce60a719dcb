"""The `collector` program: its groups of commands put together."""

from collector.cli import archive, archived, crawl, db, demo, export, feed, imports, labels, serve, sources, sync, warc
from collector.cli.base import group
from collector.console.program import run_program

app = group("Collects paddock photos and what belongs to them: politely, and without losing anything.")
app.add_version("collector")
for module in (crawl, sync, labels, feed, archive, imports, export, serve, demo):
    app.add_typer(module.commands)
archived.commands.add_typer(warc.commands)
app.add_typer(archived.commands, name="archive")
app.add_typer(sources.commands, name="sources")
app.add_typer(db.commands, name="db")


def main() -> None:
    """The `collector` program."""
    run_program(app)
