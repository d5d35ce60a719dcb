"""Complete answers with wrong content. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from collector.demo.answer import Answer
from collector.demo.faults import bombs
from collector.demo.faults.hostile import Fault

BLOCK_PAGE = """<!DOCTYPE html><html><head><title>Access Denied</title></head><body>
<h1>Access Denied</h1><p>アクセスが集中しているため、ただいま表示できません。</p>
<p>Please verify that you are human.</p>
<p>Reference #18.5d2c3017</p></body></html>"""
DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
HTML_PAGE = b"<!DOCTYPE html><html><head><title>Not here</title></head><body><p>No such picture.</p></body></html>"

# The marks that the parsers use, and what a redesign might replace them with.
REDESIGN = (
    ("/index.html", "/mokuji.html"),
    ("photo0", "shashin/0"),
    ("photo1", "shashin/1"),
    ('class="mini"', 'class="list-2col"'),
    ("<table", "<div"),
    ("</table", "</div"),
    ("/Library/m_photo.lbi", "/Library/menu.lbi"),
    ("p_name.gif", "title.png"),
    ("images/", "pics/h"),
    ("#003300", "#224422"),
    ("<b>", "<strong>"),
    ("</b>", "</strong>"),
    ("日号", "日発行"),
    ("日撮影", "日 photo"),
)


def _charset_of(answer: Answer) -> str:
    if "utf-8" in answer.media_type.lower():
        return "utf-8"
    return "euc_jp" if b"euc-jp" in answer.body[:2000].lower() else "cp932"


def _change_layout(answer: Answer) -> Answer:
    charset = _charset_of(answer)
    text = answer.body.decode(charset, "surrogateescape")  # vendors' characters are kept
    for old, new in REDESIGN:
        text = text.replace(old, new)
    return replace(answer, body=text.encode(charset, "surrogateescape"))


def _mislabel(answer: Answer) -> Answer:
    text = answer.body.decode(_charset_of(answer), "replace")
    return replace(answer, body=text.encode("euc_jp", "replace"), media_type="text/html; charset=Shift_JIS")


def _break_bytes(answer: Answer) -> Answer:
    # A lead byte without its second byte; single bytes above 0xFC would count as Microsoft's private characters.
    return replace(answer, body=answer.body.replace(b"</", b"\x81\xff</"))


def _block(answer: Answer) -> Answer:
    return replace(answer, body=BLOCK_PAGE.encode(), media_type="text/html; charset=utf-8")


DISTORTIONS: dict[str, Callable[[Answer], Answer]] = {
    "layout": _change_layout,
    "euc-jp": _mislabel,
    "broken-bytes": _break_bytes,
    "block-page": _block,
    "deep-page": lambda answer: replace(answer, body=bombs.deep(answer.body)),
    "robots-disallow": lambda answer: replace(answer, body=DISALLOW_ALL),
    "html-as-jpeg": lambda answer: replace(answer, body=HTML_PAGE, media_type="image/jpeg"),
    "many-scans": lambda answer: replace(answer, body=bombs.many_scans(), media_type="image/jpeg"),
    "cut-jpeg": lambda answer: replace(answer, body=bombs.without_its_last_part(answer.body)),
    "huge-png": lambda answer: replace(answer, body=bombs.huge_png(), media_type="image/png"),
}
OF_TEXT = ("layout", "euc-jp", "broken-bytes", "deep-page")
TAGS = ("noimageindex", "noai")


def is_distortion(fault: Fault) -> bool:
    """Whether a fault changes the content, and not the connection or HTTP."""
    return fault.name in DISTORTIONS or fault.name in TAGS


def distort(answer: Answer, fault: Fault) -> Answer:
    """The changed answer, with its own validators."""
    if fault.name in TAGS:
        return replace(answer, headers={**answer.headers, "X-Robots-Tag": fault.name})
    if fault.name in OF_TEXT and answer.media_type.startswith("image/"):
        return answer  # a picture has neither a layout nor a charset
    changed = DISTORTIONS[fault.name](answer)
    return replace(changed, modified=answer.modified + timedelta(days=1))
