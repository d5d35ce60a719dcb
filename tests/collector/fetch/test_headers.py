"""What a site says in headers, checked where it comes in."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from collector.errors import Unsafe
from collector.fetch.headers import (
    LONGEST,
    codings,
    content_type,
    media_type,
    redirect_target,
    retry_after_seconds,
    shown,
    storable,
    usable_date,
    usable_etag,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HERE = "http://site.example/a/b.html"
AS_IT_CAME = st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("value", ['"a"', 'W/"a"', '"a b"', "5f2-1a", '"' + "a" * 400 + '"', '"~!#"'])
def test_a_tag_is_sent_back_as_it_came(value: str) -> None:
    assert usable_etag(value) == value


@pytest.mark.parametrize(
    "value", [None, "", "*", '""', 'W/""', '"\udce9"', '"é"', '"a\x01"', '"a"\n', '"' + "a" * 600 + '"', 'a"b', "\x00"]
)
def test_any_other_tag_is_dropped(value: str | None) -> None:
    assert usable_etag(value) is None


@pytest.mark.parametrize("value", [None, "", "0", "-1", "yesterday", "Mon, 23 Nov 2026 12:05:00 GMT\udce9", "now\x00"])
def test_a_text_that_is_not_a_date_is_dropped(value: str | None) -> None:
    assert usable_date(value) is None


def test_a_date_is_sent_back_as_it_came() -> None:
    assert usable_date("Mon, 23-Nov-2026 12:05:00 GMT") == "Mon, 23-Nov-2026 12:05:00 GMT"


@given(AS_IT_CAME)
def test_what_comes_in_can_be_stored_and_sent(value: str) -> None:
    for checked in (usable_etag(value), usable_date(value), content_type(value), media_type(value)):
        assert checked is None or (checked.isascii() and (checked.isprintable() or not checked))
    for words in (shown(value), storable(value)):
        assert "\x00" not in words
        words.encode()
    assert shown(value).isprintable()


@given(AS_IT_CAME)
def test_a_redirect_leads_to_an_address_or_is_refused(value: str) -> None:
    try:
        target = redirect_target(HERE, value)
    except Unsafe as error:
        str(error).encode()
        return
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target
    assert "#" not in target


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([], []), (["gzip"], ["gzip"]), (["GZIP , br"], ["gzip", "br"]), (["identity", "gzip"], ["gzip"]),
        (["utf-8"], []),
        (["none, x-gzip"], ["gzip"]), ([""], []), (["\udce9"], []), (["gzip, gzip"], ["gzip", "gzip"]),
        (["deflate"], ["deflate"]), (["7bit", "zstd"], ["zstd"]),
    ],
)  # fmt: skip
def test_labels_that_name_no_coding_say_nothing(labels: list[str], found: list[str]) -> None:
    assert codings(CIMultiDict([("Content-Encoding", label) for label in labels])) == found


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), (None, None), ("", None), ("soon", None), ("-5", None), ("+5", None), ("1.5", 1.5),
        ("3600.0", 3600.0), ("3600 s", 3600.0), ("120 Seconds", 120.0), ("60, 3600", 3600.0), ("5, soon", None),
        ("1e3", None), ("nan", None), ("inf", None), ("１２０", None), ("Mon, 23 Nov 2026 21:01:00 +0900", 60.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Monday, 23-Nov-26 12:01:00 GMT", 60.0),
        ("Mon Nov 23 12:01:00 2026", 60.0),
        (format_datetime(NOW - timedelta(days=3), usegmt=True), 0.0),
        ("604800", 604800.0),
        ("0000000000000120", 120.0),
        ("9" * 400, LONGEST),  # a date that a clock can still hold
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
    ],
)  # fmt: skip
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text(max_size=60))
def test_retry_after_is_never_negative(value: str) -> None:
    assert (retry_after_seconds(value, NOW) or 0.0) >= 0.0
