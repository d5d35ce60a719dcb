"""netkeiba's words, tables and addresses: printed values are read back, and unknown ones are errors."""

import contextlib
import unicodedata
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from collector.errors import ParseError
from collector.sources.netkeiba import tables, urls, words
from collector.storage.racing import Direction, Going, Grade, Sex, Surface

# --- words ------------------------------------------------------------------------------------------------


@given(st.integers(1, 59_999))
def test_a_time_is_read_back_as_it_was_printed(tenths: int) -> None:
    minutes, rest = divmod(tenths, 600)
    printed = f"{minutes}:{rest // 10:02}.{rest % 10}" if minutes else f"{rest // 10}.{rest % 10}"
    assert words.seconds_of(printed) == tenths / 10


@pytest.mark.parametrize(
    ("printed", "seconds"), [("3:21.4", 201.4), ("58.9", 58.9), ("2:32.04", 152.04), ("", None), ("0.0", None)]
)
def test_times(printed: str, seconds: float | None) -> None:
    assert words.seconds_of(printed) == seconds


@pytest.mark.parametrize("printed", ["1:72.6", "1:2:3", "fast", "12:", "1:12.6 (R)"])
def test_a_text_that_is_not_a_time_is_an_error(printed: str) -> None:
    with pytest.raises(ParseError):
        words.seconds_of(printed)


@given(st.integers(200, 1500), st.integers(-99, 99))
def test_a_weight_and_its_change_are_read_back(weight: int, change: int) -> None:
    printed = f"{weight}({change:+})" if change else f"{weight}(0)"
    assert words.weight_and_change(printed) == (weight, change)
    assert words.weight_and_change(printed.translate(str.maketrans("0123456789()", "０１２３４５６７８９（）"))) == (
        weight,
        change,
    )


@pytest.mark.parametrize(
    ("printed", "read"),
    [("計不", (None, None)), ("", (None, None)), ("480", (480, None)), ("480(前計不)", (480, None)),
     ("480( )", (480, None))],
)  # fmt: skip
def test_weights_that_were_not_taken(printed: str, read: tuple[int | None, int | None]) -> None:
    assert words.weight_and_change(printed) == read


@given(
    st.sampled_from(["芝", "ダ", "障芝", ""]), st.sampled_from(["右", "左", "直線", ""]),
    st.sampled_from(["", "外", "内", "外-内", "内2周", "A"]), st.integers(10, 99),
)  # fmt: skip
def test_the_ground_is_read_back(surface: str, direction: str, course: str, hundreds: int) -> None:
    ground = words.ground_of(f"{surface}{direction}{' ' + course if course else ''}{hundreds * 100}m")
    assert ground.surface == {"芝": Surface.TURF, "ダ": Surface.DIRT, "障芝": Surface.JUMP}.get(surface)
    assert ground.direction == words.DIRECTIONS.get(direction)
    assert ground.course == (course or None)
    assert ground.distance == hundreds * 100


@pytest.mark.parametrize(
    ("printed", "ground"),
    [
        ("芝左2400m", words.Ground(Surface.TURF, Direction.LEFT, None, 2400)),
        ("ダ右1200m", words.Ground(Surface.DIRT, Direction.RIGHT, None, 1200)),
        ("芝右 外1600m", words.Ground(Surface.TURF, Direction.RIGHT, "外", 1600)),
        ("障芝2860m", words.Ground(Surface.JUMP, None, None, 2860)),
        ("障芝 外-内3000m", words.Ground(Surface.JUMP, None, "外-内", 3000)),
        ("障芝 ダート2880m", words.Ground(Surface.JUMP, None, None, 2880)),
        ("芝直線1000m", words.Ground(Surface.TURF, Direction.STRAIGHT, None, 1000)),
        ("芝右 内2周3600m", words.Ground(Surface.TURF, Direction.RIGHT, "内2周", 3600)),
        ("00200m", words.Ground(None, None, None, 200)),
        ("ダート1700ｍ", words.Ground(Surface.DIRT, None, None, 1700)),
        ("障2750m", words.Ground(Surface.JUMP, None, None, 2750)),
    ],
)
def test_grounds(printed: str, ground: words.Ground) -> None:
    assert words.ground_of(printed) == ground


