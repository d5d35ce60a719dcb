"""Bytes to text as browsers read Japanese pages: nothing is guessed, nothing is replaced."""

import contextlib
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import ParseError
from collector.sources.text_tools.text import (
    CONTROL,
    LABELS,
    block_reason,
    clean,
    declared_charset,
    decode,
    horse_key,
)
from tests.paths import SHARED


def browsers_euc_jp(pair: bytes) -> str | None:
    """One character of CP51932, computed from CP932's table: an independent, slow implementation."""
    row, column = pair[0] - 0xA1, pair[1] - 0xA1
    lead = (row // 2) + (0x81 if row < 62 else 0xC1)
    trail = column + (0x9F if row % 2 else (0x40 if column < 63 else 0x41))
    try:
        return bytes((lead, trail)).decode("cp932")
    except UnicodeDecodeError:
        return None


def test_machine_dependent_characters_of_euc_jp_are_read_as_browsers_do() -> None:
    assert decode(bytes.fromhex("FCE2B6B6ADA1ADEA"), None, "euc-jp") == "髙橋①㈱"


def test_every_pair_of_euc_jp_is_read_as_browsers_do() -> None:
    for first in range(0xA1, 0xFF):
        for second in range(0xA1, 0xFF):
            pair = bytes((first, second))
            wanted = browsers_euc_jp(pair)
            if wanted is None:
                with pytest.raises(ParseError):
                    decode(pair, None, "euc-jp")
            else:
                assert decode(pair, None, "euc-jp") == wanted


@pytest.mark.parametrize("text", ["ﾃﾞｨｰﾌﾟｲﾝﾊﾟｸﾄ", "丂", "plain ASCII", "〜ではなく～"])
def test_half_width_and_supplementary_characters_of_euc_jp(text: str) -> None:
    if "〜" in text:
        text = text.replace("〜", "～")
    body = b"".join(character.encode("euc_jp") if character != "～" else b"\xa1\xc1" for character in text)
    assert decode(body, None, "euc-jp") == text


@pytest.mark.parametrize("text", ["髙橋①㈱﨑", "ミヤビランベリ～", "骨量があり、幅と丸みのある"])
def test_shift_jis_is_read_as_cp932(text: str) -> None:
    assert decode(text.encode("cp932"), None, "shift_jis") == text


def test_a_page_only_shift_jisx0213_can_read_is_read_by_it() -> None:
    body = "〼".encode("shift_jisx0213")  # 81 B5, which CP932 leaves empty
    assert decode(body, None, "shift_jis") == body.decode("shift_jisx0213")


ONE_WAY = "¢£¬‖−〜"  # CP932 encodes them, but decodes to their full-width forms


@given(st.text(st.characters(codec="cp932", exclude_categories=("Cc", "Co"), exclude_characters=ONE_WAY)))
def test_what_cp932_can_say_comes_back(text: str) -> None:
    assert decode(text.encode("cp932"), "text/html; charset=Shift_JIS", "shift_jis") == text


@given(st.binary())
def test_no_bytes_ever_give_a_replacement_character(body: bytes) -> None:
    for known in ("shift_jis", "euc-jp", "utf-8"):
        with contextlib.suppress(ParseError):
            assert "\ufffd" not in decode(body, None, known)


@pytest.mark.parametrize(
    ("body", "header", "charset"),
    [
        (b"", "text/html; charset=Shift_JIS", "shift_jis"),
        (b"", 'text/html; charset="x-sjis"', "shift_jis"),
        (b'<meta charset="euc-jp">', "text/html", "euc-jp"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=windows-31j">', None, "shift_jis"),
        (b"\xef\xbb\xbf<meta charset=euc-jp>", None, "utf-8-sig"),
        (b'<meta charset="euc-jp">', "text/html; charset=utf-8", "utf-8"),  # the header counts first
        (b'<meta charset="klingon">', "text/html; charset=none", None),
        (b" " * 1100 + b'<meta charset="euc-jp">', None, None),  # too far down
    ],
)
def test_the_charset_comes_from_header_mark_and_meta(body: bytes, header: str | None, charset: str | None) -> None:
    assert declared_charset(body, header) == charset


def test_a_page_that_lies_about_its_charset_is_read_by_the_sites_own() -> None:
    assert decode("髙橋".encode("cp932"), "text/html; charset=utf-8", "shift_jis") == "髙橋"


@pytest.mark.parametrize("body", [b"\x83", b"abc\x81\xff", b"\xfd", b"\xa0abc"])
def test_broken_bytes_are_named_and_not_stored(body: bytes) -> None:
    with pytest.raises(ParseError, match="text"):
        decode(body, None, "shift_jis")


def test_a_replacement_character_from_the_site_is_an_error() -> None:
    with pytest.raises(ParseError, match="broken bytes"):
        decode("\ufffd".encode(), "text/html; charset=utf-8", "shift_jis")


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
    "page",
    [
        "<html><title>Access Denied</title><body>You don't have permission</body></html>",
        "<title>403 Forbidden</title>",
        "<html><head><title>Just a moment...</title></head><body></body></html>",
        "<body>ただいまアクセスが集中しております。しばらくお待ちください。</body>",
        "<title>メンテナンス中</title>",
    ],
)
def test_block_pages_are_recognised(page: str) -> None:
    assert block_reason(page)


def test_an_ordinary_page_may_say_forbidden_words_in_its_text() -> None:
    assert block_reason(f"<title>競馬ブック</title><body>{'写真' * 1500} access denied</body>") is None


EUC = "text/html; charset=euc-jp"
SJIS = "text/html; charset=Shift_JIS"
UTF8 = "text/html; charset=utf-8"


# Undefined pairs after three good bytes: the error must name the pair, not its first half.
PAIRS = [bytes((first, second)) for first in range(0xA1, 0xFF) for second in range(0xA1, 0xFF)]
READABLE = [pair for pair in PAIRS if browsers_euc_jp(pair)]


def test_every_pair_that_euc_jp_lacks_is_named_where_it_stands() -> None:
    for pair in set(PAIRS) - set(READABLE):
        with pytest.raises(ParseError, match="byte 3 "):
            decode(b"abc" + pair, None, "euc-jp")


def test_there_are_as_many_pairs_as_the_standard_and_the_vendors_have() -> None:
    assert len(READABLE) == 6879 + 83 + 374  # JIS X 0208, NEC's row 13, what NEC took over from IBM


@given(st.lists(st.sampled_from(READABLE)))
def test_what_euc_jp_can_say_comes_back(pairs: list[bytes]) -> None:
    assert decode(b"".join(pairs), None, "euc-jp") == "".join(str(browsers_euc_jp(pair)) for pair in pairs)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"\xfc\xe2\xb6\xb6\xad\xa1\xad\xea", "髙橋①㈱"),
        (b"\xa1\xc1\xa1\xc2\xa1\xdd\xa1\xf1\xa1\xf2\xa2\xcc", "～∥－￠￡￢"),
        (b"\xa1\xc0\xa1\xbd\\~", "＼―\\~"),
        (b"\x8e\xb6\x8e\xde", "ｶﾞ"),
        (b"\x8f\xb0\xa1", "丂"),
        (b"\x8f\xa2\xb7", "～"),
    ],
)
def test_euc_jp_as_browsers_read_it(body: bytes, text: str) -> None:
    assert decode(body, EUC, "shift_jis") == text


