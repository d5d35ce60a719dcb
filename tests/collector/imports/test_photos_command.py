"""`collector import --photos` as a person runs it: words, exit codes, a kill in the middle; then what others see."""

import asyncio
import csv
from pathlib import Path

import pytest

from tests.collector.imports.saved import rows
from tests.collector.imports.test_command import collector, killed
from tests.owned import RIGHTS, picture, row, write_photos

MANY = 120


async def test_it_says_what_was_brought(conninfo: str, tmp_path: Path) -> None:
    photos, manifest = write_photos(tmp_path, [row("a.jpg", "アオバ"), row("b.jpg", "ベツ")])
    words = ("import", "--photos", str(photos), "--manifest", str(manifest))
    done = await collector(conninfo, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 photos brought, 0 known before; no request made.\n  own: 2 photo_record\n"
    (photos / "b.jpg").write_bytes(b"no picture")
    done = await collector(conninfo, *words)
    assert done.returncode == 4
    assert "0 photos brought, 1 known before" in done.stdout
    assert "Left out: 1 unreadable\n    b.jpg: " in done.stdout
    status = await collector(conninfo, "status")
    assert ("2 photos" in status.stdout, "own.invalid" in status.stdout) == (True, False)
    sources = (await collector(conninfo, "sources")).stdout
    assert "own  Own photos\n  gives  photos\n  asked  nobody; what it has comes by `collector import`\n" in sources


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--photos", "."], "--photos DIR and --manifest FILE belong together: the table says what the photos show."),
        (["--manifest", "x"], "--photos DIR and --manifest FILE belong together"),
        (["--photos", ".", "--manifest", "x", "pages/"], "Photos are imported by themselves: leave out PATH"),
        ([], "Say what to import: PATH..., --camera DIR, --photos DIR with --manifest FILE, or --jravan PLACE."),
        (["--photos", "nowhere", "--manifest", "x"], "--photos nowhere is not a folder."),
        (["--photos", ".", "--manifest", "nowhere"], "--manifest nowhere cannot be read: No such file or directory."),
        (["--photos", ".", "--manifest", "."], "--manifest . cannot be read: Is a directory."),
        (["--photos", ".", "--manifest", "/dev/null"], "--manifest /dev/null: a device, a pipe or a socket."),
    ],
)
async def test_a_mistake_is_one_sentence(conninfo: str, words: list[str], said: str) -> None:
    done = await collector(conninfo, "import", *words)
    assert (done.returncode, said in done.stderr, done.stdout) == (2, True, "")


async def test_a_table_that_does_not_fit_brings_nothing(conninfo: str, tmp_path: Path) -> None:
    table_rows = [row("a.jpg", "アオバ"), row("b.jpg", "ベツ", date="tomorrow"), row("c.jpg", "")]
    photos, manifest = write_photos(tmp_path, table_rows)
    done = await collector(conninfo, "import", "--photos", str(photos), "--manifest", str(manifest))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: photos.csv, line 3, column 3 date: 'tomorrow' is not a day; write 2016-01-04.",
        "photos.csv, line 4, column 2 horse: this is empty; it names the horse, or gives its id.",
    ]
    assert rows(conninfo, "SELECT count(*) FROM page") == [(0,)]


