"""`trainer export`: the same database gives the same bytes, whatever happened on the way; and what changed is said."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from collector.demo.world import World
from collector.errors import UsageError
from tests.trainer.filled import SMALL, as_json, damage, execute, fill
from trainer import export as exporting
from trainer.cli import app
from trainer.command_base import as_json_text, as_typed
from trainer.dataset import card, manifest
from trainer.dataset.diff import compare
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import MANIFEST, Version, find_version, list_unfinished, list_versions
from trainer.examples import Skip, Wanted
from trainer.export import Request, export

TRAINER = [sys.executable, "-c", "from trainer.cli import main; main()"]
A_SHARD = 7  # photos


def environment(conninfo: str, home: Path) -> dict[str, str]:
    """What a command sees of the world."""
    return {
        "PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "COLUMNS": "100", "MPLCONFIGDIR": str(home),
        "PADDOCK_DATABASE_URL": conninfo, "PADDOCK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip


def trainer(conninfo: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = subprocess.run([*TRAINER, *words], env=environment(conninfo, home), capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


def digests(folder: Path) -> dict[str, str]:
    """Every file of a version with the digest of its bytes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def rows(version: Version) -> list[dict[str, Any]]:
    """Every example of a version with its side."""
    kind = Format(version.manifest.format)
    return [
        row | {"side": shard.side, "body": body}
        for shard in version.manifest.shards
        for row, body in read_shard(kind, version.folder / shard.path)
    ]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards without plots, which cost a second and are not what is asked here; several shards a side."""
    monkeypatch.setattr(card, "draw_plots", lambda *_: None)
    monkeypatch.setattr(exporting, "PHOTOS_A_SHARD", A_SHARD)


@pytest.fixture
def filled(conninfo: str) -> str:
    """A database with some sixty photos."""
    fill(conninfo)
    return conninfo


# --- the same database, the same version -----------------------------------------------------------------------


def test_the_same_database_gives_the_same_bytes_card_and_plots_included(filled: str, tmp_path: Path) -> None:
    one, other = (export(filled, tmp_path / root, Request()) for root in ("one", "other"))
    assert one.name == other.name
    assert digests(one.folder) == digests(other.folder)
    assert {"README.md", "croissant.json", MANIFEST, "plots/examples.png"} < set(digests(one.folder))
    assert manifest.verify(one) == []
    assert "shards.jsonl" not in digests(one.folder)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", Format)
def test_every_format_is_the_same_twice_and_holds_the_same_photos(filled: str, tmp_path: Path, kind: Format) -> None:
    one, other = (export(filled, tmp_path / root, Request(format=kind)) for root in ("one", "other"))
    assert digests(one.folder) == digests(other.folder)
    held = rows(one)
    assert all(hashlib.sha256(row["body"]).hexdigest() == row["digest"] for row in held)
    wanted = execute(
        filled,
        "SELECT issue_code || '-' || lpad(number::text, 2, '0'), value, horse_id FROM photo"
        " JOIN photo_match USING (source, issue_code, number) JOIN aptitude USING (horse_id)"
        " WHERE axis = 'distance' AND value IS NOT NULL AND digest IS NOT NULL",
    )
    assert sorted((row["photo"], row["label"], row["horse_id"]) for row in held) == sorted(wanted)
    assert len(held) == sum(one.manifest.photos.values())
    assert max(shard.photos for shard in one.manifest.shards) == A_SHARD


@pytest.mark.usefixtures("plain")
def test_a_version_that_is_there_is_not_written_again(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    kept = [path for path in one.folder.rglob("*") if path.name != MANIFEST]
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert export(filled, tmp_path, Request()).name == one.name
    assert {path: path.stat().st_mtime_ns for path in kept} == before


@pytest.mark.usefixtures("plain")
def test_rows_in_another_order_on_the_disk_are_the_same_version(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path / "one", Request())
    execute(filled, "UPDATE photo SET comment = coalesce(comment, '') || '.' WHERE id % 3 = 0")  # moves the rows
    execute(filled, "UPDATE issue SET issue_date = issue_date")
    assert digests(export(filled, tmp_path / "other", Request()).folder) == digests(one.folder)


@pytest.mark.usefixtures("plain")
def test_a_smaller_size_is_another_version_of_smaller_photos(filled: str, tmp_path: Path) -> None:
    whole, small = export(filled, tmp_path, Request()), export(filled, tmp_path, Request(size=64))
    assert small.name != whole.name
    for row in rows(small)[:5]:
        with Image.open(io.BytesIO(row["body"])) as picture:
            assert max(picture.size) == 64
    assert compare(whole, small).settings == {"size": (None, 64)}


@pytest.mark.usefixtures("plain")
def test_the_time_zone_of_a_machine_is_not_in_the_version(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = export(filled, tmp_path / "one", Request(format=Format.WEBDATASET))
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    elsewhere = make_conninfo(filled, options="-c search_path=public -c timezone=Asia/Tokyo")
    other = export(elsewhere, tmp_path / "other", Request(format=Format.WEBDATASET))
    assert digests(other.folder) == digests(one.folder)


@pytest.mark.usefixtures("plain")
def test_a_version_that_is_asked_for_again_becomes_the_last_one(filled: str, tmp_path: Path) -> None:
    one, other = export(filled, tmp_path, Request()), export(filled, tmp_path, Request(size=64))
    assert find_version(tmp_path, "last").name == other.name
    export(filled, tmp_path, Request())
    assert find_version(tmp_path, "last").name == one.name


# --- interrupted -----------------------------------------------------------------------------------------------

SLOWLY = """
import sys, time
from pathlib import Path
from trainer import export as exporting
from trainer.cli import app
from trainer.dataset import card
from trainer.dataset.formats import Format
from trainer.export_plan import Request
card.draw_plots = lambda *given: None
exporting.PHOTOS_A_SHARD = 7
write = exporting.write_shard
def slowly(*given):
    write(*given)
    time.sleep(0.1)
