"""How a command line is put together: groups of commands, and the options that many commands take, declared once."""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from collector.console.common import Common, asked_for
from collector.console.program import Commands
from collector.console.visible import on_one_line

Demo = Annotated[
    bool,
    typer.Option("--demo", help="Use the local look-alike of the sites, with a home and a database of its own."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and everything else on stderr.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking first.")]

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


RANGE = re.compile(r"(?:(?P<least>[\d.]+)<=)?x(?:<=(?P<most>[\d.]+)|>=(?P<from>[\d.]+))(?=\])")


class Command(TyperCommand):
    """A command whose help says what a value may be in words."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The arguments, then the options."""
        for kind, title in (("argument", "Arguments"), ("option", "Options")):
            found = [param for param in self.get_params(ctx) if param.param_type_name == kind]
            rows = [_help_row(param, ctx) for param in found if not getattr(param, "hidden", False)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _help_row(param: Any, ctx: Any) -> tuple[str, str]:
    """What the help says of a parameter: its name as it is typed, and `0 to 9` rather than `0<=x<=9`."""
    name, words = param.get_help_record(ctx)
    if param.param_type_name == "argument":
        name = name.partition(" <")[0]
    return name, RANGE.sub(_range_in_words, words)


def _range_in_words(found: re.Match[str]) -> str:
    if found["from"]:
        return f"at least {found['from']}"
    return f"{found['least']} to {found['most']}" if found["least"] else f"at most {found['most']}"


class Group(typer.Typer):
    """A program, or a group of commands in one. Its help ends with the exit codes, as that of its commands does."""

    def __init__(self, words: str, exit_codes: str, *, cls: type[Commands] = Commands, **options: Any) -> None:
        super().__init__(
            cls=cls, help=words, epilog=exit_codes, context_settings=CONTEXT, rich_markup_mode=None,
            pretty_exceptions_enable=False, no_args_is_help=not options.get("invoke_without_command"), **options,
        )  # fmt: skip
        self.exit_codes = exit_codes

    def add(
        self, name: str, *, demo: bool = True, json: bool = True, context: dict[str, Any] | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a function the command of this name; `--demo` and `--json` are added to its options.

        What it returns is the exit code; None is 0.
        """
        register = self.command(name, cls=Command, epilog=self.exit_codes, context_settings=CONTEXT | (context or {}))

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            register(with_common(function, demo=demo, json=json))
            return function

        return add

    def add_version(self, program: str) -> None:
        """Let the program answer `--version`."""

        def show(wanted: bool) -> None:
            if wanted:
                from collector import __version__  # reads the package's metadata, which nothing else needs

                typer.echo(on_one_line(f"{program} {__version__}"))
                raise typer.Exit

        @self.callback()
        def root(
            version: Annotated[
                bool, typer.Option("--version", is_eager=True, callback=show, help="Show the version and exit.")
            ] = False,
        ) -> None: ...


def with_common(function: Callable[..., Any], *, demo: bool = True, json: bool = True) -> Callable[..., Any]:
    """A command's function with the common options, which are in force while it runs."""

    @functools.wraps(function)
    def run(**given: Any) -> None:
        asked = Common(demo=given.pop("demo", False), json=given.pop("json", False))
        with asked_for(asked):
            code = function(**given)
        if code:
            raise typer.Exit(code)

    own = inspect.signature(function, eval_str=True)
    wanted = {"json": Json} if json else {}
    wanted |= {"demo": Demo} if demo else {}
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, keyword, default=False, annotation=kind) for name, kind in wanted.items()]
    whole = own.replace(parameters=[*own.parameters.values(), *added], return_annotation=None)
    run.__signature__ = whole  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {name: parameter.annotation for name, parameter in whole.parameters.items()}
    return run
