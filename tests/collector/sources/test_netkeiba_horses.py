"""Horses of netkeiba: their own pages, the pages that are not a horse, and the search by name."""

import json
from datetime import date
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import NoSuchPage, ParseError, Refused
from collector.pipeline.derive import derive
from collector.sources.netkeiba.aptitude import parse_aptitude, parse_reviews
from collector.sources.netkeiba.horse import parse_horse, parse_horse_search
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, HORSE, HORSE_SEARCH, RACE_RESULT, aptitude_url
from collector.sources.text_tools.text import decode
from collector.storage.items import AptitudeItem, HorseItem
from collector.storage.racing import Sex
from tests.collector.sources.aptitude_pages import HORSE_ID, HORSE_URL, SITE, SOME, URL, answer, image, reviewed, table
from tests.paths import SHARED


def page(name: str = "ホシノカゼ", state: str = "現役　牡5歳　鹿毛", more: str = "", horse_id: str = HORSE_ID) -> str:
    return f"""<html><head><title>{name} | 競走馬データ - netkeiba</title>
<link rel="canonical" href="{SITE}/horse/{horse_id}/"></head><body><div class="horse_title"><h1>{name}　</h1>
<p class="txt_01">{state}</p></div><table class="db_prof_table no_OwnerUnit"><tr><th>生年月日</th>
<td>2011年4月1日</td></tr><tr><th>調教師</th><td>…</td></tr></table>{more}</body></html>"""


def horse(text: str) -> HorseItem:
    item = parse_horse(HORSE_URL, text).items[0]
    assert isinstance(item, HorseItem)
    return item


PEDIGREE = '<table class="blood_table">' + "".join(
    f"<tr><td><a href='/horse/ped/{number}/'>{name}</a></td></tr>" for number, name in enumerate("父祖母牝外曾")
) + "</table>"  # fmt: skip


def test_a_horse_is_read_from_its_own_page() -> None:
    assert horse(page(more=PEDIGREE)) == HorseItem(
        horse_id=HORSE_ID, name="ホシノカゼ", horse_key="ホシノカゼ", born=date(2011, 4, 1), sex=Sex.MALE, coat="鹿毛",
        retired=False, sire="父", dam="牝", damsire="外",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("抹消　牝　白毛", (True, Sex.FEMALE, "白毛")),
        ("　セ　黒鹿毛", (None, Sex.GELDING, "黒鹿毛")),
        ("現役　騸7歳　青鹿毛 ", (False, Sex.GELDING, "青鹿毛")),
        ("", (None, None, None)),
    ],
)
def test_what_stands_under_the_name_may_be_left_out(state: str, expected: tuple[object, ...]) -> None:
    found = horse(page(state=state))
    assert (found.retired, found.sex, found.coat) == expected


def test_marks_at_the_name_are_not_a_part_of_its_key() -> None:
    assert (horse(page("○外ホシノカゼ")).name, horse(page("○外ホシノカゼ")).horse_key) == (
        "○外ホシノカゼ",
        "ホシノカゼ",
    )


def test_an_older_page_shows_the_aptitude_and_a_newer_says_where() -> None:
    old = NETKEIBA.parse(HORSE, HORSE_URL, page(more=table(SOME) + reviewed(16)))
    assert [item.reviews for item in old.items if isinstance(item, AptitudeItem)] == [16] * 5
    assert old.links == ()
    new = NETKEIBA.parse(HORSE, HORSE_URL, page())
    assert [(link.kind, link.url) for link in new.links] == [(APTITUDE, aptitude_url(SITE, HORSE_ID))]


def test_another_horse_s_page_is_not_taken_for_this_one_s() -> None:
    with pytest.raises(ParseError, match="the page is 2011100009's"):
        parse_horse(HORSE_URL, page(horse_id="2011100009"))


SHELL = """<html><head><meta property="og:site_name" content="netkeiba" /></head><body>
<div class="horse_title"><h1> </h1></div><div class="db_main_deta"></div></body></html>"""


def test_a_page_without_a_horse_is_not_a_horse() -> None:
    with pytest.raises(NoSuchPage):
        parse_horse(HORSE_URL, SHELL)


