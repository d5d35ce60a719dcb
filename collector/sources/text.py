"""From bytes to text as browsers read Japanese pages, and what names mean on them. Never a replacement character."""

import codecs
import re
import unicodedata

from collector.errors import ParseError

META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)
HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.I)

# Labels as the WHATWG Encoding Standard has them, for what Japanese sites use.
LABELS = {
    **dict.fromkeys(("utf-8", "utf8", "unicode-1-1-utf-8", "x-unicode20utf8"), "utf-8"),
    **dict.fromkeys(
        ("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "ms932", "windows-31j", "cp932", "csshiftjis"),
        "shift_jis",
    ),
    **dict.fromkeys(("euc-jp", "x-euc-jp", "eucjp", "euc_jp", "cseucpkdfmtjapanese"), "euc-jp"),
    **dict.fromkeys(("iso-2022-jp", "csiso2022jp"), "iso-2022-jp"),
}
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

# Browsers read JIS X 0208 by Microsoft's table; Python's euc_jp differs from it in these characters.
AS_BROWSERS = str.maketrans("\u301c\u2016\u2212\u00a2\u00a3\u00ac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2")
CP51932 = "cp51932"
# A replacement character that the site itself sent, and what Python makes of bytes that CP932 leaves unused.
NO_CHARACTER = re.compile("[\ufffd\uf8f0-\uf8f3]")


def _vendor_characters(error: UnicodeError) -> tuple[str, int]:
    """Rows 13 and 89 to 92, which the standard leaves empty and every Japanese system fills: ①, ㈱, 髙."""
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and 0xA1 <= pair[0] <= 0xFE and 0xA1 <= pair[1] <= 0xFE:
        row, column = pair[0] - 0xA1, pair[1] - 0xA1
        lead = (row >> 1) + (0x81 if row < 62 else 0xC1)
        trail = column + (0x9F if row & 1 else 0x40 if column < 63 else 0x41)
        return bytes((lead, trail)).decode("cp932"), error.start + 2
    raise error


codecs.register_error(CP51932, _vendor_characters)


def _decode_strictly(body: bytes, charset: str) -> str:
    if charset == "euc-jp":
        return body.decode("euc_jp", CP51932).translate(AS_BROWSERS)
    if charset == "shift_jis":
        try:
            return body.decode("cp932")
        except UnicodeDecodeError as error:
            try:
                return body.decode("shift_jisx0213")
            except UnicodeDecodeError:
                raise error from None
    return body.decode(charset)


def declared_charset(body: bytes, content_type: str | None) -> str | None:
    """What the header, or else the page itself, says of its charset; None where nothing known is said."""
    header = HEADER.search(content_type or "")
    if header and (label := LABELS.get(header[1].lower())):
        return label
    for mark, charset in BOMS:
        if body.startswith(mark):
            return charset
    meta = META.search(body[:1024])
    return LABELS.get(meta[1].decode("ascii").lower()) if meta else None


def decode(body: bytes, content_type: str | None, known: str) -> str:
    """The text of a page: by its header, its byte order mark, its meta tag, or what its site is known to use.

    Raises:
        ParseError: it cannot be read without replacing characters; names the charset and the byte.
    """
    declared = declared_charset(body, content_type)
    trouble: UnicodeDecodeError | None = None
    for charset in dict.fromkeys(filter(None, (declared, known))):
        try:
            text = _decode_strictly(body, charset)
        except UnicodeDecodeError as error:
            trouble = trouble or error
            continue
        if odd := NO_CHARACTER.search(text):
            raise ParseError("text", f"holds {odd[0]!a} at character {odd.start()}, which stands for broken bytes")
        return text.removeprefix("\ufeff")
    assert trouble is not None
    raise ParseError("text", f"not {declared or known}: byte {trouble.start} is {trouble.object[trouble.start]:#04x}")


# Marks of horses trained abroad or on local tracks, as sites print them before a name.
MARKS = re.compile(
    r"^(?:[\[(【〔<]?(?:外|地|父|市|抽|カク外|カク地|マル外|マル地)[\])】〕>]|[□○◯〇☐△▲☆★◇](?:外|地)?|マル[外地]|カク[外地])+"
)
BULLETS = "・･●•◆■*＊"


def horse_key(name: str) -> str:
    """A name as it is compared: full-width katakana, without spaces, bullets and marks."""
    normal = "".join(unicodedata.normalize("NFKC", name).split())
    bare = MARKS.sub("", normal.lstrip(BULLETS)).lstrip(BULLETS)
    return bare or normal


BLOCKS = re.compile(
    r"access denied|forbidden|too many requests|captcha|are you (?:a )?(?:human|robot)|just a moment|attention required"
    r"|service (?:temporarily )?unavailable|bad gateway|request blocked|unusual traffic|rate limit"
    r"|アクセスが(?:集中|制限|拒否|できません)|アクセス制限|ご利用(?:を|が)制限|メンテナンス中|不正なアクセス|閲覧(?:を|が)制限",
    re.I,
)
TITLE = re.compile(r"<title[^>]*>(.{0,300}?)</title", re.I | re.S)
HEADING = re.compile(r"<h[12][^>]*>(.{0,300}?)</h[12]", re.I | re.S)
SHORT = 2000  # characters; a page this short may say it anywhere


def block_reason(text: str) -> str | None:
    """What a page says that is not content but a refusal; None for ordinary pages."""
    places = [match[1] for match in (TITLE.search(text), HEADING.search(text)) if match]
    if len(text) < SHORT:
        places.append(text)
    for place in places:
        if found := BLOCKS.search(place):
            return found[0]
    return None
