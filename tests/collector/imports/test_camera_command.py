"""`collector import --camera` as a person runs it: words, mistakes, and what leaves the collection afterwards."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from collector.cli.app import app
from collector.storage.archive import digest_of
from tests.collector.imports.saved import rows
from tests.collector.imports.test_camera import MINUTE, run_races
from tests.collector.imports.test_command import collector, environment
from tests.commands import run_command
from tests.shots import MORNING, NOTES, OWNER, RIGHTS, SERIAL, TOKYO, dng, exif, jpeg, scene, write_folder

WHOSE = ("--photographer", "Aiko Tanaka", "--rights", RIGHTS)
SAID = {"PADDOCK_PHOTOGRAPHER": "Aiko Tanaka", "PADDOCK_RIGHTS": RIGHTS}
SECRETS = (SERIAL.encode(), OWNER.encode(), NOTES, b"Exif\0\0")


async def test_it_says_what_was_brought_and_what_may_be_off(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, *(f"{hour}:{minute:02}" for hour in (10, 11, 12) for minute in (0, 35)))
    starts = [MORNING.replace(hour=hour, minute=minute) for hour in (10, 11, 12) for minute in (0, 35)]
    moments = [start - timedelta(hours=3) - before * MINUTE for start in starts for before in (31, 27, 23, 19, 14)]
    folder = write_folder(tmp_path, {
        f"IMG_{number:02}.JPG": jpeg(scene(number).resize((160, 128)), exif(at, place=TOKYO))
        for number, at in enumerate(moments)
    } | {"copy.jpg": jpeg(scene(0).resize((80, 64)))})  # fmt: skip
    done = await collector(conninfo, "import", "--camera", str(folder), *WHOSE)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0] == "30 photos brought, 0 known before; no request made."
    assert "    copy.jpg: the same shot as IMG_00.JPG" in said
    assert any(line.startswith("Canon EOS R5 ") and line.endswith(": 30 photos") for line in said)
    assert "  30 at no time of a paddock" in said
    assert "fit the times of the paddock at 東京 best if its clock was 3:00:00 slow; if so, import" in said[-1]
    assert said[-1].endswith("again with --offset +3:00:00.")
    assert str(tmp_path) not in done.stdout
    words = ("import", "--camera", str(folder), *WHOSE)
    done = await collector(conninfo, *words, "--clock", "IMG_00.JPG=9:29:00", "--json")
    known = json.loads(done.stdout)
    assert (known["corrected"], known["cameras"][0]["offset"], known["hints"]) == (30, "+3:00:00", [])
    assert list(known["races"].values()) == 6 * [5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--camera", "nowhere", *WHOSE], "--camera nowhere is not a folder."),
        (
            ["--camera", "."],
            "what may be done with it: give --photographer NAME, or set PADDOCK_PHOTOGRAPHER once",
        ),
        (["--camera", ".", "--photographer", "A"], "give --rights TEXT, or set PADDOCK_RIGHTS once"),
        (
            ["--camera", ".", *WHOSE, "--course", "大井"],
            "--course 大井 is not a racecourse of the JRA; they are ",
        ),
        (
            ["--camera", ".", *WHOSE, "--offset", "7"],
            "--offset 7 is not a time to add; write --offset +7:00 where",
        ),
        (["--camera", ".", *WHOSE, "--offset", "-7:00", "--clock", "a=1:00:00"], "--offset and --clock say the same"),
        (["--camera", ".", "pages/"], "--camera is used by itself: leave out PATH, --as, --photos, --manifest and"),
        (["pages/", "--course", "東京"], "--course is about the photos of --camera DIR: name their folder."),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["import", *words])
    assert (done.exit_code, said in done.stderr, done.stdout) == (2, True, ""), done.stderr


async def test_whose_photos_they_are_may_be_said_once(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif())})
    words = ("import", "--camera", str(folder), "--course", "東京")
    done = await asyncio.to_thread(run_command, "collector", *words, env=environment(conninfo) | SAID)
    assert done.returncode == 0, done.stderr
    assert rows(conninfo, "SELECT origin, rights, racecourse FROM photo") == [("Aiko Tanaka", RIGHTS, "東京")]


async def test_the_name_of_a_file_is_one_line_and_rights_without_a_licence_are_said(
    conninfo: str, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif()), "b.jpg\n9 photos brought\x1b[2J.jpg": b"broken"})
    words = ("import", "--camera", str(folder), "--course", "東京", "--photographer", "A")
    done = await asyncio.to_thread(
        run_command, "collector", *words, env=environment(conninfo) | {"PADDOCK_RIGHTS": "all rights reserved"}
    )
    said = done.stdout.splitlines()
    assert [line for line in said if "9 photos" in line or "[2J" in line] == [
        r"    b.jpg\n9 photos brought\x1b[2J.jpg: " + said[3].partition(": ")[2]
    ]
    assert said[-1].startswith('"all rights reserved" names none of the open licences that are known here (CC0-1.0,')
    assert "`trainer export --rights own` needs one" in said[-1]
    done = await collector(conninfo, *words, "--rights", RIGHTS)
    assert "licence" not in done.stdout


async def test_an_export_holds_nothing_that_a_camera_wrote_unless_asked(conninfo: str, tmp_path: Path) -> None:
    photo, raw = jpeg(scene(1), exif(place=TOKYO, turn=6)), dng(scene(2))
    folder = write_folder(tmp_path / "card", {"a.jpg": photo, "b.dng": raw})
    await collector(conninfo, "import", "--camera", str(folder), *WHOSE)
    done = await collector(conninfo, "export", "--to", str(tmp_path / "out"), "--photos")
    assert done.returncode == 0, done.stderr
    written = parquet.read_table(tmp_path / "out" / "photo_file.parquet").to_pylist()
    assert [(row["photo_id"], row["rights"], row["media_type"]) for row in written] == [
        ("camera:150301/01", RIGHTS, "image/jpeg"), ("camera:150301/02", RIGHTS, "image/jpeg"),
    ]  # fmt: skip
    for path in (tmp_path / "out").rglob("*"):
        body = path.read_bytes() if path.is_file() else b""
        assert not any(secret in body for secret in (*SECRETS, str(tmp_path).encode())), path
    assert all(digest_of((tmp_path / "out" / row["file"]).read_bytes()) == row["digest"] for row in written)
    done = await collector(conninfo, "export", "--to", str(tmp_path / "whole"), "--photos", "--originals")
    assert done.returncode == 0, done.stderr
    assert sorted(path.read_bytes() for path in (tmp_path / "whole" / "photos").iterdir()) == sorted([photo, raw])
    assert "say where, with what and by whom" in done.stderr + done.stdout
    done = await collector(conninfo, "export", "--to", str(tmp_path / "no"), "--originals")
    assert (done.returncode, "--originals is about the photos: add --photos." in done.stderr) == (2, True)
