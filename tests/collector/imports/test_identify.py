"""Which page a saved file is: by what it is called, where it says it was, and what the page says of itself."""

import pytest

from collector.codes import Aside
from collector.errors import UsageError
from collector.imports.captures import Capture, Failed
from collector.imports.identify import Places, identify, read_kind
from collector.sources.registry import sources
from tests.collector.imports.saved import SITES
from tests.sites import sites_at

RACE, HORSE = "201606010101", "2012104511"
RESULT = f"https://db.netkeiba.com/race/{RACE}/"
CARD = f"https://race.netkeiba.com/race/shutuba.html?race_id={RACE}"
CANONICAL = '<html><head><link href="{}" rel="canonical">'
MARK = f'<html><a href="/horse/{HORSE}/" id="umalink_{RACE}">x</a>'
KEIBADO = "http://old.keibado.ne.jp/keibabook"


def url_of(name: str, body: str = "<html>", *, url: str | None = None, kind: str | None = None) -> str:
    places = Places(SITES, read_kind(kind, sources().values()))
    return identify(Capture(name, body.encode(), "", "", url), places).url


def why_not(name: str, body: str = "<html>", *, url: str | None = None, kind: str | None = None) -> Aside:
    with pytest.raises(Failed) as failed:
        url_of(name, body, url=url, kind=kind)
    return failed.value.code


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{RACE}.bin", RESULT), (f"a/b/{RACE}.html.gz", RESULT), (f"race_{RACE}_1.html", RESULT),
        (f"{RACE}/index.html", RESULT), (f"{HORSE}.bin", f"https://db.netkeiba.com/horse/{HORSE}/"),
        (f"horse/{HORSE}.html.zst", f"https://db.netkeiba.com/horse/{HORSE}/"),
        ("x/160104/photo01.html", f"{KEIBADO}/160104/photo01.html"),
        ("160104/index.html", f"{KEIBADO}/160104/index.html"), ("bn/2016.html", f"{KEIBADO}/bn/2016.html"),
        ("160104/images/pp01.jpg", f"{KEIBADO}/160104/images/pp01.jpg"),
    ],
)  # fmt: skip
def test_a_name_says_which_page_it_is(name: str, expected: str) -> None:
    assert url_of(name) == expected


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("race_card", f"{RACE}.bin", CARD), ("netkeiba:race_card", f"{RACE}.bin", CARD),
        ("aptitude", f"{HORSE}.json",
         f"https://db.netkeiba.com/social/ajax_horse_aptitude.html?input=UTF-8&output=json&id={HORSE}"),
        ("race_day", "20160105.html", "https://db.netkeiba.com/race/list/20160105/"),
        ("race_calendar", "201601.html", "https://race.netkeiba.com/top/calendar.html?year=2016&month=1"),
    ],
)  # fmt: skip
def test_a_kind_is_given_where_a_name_does_not_say_it(kind: str, name: str, expected: str) -> None:
    assert url_of(name, kind=kind) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (f"http://db.netkeiba.com/race/{RACE}", RESULT),
        (f"{RESULT}#top", RESULT),
        (CARD + "&rf=x", CARD),
        (f"https://db.netkeiba.com/horse/{HORSE}", f"https://db.netkeiba.com/horse/{HORSE}/"),
        ("https://db.netkeiba.com/robots.txt", "https://db.netkeiba.com/robots.txt"),
    ],
)
def test_an_address_becomes_the_one_that_a_crawl_asks_for(stated: str, expected: str) -> None:
    assert url_of("1", url=stated) == expected


def test_a_page_says_itself_which_it_is() -> None:
    assert url_of("saved.html", CANONICAL.format(CARD)) == CARD
    assert url_of("saved.html", f'<meta property="og:url" content="{RESULT}" />') == RESULT
    assert url_of("saved.html", MARK) == RESULT
    horse = f"https://db.netkeiba.com/horse/{HORSE}/"
    assert url_of("202606010101.html", CANONICAL.format(horse)) == horse, "the name is the minute of the saving"


def test_pages_of_the_real_site_belong_to_the_site_that_stands_for_it() -> None:
    mirror = Places(sites_at("http://mirror.example:81", "http://mirror.example:82"))
    assert identify(Capture("1", b"x", "", "", RESULT), mirror).url == f"http://mirror.example:82/race/{RACE}/"
    both = Places(sites_at("http://mirror.example", "http://mirror.example"))
    for path in (f"/race/{RACE}/", "/keibabook/160104/photo01.html"):
        url = f"http://mirror.example{path}"
        assert identify(Capture("1", b"x", "", "", url), both).url == url


@pytest.mark.parametrize(
    ("name", "body", "url", "kind"),
    [
        ("201606010102.bin", MARK, None, None), ("201606010102.bin", CANONICAL.format(RESULT), None, None),
        ("1", MARK, "https://db.netkeiba.com/race/201606010102/", None), ("1", "", RESULT, "horse"),
        ("201606010102.bin", MARK, None, "race_card"),
    ],
)  # fmt: skip
def test_where_two_do_not_agree_it_is_neither(name: str, body: str, url: str | None, kind: str | None) -> None:
    assert why_not(name, body, url=url, kind=kind) is Aside.CONTRADICTION


@pytest.mark.parametrize("name", ["index.html", "12345.bin", "readme.html", "000000/photo01.html", "racecourse.html"])
def test_a_name_without_an_id_names_nothing(name: str) -> None:
    assert why_not(name) is Aside.NO_NAME


@pytest.mark.parametrize(
    ("url", "why"),
    [("https://example.com/", Aside.NO_SITE), ("http://[", Aside.NO_SITE), ("", Aside.NO_SITE),
     ("https://db.netkeiba.com/jockey/1/", Aside.NO_KIND), ("https://db.netkeiba.com/?pid=x", Aside.NO_KIND),
     ("https://race.netkeiba.com/top/calendar.html?year=2016&month=13", Aside.NO_KIND)],
)  # fmt: skip
def test_an_address_of_another_page_is_named_as_that(url: str, why: Aside) -> None:
    assert why_not(f"{RACE}.bin", url=url) is why


def test_an_unknown_kind_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="race_result, race_card"):
        read_kind("result", sources().values())