@pytest.mark.parametrize(
    ("printed", "ground", "going"),
    [
        ("良", Surface.TURF, Going.FIRM),
        ("良", Surface.DIRT, Going.STANDARD),
        ("稍重", Surface.TURF, Going.GOOD),
        ("稍", Surface.DIRT, Going.GOOD),
        ("重", Surface.TURF, Going.YIELDING),
        ("重", Surface.DIRT, Going.MUDDY),
        ("不", Surface.JUMP, Going.SOFT),
        ("不良", Surface.DIRT, Going.SLOPPY),
        ("", Surface.TURF, None),
        ("良", None, None),
    ],
)
def test_the_same_word_means_another_going_on_dirt(printed: str, ground: Surface | None, going: Going | None) -> None:
    assert words.going_of(printed, ground) == going


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("有馬記念(G1)", Grade.G1),
        ("第28回ゆうやけS(GIII)", Grade.G3),
        ("ゆうやけS（ＧⅡ）", Grade.G2),
        ("こがらし大障害(J.G1)", Grade.JUMP_G1),
        ("こがらしハードル(J・GIII)", Grade.JUMP_G3),
        ("なかよし賞(JpnI)", Grade.LOCAL_1),
        ("なかよし賞(Jpn3)", Grade.LOCAL_3),
        ("つゆくさ特別(OP)", Grade.OPEN),
        ("ジュニアC(L)", Grade.LISTED),
        ("G1記念(2歳)", None),
        ("3歳未勝利", None),
        ("ひなた特別(1000万下)", None),
    ],
)
def test_grades_in_names(name: str, grade: Grade | None) -> None:
    assert words.grade_in(name) == grade


def test_the_mark_of_a_bet_is_not_a_grade() -> None:
    bet = "Icon_GradeType Icon_GradeType13 Icon_GradePos01"
    assert words.grade_of_icons([bet]) is None
    assert words.grade_of_icons([bet, "Icon_GradeType Icon_GradeType3"]) == Grade.G3
    assert words.grade_of_icons(["Icon_GradeType Icon_GradeType16", bet]) is None
    assert words.grade_of_icons(["Icon_GradeType Icon_GradeType10"]) == Grade.JUMP_G1


@pytest.mark.parametrize(
    ("printed", "read"),
    [("牡3", (Sex.MALE, 3)), ("牝10", (Sex.FEMALE, 10)),
     ("セ5", (Sex.GELDING, 5)), ("セン5", (Sex.GELDING, 5)), ("騸7", (Sex.GELDING, 7)),
     ("", (None, None)), ("牝", (Sex.FEMALE, None))],
)  # fmt: skip
def test_sexes_and_ages(printed: str, read: tuple[Sex | None, int | None]) -> None:
    assert words.sex_and_age(printed) == read


@pytest.mark.parametrize(
    ("printed", "positions"), [("5-5-4", [5, 5, 4]), ("12", [12]), ("", []), ("**", []), ("3-3-", [3, 3])]
)
def test_positions(printed: str, positions: list[int]) -> None:
    assert words.positions_of(printed) == positions


@given(st.floats(0, 99_999).map(lambda number: round(number, 1)))
def test_a_number_is_read_back_with_or_without_commas(number: float) -> None:
    assert words.number_of(f"{number:.1f}") == words.number_of(f"{number:,.1f}") == number


def test_words_that_are_not_known_are_errors() -> None:
    for read in (words.sex_and_age, words.weight_and_change, words.positions_of, words.number_of, words.count_of,
                 words.weather_of, words.ground_of, lambda text: words.going_of(text, Surface.TURF)):  # fmt: skip
        with pytest.raises(ParseError):
            read("五十六")
    with pytest.raises(ParseError):
        words.count_of("1.5")


@given(st.text())
def test_any_words_have_a_meaning_or_are_an_error(text: str) -> None:
    for read in (words.seconds_of, words.weight_and_change, words.sex_and_age, words.positions_of, words.number_of,
                 words.count_of, words.weather_of, words.ground_of, words.grade_in, words.day_in, words.hour_in,
                 words.track_of, words.clean, words.plain,
                 lambda text: words.going_of(text, Surface.DIRT)):  # fmt: skip
        with contextlib.suppress(ParseError):
            read(text)


@given(st.text(st.sampled_from("0 1-,.(+\x00\x1f\t\xa0\u3000１（ア") | st.characters(), max_size=20))
def test_words_are_compared_in_normal_width_without_spaces(text: str) -> None:
    assert words.plain(text) == "".join(unicodedata.normalize("NFKC", words.CONTROL.sub("", text)).split())


# --- tables -----------------------------------------------------------------------------------------------


