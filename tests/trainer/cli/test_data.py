"""The commands about data sets: what they print, and one sentence for every mistake."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from collector.console.as_json import json_text
from collector.console.trouble import trouble_of
from collector.console.wording import as_typed
from collector.demo.world.world import World
from collector.errors import UsageError
from tests.filled import SMALL, as_json, execute, fill
from tests.trainer.exported import digests, rows, stopped, trainer
from trainer.cli.app import app
from trainer.dataset import export as exporting
from trainer.dataset import manifest
from trainer.dataset.examples import Skip, why_skipped
from trainer.dataset.export import Request, export
from trainer.dataset.manifest import MANIFEST, find_version, list_unfinished, list_versions
from trainer.directories import pick


def test_a_database_without_anything_to_export_gets_one_sentence(conninfo: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no photo yet: `collector crawl[^\n]*$"):
        export(conninfo, tmp_path / "datasets", Request())
    fill(conninfo, World(years=range(2016, 2017), issues_per_year=1, photos_per_issue=4), labels=False)
    with pytest.raises(
        UsageError, match=r"\(its horse's label has not been asked for: \d+\): `collector refresh-labels`[^\n]*$"
    ):
        export(conninfo, tmp_path / "datasets", Request())
    execute(
        conninfo,
        "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)"
        " SELECT horse_id, 'distance', 58, 58, NULL, 0, source_url, observed_at FROM horse",
    )
    with pytest.raises(UsageError, match=r"\(nobody has reviewed its horse: \d+\): [^\n]*--keep-unreviewed[^\n]*$"):
        export(conninfo, tmp_path / "datasets", Request())
    execute(conninfo, "UPDATE aptitude SET value = 0.25, left_px = 87, right_px = 29, reviews = 1 WHERE id <= 3")
    done = trainer(conninfo, tmp_path, "export")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "fewer than four horses" in line
    assert not (tmp_path / "datasets").exists()


def test_a_split_that_puts_no_photo_anywhere_gets_one_sentence(filled: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("photo,side\n990101-01,train\n")
    with pytest.raises(UsageError, match="names none of the labelled photos"):
        export(filled, tmp_path, Request(split=str(tmp_path / "mine.csv")))
    with pytest.raises(UsageError, match="neither a rule"):
        export(filled, tmp_path, Request(split="by-chance"))
    (tmp_path / "mine.csv").write_bytes(b"photo,side\n\xff\n")
    with pytest.raises(UsageError, match="is not UTF-8"):
        export(filled, tmp_path, Request(split=str(tmp_path / "mine.csv")))


@pytest.mark.usefixtures("plain")
def test_a_split_of_ones_own_is_followed(filled: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("issue,side\n" + "".join(f"{issue.code},test\n" for issue in SMALL.issues(2015)))
    version = export(filled, tmp_path, Request(split=str(tmp_path / "mine.csv")))
    assert {(row["issue_date"].year, row["side"]) for row in rows(version)} == {(2015, "test")}
    assert version.manifest.left_out[Skip.NO_SIDE] > 0
    assert version.manifest.split == "file"


@pytest.mark.usefixtures("plain")
def test_a_database_that_is_lost_on_the_way_is_one_sentence(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, shards = exporting.write_shard, []
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    def cut(*given: Any) -> None:
        shards.append(1)
        if len(shards) == 3:
            execute(filled, f"SELECT pg_terminate_backend(pid) {others}")
        write(*given)

    monkeypatch.setattr(exporting, "write_shard", cut)
    with pytest.raises(psycopg.Error) as raised:
        export(filled, tmp_path, Request())
    words = str(trouble_of(raised.value))
    assert words.startswith("The database went away (")
    assert "\n" not in words
    (part,) = list_unfinished(tmp_path)
    assert len(list(manifest.read_journal(part))) == 2


@pytest.mark.usefixtures("plain")
def test_an_export_can_be_listed_shown_checked_compared_and_removed(
    run: Callable[..., str], filled: str, tmp_path: Path
) -> None:
    assert "No data set version yet" in run("dataset list")
    assert "no interrupted export" in run("export --resume", 2)
    assert "is not a valid name" in run("export --name a/b", 2)
    exported = as_json(run("export --json"))
    beside = {"folder": exported.pop("folder"), "left_out_words": exported.pop("left_out_words")}
    folder = Path(beside["folder"])
    assert beside["left_out_words"] == {code: why_skipped(code) for code in exported["left_out"]}
    assert folder.parent == tmp_path / "datasets"
    assert exported == json.loads((folder / MANIFEST).read_text())
    assert as_json(run("dataset show last --json")) == exported | beside
    assert "leaks: no horse and no near duplicate on two sides" in run("dataset show")
    assert folder.name in run("dataset list")
    assert "all files are unchanged" in run(f"dataset verify {folder.name[-12:-8]}")
    execute(filled, "UPDATE aptitude SET value = 0.5, left_px = 50, right_px = 50 WHERE value > 0.9")
    run("export --keep-unreviewed --size 300")
    said = run(f"dataset diff {folder.name} last")
    assert "poll keep_unreviewed: False → True" in said
    assert "size: nothing → 300" in said
    assert "added: " in said
    assert "labels: poll/distance → poll/wet_going" in run("export --axis wet_going") + run(
        f"dataset diff {folder.name} last"
    )
    assert len(as_json(run("dataset list --json"))) == 3
    os.truncate(folder / exported["shards"][0]["path"], 50)
    assert f"{exported['shards'][0]['path']} has changed" in run(f"dataset verify {folder.name}", 2)
    assert "is removed" in run(f"dataset delete {folder.name} --yes")
    assert not folder.exists()
    assert "makes it again" in run(f"dataset show {folder.name}", 2)


@pytest.mark.usefixtures("plain")
def test_an_interrupted_export_is_listed_and_can_be_removed(
    run: Callable[..., str], filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = stopped(filled, tmp_path / "datasets", monkeypatch)
    assert f"{part.name}: unfinished" in run("dataset list")
    assert run("dataset list --json") == "[]\n"
    assert "No data set version yet" in run("dataset show", 2)
    run(f"dataset delete {part.name} --yes")
    assert not part.exists()


@pytest.mark.usefixtures("plain")
def test_more_reviews_than_any_horse_has_are_advised_against(run: Callable[..., str]) -> None:
    assert "accept fewer with --min-reviews" in run("export --min-reviews 999", 2)


@pytest.mark.usefixtures("plain")
def test_one_broken_manifest_is_named_and_blocks_no_command(
    run: Callable[..., str], filled: str, tmp_path: Path
) -> None:
    root = tmp_path / "datasets"
    broken, whole = export(filled, root, Request(size=64)), export(filled, root, Request())
    (broken.folder / MANIFEST).write_text("{")
    for words in ("dataset list", "export", "dataset delete nothing --yes"):
        done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
        assert f"trainer dataset delete {broken.name}" in done.stderr
        assert broken.name not in done.stdout
    assert whole.name in run("dataset list")
    assert find_version(root, "paddock").name == whole.name
    assert f"`trainer dataset delete {broken.name}`" in run(f"dataset show {broken.name}", 2)
    assert "is removed" in run(f"dataset delete {broken.name} --yes")
    assert not broken.folder.exists()


def test_a_whole_name_counts_before_the_beginning_of_a_name(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("mine-0a1b2c3d4e5f", "mine2-111111111111", "mine2-222222222222", "old-9a")]
    assert pick(folders, "mine", "data set version", "") == folders[0]
    assert pick(folders, "mine-0a", "data set version", "") == folders[0]
    assert pick(folders, "mine2-2", "data set version", "") == folders[2]
    assert pick([*folders, tmp_path / "mine"], "mine", "run", "") == tmp_path / "mine"
    with pytest.raises(UsageError, match=r"versions are called 'mine2'; they are mine2-1{12}, mine2-2{12}\."):
        pick(folders, "mine2", "data set version", "")
    with pytest.raises(UsageError, match=r"versions begin with 'min'; they are mine-.*, mine2-.*, mine2-"):
        pick(folders, "min", "data set version", "")


@pytest.mark.usefixtures("plain")
def test_a_version_whose_manifest_is_broken_is_exported_anew(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    before = digests(one.folder)
    (one.folder / MANIFEST).write_text("[]")
    assert digests(export(filled, tmp_path, Request()).folder) == before


@pytest.mark.usefixtures("plain")
def test_an_export_that_is_there_already_says_so(run: Callable[..., str]) -> None:
    assert "Written to" in run("export")
    assert "It exists already" in run("export")


@pytest.mark.usefixtures("plain")
def test_a_folder_given_as_a_path_keeps_its_name_from_everywhere(
    run: Callable[..., str], filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = export(filled, tmp_path / "elsewhere", Request())
    monkeypatch.chdir(version.folder)
    assert find_version(tmp_path / "datasets", ".") == version
    monkeypatch.chdir(tmp_path)
    assert find_version(tmp_path / "datasets", f"elsewhere/{version.name}") == version


@pytest.mark.usefixtures("plain")
def test_a_side_without_photos_is_warned_of(run: Callable[..., str], filled: str) -> None:
    execute(filled, "DELETE FROM photo WHERE issue_code LIKE '16%'")
    done = CliRunner().invoke(app, ["export", "--split", "issues-2016"], catch_exceptions=False)
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert "no validation and no test photo" in line


def test_every_file_is_checked_and_not_only_those_of_photos(run: Callable[..., str], tmp_path: Path) -> None:
    folder = Path(as_json(run("export --json"))["folder"])
    for name in ("README.md", "croissant.json", "plots/labels.png"):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(before + b" ")
        assert f"{name} has changed" in run("dataset verify", 2)
        (folder / name).write_bytes(before)
    (folder / "plots" / "years.png").unlink()
    assert "plots/years.png is missing" in run("dataset verify", 2)


@pytest.mark.usefixtures("plain")
def test_deleting_a_version_deletes_what_only_it_needs(run: Callable[..., str], tmp_path: Path) -> None:
    version = as_json(run("export --json --axis wet_going --min-reviews 2 --keep-unreviewed --format imagefolder"))
    folder, cache = Path(version["folder"]), tmp_path / "cache"
    for name in (
        f"pixels-{version['version']}-32x32-pad.npy",
        f"features-{version['version']}-0123.npy",
        "pixels-other-x.npy",
    ):
        (cache / name).write_bytes(bytes(1_000_000))
    held = sum(path.stat().st_size for path in [*folder.rglob("*"), *cache.rglob("*")] if path.is_file())
    removed = as_json(run("dataset delete last --yes --json"))
    assert [path.name for path in cache.iterdir() if path.is_file()] == ["pixels-other-x.npy"]
    assert sum(path.stat().st_size for path in cache.glob("looks-*/*")) == 0  # of photos that no version has
    assert removed["bytes"] == held - 1_000_000
    words = "export --axis wet_going --min-reviews 2 --keep-unreviewed --format imagefolder"
    assert removed["again"] == f"trainer {words}"
    assert as_json(run(f"{words} --json"))["version"] == version["version"]


@pytest.mark.usefixtures("plain")
def test_only_a_distance_has_types(run: Callable[..., str]) -> None:
    said = run("export --axis maturity") + run("dataset show")
    card_of = Path(said.split()[-1]).read_text()
    for kind in ("sprint", "mile", "middle", "long"):
        assert kind not in said.lower().split()
        assert f" {kind} " not in card_of
    assert "sprint" in run("export")


def test_a_next_command_is_shown_as_it_has_to_be_typed() -> None:
    words = "`trainer export` makes one, after `collector crawl --demo`."
    assert as_typed(words, demo=True) == "`trainer export --demo` makes one, after `collector crawl --demo`."
    assert as_typed(words, demo=False) == words
    done = CliRunner().invoke(app, ["dataset", "show", "--demo"])
    assert "`trainer export --demo` makes one" in done.stderr
    assert "`trainer train --demo` makes one" in CliRunner().invoke(app, ["runs", "--demo"]).stdout


def test_a_value_that_is_not_a_number_is_null_in_json() -> None:
    assert json.loads(json_text({"a": [float("nan"), (1.5, float("inf"))]})) == {"a": [None, [1.5, None]]}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root, where the machine allows it")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_with_7_and_the_export_goes_on_with_space(
    filled: str, small_disk: Path, tmp_path: Path
) -> None:
    done = trainer(filled, tmp_path, "export", "--out", str(small_disk))
    assert (done.returncode, done.stdout) == (7, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: The disk is full")
    assert list_versions(small_disk) == []
    assert [path.name for path in small_disk.rglob("*.part") if path.is_file()] == []
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    done = trainer(filled, tmp_path, "export", "--out", str(small_disk), "--resume")
    assert done.returncode == 0, done.stderr
    (version,) = list_versions(small_disk)
    assert manifest.verify(version) == []
    assert digests(version.folder) == digests(export(filled, tmp_path / "other", Request()).folder)
