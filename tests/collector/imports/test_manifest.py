"""The table of a person's photos: what it may look like, and which line and column is wrong."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.errors import UsageError
from collector.imports.manifest import FIRST_DAY, Manifest, read_manifest
from collector.imports.photo_files import check_files
from tests.owned import RIGHTS, row, table

TODAY = date(2026, 11, 26)
HEADER = "file,horse,date,race,source,rights"
GOOD = "a.jpg,アオバ,2016-01-04,中山金杯,me,mine"


def read(text: str | bytes) -> Manifest:
    return read_manifest(text.encode() if isinstance(text, str) else text, "photos.csv", TODAY)


def refused(text: str | bytes) -> str:
    with pytest.raises(UsageError) as error:
        read(text).check()
    return "\n".join([str(error.value), *error.value.further])


@pytest.mark.parametrize(
    "raw",
    [
        f"{HEADER}\n{GOOD}\n".encode(),
        f"\ufeff{HEADER}\r\n{GOOD}\r\n\r\n".encode(),
        f"{HEADER}\n{GOOD}".encode("cp932"),
        f"{HEADER}\n{GOOD}".replace(",", "\t").encode(),
        f"{HEADER}\n{GOOD}".replace(",", ";").encode(),
        f"{HEADER}\n{GOOD}".replace(",", "\t").encode("utf-16"),
        '"File","Horse","DATE","race","source","rights"\n"a.jpg","アオバ","2016/1/4","中山金杯","me","mine"'.encode(),
        f"{HEADER},,\n{GOOD},,\n,,,,,,,".encode(),
        f"\n{HEADER}\r{GOOD}".replace(",", ";").encode(),
        "rights,source,race,date,horse,file\nmine, me ,中山金杯,２０１６年１月４日,アオバ,.\\a.jpg".encode(),
    ],
)
def test_a_table_is_read_as_spreadsheets_and_people_write_it(raw: bytes) -> None:
    manifest = read(raw)
    manifest.check()
    (one,) = manifest.rows
    assert (one.file, one.horse, one.day, one.race, one.source, one.rights) == (
        "a.jpg", "アオバ", date(2016, 1, 4), "中山金杯", "me", "mine")  # fmt: skip


def test_a_race_need_not_be_known() -> None:
    (one,) = read("file,horse,date,source,rights\na.jpg,アオバ,20160104,me,mine").rows
    assert one.race is None


def test_an_id_may_be_typed_in_full_width() -> None:
    (one,) = read(cells(horse="２０１２１０４５１１", race="２０１６０６０１０１１１")).rows
    assert (one.horse, one.race) == ("2012104511", "201606010111")


def test_two_days_are_not_one_issue() -> None:
    assert FIRST_DAY.replace(year=FIRST_DAY.year + 100) > TODAY


def test_a_line_ends_where_a_spreadsheet_ends_it() -> None:
    said = refused(f"{HEADER}\na.jpg,アオバ,2016-01-04,,some\u2028one,mine\nb.jpg,ベツ,x,,me,mine")
    assert "photos.csv, line 3, column 3 date" in said


def cells(**changes: str) -> str:
    """A table with one line, of which some cells are other ones."""
    names = HEADER.split(",")
    return HEADER + "\n" + ",".join(changes.get(name, cell) for name, cell in zip(names, GOOD.split(","), strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (cells(date="2016-13-01"), "line 2, column 3 date: '2016-13-01' is not a day; write 2016-01-04."),
        (cells(date="1/4/2016"), "line 2, column 3 date: '1/4/2016' is not a day; write 2016-01-04."),
        (cells(date="2027-01-04"), "line 2, column 3 date: 2027-01-04 is yet to come."),
        (cells(date="1816-01-04"), "line 2, column 3 date: 1816-01-04 is before 1950-01-01."),
        (
            cells(race="2.01601E+11"),
            "line 2, column 4 race: 2.01601E+11 is an id that a spreadsheet has rounded; format",
        ),
        (
            cells(file="C:\\photos\\a.jpg"),
            "line 2, column 1 file: 'C:\\\\photos\\\\a.jpg' does not lie below the folder",
        ),
        (cells(horse=""), "line 2, column 2 horse: this is empty; it names the horse, or gives its id."),
        (cells(horse="ア" * 41), "line 2, column 2 horse: 41 characters are too many; at most 40."),
        (cells(rights=""), "line 2, column 6 rights: this is empty; it says what may be done with the photo."),
        (cells(source="a\x1b[31m"), "line 2, column 5 source: 'a\\x1b[31m' is not text."),
        (cells(file="../a.jpg"), "line 2, column 1 file: '../a.jpg' does not lie below the folder of the photos."),
        (cells(file="/etc/passwd"), "line 2, column 1 file: '/etc/passwd' does not lie below the folder of the"),
        (cells(race="201506010101"), "line 2, column 4 race: 201506010101 was run in 2015, and the date is 2016"),
        (f"{HEADER}\n{GOOD}\n{GOOD}", "line 3, column 1 file: a.jpg is in line 2 already."),
        (f"{HEADER}\n{GOOD},x", "line 2, column 6 rights: the line has 7 cells, the first line 6."),
        (f"{HEADER}\na.jpg,アオバ", "line 2, column 2 horse: the line has 2 cells, the first line 6."),
        (f'{HEADER}\n\n"a\nb",アオバ\n', "line 3, column 2 horse: the line has 2 cells, the first line 6."),
        (f'{HEADER}\n"a.jpg', "line 2: this is not CSV: unexpected end of data."),
        (f"{HEADER},colour\n", "line 1, column 7 colour: this is not a column of such a table; it has file, horse,"),
        (f"{HEADER},file\n", "line 1, column 7 file: the column is there twice."),
        ("file,horse,date,source\n", "line 1, column rights: the column is missing."),
        ("", "line 1, column file: the column is missing."),
        (b"PK\x03\x04" + bytes(100), "photos.csv, line 1: this is a workbook; save its table as CSV."),
        (HEADER, "photos.csv has no row: its second line names the first photo."),
        (HEADER.encode() + b"\n\xff\xfe,\x81", "line 2: this is text neither in UTF-8 nor in Shift_JIS"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line_and_column(text: str | bytes, said: str) -> None:
    assert said in refused(text)


def test_all_that_does_not_fit_is_named_at_once() -> None:
    lines = [f"{number}.jpg,アオバ,no day,,me,mine" for number in range(13)]
    said = refused("\n".join([HEADER, *lines])).splitlines()
    assert [line.partition(",")[2][:7] for line in said[:10]] == [f" line {2 + number}"[:7] for number in range(10)]
    assert (len(said), said[-1]) == (11, "... and 3 more.")


def test_what_does_not_fit_is_named_from_left_to_right() -> None:
    first, second = refused(cells(date="never", rights="")).splitlines()
    assert ("column 3 date" in first, "column 6 rights" in second) == (True, True)


def test_a_file_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    manifest = read(table([row("a.jpg", "アオバ"), row("sub/b.jpg", "アオバ")]))
    with pytest.raises(UsageError, match=r"photos.csv, line 3, column 1 file: sub/b.jpg is not in /"):
        check_files(manifest, tmp_path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{HEADER}\n{text}".encode("utf-8", "ignore")))
@example(b"\0")
@example(HEADER.encode() + b"\na,b,0000,,,\r\r\n")
def test_no_table_trips_the_reader(raw: bytes) -> None:
    manifest = read(raw)
    assert all(one.rights and one.day <= TODAY for one in manifest.rows)


WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=20)


@given(st.lists(WORDS, min_size=1, max_size=5, unique=True), WORDS, st.dates(FIRST_DAY, TODAY))
def test_what_was_written_is_read(files: list[str], horse: str, day: date) -> None:
    written = [row(f"{number}{name}".replace("/", "-").replace("\\", "-"), horse, date=str(day))
               for number, name in enumerate(files)]  # fmt: skip
    manifest = read(table(written))
    manifest.check()
    assert [(one.file, one.horse, one.day, one.rights) for one in manifest.rows] == [
        (one["file"], horse, day, RIGHTS) for one in written]  # fmt: skip