exporting.write_shard = slowly
exporting.export(sys.argv[1], Path(sys.argv[2]), Request(format=Format(sys.argv[3])))
"""


def _kill_after(conninfo: str, root: Path, kind: Format, shards: int) -> Path:
    """Start an export in a process of its own and kill it when it has finished so many shards; its folder."""
    command = [sys.executable, "-c", SLOWLY, conninfo, str(root), kind]
    with subprocess.Popen(command, env=environment(conninfo, root)) as process:
        while process.poll() is None and len(list(root.glob("*.part/shards.jsonl"))) == 0:
            time.sleep(0.01)
        (part,) = list_unfinished(root)
        while process.poll() is None and len((part / "shards.jsonl").read_text().splitlines()) < shards:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return part


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", [Format.PARQUET, Format.IMAGEFOLDER])
def test_a_killed_export_goes_on_after_its_finished_shards_and_ends_the_same(
    filled: str, tmp_path: Path, kind: Format
) -> None:
    part = _kill_after(filled, tmp_path, kind, 3)
    assert list_versions(tmp_path) == []
    finished = {shard.path for shard in manifest.read_journal(part)}
    assert len(finished) >= 3
    before = {name: (part / name).stat().st_mtime_ns for name in finished}
    version = export(filled, tmp_path, Request(format=kind))
    assert {name: (version.folder / name).stat().st_mtime_ns for name in finished} == before
    assert len(version.manifest.shards) > len(finished)
    assert list_unfinished(tmp_path) == []
    assert digests(version.folder) == digests(export(filled, tmp_path / "other", Request(format=kind)).folder)


@pytest.mark.usefixtures("plain")
def test_a_finished_shard_that_the_disk_has_cut_off_is_written_again(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = _stopped(filled, tmp_path, monkeypatch)
    first = next(manifest.read_journal(part))
    os.truncate(part / first.path, 100)
    version = export(filled, tmp_path, Request())
    assert manifest.verify(version) == []
    assert digests(version.folder) == digests(export(filled, tmp_path / "other", Request()).folder)


def _stopped(conninfo: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an export that was stopped while it wrote its card."""

    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "write_card", stop)
        with pytest.raises(KeyboardInterrupt):
            export(conninfo, root, Request())
    (part,) = list_unfinished(root)
    return part


@pytest.mark.usefixtures("plain")
def test_what_a_broken_off_deletion_left_is_no_obstacle(filled: str, tmp_path: Path) -> None:
    version = export(filled, tmp_path, Request())
    before = digests(version.folder)
    (version.folder / MANIFEST).unlink()  # a deletion begins with it
    (version.folder / "README.md").unlink()
    assert digests(export(filled, tmp_path, Request()).folder) == before


