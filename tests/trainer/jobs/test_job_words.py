"""The words of a job's command: what only a shell runs, and what is not there, is refused before it is queued."""

import subprocess
from pathlib import Path

import pytest

from collector.errors import UsageError
from tests.trainer.stable import Stable
from trainer.jobs.command_line import check_program, check_words
from trainer.jobs.task import State, check_name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a && b"], "is a line for a shell, and a job's command is run without one: write -- sh -c 'a && b'"),
        (["python train.py"], "write -- sh -c 'python train.py'"),
        (["a|b"], "write -- sh -c 'a|b'"),
        (["echo $HOME"], "write -- sh -c 'echo $HOME'"),
        (["it's"], """write -- sh -c 'it'"'"'s'"""),
        (["cd", "x"], "'cd' is built into the shell, and a job's command is run without one: write -- sh -c 'cd"),
        (["source", "env"], "write -- sh -c 'source env'"),
        (["cat", "a", "|", "wc"], "'|' is for a shell, and a job's command is run without one: write -- sh -c 'cat"),
        (["a", "&&", "b"], "write -- sh -c 'a && b'"),
        (["a", ">", "b"], "write -- sh -c 'a > b'"),
        (["a", "2>&1"], "'2>&1' is for a shell"),
        (["a", ">log.txt"], "write -- sh -c 'a >log.txt'"),
        (["a", "2>/dev/null"], "write -- sh -c 'a 2>/dev/null'"),
        (["until", "a"], "'until' is built into the shell"),
        (["python", "a b.py", "--out=$PADDOCK_OUTPUT/x"], """-- sh -c 'python '"'"'a b.py'"'"' "--out=$PADDOCK"""),
        (["cp", "a", "${PADDOCK_OUTPUT}"], """write -- sh -c 'cp a "${PADDOCK_OUTPUT}"'"""),
        (["RATE=1", "python", "a b.py"], "write --env RATE=1 -- python 'a b.py'"),
        (["RATE=1"], "write --env RATE=1 -- PROGRAM"),
        ([""], "name a program there"),
        ([" "], "name a program there"),
    ],
)  # fmt: skip
def test_what_only_a_shell_runs_is_refused_with_the_words_for_it(words: list[str], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_words(words)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ["timeout", "9", "sh", "-c", "ls $1", "$PADDOCK_INPUT"], ["pip", "install", "x>=1"], ["a", "<pad>"],
        ["python", "-c", "import os; print(os.environ['PADDOCK_OUTPUT'])"], ["a", ">=2"], ["grep", "$PADDOCK"],
        ["sh", "-c", "a && b | c"], ["/bin/bash", "-c", "exec $0", "|"], ["python", "-c", "print(1 > 2)"],
        ["python", "train.py", "--name", "a b", "x=1"], ["find", ".", "-exec", "ls", "{}", ";"], ["./a.sh"],
    ],
)  # fmt: skip
def test_a_program_and_its_arguments_are_left_as_they_are(words: list[str]) -> None:
    check_words(words)


def test_a_script_that_the_job_would_not_find_or_could_not_run_is_refused(tmp_path: Path) -> None:
    for name, mode in (("runs.sh", 0o755), ("plain.sh", 0o644), ("ignored.sh", 0o755)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    shipped = ["runs.sh", "plain.sh"]
    for word in ("./runs.sh", "python", "/usr/bin/env"):
        check_program(word, tmp_path, shipped)
    for word, says in (
        ("./plain.sh", "chmod +x plain.sh"), ("./ignored.sh", "git ignores it"), ("./none.sh", "no such file"),
        ("../runs.sh", "is not shipped"), ("runs.sh", "for the project's own file write -- ./runs.sh"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=says.replace("+", r"\+")):
            check_program(word, tmp_path, shipped)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("job", "run", "--gpu", "1", "--preset", "finetune"), "this machine has no GPU"),
        (("job", "run", "--gpu", "1", "--data", "none", "--", "true"), "this machine has no GPU"),
        (("job", "run", "--gpu", "1", "--", "a && b"), "is a line for a shell"),
        (("job", "run", "--gpu", "1", "--env", "1=2", "--", "true"), "cannot be set"),
        (("job", "run", "--where", "moon", "--gpu", "1", "--", "true"), "No place is called"),
        (("job", "run", "--preset", "finetune"), "data set"),
        (("sweep", "--preset", "probe", "--name", "a b", "--where", "moon", "--gpu", "1"), "is not a valid name"),
        (("sweep", "--preset", "probe", "--gpu", "1", "--data", "none"), "this machine has no GPU"),
        (("job", "notebook", "--gpu", "1", "--name", "a b"), "is not a valid name"),
        (("job", "notebook", "--gpu", "1", "--data", "none"), "this machine has no GPU"),
        (("job", "run", "--", "./none.sh"), "no such file"),
        (("sweep", "--preset", "probe", "--set", "random_seed=0,1", "--gpu", "1"), "this machine has no GPU"),
    ],
)  # fmt: skip
def test_mistakes_are_named_in_order_words_place_gpus_data(stable: Stable, words: tuple[str, ...], says: str) -> None:
    (line,) = stable.type(*words, code=2).splitlines()
    assert says in line


@pytest.mark.parametrize("name", ["engine", "slots", "Engine"])
def test_a_job_is_not_called_as_what_lies_beside_its_folder(name: str) -> None:
    with pytest.raises(UsageError, match="are reserved"):
        check_name(name)


def test_a_program_that_cannot_be_started_is_named_in_the_log(stable: Stable) -> None:
    (stable.project / "bare").write_text("import this\n")
    (stable.project / "bare").chmod(0o755)
    subprocess.run(["git", "-C", str(stable.project), "add", "."], check=True)
    for program, says in (("no-such-program", "has no such program"), ("./bare", "what runs it")):
        job = stable.wait(stable.run("--", program))
        assert (job.state, job.exit_code) == (State.FAILED, 127)
        assert says in stable.log(job.name)
