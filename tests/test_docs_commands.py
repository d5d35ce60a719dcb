"""Every command that the README and the documents show is one that the programs take; the cheap ones run.

Commands come from the `sh` and `console` blocks of all pages, the examples of docs/commands.md among them. Each is one
of three kinds:

- run, on a small collection that is filled at once: what looks at the collection or changes only what is this
  machine's (`RUN`), without `--demo`, whose site would have to be crawled;
- parsed: every other command of `collector` and `trainer`, also behind `torchrun` and `docker compose run`. Its
  arguments and options are read by the program's own command line; nothing is called. It would need a site (crawl,
  refresh-labels, robots), torch (train, evaluate, predict, ...), a GPU, an engine of jobs, a port, or a name that the
  small collection does not have;
- looked up: what belongs to others. A target of make and a script of ours with its options must be there, a service of
  docker compose and an extra of pip as well; programs of the system are taken as they are (`OTHERS`).

Commands that stand in a sentence (`collector db dump`) have to exist, too, with every option that is named.
"""

import csv
import importlib.util
import re
import shlex
import tomllib
import types
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from collector.cli.app import app as collector_app
from collector.demo.netkeiba.site import answer_path, races_of
from tests.databases import EMPTY, copy_of
from tests.documents import PAGES, blocks, name_of, shown_commands, spans
from tests.filled import SMALL, execute, fill
from tests.owned import picture
from tests.paths import ROOT
from tests.shots import exif, jpeg, scene, write_folder
from trainer.cli.app import app as trainer_app
from trainer.dataset import card

APPS = {"collector": collector_app, "trainer": trainer_app}
SHOWN = shown_commands()
# Commands that run, with the options without which they would ask a site.
RUN: dict[tuple[str, ...], set[str]] = {
    ("collector", "status"): set(), ("collector", "schedule"): set(), ("collector", "horse"): set(),
    ("collector", "match"): set(), ("collector", "reparse"): set(),
    ("collector", "archive", "export"): set(), ("collector", "refresh-labels"): {"--dry-run"},
    ("collector", "db"): set(), ("collector", "export"): set(), ("collector", "import"): set(),
    ("collector", "demo-site", "--hostile", "help"): set(),
    ("trainer", "export"): set(), ("trainer", "labels"): set(),
    ("trainer", "dataset", "list"): set(), ("trainer", "dataset", "show"): set(),
    ("trainer", "dataset", "verify"): set(), ("trainer", "runs"): set(), ("trainer", "job", "list"): set(),
    ("trainer", "job", "prune"): set(),
}  # fmt: skip
# A crawled site, names that are not known before, bytes on stdout, a database of somebody else's, photos whose horses
# somebody has named.
NOT_RUN = ("--demo", "compare", "delete", "-", "--jravan", "own")
OTHERS = {"cd", "curl", "wb-manager", "wayback", "echo", "export", "ssh", "trackio", "."}
HORSE, NAME, ISSUE = "2011104350", "キタサンブラック", "160104"  # that the documents name
NO_SOURCE = "example:"  # of a photo's id in help, which names no source
NAMED = (
    f"INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) "
    f"VALUES ('{HORSE}', '{NAME}', '{NAME}', 'https://db.netkeiba.com/horse/{HORSE}/', now())",
    f"UPDATE photo_match SET issue_code = '{ISSUE}' WHERE issue_code = '160321'",
    f"UPDATE photo SET issue_code = '{ISSUE}' WHERE issue_code = '160321'",
    f"UPDATE issue SET code = '{ISSUE}' WHERE code = '160321'",
)


@cache
def program(name: str) -> Any:
    """The command of a program."""
    return typer.main.get_command(APPS[name])


def parse(words: tuple[str, ...]) -> None:
    """Have a program read its arguments, as far as to the command that would be called.

    Raises:
        an error of the command line: there is no such command, option or argument.
    """
    name, *rest = words
    command = program(name)
    try:
        context = command.make_context(name, list(rest))
        while hasattr(command, "resolve_command") and (left := [*context._protected_args, *context.args]):
            name, command, left = command.resolve_command(context, left)
            context = command.make_context(name, left, parent=context)
    except typer.Exit as ended:  # as of --help
        if ended.exit_code:
            raise