@pytest.mark.parametrize("label", ["x-sjis", "windows-31j", "shift-jis", "ms_kanji", "Shift_JIS", "sjis", "MS932"])
def test_every_name_of_shift_jis_is_microsofts(label: str) -> None:
    assert decode("髙﨑①㈱Ⅱ～".encode("cp932"), f'text/html; charset="{label}"', "utf-8") == "髙﨑①㈱Ⅱ～"


def test_shift_jis_of_2004_is_read_where_microsofts_cannot() -> None:
    assert decode(b"\x81\xad\x83\x5a\\~\x81\x60", None, "shift_jis") == "＇セ\\~～"


def test_shift_jis_that_would_change_a_character_is_not_guessed() -> None:
    with pytest.raises(ParseError, match="byte 2 "):
        decode("髙".encode("cp932") + b"\x81\xad", None, "shift_jis")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("競馬".encode(), UTF8),
        (b"\xef\xbb\xbf" + "競馬".encode(), "text/html"),
        (b"\xef\xbb\xbf" + "競馬".encode(), UTF8),
        ("競馬".encode("utf-16"), None),
        ('<meta charset="utf-8">競馬'.encode(), None),
        ('<META HTTP-EQUIV="Content-type" CONTENT="text/html; charset=EUC-JP">競馬'.encode("euc_jp"), "text/html"),
        ("<meta charset=nonsense><meta charset=euc-jp>競馬".encode("euc_jp"), "text/html; charset=iso-8859-1"),
        ("競馬".encode("iso2022_jp"), "text/html; charset=iso-2022-jp"),
        ("競馬".encode("cp932"), "text/html; charset=none-such"),
        ("競馬".encode("cp932"), None),
        ("競馬の写真".encode("cp932"), UTF8),  # a header that lies
    ],
)
def test_the_order_is_header_mark_meta_tag_and_what_is_known(body: bytes, content_type: str | None) -> None:
    text = decode(body, content_type, "shift_jis")
    assert "競馬" in text
    assert "\ufeff" not in text


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"abc\x81\xff", SJIS, "shift_jis: byte 3 "),
        (b"abc\x81", SJIS, "shift_jis: byte 3 "),
        (b"abc\xfd", SJIS, "shift_jis: byte 3 "),
        (b"abc\xa1", EUC, "euc-jp: byte 3 "),
        (b"abc\x8f\xa1\xa1", EUC, "euc-jp: byte 3 "),
        (b"abc\xe7\xab", UTF8, "utf-8: byte 3 "),
        ("競\ufffd".encode(), UTF8, "utf-8: byte 3 "),
    ],
)
def test_what_cannot_be_read_names_its_charset_and_byte(body: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        decode(body, content_type, content_type.partition("=")[2])
    assert caught.value.field == "text"
    assert reason in caught.value.reason


def test_one_broken_byte_does_not_lead_to_nonsense_in_another_charset() -> None:
    body = "縁の下".encode() * 10 + b"\xe3\x81<p>"
    assert b"\xe3" in body
    with pytest.raises(ParseError, match="utf-8"):
        decode(body, UTF8, "shift_jis")


def test_every_label_is_of_a_charset_that_is_read() -> None:
    assert {decode(b"abc", f"text/html; charset={label}", "shift_jis") for label in LABELS} == {"abc"}


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


@pytest.mark.parametrize(
    "page",
    [
        "<title>Access Denied</title><h1>Access Denied</h1>Reference #18.1",
        "<title>403 Forbidden</title>",
        "<title>Just a moment...</title>" + "<script>x</script>" * 500,
        "<title>Attention Required! | Cloudflare</title>",
        "<html>Too Many Requests",
        "<p>Please solve this CAPTCHA",
        "<title>アクセス制限</title>",
        "<p>ただいまアクセスが集中しております。",
        "<p>ただいま大変混雑しております。",
        "<p>お客様のご利用を制限しております。",
        "<h1>メンテナンス中</h1>" + "<p>お待ちください。" * 500,
        "<title>メンテナンス</title>",
        "<title>ERROR: The request could not be satisfied</title>",
        "<h1>Service Temporarily Unavailable</h1>",
    ],
)
def test_a_block_page_is_recognised(page: str) -> None:
    assert block_reason(page)


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<title>PHOTOパドック</title><b>フォービドゥン</b>",
        "<title>Forbidden Apple</title><p>よく見せる。",
        "<title>競馬ニュース</title><h1>新しい競馬場へのアクセス</h1>" + "<p>アクセスが集中した売り場もあった。" * 200,
        "<h1>坂路のメンテナンス完了</h1>" + "<p>馬場は良好。" * 300,
        "<p>429勝、403日ぶりの出走。",
        "<title" * 50_000,
    ],
)
def test_an_ordinary_page_is_not_a_block_page(page: str) -> None:
    assert not block_reason(page)


UGLY = st.text(
    st.sampled_from(" \t\n\x00\x1c\x85\xa0\xad\u200b\u2028\u3000\ufeffaア１ｱ(") | st.characters(), max_size=30
)


@given(UGLY)
def test_words_are_on_one_line_and_hold_nothing_unseen(text: str) -> None:
    assert clean(text) == " ".join(CONTROL.sub("", text).split())


@given(st.text(st.sampled_from([chr(code) for code in range(0x30A1, 0x30F5)] + ["ー"]), min_size=1))
def test_a_name_in_katakana_is_its_own_key(name: str) -> None:
    assert horse_key(name) == name == unicodedata.normalize("NFKC", name)