@pytest.mark.usefixtures("plain")
def test_two_exports_at_once_do_not_write_into_each_other(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, said = exporting.write_shard, []

    def meanwhile(*given: Any) -> None:
        if not said:
            said.append("")
            with pytest.raises(UsageError, match="Another export is writing") as raised:
                export(filled, tmp_path, Request())
            said[0] = str(raised.value)
        write(*given)

    monkeypatch.setattr(exporting, "write_shard", meanwhile)
    assert manifest.verify(export(filled, tmp_path, Request())) == []
    assert str(tmp_path) in said[0]


# --- what changed ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
def test_a_changed_label_is_a_new_version_and_the_difference_names_it(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    changed = rows(one)[0]
    execute(
        filled,
        "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)"
        " SELECT horse_id, axis, 29, 87, 0.75, 9, source_url, observed_at + interval '1 day' FROM aptitude"
        " WHERE axis = 'distance' AND horse_id = %s",
        changed["horse_id"],
    )
    other = export(filled, tmp_path, Request())
    assert other.name != one.name
    difference = compare(one, other)
    its = {
        f"keibado {row['photo']}": (row["label"], 0.75) for row in rows(one) if row["horse_id"] == changed["horse_id"]
    }
    assert difference.relabelled == its
    assert (difference.added, difference.removed, difference.moved, difference.repainted) == ([], [], {}, [])
    bars = difference.changed[f"keibado {changed['photo']}"]
    assert (bars["right_px"], bars["reviews"]) == ((changed["right_px"], 87), (changed["reviews"], 9))
    assert difference.changed.keys() == its.keys()
    assert compare(one, one).nothing
    assert other.manifest.newest_label == "2026-11-03T02:00:00+00:00"


@pytest.mark.usefixtures("plain")
def test_a_photo_more_and_a_photo_less_are_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    gone = rows(one)[3]["photo"]
    code, _, number = gone.partition("-")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    other = export(filled, tmp_path, Request())
    assert compare(one, other).removed == [f"keibado {gone}"]
    assert compare(other, one).added == [f"keibado {gone}"]
    assert other.manifest.left_out[Skip.NO_HORSE] == 1


@pytest.mark.usefixtures("plain")
def test_another_split_moves_photos_and_leaks_are_counted(filled: str, tmp_path: Path) -> None:
    by_horse, by_issue = export(filled, tmp_path, Request()), export(filled, tmp_path, Request(split="issues-2016"))
    difference = compare(by_horse, by_issue)
    assert difference.settings == {"split": ("horse", "issues-2016")}
    assert difference.moved
    assert by_horse.manifest.leaks["horses"] == by_horse.manifest.leaks["near_duplicates"] == 0
    assert by_issue.manifest.leaks["horses"] > 0
    assert "too good to be true" in (by_issue.folder / "README.md").read_text()


@pytest.mark.usefixtures("plain")
def test_horses_that_nobody_has_reviewed_are_left_out_unless_they_are_asked_for(filled: str, tmp_path: Path) -> None:
    plain, all_of_them = (
        export(filled, tmp_path, Request()),
        export(filled, tmp_path, Request(Wanted(keep_unreviewed=True))),
    )
    left_out = plain.manifest.left_out[Skip.NO_REVIEWS]
    assert left_out > 0
    assert Skip.NO_REVIEWS not in all_of_them.manifest.left_out
    added = compare(plain, all_of_them).added
    assert len(added) == left_out
    labels = {f"keibado {row['photo']}": (row["label"], row["reviews"]) for row in rows(all_of_them)}
    assert {labels[photo] for photo in added} == {(0.5, 0)}


@pytest.mark.usefixtures("plain")
def test_more_reviews_wanted_means_fewer_photos_and_those_of_unknown_count_stay(filled: str, tmp_path: Path) -> None:
    execute(filled, "UPDATE aptitude SET reviews = NULL WHERE reviews > 8")
    version = export(filled, tmp_path, Request(Wanted(min_reviews=6)))
    assert version.manifest.left_out[Skip.FEW_REVIEWS] > 0
    counts = {row["reviews"] for row in rows(version)}
    assert None in counts
    assert counts <= {None, 6, 7, 8}


@pytest.mark.usefixtures("plain")
def test_whatever_changed_in_any_column_and_in_what_was_left_out_is_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    first, gone = rows(one)[0], rows(one)[3]["photo"]
    code, _, number = gone.partition("-")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    execute(filled, "UPDATE horse SET coat = '白毛' WHERE horse_id = %s", first["horse_id"])
    other = export(filled, tmp_path, Request(name="mine"))
    difference = compare(one, other)
    assert difference.changed[f"keibado {first['photo']}"] == {"coat": (first["coat"], "白毛")}
    assert {tuple(columns) for columns in difference.changed.values()} == {("coat",)}
    assert difference.left_out == {Skip.NO_HORSE: (0, 1)}
    assert difference.settings == {"name": ("paddock", "mine")}


# --- damage ----------------------------------------------------------------------------------------------------


def _pictures(conninfo: str, count: int) -> list[tuple[str, str, bytes]]:
    """Photos of reviewed horses, shown once: photo, digest, body."""
    return execute(
        conninfo,
        "SELECT min(issue_code || '-' || lpad(number::text, 2, '0')), digest, content FROM photo JOIN blob"
        " USING (digest) JOIN photo_match USING (source, issue_code, number) JOIN aptitude USING (horse_id)"
        " WHERE axis = 'distance' AND value IS NOT NULL GROUP BY digest, content HAVING count(*) = 1"
        f" ORDER BY digest LIMIT {count}",
    )  # pyright: ignore[reportReturnType]


@pytest.mark.usefixtures("plain")
def test_damaged_bytes_are_left_out_and_counted_and_nothing_half_written_stays(filled: str, tmp_path: Path) -> None:
    whole = export(filled, tmp_path / "before", Request())
    changed, cut, packed = _pictures(filled, 3)
    damage(filled, changed[1], changed[2][:-1] + b"?")
    damage(filled, cut[1], cut[2][:500])
    execute(filled, "UPDATE blob SET encoding = 'zlib' WHERE digest = %s", packed[1])  # and that it is not
    version = export(filled, tmp_path, Request())
    assert version.manifest.left_out[Skip.DAMAGED] == 3
    assert set(compare(whole, version).removed) == {f"keibado {photo}" for photo, _, _ in (changed, cut, packed)}
    assert list_unfinished(tmp_path) == []
    assert export(filled, tmp_path, Request()).name == version.name
    assert list_unfinished(tmp_path) == []


@pytest.mark.usefixtures("plain")
def test_all_damage_is_found_before_the_export_begins_again(
    filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, digest, body in _pictures(filled, 12):
        damage(filled, digest, body[:-2])
    plans, make_plan = [], exporting.make_plan
    monkeypatch.setattr(exporting, "make_plan", lambda *given: plans.append(1) or make_plan(*given))
    assert export(filled, tmp_path, Request()).manifest.left_out[Skip.DAMAGED] == 12
    assert len(plans) == 2


@pytest.mark.parametrize("size", [None, 64])
def test_a_photo_that_came_cut_off_does_not_stop_the_export(filled: str, tmp_path: Path, size: int | None) -> None:
    # Its digest is right, so only unpacking tells; the collector refuses such photos, but not always did.
    for _, digest, body in _pictures(filled, 40):
        cut = body[: len(body) // 2]
        fresh = hashlib.sha256(cut).hexdigest()
        execute(
            filled,
            "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'image/jpeg', %s, '', %s)",
            fresh, len(cut), cut,
        )  # fmt: skip
        execute(filled, "UPDATE photo SET digest = %s WHERE digest = %s", fresh, digest)
    version = export(filled, tmp_path, Request(size=size))
    assert version.manifest.left_out.get(Skip.DAMAGED, 0) == (40 if size else 0)
    assert (version.folder / "plots" / "examples.png").stat().st_size > 0


# --- commands --------------------------------------------------------------------------------------------------


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
    with pytest.raises(UsageError, match="The database was lost") as raised:
        export(filled, tmp_path, Request())
    assert "\n" not in str(raised.value)
    (part,) = list_unfinished(tmp_path)
    assert len(list(manifest.read_journal(part))) == 2


@pytest.fixture
def run(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give a command in this process; what it prints, or of a mistake the one sentence."""
    monkeypatch.setenv("PADDOCK_DATABASE_URL", filled)
    monkeypatch.setenv("PADDOCK_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def run(words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, words.split(), catch_exceptions=False)
        assert done.exit_code == code, done.output
        if code:
            assert done.stdout == ""
            (line,) = done.stderr.splitlines()
            return line
        return done.stdout

    return run


@pytest.mark.usefixtures("plain")
def test_what_was_exported_can_be_listed_shown_checked_compared_and_removed(
    run: Callable[..., str], filled: str, tmp_path: Path
) -> None:
    assert "There is no data set version yet" in run("dataset list")
    assert "no interrupted export" in run("export --resume", 2)
    assert "is no name" in run("export --name a/b", 2)
    exported = as_json(run("export --json"))
    folder = Path(exported.pop("folder"))
    assert folder.parent == tmp_path / "datasets"
    assert exported == json.loads((folder / MANIFEST).read_text())
    assert as_json(run("dataset show last --json")) == exported | {"folder": str(folder)}
    assert "leaks: no horse and no near duplicate on two sides" in run("dataset show")
    assert folder.name in run("dataset list")
    assert "as they were written" in run(f"dataset verify {folder.name[-12:-8]}")
    execute(filled, "UPDATE aptitude SET value = 0.5, left_px = 50, right_px = 50 WHERE value > 0.9")
    run("export --keep-unreviewed")
    said = run(f"dataset diff {folder.name} last")
    assert "keep_unreviewed: False → True" in said
    assert "added: " in said
    assert "axis: distance → wet_going" in run("export --axis wet_going") + run(f"dataset diff {folder.name} last")
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
    part = _stopped(filled, tmp_path / "datasets", monkeypatch)
    assert f"{part.name}: unfinished" in run("dataset list")
    assert run("dataset list --json") == "[]\n"
    assert "There is no data set version yet" in run("dataset show", 2)
    run(f"dataset delete {part.name} --yes")
    assert not part.exists()


@pytest.mark.usefixtures("plain")
def test_more_reviews_than_any_horse_has_are_advised_against(run: Callable[..., str]) -> None:
    assert "ask for fewer with --min-reviews" in run("export --min-reviews 999", 2)


@pytest.mark.usefixtures("plain")
def test_one_broken_manifest_is_named_and_stands_in_nobodys_way(
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


@pytest.mark.usefixtures("plain")
def test_a_version_whose_manifest_is_broken_is_exported_anew(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    before = digests(one.folder)
    (one.folder / MANIFEST).write_text("[]")
    assert digests(export(filled, tmp_path, Request()).folder) == before


@pytest.mark.usefixtures("plain")
def test_an_export_that_is_there_already_says_so(run: Callable[..., str]) -> None:
    assert "Written to" in run("export")
    assert "It is there already" in run("export")


@pytest.mark.usefixtures("plain")
def test_a_folder_that_is_given_as_a_path_keeps_its_name_wherever_one_stands(
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
def test_with_a_version_goes_what_only_it_needs_and_how_to_make_it_again_is_said(
    run: Callable[..., str], tmp_path: Path
) -> None:
    told = as_json(run("export --json --axis wet_going --min-reviews 2 --keep-unreviewed --format imagefolder"))
    folder, cache = Path(told["folder"]), tmp_path / "cache"
    cache.mkdir()
    for name in (
        f"pixels-{told['version']}-32x32-pad.npy",
        f"features-{told['version']}-0123.npy",
        "pixels-other-x.npy",
    ):
        (cache / name).write_bytes(bytes(1_000_000))
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    removed = as_json(run("dataset delete last --yes --json"))
    assert [path.name for path in cache.iterdir()] == ["pixels-other-x.npy"]
    assert removed["bytes"] == held + 2_000_000
    words = "export --axis wet_going --min-reviews 2 --format imagefolder --keep-unreviewed"
    assert removed["again"] == f"trainer {words}"
    assert as_json(run(f"{words} --json"))["version"] == told["version"]


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


def test_a_number_that_is_none_is_null_in_json() -> None:
    assert json.loads(as_json_text({"a": [float("nan"), (1.5, float("inf"))]})) == {"a": [None, [1.5, None]]}


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


def test_a_full_disk_ends_with_7_and_one_sentence_and_the_export_goes_on_when_there_is_space(
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