def ours_in(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The command of ours that a line comes to; None where it is not one of ours."""
    if words[0] in APPS:
        return words
    if "-m" in words and words[words.index("-m") + 1] == "trainer":
        return ("trainer", *words[words.index("-m") + 2 :])
    if words[:3] == ("docker", "compose", "run"):
        service, *rest = [word for word in words[3:] if word != "--rm"]
        return ("trainer" if service.startswith("predict") else "collector", *rest)
    return None


OURS = [(shown, words) for shown in SHOWN if (words := ours_in(shown.words))]


@pytest.mark.parametrize("page", sorted({shown.page for shown, _ in OURS}))
def test_the_shown_commands_are_ones_that_the_programs_take(page: str) -> None:
    refused = {str(shown): error for shown, words in OURS if shown.page == page and (error := refusal(words))}
    assert refused == {}


def refusal(words: tuple[str, ...]) -> str | None:
    """Why a program does not take a command; None: it does."""
    try:
        parse(words)
    except Exception as error:  # noqa: BLE001  (whichever the command line raises)
        return f"{error!r}: {error}"
    return None


@pytest.mark.parametrize("line", ["collector crawl --sinze 2016", "collector cravl", "trainer train --preset",
                                  "trainer runs compare first-cnn-1", "collector db restore"])  # fmt: skip
def test_a_command_that_the_program_does_not_take_is_noticed(line: str) -> None:
    assert refusal(tuple(shlex.split(line)))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_in_a_sentence_exists_with_the_options_that_are_named(page: Path) -> None:
    unknown = [span for span in spans(page) if is_command(span) and not exists(span.split())]
    assert unknown == []


def is_command(span: str) -> bool:
    """Whether what a sentence sets as code is a command of ours, or one that names something of ours."""
    return bool(re.match(r"(collector|trainer|make|python) \S", span))


def exists(words: list[str]) -> bool:
    """Whether there is such a command, with the options that are named; metavars and values are not looked at."""
    if words[0] not in APPS:
        return look_up(tuple(shlex.split(" ".join(words))))
    command, depth = program(words[0]), 1
    context = command.context_class(command, info_name=words[0])
    while hasattr(command, "get_command") and depth < len(words):
        if (inner := command.get_command(context, words[depth])) is None:
            return False
        command, context, depth = inner, inner.context_class(inner, info_name=words[depth], parent=context), depth + 1
    taken = {name for param in command.get_params(context) for name in (*param.opts, *param.secondary_opts)}
    return all(word in taken for word in words[depth:] if word.startswith("--"))


# --- what belongs to others ---------------------------------------------------------------------------------------


def look_up(words: tuple[str, ...]) -> bool:
    """Whether what a command of others names of ours is there."""
    first, *rest = words
    if first == "make":
        targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.M)
        return all(word in targets for word in rest if "=" not in word)
    if first == "python":
        script = ROOT / rest[0]
        return script.is_file() and all(f'"{word}"' in script.read_text() for word in rest[1:] if word.startswith("--"))
    if first == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        return rest[0] == "install" and all(name in extras for name in re.findall(r"^\.\[(\w+)\]$", rest[1]))
    if first == "docker":
        there = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        action, *named = rest[1:] if rest[1] != "--profile" else rest[3:]
        plain = [word.partition("=")[0] for word in named if not re.search(r"^-|=", word)]
        return rest[0] == "compose" and action in ("up", "down", "logs") and all(word in there for word in plain)
    return first in OTHERS


def test_what_a_command_of_others_names_of_ours_is_there() -> None:
    missing = [str(shown) for shown in SHOWN if ours_in(shown.words) is None and not look_up(shown.words)]
    assert missing == []


def test_most_shown_commands_are_ours_and_many_of_them_run() -> None:
    assert len(OURS) > 80
    assert len(to_run()) > 20


# --- the page of commands -----------------------------------------------------------------------------------------


def commands_page() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("commands_page", ROOT / "scripts" / "commands_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_what_the_programs_say() -> None:
    made = commands_page()
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "python scripts/commands_page.py writes it anew"


# --- the commands that run ----------------------------------------------------------------------------------------


def to_run() -> list[tuple[str, ...]]:
    """The commands that run, each once: a backup is made before it is restored, an export before it is looked at."""
    found = dict.fromkeys(words for _, words in OURS if runs(words))
    return sorted(found, key=lambda words: ("restore" in words, words[0], "export" not in words))


def runs(words: tuple[str, ...]) -> bool:
    if any(word in words for word in NOT_RUN):
        return False
    return any(words[: len(path)] == path and needed <= set(words) for path, needed in RUN.items())


@pytest.fixture
def collection(cluster: str, open_folder: Path) -> Iterator[dict[str, str]]:
    """A home and a database with some sixty photos, and the horse that the documents name."""
    home = open_folder / f"docs-{uuid.uuid4().hex[:12]}"
    home.mkdir()
    with copy_of(cluster, EMPTY) as conninfo:
        fill(conninfo, SMALL)
        for statement in NAMED:
            execute(conninfo, statement)
        save_pages(Path("pages"))
        save_photos(Path("my-photos"), Path("photos.csv"))
        write_folder(Path("DCIM"), {"IMG_0001.JPG": jpeg(scene(1), exif())})
        for name in ("mine.csv", "poll2017.csv"):
            Path(name).write_text(f"horse,value\n{NAME},0.9\n" + label_lines(conninfo), encoding="utf-8")
        yield {"PADDOCK_DATABASE_URL": conninfo, "PADDOCK_HOME": str(home), "PADDOCK_CONTACT": "you@example.org"}


def label_lines(conninfo: str) -> str:
    """Lines of a file of labels that name all horses."""
    ids = execute(conninfo, "SELECT horse_id FROM horse WHERE horse_id <> %s", HORSE)
    return "".join(f"{name},0.5\n" for (name,) in ids)


def save_pages(folder: Path) -> None:
    """The folder of saved pages that the documents name."""
    folder.mkdir()
    race = races_of(SMALL).on(next(iter(SMALL.issues(2015))).race_days[0])[0]
    answer = answer_path(SMALL, f"/race/{race.race_id}/")
    assert answer is not None
    (folder / f"{race.race_id}.bin").write_bytes(answer.body)


def save_photos(folder: Path, table: Path) -> None:
    """The table of photos that the documents show, and its photos."""
    (block,) = blocks(ROOT / "docs" / "import.md", "csv")
    table.write_text(block, encoding="utf-8")
    for number, line in enumerate(csv.DictReader(block.splitlines())):
        path = folder / line["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


@pytest.mark.usefixtures("capfd")  # psql writes past Python
def test_the_cheap_ones_run(collection: dict[str, str], empty_conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card, "draw_plots", lambda *_: None)  # ten seconds of matplotlib, which other tests look at
    failed = []
    for words in to_run():
        typed = [word.replace(NO_SOURCE, "keibado:") for word in words[1:]]
        # A backup is put back into a database that holds nothing: else the command would ask.
        env = collection | ({"PADDOCK_DATABASE_URL": empty_conninfo} if "restore" in words else {})
        done = CliRunner().invoke(APPS[words[0]], typed, env=env)
        if done.exit_code != 0:
            failed.append((shlex.join(words), done.exit_code, done.output[-300:]))
    assert failed == []
