"""What both programs stand on: streams that take any text, files that are nobody else's, one sentence for an error."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from collector.errors import ExitCode, PaddockError
from collector.visible import on_one_line, visible

NOT_CONFIRMED = "Not confirmed, so nothing was done; add --yes to do it without being asked."
PRIVATE = 0o077  # what others may never do with the files that we make: they hold photos for private study


class Commands(TyperGroup):
    """A group whose commands answer what a person or a machine does wrong with one sentence instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        ctx.meta["demo"] = bool(ctx.params.get("demo")) or "--demo" in (*ctx._protected_args, *ctx.args)
        try:
            with private_files():
                result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except typer.Abort as error:
            self.end(ctx, NOT_CONFIRMED, ExitCode.USAGE, error)
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error
        except BrokenPipeError as error:
            raise typer.Exit(ExitCode.READER_GONE) from error
        except Exception as error:
            told = self.trouble_of(error)
            if told is None:  # an error of our own: its traceback is wanted
                raise
            self.end(ctx, str(told), told.exit_code, error)

    def trouble_of(self, error: Exception) -> PaddockError | None:
        """What to tell of an error; None of one that is our own."""
        from collector.trouble import trouble_of  # knows the database, which --help does not need

        return error if isinstance(error, PaddockError) else trouble_of(error) or _unreadable(error)

    def end(self, ctx: Any, sentence: str, exit_code: int, error: BaseException) -> None:
        """Say the sentence and end the command."""
        typer.echo(f"error: {on_one_line(self.worded(ctx, sentence))}", err=True)
        raise typer.Exit(exit_code) from error

    def worded(self, ctx: Any, sentence: str) -> str:
        """The sentence with every command in it as it has to be typed."""
        from collector.console import as_typed  # draws tables, which --help does not need

        return as_typed(sentence, demo=ctx.meta["demo"])


def _unreadable(error: Exception) -> PaddockError | None:
    """An argument in bytes that are no text in the terminal's encoding, when it is about to become text."""
    if isinstance(error, UnicodeEncodeError):
        odd = error.object[error.start : error.end]
        if any(odd in word for word in sys.argv) and all("\ud800" <= letter <= "\udfff" for letter in odd):
            return PaddockError(f"An argument is no text in this terminal's encoding ({sys.getfilesystemencoding()}).")
    return None


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever is made meanwhile is for this user alone, whatever the shell's umask says."""
    before = os.umask(PRIVATE)
    os.umask(before | PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def run_program(app: typer.Typer) -> None:
    """Run a command line and leave with its exit code: also where a terminal cannot show every character, where
    nobody reads on, and where what is printed finds no space.
    """
    _make_streams()
    code: Any = ExitCode.DONE
    try:
        app()
    except SystemExit as ended:
        code = ended.code
        if isinstance(ended.__context__, BrokenPipeError):  # as the libraries for terminals end a program
            code = ExitCode.READER_GONE
    except OSError as error:  # of --help and the like, which no command's own handling sees
        code = _not_printed(error)
    except Exception:  # noqa: BLE001 (an error of our own: it is told with its trace, and ends the program)
        sys.stderr.write(visible(traceback.format_exc()))
        code = 1
    sys.exit(_flush(code))


def _make_streams() -> None:
    # A file must never get the number of a stream that is closed, and be printed into.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that the terminal does not have is shown as ?


def _flush(code: Any) -> Any:
    """The exit code, after everything is written that can be; what cannot be is thrown away."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python tries again when it ends
            code = code or _not_printed(error)
    return code


def _not_printed(error: OSError) -> ExitCode:
    if isinstance(error, BrokenPipeError):
        return ExitCode.READER_GONE
    with contextlib.suppress(OSError):
        sys.stderr.write(f"error: What was to be printed cannot be written ({error.strerror}).\n")
        sys.stderr.flush()
    return ExitCode.DISK


def takes_everything(stream: TextIO) -> bool:
    """Whether a stream can take any character as it is."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"
