"""A name is found however it is typed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.web.search.names import as_key, latin_of, read_name

# Kana with their Hepburn and Kunrei spellings, written down here once more and not taken from the code.
MORAS = (
    ("ア", "a", "a"), ("ウ", "u", "u"), ("オ", "o", "o"), ("キ", "ki", "ki"), ("ク", "ku", "ku"), ("サ", "sa", "sa"),
    ("シ", "shi", "si"), ("ス", "su", "su"), ("タ", "ta", "ta"), ("チ", "chi", "ti"), ("ツ", "tsu", "tu"),
    ("ト", "to", "to"), ("ナ", "na", "na"), ("ノ", "no", "no"), ("フ", "fu", "hu"), ("マ", "ma", "ma"),
    ("ヤ", "ya", "ya"), ("ラ", "ra", "ra"), ("ロ", "ro", "ro"), ("ワ", "wa", "wa"), ("ン", "n", "n"),
    ("ゴ", "go", "go"), ("ジ", "ji", "zi"), ("ダ", "da", "da"), ("ビ", "bi", "bi"), ("ブ", "bu", "bu"),
    ("ポ", "po", "po"), ("キャ", "kya", "kya"), ("シャ", "sha", "sya"), ("シェ", "she", "sye"),
    ("チュ", "chu", "tyu"), ("チェ", "che", "tye"), ("ジョ", "jo", "zyo"), ("ニャ", "nya", "nya"),
    ("リュ", "ryu", "ryu"), ("ファ", "fa", "fa"), ("ティ", "ti", "ti"), ("ディ", "di", "di"), ("ヴァ", "va", "va"),
    ("ウィ", "wi", "wi"),
)  # fmt: skip
DOUBLED = "kstpbgdzjfhc"  # what a small tsu can stand before
MACRONS = str.maketrans("aiueo", "āīūēō")
HALF = {unicodedata.normalize("NFKC", half): half for half in map(chr, range(0xFF66, 0xFF9E))}


@st.composite
def names(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """A name, and how it is spelt: Hepburn, Kunrei, Hepburn with macrons."""
    kana = hepburn = kunrei = macrons = ""
    for _ in range(draw(st.integers(1, 5))):
        written, one, other = draw(st.sampled_from(MORAS))
        if kana and one[0] in DOUBLED and draw(st.booleans()):
            kana += "ッ"
            hepburn += "t" if one.startswith("ch") else one[0]
            macrons += "t" if one.startswith("ch") else one[0]
            kunrei += other[0]
        long = one != "n" and draw(st.booleans())
        kana += written + "ー" * long
        hepburn, kunrei = hepburn + one, kunrei + other
        macrons += one[:-1] + one[-1].translate(MACRONS) if long else one
    return kana, hepburn, kunrei, macrons


def finds(typed: str, name: str) -> bool:
    """Whether what was typed is found in a name, as the search looks for it."""
    read = read_name(typed)
    return read is not None and read.part in (latin_of(name) if read.latin else name)


def to_hiragana(name: str) -> str:
    return "".join(chr(ord(kana) - 0x60) if "ァ" <= kana <= "ヶ" else kana for kana in name)


def to_half_width(name: str) -> str:
    parts = unicodedata.normalize("NFD", name).replace("\u3099", "ﾞ").replace("\u309a", "ﾟ")
    return "".join(HALF.get(kana, kana) for kana in parts)


def to_full_width(latin: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) for letter in latin)


@given(names(), st.data())
def test_any_part_of_a_name_in_kana_finds_it(spelt: tuple[str, str, str, str], data: st.DataObject) -> None:
    name = spelt[0]
    begin = data.draw(st.integers(0, len(name) - 1))
    part = name[begin : data.draw(st.integers(begin + 1, len(name)))]
    for typed in (part, to_hiragana(part), to_half_width(part), f"  {part} ", unicodedata.normalize("NFD", part)):
        assert finds(typed, name), typed
        assert as_key(typed) == part


@given(names())
def test_every_spelling_of_a_name_finds_it(spelt: tuple[str, str, str, str]) -> None:
    name, *spellings = spelt
    for spelling in spellings:
        for typed in (spelling, spelling.upper(), spelling.capitalize(), " ".join(spelling)):
            assert finds(typed, name), typed
    assert finds(to_full_width(spellings[0]), name)


@given(names())
def test_a_spelling_cut_off_anywhere_finds_the_name(spelt: tuple[str, str, str, str]) -> None:
    name, *spellings = spelt
    for spelling in spellings:
        for end in range(1, len(spelling) + 1):
            if spelling[:end] != "c":  # which alone is a k
                assert finds(spelling[:end], name), spelling[:end]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("kitasan", "キタサンブラック"), ("BURAKKU", "キタサンブラック"), ("Satono", "サトノダイヤモンド"),
        ("shimbun", "シンブン"), ("doura", "ドーラ"), ("jun'ichi", "ジュンイチ"), ("burak", "キタサンブラック"),
        ("vodoka", "ウオッカボドカ"), ("luparo", "ルパロ"),
    ],
)  # fmt: skip
def test_habits_of_spelling(typed: str, name: str) -> None:
    assert finds(typed, name)


@pytest.mark.parametrize("typed", ["", "   ", "・・", "'", "\u3000", "\u0304"])
def test_nothing_is_looked_for_where_nothing_was_typed(typed: str) -> None:
    assert read_name(typed) is None or not finds(typed, "キタサンブラック")


def test_a_name_is_looked_at_only_so_far() -> None:
    read = read_name("キ" * 10_000)
    assert read
    assert len(read.part) == 60
