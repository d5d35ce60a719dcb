"""What a person typed wrong, in one sentence each: what the parser of a command line found, in our words."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

# typer keeps its parser's errors to itself, all but one; nothing public distinguishes them.
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)

__all__ = ["NoArgsIsHelpError", "UsageError", "sentence_of", "unknown_command"]

EXTRA = "Got unexpected extra argument"
NUMBERS = {"int_parsing": "a whole number", "int_from_float": "a whole number", "float_parsing": "a number"}
BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
}


def sentence_of(error: UsageError) -> str:
    """What is wrong, and what was meant, or where to look it up."""
    path = error.ctx.command_path if error.ctx else ""
    if isinstance(error, NoSuchOption):
        return f"{path} has no option {error.option_name}; {_near(error.possibilities or (), path)}"
    if isinstance(error, MissingParameter):
        return f"{path} needs {_named(error.param, error.ctx)}; `{path} --help` says more."
    if isinstance(error, BadParameter) and error.param is not None:
        return _of_value(error)
    if isinstance(error, BadOptionUsage):
        return _of_option(error)
    if error.message.startswith(EXTRA):
        words = error.message.partition("(")[2].partition("(")[2].removesuffix(")")
        return f"{path} does not take the argument {words}; `{path} --help` lists what it takes."
    return error.format_message()


def unknown_command(path: str, name: str, known: list[str]) -> str:
    """A command that the program does not have."""
    near = [f"`{path} {command}`" for command in get_close_matches(name, known)]
    return f"{path} has no command {name}; {_near(near, path)}"


def _near(near: Sequence[str], path: str) -> str:
    return f"did you mean {near[0]}?" if near else f"`{path} --help` lists what it has."


def _named(param: Any, ctx: Any) -> str:
    """A parameter as the help names it."""
    if param is None:
        return "another argument"
    if param.param_type_name == "option":
        return f"{param.opts[0]} {param.display_type_rich(ctx=ctx)}"
    return param.metavar or param.name.upper()


def _of_value(error: BadParameter) -> str:
    param: Any = error.param
    name = param.opts[0] if param.param_type_name == "option" else param.metavar or param.name.upper()
    details = getattr(error.__cause__, "errors", list)()  # of pydantic, which typer reads values with
    kind, given = (details[0]["type"], details[0]["input"]) if details else ("", "")
    if kind in NUMBERS:
        return f"{name} takes {NUMBERS[kind]}, and {given!r} is not one."
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        return f"{name} is {words} {details[0]['ctx'][bound]}, and {given} is not."
    choices = [str(getattr(choice, "value", choice)) for choice in param.type_descriptor.choices or ()]
    if choices:
        near = get_close_matches(str(given), choices, 1)
        meant = f"; did you mean {near[0]}?" if near else "."
        return f"{name} is one of {', '.join(choices)}, and {given!r} is none of them{meant}"
    return f"{name}: {error.message}"


def _of_option(error: BadOptionUsage) -> str:
    if error.message.endswith("does not take a value."):
        return f"{error.option_name} does not take a value."
    count = "a value" if error.message.endswith("an argument.") else f"{error.message.split()[-2]} values"
    return f"{error.option_name} needs {count} after it."
