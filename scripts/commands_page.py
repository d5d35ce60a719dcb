"""Writes docs/commands.md: every command of both programs with its options, read from the programs themselves.

    python scripts/commands_page.py            writes the page
    python scripts/commands_page.py --check    says whether the page is up to date, and writes nothing

`tests/test_docs.py` fails where the page differs from the programs.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
EXAMPLE = re.compile(r"(?P<before>[^:\n]*): (?P<command>(?:collector|trainer|torchrun|python) .+)")
HEAD = """# Commands

Made by `python scripts/commands_page.py` from the programs themselves; do not edit it by hand. `--help` with any
command shows the same.
"""


def programs() -> dict[str, Any]:
    """The command of each program, by its name."""
    from collector.cli.app import app as collector
    from trainer.cli.app import app as trainer

    return {"collector": typer.main.get_command(collector), "trainer": typer.main.get_command(trainer)}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, command in programs().items():
        parts.extend(_program(name, command))
    return "\n".join(parts)


def context_of(command: Any, name: str, parent: Any = None) -> Any:
    """A context in which a command describes itself, on no terminal and at no width."""
    return command.context_class(command, info_name=name, parent=parent, **command.context_settings)


def subcommands(command: Any, context: Any) -> Iterator[tuple[str, Any]]:
    """The commands of a group that are shown; nothing of a single command."""
    for name in getattr(command, "list_commands", lambda _: [])(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield name, found


def walk(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    """Every command below a group with its context, groups that do something themselves included."""
    for name, found in subcommands(command, context):
        inner = context_of(found, name, context)
        inside = list(walk(found, inner))
        if not inside or found.invoke_without_command:
            yield found, inner
        yield from inside


def _program(name: str, command: Any) -> Iterator[str]:
    context = context_of(command, name)
    commands = list(walk(command, context))
    yield f"## {name}\n\n{_paragraphs(command.help)}\n"
    yield _list(commands)
    if options := _options(command, context):
        yield f"Options before the command:\n\n{options}\n"
    if command.epilog:
        yield f"{_one_line(command.epilog)}\n"
    for found, inner in commands:
        yield _command(found, inner, same_end=command.epilog)


def _list(commands: list[tuple[Any, Any]]) -> str:
    rows = [f"| [`{inner.command_path}`](#{_anchor(inner.command_path)}) | {_cell(_first(found.help))} |"
            for found, inner in commands]  # fmt: skip
    return "\n".join(["| command | what it does |", "|---|---|", *rows, ""])


def _command(command: Any, context: Any, *, same_end: str | None) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"### {context.command_path}", f"```text\n{usage}\n```", _paragraphs(command.help)]
    if options := _options(command, context):
        parts.append(options)
    if command.epilog and _one_line(command.epilog) != _one_line(same_end or ""):
        parts.append(_one_line(command.epilog))
    return "\n\n".join(part for part in parts if part) + "\n"


def _options(command: Any, context: Any) -> str:
    rows = [_row(param, context) for param in command.get_params(context) if not _is_help(param, context)]
    shown = [row for row in rows if row]
    return "\n".join(["| option | meaning |", "|---|---|", *shown]) if shown else ""


def _is_help(param: Any, context: Any) -> bool:
    return set(param.opts) <= set(context.help_option_names)


def _row(param: Any, context: Any) -> str | None:
    record = param.get_help_record(context)  # None where it is hidden
    return f"| `{_cell(record[0])}` | {_cell(_one_line(record[1]))} |" if record else None


def _paragraphs(text: str | None) -> str:
    """The words of a help text; a paragraph that ends in a command becomes a block that the tests read."""
    found = [_one_line(part) for part in (text or "").split("\n\n")]
    return "\n\n".join(_example(part) for part in found if part)


def _example(paragraph: str) -> str:
    match = EXAMPLE.fullmatch(paragraph)
    return f"{match['before']}:\n\n```sh\n{match['command']}\n```" if match else paragraph


def _first(text: str | None) -> str:
    sentence, *_ = re.split(r"(?<=[.!?])\s", _one_line((text or "").split("\n\n")[0]), maxsplit=1)
    return sentence


def _one_line(text: str) -> str:
    return " ".join(text.replace("\b", "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _anchor(heading: str) -> str:
    """The address of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def main() -> int:
    """Write the page, or say whether it is up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where the page differs")
    check = parser.parse_args().check
    text = page()
    if check:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
