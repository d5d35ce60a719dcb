"""The `collector` program: its groups of commands put together."""

from collector.cli import archive, crawl, db, demo, imports, labels, serve
from collector.cli.base import group
from collector.console.program import run_program

app = group("Collects paddock photos and what belongs to them: politely, and without losing anything.")
app.add_version("collector")
for module in (crawl, labels, archive, imports, serve, demo):
    app.add_typer(module.commands)
app.add_typer(db.commands, name="db")


def main() -> None:
    """The `collector` program."""
    run_program(app)
