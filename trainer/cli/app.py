"""The `trainer` program: all its groups of commands."""

from collector.console.program import run_program
from trainer.cli import data, evaluate, export, forecast, index, judge, labels, predict, runs, serve, sweep, train
from trainer.cli.base import group
from trainer.cli.jobs import end, look, queue, worker

app = group("Learns distance aptitude from the collected photos, and says how good it is.")
app.add_version("trainer")
for module in (export, labels, train, sweep, evaluate, judge, predict, forecast, index, serve, worker):
    app.add_typer(module.commands)
app.add_typer(data.commands, name="dataset")
app.add_typer(runs.commands, name="runs")
job = group("Training jobs: run, list, watch, stop, bring back, remove.")
for module in (queue, look, end):
    job.add_typer(module.commands)
app.add_typer(job, name="job")


def main() -> None:
    """The `trainer` program."""
    run_program(app)
