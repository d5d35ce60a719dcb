"""The photos of a camera's folder are in the tables with their moment, camera, racecourse and race; and stay so."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.codes import Aside
from collector.errors import UsageError
from collector.imports.camera_report import CameraReport
from collector.matching.by_hand import decide_by_hand
from collector.matching.match import match_photos
from collector.matching.walks import name_shot, take_walks
from collector.pipeline.forget import forget
from collector.pipeline.reparse import reparse
from tests.collector.imports.saved import rows
from tests.collector.imports.test_command import collector
from tests.collector.warc.collected import records
from tests.filled import execute
from tests.shots import (
    MORNING,
    OWNER,
    RIGHTS,
    SERIAL,
    TOKYO,
    bring_camera,
    burst,
    dng,
    exif,
    jpeg,
    scene,
    stated,
    write_folder,
)
from tests.walked import INSERT_ENTRIES, RACE, one_waits

MINUTE = timedelta(minutes=1)
SHOWN = """SELECT photo_id, to_char(taken_at AT TIME ZONE 'Asia/Tokyo', 'MM-DD HH24:MI:SS.MS'), photo.racecourse,
           photo.camera, horse_name, horse_id, race_id, rule FROM photo
           LEFT JOIN photo_match AS met USING (source, issue_code, number) WHERE source = 'camera' ORDER BY photo_id"""
ALL = """SELECT photo_id, taken_at, clock, camera, racecourse, horse_name, horse_key, origin, rights, digest,
         media_type, width, phash, shot_month, shot_day, page_url, image_url, issue_date, race_days, near_duplicate_of
         FROM photo JOIN issue ON issue.source = photo.source AND issue.code = issue_code ORDER BY 1"""


def out(report: CameraReport) -> dict[str, str]:
    """The files that were left out, and why."""
    return {file: str(code) for code, names in report.names.items() for file, _ in names}


def run_races(conninfo: str, *starts: str, course: str = "東京") -> None:
    """Races of the day with these starts, 201505010101 and so on."""
    with psycopg.connect(conninfo) as connection:
        for number, start in enumerate(starts, 1):
            connection.execute(
                "INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, start_time, prizes,"
                " source_url, observed_at) VALUES (%s, '2015-03-01', %s, %s, 'R', 1600, %s, '{}', 'u', now())",
                (f"2015050101{number:02}", course, number, start),
            )


async def test_a_photo_is_kept_with_its_moment_its_place_and_its_race(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, "10:10", "10:40", "11:10")
    folder = write_folder(tmp_path, {
        "DCIM/IMG_1.JPG": jpeg(scene(1), exif(place=TOKYO)),
        "DCIM/IMG_2.JPG": jpeg(scene(2), exif(MORNING + 60 * MINUTE, place=TOKYO)),
        "DCIM/more/IMG_3.JPG": jpeg(scene(3), exif(MORNING + 2 * MINUTE)),
        "DCIM/IMG_4.HTML": b"<html>", "DCIM/home.jpg": jpeg(scene(4), exif(MORNING + 61 * MINUTE, place=(35.0, 135.0))),
    })  # fmt: skip
    report = await bring_camera(conninfo, folder)
    assert (report.brought, out(report), report.races) == (4, {}, {"201505010102": 1})
    assert (report.in_no_paddock, report.without_course, report.elsewhere) == (1, 1, 1)
    shown = rows(conninfo, SHOWN)[:3]
    camera = shown[0][3]
    assert camera.startswith("Canon EOS R5 ")
    assert shown == [
        ("camera:150301/01", "03-01 10:20:00.120", "東京", camera, None, None, "201505010102", "not_named"),
        ("camera:150301/02", "03-01 10:22:00.120", None, camera, None, None, None, "not_named"),
        ("camera:150301/03", "03-01 11:20:00.120", "東京", camera, None, None, None, "not_named"),
    ]
    assert rows(conninfo, "SELECT DISTINCT origin, rights FROM photo") == [("Aiko Tanaka", RIGHTS)]
    files = rows(conninfo, "SELECT file FROM fetch_log ORDER BY file")
    assert {("DCIM/IMG_1.JPG",), ("DCIM/IMG_1.JPG, record",)} <= set(files)
    assert str(tmp_path) not in str(files)
    assert (await bring_camera(conninfo, folder)).standings == {"known": 4}


async def test_another_offset_corrects_the_same_photos(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, "10:40")
    folder = write_folder(tmp_path, {
        "a.jpg": jpeg(scene(1), exif(place=TOKYO)), "b.jpg": jpeg(scene(2), exif(MORNING + 30 * MINUTE, place=TOKYO)),
    })  # fmt: skip
    await bring_camera(conninfo, folder, stated(offset=60 * MINUTE))
    before = rows(conninfo, "SELECT id, photo_id, digest FROM photo ORDER BY id")
    assert [row[6] for row in rows(conninfo, SHOWN)] == [None, None]
    report = await bring_camera(conninfo, folder, stated(clocks={"a.jpg": "10:27:00"}))
    assert report.brought == 2
    assert rows(conninfo, "SELECT id, photo_id, digest FROM photo ORDER BY id") == before
    assert [(row[1][6:], row[6]) for row in rows(conninfo, SHOWN)] == [
        ("10:27:00.120", "201505010101"), ("10:57:00.120", None),
    ]  # fmt: skip


async def test_a_corrected_day_takes_what_a_person_decided_along(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, "10:40")
    with psycopg.connect(conninfo) as connection:
        connection.execute("INSERT INTO horse (horse_id, name, horse_key, source_url, observed_at) "
                           "VALUES ('2012104511', 'アオバ', 'アオバ', 'u', now())")  # fmt: skip
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO))})
    await bring_camera(conninfo, folder, stated(offset=timedelta(days=-30)))
    (photo,) = rows(conninfo, "SELECT photo_id FROM photo")[0]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await decide_by_hand(connection, photo, "2012104511")
    with pytest.raises(UsageError, match=r"held with another time.*--offset \+0:00"):
        await bring_camera(conninfo, folder)
    await bring_camera(conninfo, folder, stated(offset=timedelta()))
    assert photo == "camera:150130/01"
    assert [(row[0], row[5], row[7]) for row in rows(conninfo, SHOWN)] == [
        ("camera:150301/01", "2012104511", "by_hand")
    ]


async def test_a_corrected_clock_makes_the_proposals_of_a_walk_anew_and_keeps_what_a_person_named(
    conninfo: str, tmp_path: Path
) -> None:
    run_races(conninfo, "10:52")  # its paddock: 10:17 to 10:42
    execute(conninfo, INSERT_ENTRIES.replace(RACE, "201505010101"))
    folder = write_folder(tmp_path, {
        f"{n:02}.jpg": jpeg(scene(n).resize((40, 32)), exif(MORNING + n * timedelta(seconds=8), place=TOKYO))
        for n in range(24)
    })  # fmt: skip
    met = "SELECT number, horse_id, rule, race_id FROM photo_match WHERE race_id IS NOT NULL ORDER BY number"
    await bring_camera(conninfo, folder, stated(offset=-5 * MINUTE))  # 10:15 to 10:18: the first ones are too early
    named = {n: n % 10 + 1 for n in (17, 18, 20, 22, 23)}
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for place, horse in named.items():
            await name_shot(connection, "201505010101", f"camera:150301/{place + 1:02}", horse)
    assert len(rows(conninfo, met)) == 9
    assert (await bring_camera(conninfo, folder, stated(offset=timedelta()))).brought == 24
    after = {number - 1: (horse, rule) for number, horse, rule, _ in rows(conninfo, met)}
    assert len(after) == 24
    assert {n: after[n] for n in named} == {n: (f"{2012100000 + horse}", "by_hand") for n, horse in named.items()}
    others = {n: its for n, its in after.items() if n not in named}
    assert {rule for _, rule in others.values()} == {"walk", "walk_open"}, "each photo of the race has a proposal"
    sure = {n: horse for n, (horse, _) in others.items() if horse}
    assert sure == {n: f"{2012100000 + n % 10 + 1}" for n in sure}


async def test_races_that_come_later_are_found_later(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO))})
    assert (await bring_camera(conninfo, folder)).without_races == 1
    run_races(conninfo, "10:40")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        assert (await match_photos(connection)).open == 1
    assert rows(conninfo, SHOWN)[0][6] == "201505010101"


async def test_one_shot_is_one_photo_and_a_burst_is_many(conninfo: str, tmp_path: Path) -> None:
    whole = scene(7)
    sent = jpeg(whole.resize((400, 320)), quality=60)
    shots = burst(3, 5, MORNING + MINUTE)
    folder = write_folder(tmp_path / "card", {
        "IMG_7.JPG": jpeg(whole, exif()), "IMG_7.DNG": dng(whole), "again.jpg": jpeg(whole, exif()),
        "edited.jpg": jpeg(whole.resize((600, 480)), exif(), quality=70), "WhatsApp.jpg": sent,
        "drawn.jpg": jpeg(scene(11)), **{f"IMG_1{number}.JPG": body for number, body in enumerate(shots)},
    })  # fmt: skip
    report = await bring_camera(conninfo, folder)
    assert out(report) == {
        "IMG_7.DNG": "copy", "again.jpg": "copy", "edited.jpg": "copy", "WhatsApp.jpg": "copy", "drawn.jpg": "no_time",
    }  # fmt: skip
    assert (report.brought, report.failed) == (6, 1)
    assert rows(conninfo, "SELECT count(*) FROM photo WHERE near_duplicate_of IS NOT NULL") == [(0,)]
    later = write_folder(tmp_path / "later", {"sent.jpg": sent, "small.jpg": jpeg(whole.resize((600, 480)), exif())})
    assert out(await bring_camera(conninfo, later)) == {"sent.jpg": "copy", "small.jpg": "copy"}


async def test_reading_again_gives_the_same_rows(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO)), "b.dng": dng(scene(2))})
    await bring_camera(conninfo, folder)
    await bring_camera(conninfo, folder, stated(offset=-12 * 60 * MINUTE))
    before = rows(conninfo, ALL)
    assert len(before) == 2
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE photo SET taken_at = now(), clock = NULL, camera = 'x', width = 1")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await reparse(connection, date(2000, 1, 1), dry_run=False, show=lambda *_: None)
    assert rows(conninfo, ALL) == before


async def test_what_is_forgotten_does_not_come_back(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif()), "b.jpg": jpeg(scene(2), exif(MORNING + MINUTE))})
    await bring_camera(conninfo, folder)
    (url,) = rows(conninfo, "SELECT image_url FROM photo WHERE number = 2")[0]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        gone = await forget(connection, url=url)
    assert (gone.photos, gone.pages, gone.blobs) == (1, 2, 2)
    assert out(await bring_camera(conninfo, folder, stated(offset=MINUTE))) == {"b.jpg": "kept_out"}
    assert rows(conninfo, "SELECT count(*) FROM photo") == [(1,)]


async def test_the_other_files_of_a_forgotten_photo_stay_out_too(conninfo: str, tmp_path: Path) -> None:
    whole = scene(1)
    folder = write_folder(tmp_path, {
        "IMG_1.JPG": jpeg(whole, exif()), "IMG_1.DNG": dng(whole),
        "sent/small.jpg": jpeg(whole.resize((600, 480)), exif()), "IMG_2.JPG": jpeg(scene(2), exif(MORNING + MINUTE)),
    })  # fmt: skip
    assert (await bring_camera(conninfo, folder)).brought == 2
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await forget(connection, url=rows(conninfo, "SELECT image_url FROM photo WHERE number = 1")[0][0])
    report = await bring_camera(conninfo, folder)
    assert out(report) == dict.fromkeys(["IMG_1.JPG", "IMG_1.DNG", "sent/small.jpg"], "kept_out")
    assert rows(conninfo, "SELECT number FROM photo") == [(2,)]


@pytest.mark.parametrize("by", ["url", "host"])
async def test_a_copy_of_a_forgotten_photo_stays_out_when_it_comes_alone_later(
    by: str, conninfo: str, tmp_path: Path
) -> None:
    whole, second = scene(1), exif(fraction="00")
    folder = write_folder(tmp_path / "card", {
        "IMG_1.JPG": jpeg(whole, exif()), "IMG_2.JPG": jpeg(scene(2), second), "IMG_3.JPG": jpeg(scene(2, 4), second),
    })  # fmt: skip
    await bring_camera(conninfo, folder)
    named = {"url": "SELECT image_url FROM photo WHERE number <> 2", "host": "SELECT DISTINCT host FROM page"}
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for (name,) in rows(conninfo, named[by]):
            await forget(connection, **{by: name})
        await connection.execute("UPDATE host SET excluded_at = NULL")  # copies stay out by themselves
        await reparse(connection, date(2000, 1, 1), dry_run=False, show=lambda *_: None)
    later = write_folder(tmp_path / "later", {
        "small.jpg": jpeg(whole.resize((600, 480)), exif()), "again.jpg": jpeg(whole, exif(), quality=60),
        "cut.jpg": jpeg(whole.crop((200, 100, 600, 400)), exif()), "raw.dng": dng(whole),
        "small-2.jpg": jpeg(scene(2).resize((600, 480)), second), "next.jpg": jpeg(scene(2, 8), second),
        "other.jpg": jpeg(whole.resize((600, 480)), exif(MORNING + MINUTE)),
    })  # fmt: skip
    report = await bring_camera(conninfo, later, stated(offset=7 * MINUTE))
    gone = ["small.jpg", "again.jpg", "cut.jpg", "raw.dng", "small-2.jpg"]
    assert (out(report), report.brought) == (dict.fromkeys(gone, "kept_out"), 2)
    kept = str(rows(conninfo, "SELECT * FROM forgotten_shot"))
    assert not any(said in kept for said in ("Canon", "2015", "10:20", "03, 1")), "neither moment nor camera"


async def test_what_was_forgotten_does_not_come_back_with_a_table_either(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif())})
    await bring_camera(conninfo, folder)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await forget(connection, url=rows(conninfo, "SELECT image_url FROM photo")[0][0])
    table = tmp_path / "photos.csv"
    table.write_text("file,horse,date,source,rights\na.jpg,アオバ,2015-03-01,Aiko,CC0\n")
    done = await collector(conninfo, "import", "--photos", str(folder), "--manifest", str(table))
    assert (done.returncode, "a.jpg: kept out of the collection: forgotten" in done.stdout) == (4, True), (
        done.stdout + done.stderr
    )
    assert rows(conninfo, "SELECT count(*) FROM photo") == [(0,)]


@pytest.mark.parametrize("offset", [7 * MINUTE, timedelta(days=-400)])
async def test_a_copy_is_a_copy_whatever_is_added_to_the_clock(
    offset: timedelta, conninfo: str, tmp_path: Path
) -> None:
    whole = scene(1)
    await bring_camera(conninfo, write_folder(tmp_path / "card", {"IMG_1.JPG": jpeg(whole, exif())}))
    later = write_folder(tmp_path / "later", {"small.jpg": jpeg(whole.resize((600, 480)), exif()), "b.dng": dng(whole)})
    report = await bring_camera(conninfo, later, stated(offset=offset))
    copies = {Aside.COPY: [("b.dng", "camera:150301/01"), ("small.jpg", "camera:150301/01")]}
    assert report.names == copies
    assert rows(conninfo, "SELECT to_char(clock, 'HH24:MI:SS.MS') FROM photo") == [("10:20:00.120",)]
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE photo SET clock = NULL")  # as it was imported before that was kept
    assert (await bring_camera(conninfo, later)).names == copies


async def test_files_whose_names_are_the_same_as_text_keep_their_own_moments(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {
        "a/b.jpg": jpeg(scene(1), exif()), "a\\b.jpg": jpeg(scene(2), exif(MORNING + 60 * MINUTE)),
    })  # fmt: skip
    assert (await bring_camera(conninfo, folder)).brought == 2
    assert [row[1][6:11] for row in rows(conninfo, SHOWN)] == ["10:20", "11:20"]


async def test_a_burst_of_one_second_is_of_no_copies(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {f"{n}.jpg": jpeg(scene(3, n * 2), exif(fraction="00")) for n in range(4)})
    assert (await bring_camera(conninfo, folder)).brought == 4
    assert rows(conninfo, "SELECT count(*) FROM photo WHERE near_duplicate_of IS NOT NULL") == [(0,)]


async def test_an_import_waits_for_a_decision_on_a_walk_that_it_changes(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, "10:40")
    shots = {f"{n}.jpg": jpeg(scene(n), exif(MORNING + n * MINUTE, place=TOKYO)) for n in (0, 1)}
    folder = write_folder(tmp_path, shots)
    await bring_camera(conninfo, folder)
    said = "UPDATE photo_match SET by_hand = true, rule = 'no_horse' WHERE number = %s"
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        async with connection.transaction():
            await take_walks(connection, ["201505010101"])
            await connection.execute(said, (2,))
            importing = asyncio.create_task(bring_camera(conninfo, folder, stated(offset=MINUTE)))
            await one_waits(conninfo)
            await connection.execute(said, (1,))
        assert (await importing).brought == 2
    assert rows(conninfo, "SELECT count(*) FROM photo_match WHERE by_hand") == [(2,)]


async def test_another_offset_keeps_that_a_head_is_turned(conninfo: str, tmp_path: Path) -> None:
    run_races(conninfo, "10:40", "12:40")
    folder = write_folder(tmp_path, {"a.jpg": jpeg(scene(1), exif(place=TOKYO))})
    await bring_camera(conninfo, folder)
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE photo_match SET head_turned = true, rule = 'walk_open', candidates = '{2012100001}'")
    await bring_camera(conninfo, folder, stated(offset=120 * MINUTE))
    found = rows(conninfo, "SELECT race_id, rule, candidates, head_turned FROM photo_match")
    assert found == [("201505010102", "not_named", [], True)]


async def test_an_archive_has_the_pictures_only_when_asked_and_is_the_same_elsewhere(
    conninfo: str, other_conninfo: str, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "card", {"a.jpg": jpeg(scene(1), exif(place=TOKYO)), "b.dng": dng(scene(2))})
    await bring_camera(conninfo, folder)
    for name, words in (("plain", []), ("whole", ["--originals"])):
        file = str(tmp_path / f"{name}.warc.gz")
        done = await collector(conninfo, "archive", "export", "--warc", file, "--photos", *words)
        assert done.returncode == 0, done.stderr
        assert f"{4 if words else 2} answers" in done.stdout
        written = b"".join(record.body for record in records(Path(file).read_bytes()))
        assert [secret.encode() in written for secret in (SERIAL, OWNER)] == [bool(words)] * 2
    done = await collector(other_conninfo, "import", str(tmp_path / "whole.warc.gz"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(other_conninfo, ALL) == rows(conninfo, ALL)
    assert rows(other_conninfo, SHOWN) == rows(conninfo, SHOWN)


async def test_a_racecourse_that_is_said_counts_where_no_place_is_known(conninfo: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {
        "a.jpg": jpeg(scene(1), exif(place=TOKYO)), "b.jpg": jpeg(scene(2), exif(MORNING + MINUTE)),
    })  # fmt: skip
    await bring_camera(conninfo, folder, stated(course="東京"))
    assert [row[2] for row in rows(conninfo, SHOWN)] == ["東京", "東京"]
    with pytest.raises(UsageError, match=r"a.jpg was taken at 東京 by its GPS, and --course says 中山"):
        await bring_camera(conninfo, folder, stated(course="中山"))


async def test_what_cannot_be_read_costs_itself_alone_and_a_dry_run_changes_nothing(
    conninfo: str, tmp_path: Path
) -> None:
    good = jpeg(scene(1), exif())
    folder = write_folder(tmp_path / "card", {
        "a.jpg": good, "cut.jpg": jpeg(scene(2), exif())[:-300], "empty.jpg": b"", "page.cr2": b"<html>" * 10,
        "tiff.nef": b"II\x2a\0" + bytes(100),
    })  # fmt: skip
    (tmp_path / "secret.jpg").write_bytes(jpeg(scene(3), exif()))
    (folder / "outside.jpg").symlink_to(tmp_path / "secret.jpg")
    left = {"cut.jpg": "unreadable", "empty.jpg": "empty", "page.cr2": "unreadable", "tiff.nef": "unreadable",
            "outside.jpg": "link"}  # fmt: skip
    report = await bring_camera(conninfo, folder, dry_run=True)
    assert (report.brought, out(report), rows(conninfo, "SELECT count(*) FROM page")) == (1, left, [(0,)])
    report = await bring_camera(conninfo, folder)
    assert (report.brought, out(report), report.failed) == (1, left, 5)
