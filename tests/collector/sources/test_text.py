"""Bytes to text as browsers read Japanese pages: nothing is guessed, nothing is replaced."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ParseError
from collector.sources.text_tools.text import (
    CONTROL,
    LABELS,
    clean,
    declared_charset,
    decode,
)


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


UGLY = st.text(
    st.sampled_from(" \t\n\x00\x1c\x85\xa0\xad\u200b\u2028\u3000\ufeffaア１ｱ(") | st.characters(), max_size=30
)


@given(UGLY)
def test_words_are_on_one_line_and_hold_nothing_unseen(text: str) -> None:
    assert clean(text) == " ".join(CONTROL.sub("", text).split())
