"""keibado's pages: every layout and quirk that is known, as a folder of its own. Adding a folder adds a test.

`page.html` is made up, in the site's own encoding; `url.txt` says where it stands; `expected.json` what it says.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import ParseError
from collector.models import PageKind
from collector.sources import keibado
from collector.sources.text import decode

PAGES = Path(__file__).parent.parent / "pages" / "keibado"
CASES = sorted(path.parent for path in PAGES.glob("*/*/page.html"))


def said(folder: Path) -> dict[str, Any]:
    """What the parser makes of a page, as plain values."""
    kind, url = PageKind(folder.parent.name), (folder / "url.txt").read_text().strip()
    try:
        text = decode((folder / "page.html").read_bytes(), None, keibado.CHARSET)
        parsed = keibado.parse(kind, url, text)
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


KINDS = [PageKind.YEAR_INDEX, PageKind.ISSUE_INDEX, PageKind.PHOTO_PAGE]
SCRAPS = st.sampled_from(
    [
        '<table class="mini">', "<tr><td>", "<b>", "</b>", '<a href="photo01.html">', '<a href="', "</a>", "<!--",
        "-->", '<img src="images/pp01.jpg">', '<img src="p_name.gif">', "・", "◆", "99歳、", "(13月45日撮影)",
        "牡5歳、栗毛、美浦・厩舎", '<table bgcolor="#003300" width="145">', '<table width="350" border="1">', "日号",
        "31・1", "\x00", "\u202e", "<br>",
    ]
)  # fmt: skip


@given(kind=st.sampled_from(KINDS), scraps=st.lists(SCRAPS | st.text(max_size=20), max_size=40))
def test_whatever_a_page_holds_it_is_read_or_set_aside(kind: PageKind, scraps: list[str]) -> None:
    try:
        parsed = keibado.parse(kind, "http://old.keibado.ne.jp/keibabook/160104/photo01.html", "".join(scraps))
    except ParseError:
        return
    for link in parsed.links:
        assert link.url.startswith("http://old.keibado.ne.jp/keibabook/")


@given(st.dates(date(2001, 1, 1), date(2018, 12, 31)))
def test_printed_days_are_found_again_before_any_issue(issue: date) -> None:
    from datetime import timedelta

    days = [issue - timedelta(days=2), issue - timedelta(days=1)]
    text = f"<body>{days[0].day}・{days[1].day}日号</body>"
    assert keibado._race_days(text, issue) == days