@pytest.mark.parametrize("text", ["", SHELL[:-20], SHELL.replace("horse_title", "error"), "<html></html>"])
def test_an_incomplete_page_does_not_prove_that_a_horse_is_gone(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_horse(HORSE_URL, text)
    assert not isinstance(caught.value, NoSuchPage)


def test_the_page_of_a_race_does_not_prove_it_either() -> None:
    race = '<html><head><title>netkeiba</title></head><body><dl class="racedata"><h1>…</h1></dl></body></html>'
    with pytest.raises(ParseError) as caught:
        parse_horse(HORSE_URL, race)
    assert not isinstance(caught.value, NoSuchPage)


@pytest.mark.parametrize("words", ["Access Denied", "ただいまメンテナンス中です", "Too Many Requests"])
def test_a_block_page_is_a_block_with_any_other_content(words: str) -> None:
    blocked = SHELL.replace("<body>", f"<body><h2>{words}</h2>")
    for kind, url in ((HORSE, HORSE_URL), (RACE_RESULT, f"{SITE}/race/201605010411/")):
        with pytest.raises(Refused):
            derive("netkeiba", kind, url, blocked.encode("euc_jp"), "text/html")


def test_a_pay_wall_is_not_a_horse() -> None:
    with pytest.raises(ParseError, match="a pay wall"):
        parse_horse(HORSE_URL, "<title>プレミアムサービス案内 - netkeiba</title>" + page())


FOUND = """<div class="search_result_box"><h2>…</h2><table summary="競走馬検索結果"><tr><th></th></tr>
<tr><td><input name="horse_id[]" value="1993101014"></td><!--<td><a href="/horse/9999999999/">×</a></td>-->
<td class="xml"><a href="/horse/1993101014/" title="キッド">キッド</a></td></tr>
<tr><td><a href="/horse/2001100001/">キッドストン</a></td></tr></table>
<table summary="ほかの"><tr><td><a href="/horse/2002100001/">にせもの</a></td></tr></table></div>"""


def test_a_search_gives_every_name_with_the_word_and_no_false_row() -> None:
    found = parse_horse_search(f"{SITE}/?pid=horse_list&word=x", FOUND)
    assert [(one.horse_id, one.name) for one in found] == [("1993101014", "キッド"), ("2001100001", "キッドストン")]


def test_rows_are_known_by_their_boxes_where_the_table_has_no_name() -> None:
    box = '<td><input name="i-horse_2"></td>'
    newer = FOUND.replace(' summary="競走馬検索結果"', "").replace("<tr><td><a href", f"<tr>{box}<td><a href", 1)
    found = parse_horse_search(f"{SITE}/?pid=horse_list&word=x", newer)
    assert [one.horse_id for one in found] == ["1993101014", "2001100001"]


PAGER = '<div class="common_pager"><a href="/?pid=horse_list&word=キッド&page=2" title="次">次</a></div>'


@pytest.mark.parametrize(
    ("asked", "pager", "linked"),
    [
        ("word=キッド", PAGER, True),
        ("word=キッド&page=4", PAGER.replace("page=2", "page=5"), True),
        ("word=キッド&page=5", PAGER.replace("page=2", "page=6"), False),  # so far, and no further
        ("word=キッド&page=3", PAGER, False),  # never back
        ("word=キッド", PAGER.replace("word=キッド", "word=ほか"), False),
        ("word=キッド", PAGER.replace('href="', 'href="//elsewhere.example'), False),
        ("word=キッド", "", False),
    ],
)
def test_a_search_finds_exact_names_only_and_goes_on_to_its_next_pages(asked: str, pager: str, linked: bool) -> None:
    url = f"{SITE}/?pid=horse_list&{asked}"
    parsed = NETKEIBA.parse(HORSE_SEARCH, url, FOUND + pager.replace("キッド", quote("キッド")))
    assert [item.horse_id for item in parsed.items if isinstance(item, HorseItem)] == ["1993101014"]
    assert bool(parsed.links) == linked


def test_one_hit_is_the_horses_own_page_and_no_hit_is_an_empty_list() -> None:
    assert [one.horse_id for one in parse_horse_search(f"{SITE}/?word=x", page())] == [HORSE_ID]
    nothing = '<div class="search_result_box"><h2>馬名[ナナシ]の競走馬は見つかりませんでした</h2></div>'
    assert parse_horse_search(f"{SITE}/?word=x", nothing) == []
    with pytest.raises(ParseError):
        parse_horse_search(f"{SITE}/?word=x", "<p>…</p>")


SCRAPS = st.sampled_from(
    [
        '<table class="tekisei_table">', "<tr>", "<td>", "</table>", image("bar_gray", 58), "</h1>", '"', "{", "}",
        image("turf_blue", 26, "芝"), image("dirt_gray", 26), image("centerline", 1), "<h2>評価：9件</h2>", "\x00",
        '<div class="horse_title"><h1>', "ホシ", '<p class="txt_01">', "現役　牡",
        '<link rel="canonical" href="/horse/1/">',
        '<table class="db_prof_table">', "<th>生年月日</th>", "2011年13月45日",
    ]
)  # fmt: skip


@given(st.lists(SCRAPS | st.text(max_size=10), max_size=30))
def test_any_page_is_read_or_is_a_parse_error(scraps: list[str]) -> None:
    text = "".join(scraps)
    for parse, url, said in (
        (parse_horse, HORSE_URL, text),
        (parse_aptitude, URL, answer(text)),
        (parse_aptitude, URL, text),
        (parse_reviews, URL, answer(text)),
        (parse_horse_search, HORSE_URL, text),
    ):
        try:
            parse(url, said)
        except ParseError:
            continue


absent = pytest.mark.skipif(not (SHARED / "pages").is_dir(), reason="the real pages are not here")


@absent
def test_the_real_horses_read_as_they_are_known() -> None:
    folder = SHARED / "pages"
    golden = json.loads((folder / "golden_horse.json").read_text())
    facts = dict(golden) if isinstance(golden, list) else golden
    for path in sorted((folder / "real" / "netkeiba" / "horse").glob("*.html")):
        known = facts[f"horse/{path.name}"]
        header = "charset=utf-8" if ".utf8." in path.name else ""
        url = known["canonical"]
        parsed = NETKEIBA.parse(HORSE, url, decode(path.read_bytes(), header, "euc-jp"))
        item = parsed.items[0]
        assert isinstance(item, HorseItem)
        assert item.name == known["name"]
        assert item.born is not None
        assert item.sex is not None
        assert item.coat is not None
        if known["blood"]:
            assert [item.sire, item.dam, item.damsire] == [known["blood"][0], known["blood"][3], known["blood"][4]]
