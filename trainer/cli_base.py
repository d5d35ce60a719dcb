"""What every command line of `trainer` stands on: a group that turns mistakes into sentences, and common options."""

from typing import Annotated, Any

import typer

from collector import program
from collector.errors import PaddockError, UsageError
from trainer.errors import not_installed

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use, configuration or data; 6 training stopped because its loss was no number, the "
    "last good checkpoint is kept; 7 a file or folder could not be written or read (a full disk, no permission); 130 "
    "interrupted, --resume goes on from there."
)


class Commands(program.Commands):
    """A group that knows of the trainer's own parts."""

    def trouble_of(self, error: Exception) -> PaddockError | None:
        """What to tell of an error; None of one that is our own."""
        if isinstance(error, ModuleNotFoundError):
            return UsageError(not_installed(error.name or "a library", "trainer"))
        return super().trouble_of(error)


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
