"""keibado's pages: one folder for each known layout and quirk. Adding a folder adds a test.

`page.html` is made up, in the site's own encoding; `url.txt` says where it stands; `expected.json` what it says.
"""

import contextlib
import json
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from collector.errors import ParseError
from collector.sources.keibado import issue as keibado_issue
from collector.sources.keibado.source import KEIBADO
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, YEAR_INDEX, address
from collector.sources.source import IMAGE, ROBOTS
from collector.sources.text_tools.text import decode
from collector.storage.items import IssueItem, PhotoItem
from tests.paths import PAGES

FOLDER = PAGES / "keibado"
CASES = sorted(path.parent for path in FOLDER.glob("*/*/page.html"))


def said(folder: Path) -> dict[str, Any]:
    """The parser's result for a page, as plain values."""
    kind, url = folder.parent.name, (folder / "url.txt").read_text().strip()
    try:
        text = decode((folder / "page.html").read_bytes(), None, KEIBADO.charset)
        parsed = KEIBADO.parse(kind, url, text)
    except ParseError as error:
        return {"error": error.field}
    return {
        "items": [json.loads(item.model_dump_json(exclude_defaults=True)) for item in parsed.items],
        "links": [f"{link.kind} {link.dated} {link.url}" for link in parsed.links],
        "missing": list(parsed.missing),
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_page_says_what_is_expected(folder: Path) -> None:
    assert said(folder) == json.loads((folder / "expected.json").read_text())


KINDS = [YEAR_INDEX, ISSUE_INDEX, PHOTO_PAGE]
SCRAPS = st.sampled_from(
    [
        '<table class="mini">', "<tr><td>", "<b>", "</b>", '<a href="photo01.html">', '<a href="', "</a>", "<!--",
        "-->", '<img src="images/pp01.jpg">', '<img src="p_name.gif">', "・", "◆", "99歳、", "(13月45日撮影)",
        "牡5歳、栗毛、美浦・厩舎", '<table bgcolor="#003300" width="145">', '<table width="350" border="1">', "日号",
        "31・1", "\x00", "\u202e", "<br>",
    ]
)  # fmt: skip


@given(kind=st.sampled_from(KINDS), scraps=st.lists(SCRAPS | st.text(max_size=20), max_size=40))
def test_a_page_with_any_content_is_read_or_set_aside(kind: str, scraps: list[str]) -> None:
    try:
        parsed = KEIBADO.parse(kind, "http://old.keibado.ne.jp/keibabook/160104/photo01.html", "".join(scraps))
    except ParseError:
        return
    for link in parsed.links:
        assert link.url.startswith("http://old.keibado.ne.jp/keibabook/")


@given(st.dates(date(2001, 1, 1), date(2018, 12, 31)))
def test_printed_days_are_found_again_before_any_issue(issue: date) -> None:
    days = [issue - timedelta(days=2), issue - timedelta(days=1)]
    tree = LexborHTMLParser(f"<body>{days[0].day}・{days[1].day}日号</body>")
    assert keibado_issue._race_days(tree, issue) == days


SITE = "http://old.example/keibabook"
URLS = {
    YEAR_INDEX: f"{SITE}/bn/2017.html",
    ISSUE_INDEX: f"{SITE}/170306/index.html",
    PHOTO_PAGE: f"{SITE}/170306/photo01.html",
}
# Pieces of real markup, so that random pages get deep into the parsers.
PIECES = (
    '<table class="mini">', '<table bgcolor="#003300" width="145">', '<table width="309">', '<table width="310">',
    '<table width="350" border="1">', "<tr>", "<td>", "</td>", "</table>", "<b>", "</b>", "<font size=2>", "</font>",
    '<a href="photo01.html">', '<a href="photo00.html">', '<a href="http://[">', '<a href="../170306/index.html">',
    "</a>", "<br>", "<!--", "-->", '<!-- #BeginLibraryItem "/Library/m_photo.lbi" -->', "<!-- #EndLibraryItem -->",
    '<img src="p_name.gif">', '<img src="images/pp01.jpg">', '<img src="http://[/images/pp1.jpg" width="304">',
    '<img src="//x/images/pp01.jpg">', '<meta name="robots" content="noai">', "◆", "■", "・", "アオバノカゼ", "4・5",
    "99", "日号", "発売中", "(鹿毛 3月12日撮影)", "(99月99日撮影)", "牡5歳、栗毛、美浦・牧野太郎厩舎", "牡99歳、",
    "厩舎", "\x00", "\x0b", "\u200b", "\ufdfa", "٣", " ", "\n",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join) | st.text()


@settings(max_examples=300)
@given(st.sampled_from(list(URLS)), HOSTILE)
def test_what_is_read_from_any_page_is_fit_to_be_kept(kind: str, text: str) -> None:
    try:
        parsed = KEIBADO.parse(kind, URLS[kind], text)
    except ParseError:
        return
    assert all(link.url.startswith("http://old.example/") and link.url.isascii() for link in parsed.links)
    assert len({link.url for link in parsed.links}) == len(parsed.links)
    assert "\\x00" not in ascii(parsed)
    for item in parsed.items:
        match item:
            case PhotoItem():
                assert item.horse_name
                assert item.horse_key
            case IssueItem():
                assert all(0 < (item.issue_date - day).days <= 4 for day in item.race_days)


@given(st.sampled_from(list(URLS)), st.text())
def test_any_address_has_a_meaning_or_is_an_error(kind: str, url: str) -> None:
    page = '<img src="p_name.gif">ア<img width="304" src="images/pp01.jpg"><table class="mini"><a href="photo1.html">ア'
    with contextlib.suppress(ParseError):
        KEIBADO.parse(kind, url, page)


@pytest.mark.parametrize("kind", [ROBOTS, IMAGE])
def test_other_kinds_are_not_read(kind: str) -> None:
    with pytest.raises(ParseError):
        KEIBADO.parse(kind, "http://old.example/", "")


@pytest.mark.parametrize("kind", URLS)
def test_an_empty_page_is_an_error(kind: str) -> None:
    with pytest.raises(ParseError):
        KEIBADO.parse(kind, URLS[kind], "")


@pytest.mark.parametrize("kind", URLS)
@pytest.mark.parametrize(
    "piece",
    [
        "<b>",
        "<font size=2>y",
        '<table class="mini">',
        '<table bgcolor="#003300" width="145"><tr><td><b>x',
        '<table width="310"><tr><td><font size=2>',
        '<table class="mini"><tr><td><b>◆x<a href="photo01.html">y',
        '<!-- #BeginLibraryItem "/Library/m_photo.lbi" -->',
        "1・1・",
        "日号",
        "1日号",
        "厩舎",
        "日撮影",
        '<img src="p_name.gif">',
        "<meta name=robots content=",
        "<!--",
        "\u3000",
        "\ufdfa",
    ],
)
def test_no_page_takes_long(kind: str, piece: str) -> None:
    page = piece * (KEIBADO.longest_page // len(piece))
    start = time.process_time()
    with contextlib.suppress(ParseError):
        KEIBADO.parse(kind, URLS[kind], page)
    assert time.process_time() - start < 5


def test_a_page_of_absurd_length_is_an_error() -> None:
    with pytest.raises(ParseError, match="page"):
        KEIBADO.parse(PHOTO_PAGE, URLS[PHOTO_PAGE], " " * (KEIBADO.longest_page + 1))


PAGE_URLS = [
    f"http://old.keibado.ne.jp{path}"
    for path in ("/keibabook/140114/index.html", "/keibabook/", "/x.html", "", "/a/b/c/")
]
LINK_PIECES = [
    "..",
    ".",
    "/",
    "a",
    "photo01.html",
    ".html",
    "?",
    "#",
    "-",
    "_",
    " ",
    "//",
    "http:",
    "old.keibado.ne.jp",
    "é",
]


@given(st.sampled_from(PAGE_URLS), st.lists(st.sampled_from(LINK_PIECES), max_size=8).map("".join))
def test_a_link_leads_where_a_browser_goes_or_nowhere(url: str, link: str) -> None:
    found = address(url, link)
    if found is not None:
        target = urlsplit(urljoin(url, link.strip()))
        assert found == target._replace(query="", fragment="").geturl()
        assert target.netloc == "old.keibado.ne.jp"


@pytest.mark.parametrize(
    ("link", "path"),
    [("photo01.html", "/keibabook/140114/photo01.html"), ("./photo01.html", "/keibabook/140114/photo01.html"),
     ("../140106/index.html", "/keibabook/140106/index.html"), ("../../index.html", "/index.html"),
     ("/keibabook/x.html?a#b", "/keibabook/x.html")],
)  # fmt: skip
def test_links_within_the_site(link: str, path: str) -> None:
    assert address(PAGE_URLS[0], link) == f"http://old.keibado.ne.jp{path}"
