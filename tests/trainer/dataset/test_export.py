"""`trainer export`: the same database gives the same bytes, even after an interruption."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg.conninfo import make_conninfo

from collector.errors import UsageError
from tests.filled import execute
from tests.trainer.exported import A_SHARD, digests, environment, rows, stopped
from trainer.dataset import export as exporting
from trainer.dataset import manifest
from trainer.dataset.diff import compare
from trainer.dataset.export import Request, export
from trainer.dataset.formats import Format
from trainer.dataset.manifest import MANIFEST, find_version, list_unfinished, list_versions


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
    expected = execute(
        filled,
        "SELECT photo_id, value, horse_id FROM photo"
        " JOIN photo_match USING (source, issue_code, number) JOIN aptitude USING (horse_id)"
        " WHERE axis = 'distance' AND value IS NOT NULL AND digest IS NOT NULL",
    )
    assert sorted((row["photo"], row["label"], row["horse_id"]) for row in held) == sorted(expected)
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
    execute(filled, "UPDATE photo SET shot_day = shot_day % 28 + 1 WHERE id % 3 = 0")  # moves the rows
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
from trainer.dataset import export as exporting
from trainer.cli.app import app
from trainer.dataset import card
from trainer.dataset.formats import Format
from trainer.dataset.plan import Request
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
    """Start an export in another process and kill it when it has finished `shards` shards; returns its folder."""
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
def test_a_killed_export_goes_on_and_ends_the_same(filled: str, tmp_path: Path, kind: Format) -> None:
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
    part = stopped(filled, tmp_path, monkeypatch)
    first = next(manifest.read_journal(part))
    os.truncate(part / first.path, 100)
    version = export(filled, tmp_path, Request())
    assert manifest.verify(version) == []
    assert digests(version.folder) == digests(export(filled, tmp_path / "other", Request()).folder)


@pytest.mark.usefixtures("plain")
def test_an_interrupted_deletion_does_not_stop_an_export(filled: str, tmp_path: Path) -> None:
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
