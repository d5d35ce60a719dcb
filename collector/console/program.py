"""What both programs stand on: streams that take any text, files that are nobody else's, one sentence for an error."""

import contextlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

from collector.console.common import Common, asked_for
from collector.console.visible import on_one_line, visible
from collector.errors import ExitCode, PaddockError, UsageError

NOT_CONFIRMED = "Not confirmed, so nothing was done; add --yes to do it without being asked."
PRIVATE = 0o077  # what others may never do with the files that we make: they hold photos for private study


class Commands(TyperGroup):
    """A group whose commands answer what a person or a machine does wrong with one sentence instead of a traceback."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Read the words of the program's own, before any command's."""
        if parent is not None:  # within what the program answers already
            return super().make_context(info_name, args, parent, **extra)
        with asked_for(_foreseen(args)), self.answering():
            return super().make_context(info_name, args, parent, **extra)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant.

        Raises:
            UsageError: there is none of this name.
        """
        if args[0] not in self.commands and not args[0].startswith("-"):
            from collector.console.mistakes import unknown_command

            raise UsageError(unknown_command(ctx.command_path, args[0], list(self.commands)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        if ctx.parent is not None:
            return super().invoke(ctx)
        with asked_for(_foreseen([*ctx._protected_args, *ctx.args])), self.answering(), private_files():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result

    @contextmanager
    def answering(self) -> Iterator[None]:
        """End the program with a sentence and an exit code where something goes wrong that is not a mistake of ours."""
        from collector.console.mistakes import NoArgsIsHelpError, sentence_of
        from collector.console.mistakes import UsageError as ParserError

        try:
            yield
        except typer.Abort as error:
            _end(NOT_CONFIRMED, ExitCode.USAGE, error)
        except KeyboardInterrupt as error:
            raise typer.Exit(ExitCode.INTERRUPTED) from error
        except BrokenPipeError as error:
            raise typer.Exit(ExitCode.READER_GONE) from error
        except (typer.Exit, NoArgsIsHelpError):  # an exit code that is known already; help that is shown
            raise
        except ParserError as error:
            _end(sentence_of(error), ExitCode.USAGE, error)
        except Exception as error:
            trouble = self.trouble_of(error)
            if trouble is None:  # an error of our own: its traceback is wanted
                raise
            _end(str(trouble), trouble.exit_code, error, trouble.further)

    def trouble_of(self, error: Exception) -> PaddockError | None:
        """What to report of an error; None of one that is our own."""
        if isinstance(error, PaddockError):
            return error
        from collector.console.trouble import trouble_of  # knows the database, which --help does not need

        return trouble_of(error) or _unreadable(error)


def _foreseen(words: list[str]) -> Common:
    """What a command is asked for, as far as can be seen before its words are read."""
    ours = words[: words.index("--")] if "--" in words else words
    return Common(demo="--demo" in ours)


def _end(sentence: str, exit_code: int, error: BaseException, further: Sequence[str] = ()) -> NoReturn:
    """Say the sentence, with every command in it as it has to be typed, and those after it, and end the command."""
    from collector.console.wording import as_typed

    for said in (f"error: {as_typed(sentence)}", *further):
        typer.echo(on_one_line(said), err=True)
    raise typer.Exit(exit_code) from error


def _unreadable(error: Exception) -> PaddockError | None:
    """An argument that is not text in the terminal's encoding, when it is about to become text."""
    if isinstance(error, UnicodeEncodeError):
        odd = error.object[error.start : error.end]
        if any(odd in word for word in sys.argv) and all("\ud800" <= letter <= "\udfff" for letter in odd):
            return PaddockError(f"An argument is not text in this terminal's encoding ({sys.getfilesystemencoding()}).")
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
    except Exception:  # noqa: BLE001 (an error of our own: it is printed with its trace, and ends the program)
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
