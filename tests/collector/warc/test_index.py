"""The index of a WARC file: its keys and its order."""

import tempfile
from collections.abc import Sequence
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.warc import cdxj
from collector.warc.cdxj import SortedLines, url_key, write_blocks
from collector.warc.records import Counted


@pytest.mark.parametrize(
    ("url", "key"),
    [  # as the package surt 0.3.1 gives them
        ("http://old.keibado.ne.jp:80/keibabook/bn/2016.html", "jp,ne,keibado,old)/keibabook/bn/2016.html"),
        ("https://db.netkeiba.com/race/201605010411/", "com,netkeiba,db)/race/201605010411"),
        ("https://race.netkeiba.com/a.html?kaisai_date=20160104", "com,netkeiba,race)/a.html?kaisai_date=20160104"),
        ("http://www.example.com/A/b/?b=2&a=1", "com,example)/a/b?a=1&b=2"),
        ("https://www2.a.com/x;y?Q=%E3%81%82&q", "com,a)/x;y?q&q=%e3%81%82"),
        ("http://user:pw@a.com:8080/x//", "com,a:8080)/x"),
        ("http://a.com./x?", "com,a)/x"),
        ("http://a.com", "com,a)/"),
        ("http://127.0.0.1:80/x#y", "1,0,0,127)/x"),
    ],
)  # fmt: skip
def test_a_key_is_the_one_that_other_programs_look_for(url: str, key: str) -> None:
    assert url_key(url) == key


@given(st.text())
def test_any_address_has_a_key_on_one_line(words: str) -> None:
    for url in (words, f"http://{words}", f"http://a.example/{words}"):
        key = url_key(url)
        assert key.isascii()
        assert not set(key) & set(" \r\n")


def test_more_lines_than_memory_takes_are_sorted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdxj, "LINES_SORTED", 7)
    lines = SortedLines(tempfile.TemporaryFile)
    wanted = [f"{number * 37 % 100:03}\n" for number in range(100)]
    for line in wanted:
        lines.add(line)
    assert [line.decode() for line in lines] == sorted(wanted)
    lines.close()


def test_a_line_is_found_by_the_block_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdxj, "LINES_A_BLOCK", 2)
    file = BytesIO()
    lines: Sequence[bytes] = [f"k{number} 2026 {{}}\n".encode() for number in range(5)]
    meta, *blocks = write_blocks(lines, Counted(file))
    assert meta.startswith("!meta 0 ")
    assert [block.split(" ")[0] for block in blocks] == ["k0", "k2", "k4"]
