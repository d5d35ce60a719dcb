"""`trainer worker`: the engine as a command."""

import logging
from typing import Annotated

import typer

from trainer.cli.base import group, read_settings

commands = group()


@commands.add("worker", json=False)
def work_on_jobs(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to do.")] = False,
) -> None:
    """Run training jobs until stopped.

    Those of this machine, and those of the fleet on the same Postgres. Commands start a worker for this machine when
    they need one. For a fleet, keep one running on each machine.

    Example: trainer worker
    """
    from collector.storage import database
    from trainer.jobs import engine, job_store

    settings = read_settings()
    _log_to_stderr()
    with database.opened(settings.database_url, settings.home, engine=job_store.SCHEMA) as conninfo:
        engine.main(conninfo, settings.home, fleet=not until_idle, until_idle=until_idle)


def _log_to_stderr() -> None:
    from collector.console.terminal import EventFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(EventFormatter("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("trainer").setLevel(logging.INFO)
