"""Bytes to text as browsers read Japanese pages: nothing is guessed, nothing is replaced."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ParseError
from collector.sources.text import block_reason, declared_charset, decode, horse_key


def browsers_euc_jp(pair: bytes) -> str | None:
    """One character as CP51932 has it, by way of CP932's table; an independent, slow way of saying it."""
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


ONE_WAY = "¢£¬‖−〜"  # CP932 takes them, and gives their full-width forms back


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
def test_the_charset_is_told_by_header_mark_and_meta(body: bytes, header: str | None, charset: str | None) -> None:
    assert declared_charset(body, header) == charset


def test_a_page_that_lies_about_its_charset_is_read_by_the_sites_own() -> None:
    assert decode("髙橋".encode("cp932"), "text/html; charset=utf-8", "shift_jis") == "髙橋"


@pytest.mark.parametrize("body", [b"\x83", b"abc\x81\xff", b"\xfd", b"\xa0abc"])
def test_broken_bytes_are_named_and_not_stored(body: bytes) -> None:
    with pytest.raises(ParseError, match="text"):
        decode(body, None, "shift_jis")


def test_a_replacement_character_of_the_site_itself_is_no_text() -> None:
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
