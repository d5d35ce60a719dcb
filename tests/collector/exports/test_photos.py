"""Photos' bytes leave with their rights beside them, and what is forgotten or kept out does not leave at all."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from typer.testing import CliRunner

from collector import open_collection
from collector.cli.app import app
from collector.storage.archive import digest_of
from tests.filled import SITE, as_json, damage, execute

HELD = "SELECT photo_id, digest, page_url, image_url FROM photo WHERE digest IS NOT NULL ORDER BY photo_id"


def taken(conninfo: str, folder: Path, code: int = 0) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """An export with photos: what the command says, and the rows beside the files by photo."""
    words = ["export", "--to", str(folder / "taken"), "--tables", "photo", "--photos", "--json"]
    done = CliRunner().invoke(app, words, env={"PADDOCK_DATABASE_URL": conninfo})
    assert done.exit_code == code, done.output
    rows = parquet.read_table(folder / "taken" / "photo_file.parquet").to_pylist()
    files = {f"photos/{path.name}" for path in (folder / "taken" / "photos").iterdir()}
    assert files == {row["file"] for row in rows}
    return as_json(done.stdout), {row["photo_id"]: row for row in rows}


def test_every_photo_is_a_file_with_its_rights_beside_it(conninfo: str, tmp_path: Path) -> None:
    said, rows = taken(conninfo, tmp_path)
    held = execute(conninfo, HELD)
    assert list(rows) == [photo_id for photo_id, *_ in held]
    assert said["tables"]["photo_file"] == len(held)
    for photo_id, digest, page_url, image_url in held:
        row = rows[photo_id]
        assert row["file"] == f"photos/{photo_id.replace(':', '-').replace('/', '-')}.jpg"
        assert digest_of((tmp_path / "taken" / row["file"]).read_bytes()) == row["digest"] == digest
        assert (row["page_url"], row["image_url"], row["source"]) == (page_url, image_url, "keibado")
        assert all(row[name] for name in ("terms", "terms_read_on", "observed_at"))
        assert "do not publish them" in row["rights"]
    assert "## photo_file" in (tmp_path / "taken" / "README.md").read_text()


def test_whose_terms_they_are_and_by_whose_permission_goes_with_them(conninfo: str, tmp_path: Path) -> None:
    words = ["sources", "accept", "keibado", "--permission", "the editors, 2026-11-20"]
    assert CliRunner().invoke(app, words, env={"PADDOCK_DATABASE_URL": conninfo}).exit_code == 0
    _, rows = taken(conninfo, tmp_path)
    assert {(row["copying"], row["permission"]) for row in rows.values()} == {("personal", "the editors, 2026-11-20")}
    (line,) = [one for one in (tmp_path / "taken" / "README.md").read_text().splitlines() if "PHOTOパドック" in one]
    assert "nothing else is licensed." in line
    assert line.endswith("With a permission: the editors, 2026-11-20.")
    with open_collection(database_url=conninfo) as collection:
        assert collection.photo(next(iter(rows))).provenance["permission"] == "the editors, 2026-11-20"


def test_without_being_asked_no_bytes_leave(conninfo: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "--to", str(tmp_path / "a")], env={"PADDOCK_DATABASE_URL": conninfo})
    assert done.exit_code == 0
    assert not (tmp_path / "a" / "photos").exists()
    found = parquet.read_schema(tmp_path / "a" / "photo.parquet")
    assert not any(pa.types.is_binary(field.type) for field in found)


def test_a_forgotten_photo_is_in_no_export(conninfo: str, tmp_path: Path) -> None:
    _, before = taken(conninfo, tmp_path)
    gone = next(iter(before.values()))
    words = ["forget", gone["image_url"], "--yes"]
    assert CliRunner().invoke(app, words, env={"PADDOCK_DATABASE_URL": conninfo}).exit_code == 0
    _, after = taken(conninfo, tmp_path)
    assert before.keys() - after.keys() == {gone["photo_id"]}
    named = parquet.read_table(tmp_path / "taken" / "photo.parquet").column("photo_id").to_pylist()
    assert gone["photo_id"] not in named


def hold(conninfo: str, url: str, role: str, state: str, body: bytes | None) -> None:
    """A page of the photos' site."""
    digest = None if body is None else digest_of(body)
    if body is not None:
        execute(conninfo, "INSERT INTO blob VALUES (%s, 'text/plain', %s, '', %s)", digest, len(body), body)
    execute(conninfo, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp') ON CONFLICT DO NOTHING")
    execute(
        conninfo,
        "INSERT INTO page (url, host, source, kind, role, dated, state, digest) VALUES"
        " (%s, 'old.keibado.ne.jp', 'keibado', %s, %s, '-infinity', %s, %s)",
        url, role, role, state, digest,
    )  # fmt: skip


def test_a_photo_whose_page_is_kept_out_stays_here(conninfo: str, tmp_path: Path) -> None:
    _, before = taken(conninfo, tmp_path)
    first, second, *_ = before.values()
    hold(conninfo, first["image_url"], "picture", "excluded", None)
    hold(conninfo, second["page_url"], "photo_page", "excluded", None)
    _, after = taken(conninfo, tmp_path)
    assert before.keys() - after.keys() == {first["photo_id"], second["photo_id"]}


def test_what_robots_txt_keeps_out_now_stays_here(conninfo: str, tmp_path: Path) -> None:
    _, before = taken(conninfo, tmp_path)
    code = next(iter(before)).partition(":")[2].partition("/")[0]
    body = f"User-agent: *\nContent-Signal: /{code}/ ai-train=no\nAllow: /\n".encode()
    hold(conninfo, f"{SITE}/robots.txt", "robots", "fetched", body)
    said, after = taken(conninfo, tmp_path)
    kept_out = {photo_id for photo_id in before if f":{code}/" in photo_id}
    assert before.keys() - after.keys() == kept_out
    assert said["left_out"] == {"kept_out": len(kept_out)}


def test_rules_that_cannot_be_read_keep_everything_here(conninfo: str, tmp_path: Path) -> None:
    hold(conninfo, f"{SITE}/robots.txt", "robots", "fetched", b"User-agent: *\n\x01")
    said, rows = taken(conninfo, tmp_path)
    assert (rows, said["left_out"]["kept_out"] > 0) == ({}, True)


def test_a_damaged_photo_is_counted_and_no_file(conninfo: str, tmp_path: Path) -> None:
    _, before = taken(conninfo, tmp_path)
    damage(conninfo, next(iter(before.values()))["digest"], b"other bytes")
    said, after = taken(conninfo, tmp_path, code=4)
    assert said["left_out"] == {"damaged": len(before) - len(after)}
    assert len(before) > len(after)
