"""`trainer dataset`: the commands about data set versions. Thin, as all commands are."""

from typing import Annotated

import typer

from trainer.cli_base import EXIT_CODES, Demo, Json, group

dataset = group("Data set versions: list, look, check, compare, remove.", no_args_is_help=True)

Data = Annotated[str, typer.Argument(metavar="VERSION", help="A data set version: its name, its beginning, or last.")]


@dataset.command("list", epilog=EXIT_CODES)
def dataset_list(as_json: Json = False, demo: Demo = False) -> None:
    """List the versions, oldest first, and exports that have not ended.

    Example: trainer dataset list
    """
    from trainer import data_commands

    data_commands.list_versions(as_json=as_json, demo=demo)


@dataset.command("show", epilog=EXIT_CODES)
def dataset_show(version: Data = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Say what is in a version: sides, types, what was left out and why, what leaks.

    Example: trainer dataset show last
    """
    from trainer import data_commands

    data_commands.show(version, as_json=as_json, demo=demo)


@dataset.command("verify", epilog=EXIT_CODES)
def dataset_verify(version: Data = "last", as_json: Json = False, demo: Demo = False) -> None:
    """Check every file of a version against its digest.

    Example: trainer dataset verify last
    """
    from trainer import data_commands

    data_commands.verify(version, as_json=as_json, demo=demo)


@dataset.command("diff", epilog=EXIT_CODES)
def dataset_diff(
    one: Annotated[str, typer.Argument(metavar="A", help="The version before.")],
    other: Annotated[str, typer.Argument(metavar="B", help="The version after.")],
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Say what changed from one version to another: photos, labels, sides, settings.

    Example: trainer dataset diff 3f2a last
    """
    from trainer import data_commands

    data_commands.diff(one, other, as_json=as_json, demo=demo)


@dataset.command("delete", epilog=EXIT_CODES)
def dataset_delete(
    version: Data,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    as_json: Json = False,
    demo: Demo = False,
) -> None:
    """Remove a version, or an export that has not ended. The database can make it again.

    Example: trainer dataset delete paddock-3f2a9c01b7d4 --yes
    """
    from trainer import data_commands

    data_commands.delete(version, yes=yes, as_json=as_json, demo=demo)
