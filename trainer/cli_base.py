"""What every command line of `trainer` stands on: a group that turns mistakes into sentences, and common options."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from collector.errors import PaddockError
from collector.terminal import visible
from trainer.errors import Diverged, ExitCode

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use, configuration or data; 6 training stopped because its loss was no number, the "
    "last good checkpoint is kept; 7 a file or folder could not be written or read (a full disk, no permission); 130 "
    "interrupted, --resume goes on from there."
)


class Commands(TyperGroup):
    """A group whose commands answer a user's mistake with one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        from trainer.command_base import as_typed
        from trainer.places import explain

        demo = bool(ctx.params.get("demo")) or "--demo" in (*ctx._protected_args, *ctx.args)
        try:
            return super().invoke(ctx)
        except Diverged as error:
            typer.echo(f"error: {visible(str(error))}", err=True)
            raise typer.Exit(ExitCode.DIVERGED) from error
        except PaddockError as error:
            typer.echo(f"error: {visible(as_typed(str(error), demo=demo))}", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except ModuleNotFoundError as error:
            typer.echo(f"error: {error.name} is not installed: pip install 'paddock[trainer]'.", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except OSError as error:
            typer.echo(f"error: {visible(explain(error))}", err=True)
            raise typer.Exit(ExitCode.DISK) from error
        except typer.Abort as error:
            typer.echo("error: Not confirmed, so nothing was done; add --yes to do it without being asked.", err=True)
            raise typer.Exit(ExitCode.USAGE) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error


def group(words: str, **options: Any) -> typer.Typer:
    """A command line, or a part of one."""
    return typer.Typer(
        cls=Commands,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        help=words,
        **options,
    )


Demo = Annotated[bool, typer.Option("--demo", help="Work on what `collector crawl --demo` has collected.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; everything else on stderr.")]
