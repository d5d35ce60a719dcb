"""A person's own photos are a source like the others: matched, kept through changes of their table, forgotten."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import psycopg
import pytest
from PIL import Image

from collector.errors import Busy, ParseError, UsageError
from collector.frontier.queue import DuePage
from collector.imports.photos import IMPORT_LOCK
from collector.imports.report import Report
from collector.matching.by_hand import decide_by_hand
from collector.pipeline.derive import Derived
from collector.pipeline.forget import forget
from collector.pipeline.reparse import reparse
from collector.pipeline.verdict import decide
from collector.settings import Settings
from collector.sources.registry import archived_sites, sites
from collector.storage.locks import alone
from collector.storage.roles import PageState, Role
from tests.collector.imports.conftest import TEMPLATE, Home
from tests.collector.imports.saved import left, rows
from tests.collector.imports.test_command import collector
from tests.databases import copy_of
from tests.owned import RIGHTS, bring_photos, picture, row

SHOWN = """SELECT photo.photo_id, photo.horse_name, met.horse_id, met.race_id, met.rule FROM photo
           LEFT JOIN photo_match AS met USING (source, issue_code, number) WHERE source = 'own' ORDER BY photo_id"""
ALL = """SELECT photo_id, horse_name, race_name, stated_horse_id, stated_race_id, origin, rights, digest, width, phash,
         shot_month, shot_day, issue_date, race_days
         FROM photo JOIN issue ON issue.source = photo.source AND issue.code = issue_code
         WHERE photo.source = 'own' ORDER BY 1"""
RAN = """SELECT horse_id, horse_name, race_id, race_date::text, race.name FROM entry JOIN race USING (race_id)
         WHERE horse_id IS NOT NULL ORDER BY race_date, race_id, horse_number"""


def out(report: Report) -> dict[str, str]:
    """The files that were left out, and why."""
    return {file: str(code) for code, names in report.names.items() for file, _ in names}


@pytest.fixture
def home(cluster: str, crawled: Home) -> Iterator[str]:
    """A home of its own that has crawled: it knows horses and races."""
    with copy_of(cluster, TEMPLATE) as conninfo:
        yield conninfo


async def test_photos_are_matched_by_name_and_by_id(home: str, tmp_path: Path) -> None:
    (one_id, one, one_race, day, _), (other_id, _, other_race, other_day, _) = rows(home, RAN)[:2]
    report = await bring_photos(
        home, tmp_path,
        [row("one.jpg", one, date=day), row("other.jpg", other_id, date=other_day), row("far.jpg", "ハルカ", date=day),
         row("abroad.png", other_id, date="2001-05-05", race="200105050101")],
    )  # fmt: skip
    assert (report.brought, left(report)) == (4, {})
    code = day[2:].replace("-", "")
    shown = {photo: facts for photo, *facts in rows(home, SHOWN)}
    assert shown[f"own:{code}/01"] == [one, one_id, one_race, "name"]
    assert shown[f"own:{code}/02"] == [other_id, other_id, other_race, "stated"]
    assert shown[f"own:{code}/03"][1] is None
    assert shown["own:010505/01"] == [other_id, other_id, "200105050101", "stated"]


async def test_a_horse_shows_where_its_photo_is_from_and_the_race(home: str, tmp_path: Path) -> None:
    (horse_id, _, _, day, race) = rows(home, RAN)[0]
    await bring_photos(home, tmp_path, [row("a.jpg", horse_id, date=day, source="Aiko Tanaka")])
    shown = (await collector(home, "horse", horse_id)).stdout
    (line,) = [line.split("  ") for line in shown.splitlines() if "own:" in line]
    assert [cell.strip() for cell in line if cell.strip()][1:] == [race, "its id, stated with the photo", "Aiko Tanaka"]
    assert "own.invalid" not in shown


async def test_a_race_says_which_of_two_namesakes_it_is(home: str, tmp_path: Path) -> None:
    ran = rows(home, RAN)
    pairs = ((one, other) for one in ran for other in ran if one[3] == other[3] and one[4][-4:] != other[4][-4:])
    (first, name, _, day, _), (other, _, race_id, _, race) = next(pairs)  # of races that nobody takes for each other
    with psycopg.connect(home) as connection:  # both ran on that day, under the same name
        connection.execute("UPDATE entry SET (horse_name, horse_key) = (SELECT horse_name, horse_key FROM entry "
                           "WHERE horse_id = %s LIMIT 1) WHERE horse_id = %s AND race_id = %s",
                           (first, other, race_id))  # fmt: skip
    table = [row("0.jpg", name, date=day), row("1.jpg", name, date=day, race=race_id),
             row("2.jpg", name, date=day, race=race)]  # fmt: skip
    await bring_photos(home, tmp_path, table)
    found = [(horse_id, rule) for _, _, horse_id, _, rule in rows(home, SHOWN)]
    assert found == [(None, "several_by_name"), (other, "name_and_race"), (other, "name_and_race")]


async def test_what_the_table_says_is_kept_with_the_photo(conninfo: str, tmp_path: Path) -> None:
    await bring_photos(conninfo, tmp_path, [row("a/ウマ.jpg", "アオバ", date="2016年1月4日", race="中山金杯")])
    (shown,) = rows(conninfo, ALL)
    assert shown[:7] == ("own:160104/01", "アオバ", "中山金杯", None, None, "Someone", RIGHTS)
    log = rows(conninfo, "SELECT outcome, file, length(file_digest) FROM fetch_log ORDER BY file")
    assert log == [("imported", "a/ウマ.jpg", 64), ("imported", "photos.csv, line 2", 64)]
    assert rows(conninfo, "SELECT state, due_at, dated::text FROM page") == 2 * [("fetched", None, "2016-01-04")]


async def test_the_same_twice_brings_nothing(conninfo: str, tmp_path: Path) -> None:
    table = [row(f"{number}.jpg", f"ウマ{number}") for number in range(3)]
    await bring_photos(conninfo, tmp_path, table)
    before = rows(conninfo, "SELECT * FROM fetch_log"), rows(conninfo, "SELECT * FROM photo"), rows(conninfo, ALL)
    (tmp_path / "photos" / "0.jpg").rename(tmp_path / "photos" / "renamed.jpg")
    table[0]["file"] = "renamed.jpg"
    report = await bring_photos(conninfo, tmp_path, list(reversed(table)))
    assert (report.brought, report.standings["known"], left(report)) == (0, 3, {})
    now = rows(conninfo, "SELECT * FROM fetch_log"), rows(conninfo, "SELECT * FROM photo"), rows(conninfo, ALL)
    assert now == before


async def test_a_dry_run_changes_nothing(conninfo: str, tmp_path: Path) -> None:
    report = await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")], dry_run=True)
    assert report.brought == 1
    assert rows(conninfo, "SELECT url FROM page UNION SELECT digest FROM blob UNION SELECT name FROM host") == []


async def test_a_corrected_table_changes_what_it_corrects(home: str, tmp_path: Path) -> None:
    (horse_id, name, race_id, day, _) = rows(home, RAN)[0]
    table = [row("a.jpg", "マチガイ", date=day), row("b.jpg", "ベツ", date=day)]
    await bring_photos(home, tmp_path, table)
    log = rows(home, "SELECT count(*) FROM fetch_log")
    table[0] |= {"horse": name, "rights": "CC BY 4.0"}
    report = await bring_photos(home, tmp_path, table)
    assert (report.brought, report.standings["known"]) == (1, 1)
    (_, *shown), _ = rows(home, SHOWN)
    assert shown == [name, horse_id, race_id, "name"]
    assert [one[6] for one in rows(home, ALL)] == ["CC BY 4.0", RIGHTS]
    assert rows(home, "SELECT count(*) FROM fetch_log") == [(log[0][0] + 1,)]  # the record; its picture is the same


async def test_a_photo_of_another_day_takes_what_a_person_decided_along(home: str, tmp_path: Path) -> None:
    horse_id = rows(home, RAN)[0][0]
    table = [row("a.jpg", "アオバ", date="2015-03-01"), row("b.jpg", "ベツ", date="2015-03-02")]
    await bring_photos(home, tmp_path, table)
    async with await psycopg.AsyncConnection.connect(home, autocommit=True) as connection:
        await decide_by_hand(connection, "own:150301/01", horse_id)
    table[0]["date"] = "2015-03-02"
    await bring_photos(home, tmp_path, table)
    found = [(photo, found, rule) for photo, _, found, _, rule in rows(home, SHOWN)]
    assert found[1] == ("own:150302/02", horse_id, "by_hand")
    assert [photo for photo, *_ in found] == ["own:150302/01", "own:150302/02"]
    assert rows(home, "SELECT DISTINCT dated::text FROM page WHERE source = 'own'") == [("2015-03-02",)]


async def test_a_photo_of_another_day_is_matched_anew(home: str, tmp_path: Path) -> None:
    (horse_id, name, race_id, day, _) = rows(home, RAN)[0]
    table = [row("a.jpg", name, date=day), row("b.jpg", name, date=day)]
    await bring_photos(home, tmp_path, table)
    async with await psycopg.AsyncConnection.connect(home, autocommit=True) as connection:
        await decide_by_hand(connection, rows(home, SHOWN)[1][0], horse_id)
    assert [found[2:4] for found in rows(home, SHOWN)] == 2 * [(horse_id, race_id)]
    await bring_photos(home, tmp_path, [one | {"date": "2001-05-05"} for one in table])
    assert [found[2:] for found in rows(home, SHOWN)] == [(None, None, None), (horse_id, None, "by_hand")]


async def test_a_corrected_horse_is_taken_over_where_all_are_matched(home: str, tmp_path: Path) -> None:
    (one, name, _, day, _), *others = rows(home, RAN)
    other, other_name, *_ = next(found for found in others if found[3] == day and found[0] != one)
    await bring_photos(home, tmp_path, [row("a.jpg", name, date=day)])
    assert rows(home, SHOWN)[0][2] == one
    await bring_photos(home, tmp_path, [row("a.jpg", other_name, date=day)])
    assert rows(home, SHOWN)[0][2] == other


async def test_reading_again_changes_nothing(home: str, tmp_path: Path) -> None:
    table = [row("a.jpg", "アオバ", date="2015-03-01"), row("b.jpg", "ベツ", date="2015-03-01", race="重賞")]
    await bring_photos(home, tmp_path, table)
    table[0]["date"] = "2015-03-02"
    await bring_photos(home, tmp_path, table)
    before = rows(home, ALL)
    async with await psycopg.AsyncConnection.connect(home, autocommit=True) as connection:
        changes = await reparse(connection, date(2000, 1, 1), dry_run=True, show=lambda *_: None)
    assert {name: count for name, found in changes.rows.items() for count in found.values() if count} == {}
    assert rows(home, ALL) == before


async def test_what_is_forgotten_does_not_come_back(conninfo: str, tmp_path: Path) -> None:
    table = [row("a.jpg", "アオバ"), row("b.jpg", "ベツ")]
    await bring_photos(conninfo, tmp_path, table)
    (url,) = rows(conninfo, "SELECT image_url FROM photo WHERE number = 2")[0]
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        gone = await forget(connection, url=url)
    assert (gone.photos, gone.pages, gone.blobs) == (1, 2, 2)
    table[1] |= {"date": "2015-03-02", "horse": "ベツノナマエ"}
    report = await bring_photos(conninfo, tmp_path, table)
    assert out(report) == {"b.jpg": "kept_out"}
    assert [photo for photo, *_ in rows(conninfo, ALL)] == ["own:150301/01"]
    assert rows(conninfo, "SELECT count(*) FROM blob") == [(2,)]


async def test_a_file_that_is_not_a_picture_costs_itself_alone(conninfo: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cut.jpg").write_bytes(picture(1)[:-300])
    (photos / "empty.jpg").touch()
    (photos / "page.jpg").write_bytes(b"<html>" * 10)
    (photos / "again.jpg").write_bytes(picture(0))
    (photos / "large.jpg").write_bytes(bytes(21 << 20))
    (tmp_path / "secret.jpg").write_bytes(picture(7))
    (photos / "outside.jpg").symlink_to(tmp_path / "secret.jpg")
    (photos / "extra.jpg").write_bytes(picture(9))
    table = [row(f"{name}.jpg", "アオバ") for name in ("good", "cut", "empty", "page", "again", "large", "outside")]
    report = await bring_photos(conninfo, tmp_path, table)
    assert out(report) == {
        "cut.jpg": "unreadable", "empty.jpg": "empty", "page.jpg": "unreadable", "again.jpg": "twice",
        "large.jpg": "too_large", "outside.jpg": "link", "extra.jpg": "not_listed",
    }  # fmt: skip
    assert (report.brought, len(rows(conninfo, ALL))) == (1, 1)
    assert rows(conninfo, "SELECT count(*) FROM page") == [(2,)]


async def test_few_large_photos_are_held_at_once(conninfo: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(4):
        noise = Random(number).randbytes(1000 * 1000 * 3)
        Image.frombytes("RGB", (1000, 1000), noise).save(photos / f"{number}.png", compress_level=0)
    shown = list[tuple[int, int]]()
    table = [row(f"{number}.png", "アオバ") for number in range(4)]
    await bring_photos(conninfo, tmp_path, table, show=lambda *far: shown.append(far))
    assert shown == [(3, 4), (4, 4)]


async def test_pictures_beside_the_table_are_named_and_not_counted(conninfo: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name in ("sub/extra.jpg", ".thumbs/a.jpg", "._a.jpg", "\udc8bN.PNG", "notes.txt"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(picture(3))
    shown = list[tuple[int, int]]()
    report = await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")], show=lambda *far: shown.append(far))
    assert out(report) == {"sub/extra.jpg": "not_listed", "起.PNG": "not_listed"}
    assert shown == [(1, 1)]


async def test_a_race_of_another_day_is_named_with_its_line(home: str, tmp_path: Path) -> None:
    (horse_id, _, race_id, day, _) = rows(home, RAN)[0]
    other = f"{day[:4]}-12-31"
    said = f"photos.csv, line 3, column 4 race: {race_id} was run on {day}, and the date is {other}."
    with pytest.raises(UsageError, match=said):
        await bring_photos(home, tmp_path, [row("a.jpg", horse_id, date=day, race=race_id),
                                            row("b.jpg", horse_id, date=other, race=race_id)])  # fmt: skip
    assert rows(home, SHOWN) == []


async def test_a_file_is_found_however_its_system_writes_its_name(conninfo: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    one, other = ("カ\u3099.jpg", "ガ.jpg"), ("ギ.jpg", "キ\u3099.jpg")  # the file's name, and the table's
    (photos / one[0]).write_bytes(picture(1))
    (photos / other[0]).write_bytes(picture(2))
    report = await bring_photos(conninfo, tmp_path, [row(one[1], "アオバ"), row(other[1], "ベツ")])
    assert (report.brought, out(report)) == (2, {})


async def test_two_imports_do_not_work_side_by_side(conninfo: str, tmp_path: Path) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        async with alone(connection, IMPORT_LOCK):
            with pytest.raises(Busy, match="Another import of photos is at work; try again when it is done"):
                await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")])
        await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")])


async def test_a_day_has_room_for_999_photos(conninfo: str, tmp_path: Path) -> None:
    await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")])
    with psycopg.connect(conninfo) as connection:
        connection.execute("UPDATE photo SET number = 998")
    (tmp_path / "photos" / "b.jpg").write_bytes(picture(5))
    (tmp_path / "photos" / "c.jpg").write_bytes(picture(6))
    report = await bring_photos(conninfo, tmp_path, [row("b.jpg", "ベツ"), row("c.jpg", "ベツ")])
    assert out(report) == {"a.jpg": "not_listed", "c.jpg": "too_many"}


def test_a_picture_that_cannot_be_read_is_not_due() -> None:
    about = ("own", "image", Role.PICTURE, date(2015, 3, 1), PageState.FETCHED, None, None, None, 0)
    page = DuePage(1, "https://own.invalid/0", *about)
    verdict = decide(page, Derived(failure=ParseError("picture", "cut off")), datetime.now(UTC), stopped=False)
    assert (verdict.state, verdict.due_at) == (PageState.QUARANTINED, None)


def test_nobody_is_asked_for_own_photos() -> None:
    assert "own" not in {site.source.name for site in sites(Settings())}
    assert "own" in {site.source.name for site in archived_sites(Settings())}
    assert "own" not in {site.source.name for site in sites(Settings(demo=True))}


async def test_a_photo_whose_record_alone_was_known_counts_as_brought(conninfo: str, tmp_path: Path) -> None:
    await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")])
    with psycopg.connect(conninfo) as connection:  # as a WACZ without pictures leaves it, imported at any moment
        connection.execute("UPDATE photo SET digest = NULL")
        connection.execute("DELETE FROM fetch_log USING page WHERE page.id = page_id AND kind = 'image'")
        connection.execute("DELETE FROM page WHERE kind = 'image'")
        connection.execute(
            "INSERT INTO fetch_log (page_id, host, url, at, took, size, outcome, digest)"
            " SELECT id, host, url, now() + second * interval '1 second', 0, 0, 'imported', digest"
            " FROM page, generate_series(-1, 10) AS second"
        )
    report = await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバ")])
    assert (report.brought, report.standings["known"]) == (1, 0)
