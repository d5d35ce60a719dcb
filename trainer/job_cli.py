"""`trainer job`: the commands about training jobs. Thin, as all commands are."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli_base import EXIT_CODES, Demo, Json, group
from trainer.jobs.task import State

job = group("Training jobs: run, list, watch, stop, bring back, remove.", no_args_is_help=True)

JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job: its name, its beginning, or last.")]
JobNames = Annotated[list[str] | None, typer.Argument(metavar="JOB...", help="Jobs: names, beginnings, or last.")]
States = Annotated[list[State] | None, typer.Option("--state", help="Only jobs in this state; more than once.")]
Age = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only jobs that ended so long ago: 12h, 7d.")
]
All = Annotated[bool, typer.Option("--all", help="All jobs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")]


@job.command("run", epilog=EXIT_CODES)
def job_run(
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND ...]", help="Any command.")] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="A preset of `trainer train`.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the preset; more than once.")
    ] = None,
    gpus: Annotated[int | None, typer.Option("--gpu", min=1, metavar="N", help="So many GPUs.")] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="No GPU, which is so unless --gpu is given.")] = False,
    environment: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="KEY[=VALUE]", help="A variable; KEY alone: as it is where the job runs."),
    ] = None,
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    name: Annotated[str | None, typer.Option(metavar="N", help="What the job is called.")] = None,
    where: Annotated[str, typer.Option(metavar="PLACE", help="local, or a place of profiles.toml.")] = "local",
    max_hours: Annotated[float | None, typer.Option(min=0, metavar="H", help="Stop after so many hours.")] = None,
    max_price: Annotated[float | None, typer.Option(min=0, metavar="P", help="Stop when it has cost so much.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be shipped, and where it would run.")
    ] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Queue a job: a preset, or any command on your project's code.

    The data set is read-only at $PADDOCK_INPUT; what lands in $PADDOCK_OUTPUT is brought back.

    Example: trainer job run --preset finetune --gpu 1

    Example: trainer job run --max-hours 2 -- python my_training.py --epochs 20
    """
    from collector.errors import UsageError
    from trainer import job_commands

    if cpu and gpus:
        raise UsageError("--cpu and --gpu at once: give one of them.")
    job_commands.run(
        command or [], preset=preset, given=settings or [], gpus=gpus or 0, environment=environment or [], data=data,
        name=name, where=where, max_hours=max_hours, max_price=max_price, dry_run=dry_run, as_json=as_json,
        demo=demo,
    )  # fmt: skip


@job.command("list", epilog=EXIT_CODES)
def job_list(
    jobs: JobNames = None, states: States = None, older_than: Age = None, as_json: Json = False, demo: Demo = False
) -> None:
    """List jobs, oldest first, with what they have cost so far.

    Example: trainer job list --state running
    """
    from trainer import job_views

    job_views.list_jobs(jobs or [], states or [], older_than, as_json=as_json, demo=demo)


@job.command("info", epilog=EXIT_CODES)
def job_info(name: JobName = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Say all that is known of a job.

    Example: trainer job info last
    """
    from trainer import job_views

    job_views.info(name, as_json=as_json, demo=demo)


@job.command("logs", epilog=EXIT_CODES)
def job_logs(
    name: JobName = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Write out what a job has printed.

    Example: trainer job logs -f last
    """
    from trainer import job_views

    job_views.logs(name, follow=follow, as_json=as_json, demo=demo)


@job.command("output", epilog=EXIT_CODES)
def job_output(
    name: JobName = "last",
    get: Annotated[bool, typer.Option("--get", help="Bring it here, into a folder named after the job.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Bring it into this folder.")] = None,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """List what a job has brought back, or bring it here.

    Example: trainer job output last --get
    """
    from trainer import job_views

    job_views.output(name, out, get=get, as_json=as_json, demo=demo)


@job.command("stop", epilog=EXIT_CODES)
def job_stop(
    jobs: JobNames = None, states: States = None, everything: All = False, as_json: Json = False, demo: Demo = False
) -> None:
    """Stop jobs: each has a minute to save a checkpoint, from which `resume` goes on.

    Example: trainer job stop last
    """
    from trainer import job_commands

    job_commands.stop(jobs or [], states or [], everything=everything, as_json=as_json, demo=demo)


@job.command("resume", epilog=EXIT_CODES)
def job_resume(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB...", help="Jobs that were stopped or have failed.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Queue jobs again; they go on from what they have brought back.

    Example: trainer job resume finetune-1
    """
    from trainer import job_commands

    job_commands.resume(jobs, as_json=as_json, demo=demo)


@job.command("delete", epilog=EXIT_CODES)
def job_delete(
    jobs: JobNames = None,
    states: States = None,
    older_than: Age = None,
    everything: All = False,
    yes: Yes = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Remove ended jobs with all that they printed and brought back; the disk is free again.

    Example: trainer job delete --state failed --older-than 7d
    """
    from trainer import job_commands

    job_commands.delete(
        jobs or [], states or [], older_than, everything=everything, yes=yes, as_json=as_json, demo=demo
    )


@job.command("prune", epilog=EXIT_CODES)
def job_prune(yes: Yes = False, as_json: Json = False, demo: Demo = False) -> None:
    """Say which ended jobs could go and how much that frees; with --yes, remove them.

    Example: trainer job prune
    """
    from trainer import job_commands

    job_commands.prune(yes=yes, as_json=as_json, demo=demo)


@job.command("notebook", epilog=EXIT_CODES)
def job_notebook(
    gpus: Annotated[int | None, typer.Option("--gpu", min=1, metavar="N", help="So many GPUs.")] = None,
    idle: Annotated[float, typer.Option(min=0.05, metavar="MIN", help="End so long after the last use.")] = 60.0,
    environment: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="KEY[=VALUE]", help="A variable; KEY alone: as it is where the job runs."),
    ] = None,
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    name: Annotated[str | None, typer.Option(metavar="N", help="What the job is called.")] = None,
    max_hours: Annotated[float | None, typer.Option(min=0, metavar="H", help="Stop after so many hours.")] = None,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """JupyterLab on your project's code and a data set, on this machine only; ends by itself when nobody uses it.

    Example: trainer job notebook --idle 30
    """
    from trainer import job_commands

    job_commands.notebook(
        gpus=gpus or 0, idle=idle, environment=environment or [], data=data, name=name, max_hours=max_hours,
        as_json=as_json, demo=demo,
    )  # fmt: skip


@job.command("open", epilog=EXIT_CODES)
def job_open(name: JobName = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Open the page that a job serves, such as a notebook's.

    Example: trainer job open last
    """
    from trainer import job_commands

    job_commands.open_page(name, as_json=as_json, demo=demo)


@job.command("price", epilog=EXIT_CODES)
def job_price(
    preset: Annotated[str, typer.Option(metavar="NAME", help="A preset of `trainer train`.")] = "finetune",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the preset; more than once.")
    ] = None,
    data: Annotated[str, typer.Option(metavar="VERSION", help="A data set version: name or last.")] = "last",
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say what a run would take and cost at each place of profiles.toml, from the runs that have ended there.

    Example: trainer job price --preset finetune
    """
    from trainer import job_views

    job_views.price(preset, settings or [], data, as_json=as_json, demo=demo)
