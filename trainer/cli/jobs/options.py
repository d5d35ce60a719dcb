"""Arguments and options that several commands for jobs have."""

from typing import Annotated

import typer

from trainer.jobs.task import State

JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job: its name, its beginning, or last.")]
JobNames = Annotated[list[str] | None, typer.Argument(metavar="JOB", help="Jobs: names, beginnings, or last.")]
States = Annotated[
    list[State] | None,
    typer.Option(
        "--state", metavar="STATE", help=f"Only jobs in this state; more than once. States: {', '.join(State)}."
    ),
]
Age = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only jobs that ended longer ago: 12h, 7d.")
]
All = Annotated[bool, typer.Option("--all", help="All jobs.")]
Environment = Annotated[
    list[str] | None,
    typer.Option(
        "--env", metavar="KEY[=VALUE]", help="A variable; KEY alone: its value on the machine that runs the job."
    ),
]
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the job.")]
MaxHours = Annotated[float | None, typer.Option("--max-hours", min=0, metavar="H", help="Stop after H hours.")]
