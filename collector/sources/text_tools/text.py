"""From bytes to text, as browsers read Japanese pages, and keys to compare names. No replacement characters."""

import codecs
import re
import unicodedata

from collector.console.typed import DASHES
from collector.errors import ParseError

META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
META_BYTES = 1024  # that browsers search for it

# The labels of the WHATWG Encoding Standard for the charsets of Japanese sites, and some more that these sites use.
LABELS = {
    **dict.fromkeys(
        ("utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"), "utf-8"
    ),
    **dict.fromkeys(
        ("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "ms932", "windows-31j", "cp932", "csshiftjis"),
        "shift_jis",
    ),
    **dict.fromkeys(("euc-jp", "x-euc-jp", "eucjp", "euc_jp", "cseucpkdfmtjapanese"), "euc-jp"),
    **dict.fromkeys(("iso-2022-jp", "csiso2022jp"), "iso-2022-jp"),
}
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

# Browsers read JIS X 0208 with Microsoft's table; Python's codecs differ in these characters.
AS_BROWSERS = (
    ("\u301c", "\uff5e"),  # WAVE DASH, FULLWIDTH TILDE
    ("\u2016", "\u2225"),  # DOUBLE VERTICAL LINE, PARALLEL TO
    ("\u2212", "\uff0d"),  # MINUS SIGN, FULLWIDTH HYPHEN-MINUS
    ("\u00a2", "\uffe0"),  # CENT SIGN
    ("\u00a3", "\uffe1"),  # POUND SIGN
    ("\u00ac", "\uffe2"),  # NOT SIGN
)
# JIS X 0201 has the yen sign instead of the backslash; 0x815F is the wide backslash.
SHIFT_JISX0213 = str.maketrans({"\\": "\uff3c", "\u00a5": "\\", "\u203e": "~", **dict(AS_BROWSERS)})
TILDE_0212, TILDE_0208 = b"\x8f\xa2\xb7", b"\xa1\xc1"  # one character, FULLWIDTH TILDE, for browsers
CP51932, WITH_0213 = "paddock-cp51932", "paddock-jisx0213"
UNUSED = "\uf8f0\uf8f1\uf8f2\uf8f3"  # Python's characters for bytes that CP932 does not use
REPLACEMENT = "\ufffd"


def _vendor_characters(error: UnicodeError) -> tuple[str, int]:
    """Rows 13 and 89 to 92, which the standard leaves empty and every Japanese system fills: ①, ㈱, 髙."""
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and 0xA1 <= pair[0] <= 0xFE and 0xA1 <= pair[1] <= 0xFE:
        row, column = pair[0] - 0xA1, pair[1] - 0xA1
        lead = (row >> 1) + (0x81 if row < 62 else 0xC1)
        trail = column + (0x9F if row & 1 else 0x40 if column < 63 else 0x41)
        try:
            return bytes((lead, trail)).decode("cp932"), error.start + 2
        except UnicodeDecodeError:
            pass
    raise error


def _characters_of_0213(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    return pair.decode("shift_jisx0213").translate(SHIFT_JISX0213), error.start + 2


codecs.register_error(CP51932, _vendor_characters)
codecs.register_error(WITH_0213, _characters_of_0213)


def _decode_euc_jp(body: bytes) -> str:
    text = body.replace(TILDE_0212, TILDE_0208).decode("euc_jp", CP51932)
    for python, browsers in AS_BROWSERS:
        text = text.replace(python, browsers)
    return text


def _decode_shift_jis(body: bytes) -> str:
    try:
        text = body.decode("cp932")
    except UnicodeDecodeError as error:
        return _decode_jisx0213(body, error)
    if any(mark in text for mark in UNUSED):
        start = len(text[: min(at for mark in UNUSED if (at := text.find(mark)) >= 0)].encode("cp932"))
        raise UnicodeDecodeError("cp932", body, start, start + 1, "no character")
    return text


def _decode_jisx0213(body: bytes, error: UnicodeDecodeError) -> str:
    """Decode as Shift_JISX0213, unless it reads a character of CP932 as another one."""
    try:
        text = body.decode("shift_jisx0213").translate(SHIFT_JISX0213)
        other = body.decode("cp932", WITH_0213)
    except UnicodeDecodeError:
        raise error from None
    same = len(text) == len(other) and all(
        one == two or unicodedata.category(two) == "Co" for one, two in zip(text, other, strict=True)
    )
    if not same:
        raise error
    return text


def _decode_strictly(body: bytes, charset: str) -> str:
    if charset == "euc-jp":
        return _decode_euc_jp(body)
    if charset == "shift_jis":
        return _decode_shift_jis(body)
    return body.decode(charset)


def declared_charset(body: bytes, content_type: str | None) -> str | None:
    """The charset that the header, or else the page itself, declares; None without a known one."""
    header = HEADER.search(content_type or "")
    if header and (label := LABELS.get(header[1].lower())):
        return label
    for mark, charset in BOMS:
        if body.startswith(mark):
            return charset
    labels = (LABELS.get(meta[1].decode("ascii").lower()) for meta in META.finditer(body[:META_BYTES]))
    return next(filter(None, labels), None)


def _only_damaged(body: bytes, charset: str) -> bool:
    """Whether nearly all bytes fit a charset. Another charset would then read nonsense."""
    codec = {"shift_jis": "cp932", "euc-jp": "euc_jp"}.get(charset, charset)
    text = body.decode(codec, "replace")
    # Other charsets, read as Shift_JIS, look like half-width katakana; so it proves nothing.
    good = sum(char > "\x7f" and not "\uff61" <= char <= "\uff9f" for char in text)
    bad = text.count(REPLACEMENT)
    return bad * 10 < good


def decode(body: bytes, content_type: str | None, known: str) -> str:
    """The text of a page; the charset comes from its header, its byte order mark, its meta tag, or is `known`.

    Raises:
        ParseError: it cannot be read without replacement characters; names the charset and the byte.
    """
    known = LABELS.get(known.lower(), known)
    declared = declared_charset(body, content_type) or known
    try:
        return _without_replacements(_decode_strictly(body, declared), declared)
    except UnicodeDecodeError as error:
        trouble = error
    if known != declared and not _only_damaged(body, declared):
        try:
            return _without_replacements(_decode_strictly(body, known), known)
        except UnicodeDecodeError:
            pass
    byte = body[trouble.start] if trouble.start < len(body) else 0
    raise ParseError("text", f"not {declared}: byte {trouble.start} is {byte:#04x}") from trouble


def _without_replacements(text: str, charset: str) -> str:
    at = text.find(REPLACEMENT)
    if at >= 0:
        codec = {"euc-jp": "euc_jp", "shift_jis": "cp932"}.get(charset, charset)
        start = len(text[:at].encode(codec, "replace"))
        raise ParseError("text", f"{charset}: byte {start} begins U+FFFD, which stands for broken bytes")
    return text.removeprefix("\ufeff")


CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def clean(text: str) -> str:
    """Printed words on one line, without invisible characters."""
    text = text.strip(" \t\n\r")
    if text.isprintable() and "  " not in text:  # nearly always: the only white space is single spaces
        return text
    return " ".join(CONTROL.sub("", text).split())


# Marks of horses from abroad or from local tracks; sites print them beside a name.
IN_BRACKETS = re.compile(r"[\[({【〔〖<《〈「『≪](?:マル|カク)?[外地父市抽招][\])}】〕〗>》〉」』≫]")
IN_FRONT = re.compile(r"^(?:[□■○●◯〇☐▢△▲☆★◇\u20dd\u20de]?[外地父市抽招]|(?:マル|カク)[外地父市抽招])+(?=.)")
CIRCLED = re.compile("[\u3220-\u3247\u3280-\u32b0\U0001f210-\U0001f23b\U0001f240-\U0001f248]")
UNSEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
# ゛ and ゜ as single characters, as in ウ゛, and lines above, which would be read as accents.
VOICING = str.maketrans("\u309b\u309c\u203e\uffe3\xaf", "\u3099\u309aーーー")
MOST_LAYERS = 9  # marks within marks
BULLETS = "・･●•◆■*＊"
QUOTES = '「」『』"“”〝〟'
KATAKANA = re.compile("[ァ-ヴー]+")
AS_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
# Characters that people write for ー after a katakana: dashes, table lines, vertical lines, and a kanji.
LINES = "~〜～∼⁓〰⎯╌╴┄┅┈⸺⸻ˉ˗\u1173㇐|│丨一"
LONG = re.compile(f"(?<=[ァ-ヺー])[{re.escape(DASHES)}{LINES}\\-]+(?=[ァ-ヺ・]|$)")
RING = re.compile("(?<=[ハヒフヘホ])[°˚]")  # as in ハ°
# Kanji that look like katakana. In a name whose other characters are katakana, they are katakana.
LOOK_ALIKE = str.maketrans("二八力口工夕卜才千三又丿囗亻廾乂厶匕彐", "ニハカロエタトオチミヌノロイサメムヒヨ")
ALL_KATAKANA = re.compile("(?=.*[ァ-ヺ])[ァ-ヺー・二八力口工夕卜才千三又丿囗亻廾乂厶匕彐]+")
REPEATED = re.compile("([ァ-ヺ])([ヽヾ])")
DOTS = re.compile("(?<=[ァ-ヺー])[·•‧∙⋅･](?=[ァ-ヺ])")
ACCENTS = re.compile("[\u0300-\u036f]")
APOSTROPHES = str.maketrans("‘’ʼ`´", "'''''")


def horse_key(name: str) -> str:
    """The key for comparing names: the same key for all spellings of a name.

    It is full-width katakana (or small Latin letters), without spaces, bullets, accents and marks of origin.
    """
    if KATAKANA.fullmatch(name):
        return name  # nearly all names
    key = name
    for _ in range(MOST_LAYERS):
        key, before = _spelt_alike(_without_marks(key)), key
        if key == before:
            break
    return key


def _without_marks(name: str) -> str:
    """A name without spaces and marks, unless nothing else is in it."""
    whole = UNSEEN.sub("", unicodedata.normalize("NFKC", UNSEEN.sub("", name).translate(VOICING)))
    plain = CIRCLED.sub("", UNSEEN.sub("", name)).translate(VOICING)
    normal = UNSEEN.sub("", unicodedata.normalize("NFKC", plain))
    bare = IN_FRONT.sub("", IN_BRACKETS.sub("", normal).lstrip(BULLETS)).lstrip(BULLETS).strip(QUOTES)
    return bare or normal or whole


def _spelt_alike(name: str) -> str:
    """A name with common misspellings corrected: dashes for ー, hiragana, similar kanji and dots, accents."""
    key = RING.sub("\u309a", name.translate(AS_KATAKANA))
    key = LONG.sub(lambda match: "ー" * len(match[0]), unicodedata.normalize("NFC", key))
    if ALL_KATAKANA.fullmatch(key):
        key = key.translate(LOOK_ALIKE)
    key = REPEATED.sub(_written_twice, DOTS.sub("・", key))
    key = ACCENTS.sub("", unicodedata.normalize("NFKD", key).casefold()).translate(APOSTROPHES)
    return unicodedata.normalize("NFKC", key).rstrip(".。") or name


def _written_twice(match: re.Match[str]) -> str:
    """ヽ repeats a kana without its mark, ヾ with it."""
    kana = unicodedata.normalize("NFD", match[1])[0]
    return match[1] + unicodedata.normalize("NFC", kana + "\u3099" * (match[2] == "ヾ"))


BLOCKS = re.compile(
    r"access denied|\b403 forbidden|too many requests|captcha|are you (?:a )?(?:human|robot)|verify (?:that )?you are"
    r"|just a moment\.\.\.|attention required!|checking your browser|you have been blocked|you don't have permission"
    r"|service (?:temporarily )?unavailable|bad gateway|gateway time-?out|request (?:blocked|could not be satisfied)"
    r"|unusual traffic|rate limit|under maintenance"
    r"|アクセスが(?:集中|制限|拒否|できません)|アクセス(?:制限|集中|拒否|できません)|(?:ご利用|利用|閲覧)(?:を|が)?制限"
    r"|メンテナンス(?:中|のため|を実施|作業)|不正なアクセス|ただ(?:今|いま).{0,10}混(?:雑|み合)|サービスを(?:一時)?停止",
    re.I,
)
# A title or heading that is only this word; in a sentence the word may mean something else.
BARE = re.compile(r"\s*(?:(?:error\s*)?403\b.{0,40}|forbidden|blocked|メンテナンス|混雑中)\s*", re.I | re.S)
TITLE = re.compile(r"<title[^>]{0,200}>(.{0,300}?)</title", re.I | re.S)
HEADING = re.compile(r"<h[12][^>]{0,200}>(.{0,300}?)</h[12]", re.I | re.S)
SHORT = 2000  # characters; in a page this short, the whole text is searched
HEAD = 20_000  # characters that are searched for a title or a first heading


def block_reason(text: str) -> str | None:
    """The words of a page that refuse the request; None for ordinary pages."""
    top = text[:HEAD]
    titles = [match[1] for match in (TITLE.search(top), HEADING.search(top)) if match]
    for title in titles:
        if found := BARE.fullmatch(title) or BLOCKS.search(title):
            return found[0].strip()
    if len(text) < SHORT and (found := BLOCKS.search(text)):
        return found[0]
    return None
