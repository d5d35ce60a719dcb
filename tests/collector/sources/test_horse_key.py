"""A horse's name has one key, however it is printed or typed."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.sources.text_tools.text import (
    horse_key,
)
from tests.paths import SHARED


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("・ﾃﾞｨｰﾌﾟ ｲﾝﾊﾟｸﾄ", "ディープインパクト"),
        ("(外)スピルバーグ", "スピルバーグ"),
        ("［外］シーキングザパール", "シーキングザパール"),
        ("□地 メイセイオペラ", "メイセイオペラ"),
        ("○外エルコンドルパサー", "エルコンドルパサー"),
        ("マル外 タイキシャトル", "タイキシャトル"),
        ("アンド　ゼン", "アンドゼン"),
        ("外", "外"),
    ],
)
def test_names_are_compared_without_width_spaces_and_marks(printed: str, key: str) -> None:
    assert horse_key(printed) == key


@given(st.text(min_size=1).filter(str.strip))
def test_a_key_is_a_key_of_itself(name: str) -> None:
    assert horse_key(horse_key(name)) == horse_key(name) or horse_key(name)


@pytest.mark.parametrize(
    "printed",
    [
        "ヴィクトワール",
        "ｳﾞｨｸﾄﾜｰﾙ",
        "ウ゛ィクトワール",
        "・ヴィクトワール",
        " ヴィクト\u3000ワール\xa0",
        "ヴィクト\u200bワール\ufeff",
        "(外)ヴィクトワール",
        "（外）ヴィクトワール",
        "[外]ヴィクトワール",
        "［地］ヴィクトワール",
        "□外ヴィクトワール",
        "○外ヴィクトワール",
        "◯地ヴィクトワール",
        "□地 ヴィクトワール",
        "マル外ヴィクトワール",
        "カク地ヴィクトワール",
        "㊕ヴィクトワール",
        "㊗ヴィクトワール",
        "ヴィクトワール(外)",
        "・ □外 ヴィクトワール",
        "「ヴィクトワール」",
        "『(外)ヴィクトワール』",
    ],
)
def test_a_horse_has_one_key_however_its_name_is_printed(printed: str) -> None:
    assert horse_key(printed) == "ヴィクトワール"


@pytest.mark.parametrize("name", ["外", "(地)", "□外", "㊗", "・", "Ａ", "マル"])
def test_a_name_of_nothing_but_marks_is_still_a_key(name: str) -> None:
    assert horse_key(name)


def test_a_middle_dot_within_a_name_stays() -> None:
    assert horse_key("・ザ・ロック") == "ザ・ロック"


LONG = "ー－-‐‑‒–—―−─━ｰ﹣一〜～~￣‾¯｜│丨⎯╌ㅡ㇐〰"
UNSEEN = (
    "\u200b",
    "\ufeff",
    "\xa0",
    "\u3000",
    "\ufe0f",
    "\U000e0100",
    "\u200d",
    "\u2060",
    "\xad",
    " ",
    "\u202e",
    "\u034f",
)
MARKS = ("(外)", "【地】", "《外》", "［父］", "□外", "○地", "マル外", "・", "●", "〈市〉")
KANA = [chr(code) for code in range(0x30A1, 0x30F7)]


def half_width(name: str) -> str:
    """Katakana in half width."""
    halves = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    spread = unicodedata.normalize("NFD", name).replace("\u3099", "ﾞ").replace("\u309a", "ﾟ")
    return "".join(halves.get(kana, kana) for kana in spread)


def apart(name: str) -> str:
    """Voicing marks as separate characters after their kana."""
    return unicodedata.normalize("NFD", name).replace("\u3099", "゛").replace("\u309a", "゜")


def hiragana(name: str) -> str:
    return "".join(chr(ord(kana) - 0x60) if "ァ" <= kana <= "ヶ" else kana for kana in name)


def kanji(name: str) -> str:
    return name.translate(str.maketrans("ニハカロエタトオチミヌノサメムヒ", "二八力口工夕卜才千三又丿廾乂厶匕"))


def looks_so(name: str) -> str:
    """Katakana that look the same as hiragana."""
    return name.translate(str.maketrans("ヘベペ", "へべぺ"))


SAME = (
    half_width,
    apart,
    hiragana,
    looks_so,
    lambda name: unicodedata.normalize("NFD", name),
    lambda name: f"{name}．",
)


@given(st.data(), st.lists(st.sampled_from(KANA) | st.just("ー"), min_size=2, max_size=9))
def test_a_mistyped_name_has_the_same_key(data: st.DataObject, kana: list[str]) -> None:
    name = "".join([data.draw(st.sampled_from(KANA)), *kana])
    typed = data.draw(st.sampled_from(SAME))(name)
    typed = "".join(data.draw(st.sampled_from(LONG)) if char in "ーｰ" else char for char in typed)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(typed)))
        typed = typed[:at] + data.draw(st.sampled_from(UNSEEN)) + typed[at:]
    typed = data.draw(st.sampled_from(("", *MARKS))) + typed
    assert horse_key(typed) == name


@pytest.mark.parametrize(
    "name",
    [
        "カトレア",
        "エイシンヒカリ",
        "ニシノデイジー",
        "タップダンスシチー",
        "オルフェーヴル",
        "ミホノブルボン",
        "アヌビス",
        "メイショウサムソン",
    ],
)
def test_kanji_that_look_like_katakana_are_katakana_among_them(name: str) -> None:
    assert horse_key(kanji(name)) == name


@pytest.mark.parametrize(
    "printed",
    ["Étoile du Soir", "ETOILE DU SOIR", "Ｅｔｏｉｌｅ ｄｕ Ｓｏｉｒ", "Etoile\u00a0du Soir.", "[外]Etoile du Soir"],
)
def test_a_latin_name_has_one_key(printed: str) -> None:
    assert horse_key(printed) == "etoiledusoir"


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("バナヽ", "バナナ"), ("タヾノリ", "タダノリ"), ("ザ·ロック", "ザ・ロック"), ("ザ•ロック", "ザ・ロック"),
        ("T-ボーン", "t-ボーン"), ("2-1", "2-1"), ("一郎", "一郎"), ("第一号", "第一号"), ("D’Or", "d'or"),
        ("アッパー", "アッパー"), ("アツパー", "アツパー"), ("ハハ", "ハハ"), ("パパ", "パパ"), ("ババ", "ババ"),
    ],
)  # fmt: skip
def test_names_that_differ_stay_apart(printed: str, key: str) -> None:
    assert horse_key(printed) == key


@settings(max_examples=500)
@given(
    st.text(
        st.sampled_from("ヴアｶﾞ゛゜外地父□○・()[]マル \u3000\u200b-－一ヽヾへべAéÉ.·二力~'’ゔ") | st.characters(),
        max_size=9,
    )
)
def test_a_key_is_its_own_key(name: str) -> None:
    key = horse_key(name)
    assert horse_key(key) == key


def test_a_ring_for_a_mark_of_voice() -> None:
    assert horse_key("ハ°ールコ－ト゛") == horse_key("ﾊ°ｰﾙｺｰﾄﾞ") == "パールコード"
    assert horse_key("N°1") == "n°1"


def test_no_two_real_horses_have_one_key() -> None:
    folder = SHARED
    if not (folder / "real").is_dir():
        pytest.skip("the real names are not here")
    files = [*folder.glob("real/*.[tp]sv"), *folder.glob("labels.tsv")]
    names = {
        name for file in files for name in re.split(r"[\t|\n]", file.read_text()) if re.fullmatch("[ァ-ヺー]+", name)
    }
    assert len(names) > 100
    assert len({horse_key(name) for name in names}) == len(names)


@given(st.text(st.sampled_from("ヴアｶﾞ゛外地父□○・()[]マル \u3000\u200b")) | st.text())
def test_a_key_has_no_spaces_and_is_there_where_the_name_has_letters(name: str) -> None:
    key = horse_key(name)
    assert not any(char.isspace() for char in key)
    assert key or not any("ァ" <= char <= "ヺ" or (char.isascii() and char.isalnum()) for char in name)


@given(st.text(st.sampled_from([chr(code) for code in range(0x30A1, 0x30F5)] + ["ー"]), min_size=1))
def test_a_name_in_katakana_is_its_own_key(name: str) -> None:
    assert horse_key(name) == name == unicodedata.normalize("NFKC", name)
