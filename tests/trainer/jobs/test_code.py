"""What a job is shipped: git's files without what `.jobignore` names, the same archive for the same files."""

import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from trainer.cli.train import train_run
from trainer.jobs import code
from trainer.jobs.client import read_age
from trainer.jobs.profiles import find_profile, read_profiles
from trainer.jobs.sweep import combine
from trainer.jobs.task import NAME, RESERVED, Task, check_name, read_environment, read_task
from trainer.runs import runs
from trainer.runs.config import make_config
from trainer.runs.preset_file import as_settings, config_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with a script, an ignored file, one that no job needs, and one that is not added yet."""
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (root / "run.sh").chmod(0o755)
    (root / "secret.env").write_text("TOKEN=1")
    (root / "data" / "large.bin").write_bytes(b"x" * 1000)
    (root / ".gitignore").write_text("*.env\n")
    (root / ".jobignore").write_text("data/\n")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
    (root / "new.py").write_text("print('馬')\n")
    return root


def test_ignored_files_never_reach_a_job_and_new_ones_do(project: Path) -> None:
    assert code.list_files(project) == [".gitignore", ".jobignore", "new.py", "run.sh"]


def test_the_same_files_make_the_same_archive_whenever_they_were_written(project: Path) -> None:
    before = code.pack(project)
    os.utime(project / "run.sh", (1, 1))
    assert code.pack(project) == before
    (project / "new.py").write_text("print(2)\n")
    assert code.pack(project) != before


def test_scripts_keep_their_run_bit(project: Path, tmp_path: Path) -> None:
    code.unpack(code.pack(project), tmp_path / "there")
    assert subprocess.run([str(tmp_path / "there" / "run.sh")], capture_output=True, text=True).stdout == "ran\n"
    assert not os.access(tmp_path / "there" / "new.py", os.X_OK)


def test_the_commit_goes_along_and_says_that_something_was_changed(project: Path) -> None:
    assert code.commit_of(project).endswith(" and changes")
    (project / "new.py").unlink()
    assert len(code.commit_of(project)) == 12


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    body = BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        entry = tarfile.TarInfo("../outside")
        tar.addfile(entry, BytesIO())
    with pytest.raises(tarfile.OutsideDestinationError):
        code.unpack(body.getvalue(), tmp_path / "inner")
    assert not (tmp_path / "outside").exists()


def test_too_much_code_is_one_sentence_that_names_the_largest_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "LARGEST", 10)
    with pytest.raises(UsageError, match=r"the largest file is run.sh.*\.jobignore"):
        code.pack(project)


@pytest.mark.parametrize("name", ["", "last", "../up", "a b", "-x", "x" * 64])
def test_a_name_that_cannot_be_a_folder_is_one_sentence(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid name"):
        check_name(name)


@given(st.from_regex(NAME, fullmatch=True))
def test_a_job_is_called_as_its_run_can_be(name: str) -> None:
    if name.lower() not in RESERVED:
        runs.check_name(check_name(name))


@pytest.mark.parametrize("name", ["", "last", "../up", "a/b", "a b", "-x", "a.b"])
def test_a_name_that_no_run_can_have_is_refused_first(name: str) -> None:
    with pytest.raises(UsageError, match="is not a valid name"):
        runs.check_name(name)
    with pytest.raises(UsageError, match="is not a valid name"):
        train_run("probe", "no such data set", name=name, device="no such device")


def test_variables_are_set_or_taken_over_and_ours_cannot_be_set() -> None:
    assert read_environment(["A=1", "B", "C=x=y"]) == {"A": "1", "B": None, "C": "x=y"}
    for word in ("PADDOCK_INPUT=/", "1=2", "=x"):
        with pytest.raises(UsageError, match="cannot be set"):
            read_environment([word])


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 10))
def test_a_job_ends_at_whichever_limit_comes_first(hours: float, price: float, hourly: float) -> None:
    task = Task(max_seconds=hours * 3600, max_price=price, price_per_hour=hourly)
    limit = task.limit()
    assert limit is not None
    assert limit[0] == pytest.approx(min(hours, price / hourly) * 3600)
    assert read_task(task.as_json()) == task


def test_a_job_without_limits_has_none() -> None:
    assert Task().limit() is None
    assert Task(max_price=1.0).limit() is None  # what costs nothing never reaches a price


def test_ages_are_read() -> None:
    assert read_age("90m").total_seconds() == 5400
    for word in ("soon", "", "99999999999d"):  # the last is more than a day can be counted back by
        with pytest.raises(UsageError, match="is not a span of time; write it as 30m, 12h, 30d or 8w"):
            read_age(word)


# --- places -------------------------------------------------------------------------------------------------


def test_this_machine_is_always_a_place_and_power_costs_by_the_hour(tmp_path: Path) -> None:
    assert list(read_profiles(tmp_path)) == ["local"]
    (tmp_path / "profiles.toml").write_text(
        '[local]\nwatts = 500\nprice_per_kwh = 0.4\n[stable]\nkind = "fleet"\nprice_per_hour = 2\ncurrency = "EUR"\n'
    )
    assert find_profile(tmp_path, "local").hourly == pytest.approx(0.2)
    assert find_profile(tmp_path, "stable").hourly == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[x]\n", r"\[x\]: give it a kind"),
        ('[x]\nkind = "moon"\n', r"\[x\], kind"),
        ('[local]\nkind = "fleet"\n', "is this machine"),
        ("[local]\nslots = 0\n", r"\[local\], slots"),
        ("[local]\ntoken = 'x'\n", r"\[local\], token: Extra inputs"),
        ("x = 1\n", "x is not a table"),
        ("[local\n", "cannot be read"),
    ],
)
def test_a_mistake_in_the_profiles_is_one_sentence_that_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "profiles.toml").write_text(text)
    with pytest.raises(UsageError, match=says) as refused:
        read_profiles(tmp_path)
    assert "\n" not in str(refused.value)
    assert "profiles.toml" in str(refused.value)


def test_an_unknown_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No place is called 'moon'.*names local"):
        find_profile(tmp_path, "moon")


# --- sweeps ---------------------------------------------------------------------------------------------------


def test_a_sweep_is_every_preset_with_every_combination_of_values() -> None:
    found = combine(["first-cnn", "finetune"], ["rate=1e-3,1e-4", "epochs=2,4", "batch=8"])
    assert len(found) == 8
    assert len({one.words for one in found}) == 8
    assert found[0].words == "first-cnn rate=1e-3 epochs=2 batch=8"


def test_a_preset_of_a_file_is_spelled_out_for_machines_that_do_not_have_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "finetune"\nflip = false\nfreeze = ["backbone.a*", "backbone.b*"]\nrate = 1e-4\nepochs = 3\n'
    )
    (one, other) = combine([str(path)], ["epochs=2,4"])
    assert one.words == "finetune flip=false freeze=backbone.a*,backbone.b* rate=0.0001 epochs=2"
    for each, epochs in ((one, 2), (other, 4)):
        expected = config_of(str(path), [f"epochs={epochs}"]).model_copy(update={"preset": "finetune"})
        assert make_config(each.preset, each.settings) == expected
    trees = tmp_path / "trees.toml"
    trees.write_text('base = "probe"\nregressor = "sklearn.ensemble:RandomForestRegressor"\n[options]\nmax_depth = 3\n')
    assert make_config(*as_settings(str(trees))).options == {"max_depth": 3}
    path.write_text('network = "stripes"\n')
    with pytest.raises(UsageError, match="names a network of a plug-in, which a job cannot take"):
        combine([str(path)], [])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["rate=1", "rate=2"], "name all of its values at once"),
        (["rate"], "write it as key=value"),
        (["rate=fast"], "--set rate=fast"),
        ([f"random_seed={','.join(map(str, range(501)))}"], "501 runs, more than 500"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_one_sentence(given: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        combine(["first-cnn"], given)