async def test_an_import_that_is_killed_goes_on(conninfo: str, tmp_path: Path) -> None:
    table_rows = [row(f"{number}.jpg", f"ウマ{number}", date=f"2015-03-{1 + number % 4:02}") for number in range(MANY)]
    photos, manifest = write_photos(tmp_path, table_rows)
    words = ("--photos", str(photos), "--manifest", str(manifest))
    assert await asyncio.to_thread(killed, conninfo, *words, wanted=1)
    (count,) = rows(conninfo, "SELECT count(*) FROM photo WHERE digest IS NOT NULL")[0]
    assert 0 < count < MANY
    done = await collector(conninfo, "import", *words)
    assert f"{MANY - count} photos brought, {count} known before" in done.stdout
    held = "SELECT count(*), count(DISTINCT photo_id), count(DISTINCT digest), max(number) FROM photo"
    assert rows(conninfo, held) == [(MANY, MANY, MANY, MANY // 4)]


async def test_an_export_has_the_photos_with_their_rights(conninfo: str, tmp_path: Path) -> None:
    photos, manifest = write_photos(tmp_path, [row("a.jpg", "アオバ", source="https://example.org/me", race="重賞")])
    await collector(conninfo, "import", "--photos", str(photos), "--manifest", str(manifest))
    done = await collector(conninfo, "export", "--to", str(tmp_path / "out"), "--format", "csv", "--photos")
    assert done.returncode == 0, done.stderr
    (shown,) = csv.DictReader((tmp_path / "out" / "photo.csv").read_text().splitlines())
    assert (shown["photo_id"], shown["race_name"], shown["origin"], shown["rights"]) == (
        "own:150301/01", "重賞", "https://example.org/me", RIGHTS)  # fmt: skip
    (file,) = csv.DictReader((tmp_path / "out" / "photo_file.csv").read_text().splitlines())
    assert (file["origin"], file["rights"]) == ("https://example.org/me", RIGHTS)
    assert (tmp_path / "out" / file["file"]).read_bytes() == picture(0)


async def test_a_wacz_takes_the_photos_to_another_home(conninfo: str, other_conninfo: str, tmp_path: Path) -> None:
    photos, manifest = write_photos(tmp_path, [row("a.jpg", "アオバ", race="重賞"), row("b.jpg", "ベツ")])
    await collector(conninfo, "import", "--photos", str(photos), "--manifest", str(manifest))
    done = await collector(conninfo, "archive", "export", "--wacz", str(tmp_path / "all.wacz"), "--photos")
    assert done.returncode == 0, done.stderr
    held = "SELECT photo_id, horse_name, race_name, rights, origin, digest FROM photo ORDER BY 1"
    done = await collector(other_conninfo, "import", str(tmp_path / "all.wacz"))
    assert "4 pages brought" in done.stdout
    assert rows(other_conninfo, held) == rows(conninfo, held)
    assert len(rows(conninfo, held)) == 2


async def test_no_picture_is_due_where_a_wacz_leaves_it_out(conninfo: str, other_conninfo: str, tmp_path: Path) -> None:
    photos, manifest = write_photos(tmp_path, [row("a.jpg", "アオバ")])
    words = ("import", "--photos", str(photos), "--manifest", str(manifest))
    await collector(conninfo, *words)
    await collector(conninfo, "archive", "export", "--wacz", str(tmp_path / "records.wacz"))
    await collector(other_conninfo, "import", str(tmp_path / "records.wacz"))
    assert rows(other_conninfo, "SELECT kind, state, due_at FROM page") == [("photo_record", "fetched", None)]
    assert "1 photos brought, 0 known before" in (await collector(other_conninfo, *words)).stdout
    held = "SELECT photo_id, digest, width FROM photo"
    assert rows(other_conninfo, held) == rows(conninfo, held)


async def test_an_own_photo_is_forgotten_by_its_id(conninfo: str, tmp_path: Path) -> None:
    photos, manifest = write_photos(tmp_path, [row("a.jpg", "アオバ"), row("b.jpg", "ベツ")])
    words = ("import", "--photos", str(photos), "--manifest", str(manifest))
    await collector(conninfo, *words)
    done = await collector(conninfo, "forget", "own:150301/01", "--yes")
    assert done.stdout == "Removed: 1 photo, 2 stored files. Never asked for again: 2 addresses.\n"
    done = await collector(conninfo, "forget", "own:150301/01", "--yes")
    assert (done.returncode, "The photo own:150301/01 is not known" in done.stderr) == (2, True)
    assert "0 photos brought, 1 known before" in (await collector(conninfo, *words)).stdout
