"""What a person types wrong is one sentence and exit code 2, said before anything heavy is loaded or started."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from collector.cli.app import app as collector
from tests.collector.cli.test_cli import environment
from tests.paths import ROOT
from trainer.cli.app import app as trainer

APPS = {"collector": collector, "trainer": trainer}
# What help and the report of a mistake never wait for.
HEAVY = {
    "aiohttp", "alembic", "babel", "duckdb", "jinja2", "numpy", "PIL", "procrastinate", "psycopg", "pyarrow", "rich",
    "selectolax", "sqlalchemy", "sqlmodel", "torch", "uvloop",
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("collector crawll", "collector has no command crawll; did you mean `collector crawl`?"),
        ("collector crawll --demo", "collector has no command crawll; did you mean `collector crawl --demo`?"),
        ("collector zzz", "collector has no command zzz; `collector --help` lists what it has."),
        ("collector --nope", "collector has no option --nope; `collector --help` lists what it has."),
        ("collector db urll", "collector db has no command urll; did you mean `collector db url`?"),
        ("collector crawl --sinze 3", "collector crawl has no option --sinze; did you mean --since?"),
        ("collector crawl -x", "collector crawl has no option -x; `collector crawl --help` lists what it has."),
        ("collector crawl --limit", "--limit needs a value after it."),
        ("collector match --set a", "--set needs 2 values after it."),
        ("collector crawl --limit abc", "--limit takes a whole number, and 'abc' is not one."),
        (
            "collector crawl --races al",
            "--races is one of photos, all, none, and 'al' is none of them; did you mean all?",
        ),
        ("collector crawl --demo=1", "--demo does not take a value."),
        ("collector demo-site --issues 99", "--issues is at most 50, and 99 is not."),
        ("collector horse", "collector horse needs NAME|ID; `collector horse --help` says more."),
        ("collector horse --demo", "collector horse needs NAME|ID; `collector horse --help` says more."),
        ("collector status a b", "collector status does not take the argument a b; `collector status --help` lists"),
        ("trainer exprt", "trainer has no command exprt; did you mean `trainer export`?"),
        ("trainer runs compar", "trainer runs has no command compar; did you mean `trainer runs compare`?"),
        ("trainer job run --max-hours x", "--max-hours takes a number, and 'x' is not one."),
        ("trainer job list --state runing", "and 'runing' is none of them; did you mean running?"),
        ("trainer sweep", "trainer sweep needs --preset NAME; `trainer sweep --help` says more."),
        ("trainer export --size 3", "--size is at least 16, and 3 is not."),
    ],
)
def test_a_mistake_is_one_sentence_with_exit_code_two(words: str, sentence: str) -> None:
    program, *rest = words.split()
    done = CliRunner().invoke(APPS[program], rest, prog_name=program)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.isascii()  # no box around it


@pytest.mark.parametrize(
    "words",
    [
        "collector crawl --since abc",
        "collector crawl --until 2016-13-01 --demo",
        "collector reparse --since abc",
        "collector status --jsn",
        "collector horse ''",
        "collector refresh-labels --older-than month",
        "collector match --set somewhere 2011100001",
        "collector forget",
        "collector export --to /nowhere/paddock.duckdb",
        "collector export --tables races",
        "collector robots http://elsewhere.example/",
        "collector db dump /nowhere/paddock.dump",
        "trainer export --split nowhere",
        "trainer export --name a-b",
        "trainer job list --older-than long",
        "trainer job delete --older-than long",
        "trainer job stop",
        "trainer job run --preset nobody",
        "trainer job run --preset probe --where nowhere",
        "trainer job run --preset probe --name a/b",
        "trainer job run --preset probe --gpu 99",
        "trainer job run --preset probe --data none",
        "trainer sweep --preset nobody",
        "trainer train --resume --demo",
    ],
)
def test_a_mistake_is_reported_before_postgres_starts(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    program, *rest = (word.strip("'") for word in words.split())
    home = open_folder / "never-made"
    monkeypatch.setenv("PADDOCK_HOME", str(home))
    monkeypatch.delenv("PADDOCK_DATABASE_URL", raising=False)
    done = CliRunner().invoke(APPS[program], rest, prog_name=program)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1
    assert not home.exists()  # where the embedded database would be


@pytest.mark.parametrize(
    "words",
    [
        "collector --help", "collector --version", "collector crawl --help", "collector db --help",
        "collector crawl --sinze", "collector crawll", "collector export --help",
        "collector export --tabels", "trainer --help", "trainer export --help", "trainer job --help",
        "trainer job run --help", "trainer exprt", "trainer train --prset",
    ],
)  # fmt: skip
def test_help_and_a_mistake_load_nothing_heavy(words: str) -> None:
    assert loaded(words) & HEAVY == set()


def test_the_list_of_runs_loads_no_database_and_no_arrays(tmp_path: Path) -> None:
    assert loaded("trainer runs", PADDOCK_HOME=str(tmp_path)) & (HEAVY - {"rich"}) == set()


def test_what_only_asks_the_database_loads_nothing_that_changes_its_schema(conninfo: str) -> None:
    """It does load what reads pages, as it says whose terms are not accepted."""
    assert "alembic" not in loaded("collector status", PADDOCK_DATABASE_URL=conninfo)


def loaded(words: str, **settings: str) -> set[str]:
    """The libraries that a command has loaded when it ends."""
    program, *rest = words.split()
    look = (
        f"import sys; sys.argv = {[program, *rest]!r}\n"
        f"from {program}.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('loaded', *{name.partition('.')[0] for name in sys.modules})"
    )
    env = environment(None, PYTHONPATH=str(ROOT)) | settings
    done = subprocess.run([sys.executable, "-c", look], env=env, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


# --- help ---------------------------------------------------------------------------------------------------


def every_command() -> list[str]:
    """All commands and groups of both programs, as they are typed."""

    def below(command: object, path: str) -> list[str]:
        inner = getattr(command, "commands", {})
        return [path, *(line for name, one in inner.items() for line in below(one, f"{path} {name}"))]

    return [line for name, app in APPS.items() for line in below(typer.main.get_command(app), name)]


@pytest.mark.parametrize("words", every_command())
def test_help_is_plain_text_in_whole_sentences(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    program, *rest = words.split()
    shown, short = (CliRunner().invoke(APPS[program], [*rest, how], prog_name=program) for how in ("--help", "-h"))
    assert (shown.exit_code, shown.stdout) == (0, short.stdout)
    assert shown.stdout.replace("キタサンブラック", "").isascii()
    assert "Exit codes: 0 done; 2 wrong use" in " ".join(shown.stdout.split())
    usage, *lines = shown.stdout.splitlines()
    assert usage.startswith(f"Usage: {words} ")
    assert not [line for line in lines if line.endswith("...")]  # a sentence that was cut
    assert "<bool>" not in shown.stdout
    assert "x>=" not in shown.stdout
    pairs = set(re.findall(r"--(\S+) / --no-\S+", shown.stdout))
    assert pairs <= {"curve", "saliency"}  # which are neither on nor off by themselves


@pytest.mark.parametrize("program", APPS)
def test_both_programs_say_their_version(program: str) -> None:
    done = CliRunner().invoke(APPS[program], ["--version"], prog_name=program)
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", done.stdout)


# --- --demo and --json --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("trainer runs", "`trainer train --demo`"),
        ("trainer dataset list", "`trainer export --demo`"),
        ("trainer evaluate", "`trainer train --demo`"),
    ],
)
def test_a_hint_can_be_copied_in_a_demo(words: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    program, *rest = words.split()
    for given, said in ((["--demo"], hint), ([], hint.replace(" --demo", ""))):
        done = CliRunner().invoke(APPS[program], [*rest, *given], prog_name=program)
        assert said in done.output


def test_demo_and_json_are_declared_once_and_never_handed_on() -> None:
    files = [path for program in APPS for path in (ROOT / program / "cli").rglob("*.py")]
    again = re.compile(r'"--(demo|json)"|demo=demo[,)]|as_json=|as_typed\(.*demo')
    assert {path.name for path in files if again.search(path.read_text())} == {
        "serve.py"
    }  # which hands it to its pages