def table_of(html: str, *heads: str) -> tables.Table:
    node = LexborHTMLParser(f"<table>{html}</table>").css_first("table")
    assert node
    return tables.Table(node, heads)


def test_a_table_is_read_by_its_heads_whatever_their_order() -> None:
    for order in (("馬名", "タイム"), ("タイム", "馬名")):
        head = "".join(f"<th>{name}</th>" for name in order)
        cells = "".join(f"<td>{'ア' if name == '馬名' else '1:00.0'}</td>" for name in order)
        (row,) = table_of(f"<tr>{head}</tr><tr>{cells}</tr>", "馬名", "タイム").rows
        assert (row.words("馬名"), row.words("タイム")) == ("ア", "1:00.0")


def test_a_head_with_a_help_text_is_known_by_how_it_begins() -> None:
    heads = "<tr><th>ﾀｲﾑ<br>指数<ul><li>タイム指数(通常)</ul></th><th>タ イ\nム</th><th>賞金<br>(万円)</th></tr>"
    (row,) = table_of(f"{heads}<tr><td>99<td>1:00.0<td>500.0</tr>", "タイム", "賞金").rows
    assert (row.words("タイム"), row.words("賞金"), row.words("タイム指数")) == ("1:00.0", "500.0", "99")


def test_a_head_that_is_gone_is_not_taken_for_one_like_it() -> None:
    table = table_of("<tr><th>ﾀｲﾑ指数</th></tr><tr><td>99</td></tr>", "タイム")
    assert not table.has("タイム")
    assert table.rows[0].cell("タイム") is None


def test_the_first_of_equal_heads_counts_and_repeated_heads_do_not() -> None:
    head = "<tr><th>馬名</th><th>馬名</th></tr>"
    table = table_of(f"{head}<tr><td>ア</td><td>イ</td></tr>{head}<tr><td>ウ</td></tr>", "馬名")
    assert [row.words("馬名") for row in table.rows] == ["ア", "ウ"]


def test_a_short_row_has_no_cell_there_and_a_wide_cell_counts_as_several() -> None:
    table = table_of("<tr><th>A<th>B<th>C</tr><tr><td>1</tr><tr><td colspan=2>1<td>3</tr>", "A", "B", "C")
    assert [table.rows[0].words(head) for head in "ABC"] == ["1", "", ""]
    assert [table.rows[1].words(head) for head in "ABC"] == ["1", "", "3"]


def test_a_table_within_a_cell_is_not_a_part_of_the_table() -> None:
    inner = "<table><tr><th>馬名</th></tr><tr><td>イ</td></tr></table>"
    table = table_of(f"<tr><th>印</th><th>馬名</th></tr><tr><td>{inner}</td><td>ア</td></tr>", "馬名", "印")
    assert [row.words("馬名") for row in table.rows] == ["ア"]


# --- addresses --------------------------------------------------------------------------------------------

BASE = "https://db.netkeiba.com"


@given(st.dates())
def test_a_day_is_read_back_from_the_addresses_of_its_lists(day: date) -> None:
    assert urls.day_of(urls.race_day_url(BASE, day)) == urls.day_of(urls.coming_day_url(BASE, day)) == day


@given(st.from_regex(r"[0-9]{4}[0-9A-Za-z]{8}", fullmatch=True))
def test_a_race_is_read_back_from_its_addresses(race_id: str) -> None:
    assert urls.race_id_of(urls.race_result_url(BASE, race_id)) == race_id
    assert urls.race_id_of(urls.race_card_url(BASE, race_id)) == race_id


@given(st.from_regex(r"[0-9A-Za-z]{10}", fullmatch=True))
def test_a_horse_is_read_back_from_its_addresses(horse_id: str) -> None:
    for build in (urls.horse_url, urls.aptitude_url, urls.reviews_url):
        assert urls.horse_id_of(build(BASE, horse_id)) == horse_id


def test_addresses_are_those_of_the_site() -> None:
    day = date(2023, 1, 5)
    assert urls.race_day_url(BASE, day) == f"{BASE}/race/list/20230105/"
    assert urls.coming_day_url(BASE, day) == f"{BASE}/top/race_list_sub.html?kaisai_date=20230105"
    assert urls.race_result_url(BASE, "202306010101") == f"{BASE}/race/202306010101/"
    assert urls.race_card_url(BASE, "202306010101") == f"{BASE}/race/shutuba.html?race_id=202306010101"
    assert urls.horse_url(BASE, "2020103575") == f"{BASE}/horse/2020103575/"
    ajax = "input=UTF-8&output=json&id=2020103575"
    assert urls.aptitude_url(BASE, "2020103575") == f"{BASE}/social/ajax_horse_aptitude.html?{ajax}"
    assert urls.reviews_url(BASE, "2020103575") == f"{BASE}/social/ajax_horse_review.html?{ajax}"
    assert urls.horse_search_url(BASE, "キッド") == f"{BASE}/?pid=horse_list&word=%E3%82%AD%E3%83%83%E3%83%89"


