"""`trainer export`: the same database gives the same bytes, even after an interruption; and changes are listed."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from psycopg.conninfo import make_conninfo

from collector.errors import UsageError
from collector.storage.archive import digest_of
from tests.filled import SITE, damage, execute
from tests.trainer.exported import A_SHARD, digests, environment, rows, stopped
from trainer.dataset import export as exporting
from trainer.dataset import manifest
from trainer.dataset.diff import compare
from trainer.dataset.examples import BY_WORDS, Selection, Skip, why_skipped
from trainer.dataset.export import Request, export
from trainer.dataset.formats import Format
from trainer.dataset.manifest import MANIFEST, find_version, list_unfinished, list_versions, read_version

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
    its = {row["photo"]: (row["label"], 0.75) for row in rows(one) if row["horse_id"] == changed["horse_id"]}
    assert difference.relabelled == its
    assert (difference.added, difference.removed, difference.moved, difference.repainted) == ([], [], {}, [])
    bars = difference.changed[changed["photo"]]
    assert (bars["right_px"], bars["reviews"]) == ((changed["right_px"], 87), (changed["reviews"], 9))
    assert difference.changed.keys() == its.keys()
    assert compare(one, one).nothing
    assert other.manifest.newest_label == "2026-11-03T02:00:00+00:00"


@pytest.mark.usefixtures("plain")
def test_a_photo_more_and_a_photo_less_are_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    gone = rows(one)[3]["photo"]
    code, _, number = gone.partition(":")[2].partition("/")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    other = export(filled, tmp_path, Request())
    assert compare(one, other).removed == [gone]
    assert compare(other, one).added == [gone]
    assert other.manifest.left_out[Skip.NO_HORSE] == 1


@pytest.mark.usefixtures("plain")
def test_a_manifest_that_counts_by_sentences_is_read_as_one_of_codes(filled: str, tmp_path: Path) -> None:
    version = export(filled, tmp_path, Request())
    manifest = version.folder / "manifest.json"
    facts = json.loads(manifest.read_text())
    assert set(facts["left_out"]) <= set(Skip)
    assert facts["left_out"]["no_reviews"] > 0
    words = {why_skipped(code): count for code, count in facts["left_out"].items()}
    assert words["nobody has reviewed its horse"] == facts["left_out"]["no_reviews"]
    manifest.chmod(0o600)
    manifest.write_text(json.dumps(facts | {"left_out": words | {"of a later version": 3}}))
    found = read_version(version.folder).manifest.left_out
    assert found == facts["left_out"] | {"of a later version": 3}


def test_every_skip_has_its_words() -> None:
    assert {why_skipped(skip) for skip in Skip} == set(BY_WORDS)
    assert why_skipped("of a later version") == "of a later version"


@pytest.mark.usefixtures("plain")
def test_another_split_moves_photos_and_leaks_are_counted(filled: str, tmp_path: Path) -> None:
    by_horse, by_issue = export(filled, tmp_path, Request()), export(filled, tmp_path, Request(split="issues-2016"))
    difference = compare(by_horse, by_issue)
    assert difference.settings == {"split": ("horse", "issues-2016")}
    assert difference.moved
    assert by_horse.manifest.leaks["horses"] == by_horse.manifest.leaks["near_duplicates"] == 0
    assert by_issue.manifest.leaks["horses"] > 0
    assert "too optimistic" in (by_issue.folder / "README.md").read_text()


@pytest.mark.usefixtures("plain")
def test_unreviewed_horses_are_left_out_unless_asked_for(filled: str, tmp_path: Path) -> None:
    plain, all_of_them = (
        export(filled, tmp_path, Request()),
        export(filled, tmp_path, Request(Selection(keep_unreviewed=True))),
    )
    left_out = plain.manifest.left_out[Skip.NO_REVIEWS]
    assert left_out > 0
    assert Skip.NO_REVIEWS not in all_of_them.manifest.left_out
    added = compare(plain, all_of_them).added
    assert len(added) == left_out
    labels = {row["photo"]: (row["label"], row["reviews"]) for row in rows(all_of_them)}
    assert {labels[photo] for photo in added} == {(0.5, 0)}


@pytest.mark.usefixtures("plain")
def test_more_reviews_wanted_means_fewer_photos(filled: str, tmp_path: Path) -> None:
    execute(filled, "UPDATE aptitude SET reviews = NULL WHERE reviews > 8")
    version = export(filled, tmp_path, Request(Selection(min_reviews=6)))
    assert version.manifest.left_out[Skip.FEW_REVIEWS] > 0
    counts = {row["reviews"] for row in rows(version)}
    assert None in counts
    assert counts <= {None, 6, 7, 8}


@pytest.mark.usefixtures("plain")
def test_whatever_changed_in_any_column_and_in_what_was_left_out_is_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    first, gone = rows(one)[0], rows(one)[3]["photo"]
    code, _, number = gone.partition(":")[2].partition("/")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    execute(filled, "UPDATE horse SET coat = '白毛' WHERE horse_id = %s", first["horse_id"])
    other = export(filled, tmp_path, Request(name="mine"))
    difference = compare(one, other)
    assert difference.changed[first["photo"]] == {"coat": (first["coat"], "白毛")}
    assert {tuple(columns) for columns in difference.changed.values()} == {("coat",)}
    assert difference.left_out == {Skip.NO_HORSE: (0, 1)}
    assert difference.settings == {"name": ("paddock", "mine")}


# --- consent ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain")
def test_what_robots_txt_keeps_out_of_training_is_in_no_new_version(filled: str, tmp_path: Path) -> None:
    """The photos came while the site said nothing; the newest copy of its robots.txt decides."""
    whole = export(filled, tmp_path, Request())
    code = rows(whole)[0]["photo"].partition(":")[2].partition("/")[0]
    body = f"User-agent: *\nContent-Signal: /{code}/ ai-train=no\nAllow: /\n".encode()
    execute(
        filled,
        "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'text/plain', %s, '', %s)",
        digest_of(body), len(body), body,
    )  # fmt: skip
    execute(filled, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
    execute(
        filled,
        "INSERT INTO page (url, host, source, kind, role, dated, due_at, state, digest) VALUES"
        " (%s || '/robots.txt', 'old.keibado.ne.jp', 'keibado', 'robots', 'robots', '-infinity', now(), 'fetched', %s)",
        SITE, digest_of(body),
    )  # fmt: skip
    kept_out = {row["photo"] for row in rows(whole) if f"{SITE}/{code}/" in row["page_url"]}
    left = export(filled, tmp_path, Request())
    assert kept_out
    assert compare(whole, left).removed == sorted(kept_out)
    assert left.manifest.left_out[Skip.KEPT_OUT] >= len(kept_out)
    execute(filled, "UPDATE page SET state = 'gone'")  # the site has no robots.txt any more
    assert export(filled, tmp_path, Request()).name == whole.name


def _hold_robots(conninfo: str, digest: str, content: bytes, encoding: str) -> None:
    execute(
        conninfo,
        "INSERT INTO blob (digest, media_type, size, encoding, content) VALUES (%s, 'text/plain', 1, %s, %s)",
        digest, encoding, content,
    )  # fmt: skip
    execute(conninfo, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
    execute(
        conninfo,
        "INSERT INTO page (url, host, source, kind, role, dated, state, digest) VALUES"
        " (%s || '/robots.txt', 'old.keibado.ne.jp', 'keibado', 'robots', 'robots', '-infinity', 'fetched', %s)",
        SITE, digest,
    )  # fmt: skip


BIG = b"User-agent: *\nAllow: /\n" + b"# a line\n" * 1000
ALLOWS, BINARY = b"User-agent: *\nAllow: /\n", b"User-agent: *\n\x01"


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("digest", "content", "encoding"),
    [
        (digest_of(BIG), zlib.compress(BIG)[:60], "zlib"),
        (digest_of(BIG), ALLOWS, ""),
        (digest_of(BINARY), BINARY, ""),  # as an earlier version has kept one that is no text
    ],
)
def test_photos_of_a_site_whose_robots_txt_cannot_be_read_are_left_out(
    filled: str, tmp_path: Path, digest: str, content: bytes, encoding: str
) -> None:
    execute(filled, "UPDATE photo SET page_url = replace(page_url, 'old.', 'new.'),"
            " image_url = replace(image_url, 'old.', 'new.') WHERE number > 2")  # fmt: skip
    whole = export(filled, tmp_path, Request())
    _hold_robots(filled, digest, content, encoding)
    kept_out = {row["photo"] for row in rows(whole) if row["page_url"].startswith(SITE)}
    left = export(filled, tmp_path, Request())
    assert kept_out
    assert sorted(compare(whole, left).removed) == sorted(kept_out)
    assert left.manifest.left_out[Skip.RULES_UNKNOWN] >= len(kept_out)
    assert "robots.txt is damaged" in (left.folder / "README.md").read_text()
    execute(filled, "UPDATE photo SET page_url = replace(page_url, 'new.', 'old.')")
    with pytest.raises(UsageError, match="`collector crawl` asks the site for it again"):
        export(filled, tmp_path, Request())


# --- damage ----------------------------------------------------------------------------------------------------


def _pictures(conninfo: str, count: int) -> list[tuple[str, str, bytes]]:
    """Photos of reviewed horses, shown once: photo, digest, body."""
    return execute(
        conninfo,
        "SELECT min(photo_id), digest, content FROM photo JOIN blob"
        " USING (digest) JOIN photo_match USING (source, issue_code, number) JOIN aptitude USING (horse_id)"
        " WHERE axis = 'distance' AND value IS NOT NULL GROUP BY digest, content HAVING count(*) = 1"
        f" ORDER BY digest LIMIT {count}",
    )  # pyright: ignore[reportReturnType]


@pytest.mark.usefixtures("plain")
def test_damaged_bytes_are_left_out_and_counted(filled: str, tmp_path: Path) -> None:
    whole = export(filled, tmp_path / "before", Request())
    changed, cut, packed = _pictures(filled, 3)
    damage(filled, changed[1], changed[2][:-1] + b"?")
    damage(filled, cut[1], cut[2][:500])
    execute(filled, "UPDATE blob SET encoding = 'zlib' WHERE digest = %s", packed[1])  # and that it is not
    version = export(filled, tmp_path, Request())
    assert version.manifest.left_out[Skip.DAMAGED] == 3
    assert set(compare(whole, version).removed) == {photo for photo, _, _ in (changed, cut, packed)}
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
    # Its digest is right, so only decoding finds the fault; the collector refuses such photos now.
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