@pytest.mark.parametrize(
    ("race_id", "jra"),
    [("202305040301", True), ("202310010101", True), ("202311010101", False), ("202300010101", False),
     ("202354112601", False), ("2021N2a00905", False), ("2023050403", False)],
)  # fmt: skip
def test_the_ten_racecourses_of_the_jra(race_id: str, jra: bool) -> None:
    assert urls.is_jra(race_id) is jra


@given(st.text() | st.text("htps:/[]?=&#0123456789race_id", max_size=40))
def test_any_address_has_a_meaning_or_is_an_error(url: str) -> None:
    for read in (urls.race_id_of, urls.horse_id_of, urls.day_of, lambda link: urls.address(BASE, link)):
        with contextlib.suppress(ParseError):
            read(url)


PRINTED = {
    "minus": ("-", "－", "−", "‐", "‑", "–", "—", "▲", "△", "ー"), "plus": ("+", "＋", "➕"), "point": (".", "．"),
    "colon": (":", "："), "comma": (",", "，"), "open": ("(", "（"), "close": (")", "）"),
}  # fmt: skip


def _printed(data: st.DataObject, text: str) -> str:
    """A number in any printed form: full or half width, any sign, spaces."""
    names = {"-": "minus", "+": "plus", ".": "point", ":": "colon", ",": "comma", "(": "open", ")": "close"}
    printed = ""
    for char in text:
        if char in names:
            printed += data.draw(st.sampled_from(PRINTED[names[char]]))
        else:
            printed += chr(ord(char) + 0xFEE0) if char.isdigit() and data.draw(st.booleans()) else char
        printed += data.draw(st.sampled_from(("", "", "", " ", "\u3000", "\xa0", "\u200b")))
    return printed


@given(st.data(), st.integers(200, 1500), st.integers(-99, 99))
def test_a_weight_is_read_however_it_is_printed(data: st.DataObject, weight: int, change: int) -> None:
    text = f"{weight:,}" if data.draw(st.booleans()) else f"{weight}"
    sign = f"{change:+}" if change else data.draw(st.sampled_from(("0", "±0", "+0", "-0")))
    assert words.weight_and_change(_printed(data, f"{text}({sign})")) == (weight, change)


@given(st.data(), st.integers(1, 9), st.integers(0, 59), st.integers(0, 9))
def test_a_time_is_read_however_it_is_printed(data: st.DataObject, minutes: int, seconds: int, tenth: int) -> None:
    form = data.draw(st.sampled_from(("{}:{:02}.{}", "{}.{:02}.{}", "{}'{:02}\"{}", "{}分{:02}秒{}", "{}′{:02}″{}")))
    text = form.format(minutes, seconds, tenth)
    printed = _printed(data, text)
    assert words.seconds_of(printed) == pytest.approx(60 * minutes + seconds + tenth / 10)
    assert words.seconds_of(f"{seconds}.{tenth}") == (pytest.approx(seconds + tenth / 10) if seconds or tenth else None)


@given(st.data(), st.integers(0, 9_999_999), st.integers(0, 9))
def test_a_number_is_read_however_it_is_printed(data: st.DataObject, whole: int, tenth: int) -> None:
    assert words.number_of(_printed(data, f"{whole:,}.{tenth}")) == pytest.approx(whole + tenth / 10)


@pytest.mark.parametrize(
    ("text", "positions"), [("5－5‐4", [5, 5, 4]), ("5,5,4", [5, 5, 4]), ("①-②", [1, 2]), ("ーー", [])]
)
def test_positions_are_read_however_they_are_parted(text: str, positions: list[int]) -> None:
    assert words.positions_of(text) == positions


@pytest.mark.parametrize(("read", "text"), [
    (words.positions_of, "1-41"), (words.seconds_of, "1:99.9"), (words.seconds_of, "1.2.3.4"),
    (words.number_of, "-5"), (words.weight_and_change, "480(+2"), (words.weight_and_change, "48"),
])  # fmt: skip
def test_a_text_that_is_not_a_number_is_an_error(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ParseError):
        read(text)
