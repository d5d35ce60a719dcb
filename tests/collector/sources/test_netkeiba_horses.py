"""Horses and the reviewers' opinion: bars are read by their marks; no opinion differs from one in the middle."""

import json
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from collector.errors import NoSuchPage, ParseError, Refused
from collector.pipeline.derive import derive
from collector.sources.netkeiba.aptitude import opinion_in, parse_aptitude, parse_reviews
from collector.sources.netkeiba.horse import parse_horse, parse_horse_search
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, HORSE, HORSE_SEARCH, RACE_RESULT, aptitude_url
from collector.sources.text_tools.text import decode
from collector.storage.items import AptitudeItem, HorseItem, ReviewsItem
from collector.storage.racing import Axis, Sex
from tests.paths import SHARED

SITE = "https://db.netkeiba.com"
HORSE_ID = "2011100001"
HORSE_URL = f"{SITE}/horse/{HORSE_ID}/"
URL = f"{SITE}/social/ajax_horse_aptitude.html?input=UTF-8&output=json&id={HORSE_ID}"
MARKS = {
    Axis.SURFACE: (("turf", "芝"), ("dirt", "ダート")),
    Axis.DISTANCE: (("sprint", "短い"), ("styer", "長い")),
    Axis.RUNNING_STYLE: (("nige", "逃げ"), ("oikomi", "追込")),
    Axis.MATURITY: (("soujuku", "早熟"), ("bansei", "晩成")),
    Axis.WET_GOING: (("tokui", "得意"), ("nigate", "苦手")),
}
Bars = tuple[int, int]
SOME: dict[Axis, Bars] = dict(zip(Axis, ((107, 9), (52, 64), (30, 86), (70, 46), (77, 39)), strict=True))
NEUTRAL: dict[Axis, Bars] = dict.fromkeys(Axis, (58, 58))


def image(name: str, width: object, alt: str = "", host: str = "cdn.netkeiba.com/img.db") -> str:
    said = f' alt="{alt}"' if alt else ""
    return f'<img src="https://{host}/style/netkeiba.ja/image/review_{name}.png" width="{width}" height="17"{said}>'


def axis_row(
    axis: Axis, bars: tuple[object, object], *, words: bool = True, mirrored: bool = False, **host: str
) -> str:
    """One axis as the site draws it, or from right to left."""
    (left, left_word), (right, right_word) = MARKS[axis]
    parts = [
        image(f"{left}_gray", 26, left_word if words else "", **host),
        image("bar_gray", bars[0], **host),
        image("centerline", 1, **host),
        image("bar_blue", bars[1], **host),
        image(f"{right}_blue", 26, right_word if words else "", **host),
    ]
    return f"<tr><th>{axis}</th><td>{''.join(reversed(parts) if mirrored else parts)}</td></tr>"


def table(bars: dict[Axis, Bars], **options: Any) -> str:
    inside = "".join(axis_row(axis, pair, **options) for axis, pair in bars.items())
    return f'<table summary="ホシのカゼの適性" class="tekisei_table">{inside}</table>'


def answer(fragment: str, status: str = "OK") -> str:
    return json.dumps({"status": status, "data": fragment})


def read(fragment: str) -> dict[Axis, AptitudeItem]:
    items = parse_aptitude(URL, answer(fragment)).items
    return {item.axis: item for item in items if isinstance(item, AptitudeItem)}


def test_five_axes_are_read_with_both_widths_and_their_share() -> None:
    found = read(table(SOME))
    assert {axis: (item.left_px, item.right_px) for axis, item in found.items()} == SOME
    assert found[Axis.DISTANCE].value == pytest.approx(64 / 116)
    assert found[Axis.DISTANCE].horse_id == HORSE_ID


@pytest.mark.parametrize("host", ["cdn.netkeiba.com/img.db", "cdn.netkeiba.com/img.db/", "cdnv2.netkeiba.com/img.db"])
@pytest.mark.parametrize("words", [True, False])
@pytest.mark.parametrize("mirrored", [True, False])
def test_marks_decide_the_ends_for_any_order_and_host(host: str, words: bool, mirrored: bool) -> None:
    drawn = {axis: (right, left) if mirrored else (left, right) for axis, (left, right) in SOME.items()}
    if mirrored:
        drawn = {axis: (left, right) for axis, (right, left) in drawn.items()}
    found = read(table(drawn, host=host, words=words, mirrored=mirrored))
    assert {axis: (item.left_px, item.right_px) for axis, item in found.items()} == SOME


@given(st.integers(1, 115) | st.sampled_from(["all left", "all right"]), st.sampled_from(list(Axis)))
def test_every_pair_of_widths_that_is_drawn_reads_to_its_share(drawn: int | str, axis: Axis) -> None:
    pair = {"all left": (116, 1), "all right": (1, 116)}.get(str(drawn)) or (int(drawn), 116 - int(drawn))
    item = read(table(SOME | {axis: pair}))[axis]
    assert (item.left_px, item.right_px) == pair
    assert item.value == pair[1] / sum(pair)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (axis_row(Axis.DISTANCE, (58, 57)), "do not make 116"),
        (axis_row(Axis.DISTANCE, (59, 58)), "do not make 116"),
        (axis_row(Axis.DISTANCE, (0, 116)), "a bar of '0' px"),
        (axis_row(Axis.DISTANCE, ("", 116)), "a bar of '' px"),
        (axis_row(Axis.DISTANCE, ("-5", 121)), "a bar of '-5' px"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("bar_blue", "line"), "not two bars"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("sprint", "speed").replace("短い", "速い"), "an unknown mark"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("短い", "長い"), "says '長い'"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("styer", "dirt").replace("長い", "ダート"), "between the marks"),
        (axis_row(Axis.DISTANCE, (52, 64)).replace("sprint", "styer").replace("短い", "長い"), "between the marks"),
        (axis_row(Axis.SURFACE, (52, 64)), "shown twice"),
        ("", "not shown"),
    ],
)
def test_a_graph_that_is_not_clear_is_a_failure_and_not_a_label(row: str, said: str) -> None:
    rows = [row if axis is Axis.DISTANCE else axis_row(axis, pair) for axis, pair in SOME.items()]
    with pytest.raises(ParseError, match=said):
        read(f'<table class="tekisei_table">{"".join(rows)}</table>')


@pytest.mark.parametrize(
    "text",
    ["", "[]", "<html></html>", answer(table(SOME), status="NG"), '{"status":"OK"}', answer("<p>…</p>"), "[" * 100_000],
)
def test_an_answer_without_a_graph_is_a_changed_layout(text: str) -> None:
    with pytest.raises(ParseError):
        parse_aptitude(URL, text)


def reviewed(count: int, fine: dict[Axis, Bars] | None = None) -> str:
    """The block of reviews, with or without its finer table."""
    inside = "<p class=no_review_data>皆さまからの…</p>"
    if fine:
        inside = (
            f'<div class="db_h_rank_review"><table>{"".join(axis_row(*pair) for pair in fine.items())}</table></div>'
        )
    return (
        f'<div class="db_h_rank_box_head"><h2>みんなのホシ評価 (評価：<a href="/x">{count:,}</a>件)</h2></div>{inside}'
    )


def test_bars_in_the_middle_on_all_axes_are_not_a_label() -> None:
    assert {(item.value, item.reviews, item.evidence) for item in read(table(NEUTRAL)).values()} == {
        (None, None, "58/58 on all five axes")
    }
    assert {(item.value, item.reviews, item.evidence) for item in read(table(NEUTRAL) + reviewed(0)).values()} == {
        (None, 0, "0 reviews, 58/58 on all five axes")
    }


def test_one_axis_in_the_middle_is_an_opinion() -> None:
    item = read(table(SOME | {Axis.DISTANCE: (58, 58)}))[Axis.DISTANCE]
    assert (item.value, item.evidence) == (0.5, None)


def test_bars_in_the_middle_are_an_opinion_where_reviews_are_counted() -> None:
    assert {item.value for item in read(table(NEUTRAL) + reviewed(2)).values()} == {0.5}


def test_an_opinion_without_reviews_is_an_error() -> None:
    with pytest.raises(ParseError, match="nobody has reviewed"):
        read(table(SOME) + reviewed(0))


def test_the_finer_table_must_agree() -> None:
    fine = {axis: (round(left * 194 / 116), 194 - round(left * 194 / 116)) for axis, (left, _) in SOME.items()}
    assert read(table(SOME) + reviewed(12, fine))[Axis.DISTANCE].reviews == 12
    with pytest.raises(ParseError, match="among the reviews"):
        read(table(SOME) + reviewed(12, fine | {Axis.DISTANCE: (140, 54)}))


@given(st.integers(0, 194), st.sampled_from(list(Axis)))
def test_the_same_opinion_in_both_tables_always_agrees(fine_left: int, axis: Axis) -> None:
    left = round(fine_left * 116 / 194)
    coarse = (max(1, left), max(1, 116 - left))
    fine = (max(1, fine_left), max(1, 194 - fine_left))
    others = {one: (round(pair[0] * 194 / 116), 194 - round(pair[0] * 194 / 116)) for one, pair in SOME.items()}
    assert read(table(SOME | {axis: coarse}) + reviewed(3, others | {axis: fine}))[axis].left_px == coarse[0]


def test_the_number_of_reviews_comes_from_its_own_address() -> None:
    url = URL.replace("aptitude", "review")
    assert parse_reviews(url, answer(reviewed(1234))).items == (ReviewsItem(horse_id=HORSE_ID, reviews=1234),)
    with pytest.raises(ParseError, match="does not state"):
        parse_reviews(url, answer("<p>…</p>"))


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


def test_one_hit_is_the_horse_s_own_page_and_no_hit_is_said() -> None:
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
def test_the_real_graphs_read_as_they_are_known() -> None:
    pages = SHARED / "pages" / "real" / "netkeiba"
    known = {
        "2016103444": ((107, 9), (52, 64), (30, 86), (70, 46), (77, 39)),
        "2019105219": ((114, 2), (23, 93), (55, 61), (5, 111), (87, 29)),
        "2021100682": ((5, 111), (58, 58), (116, 1), (87, 29), (116, 1)),
        **dict.fromkeys(("2018100299", "2018100498", "2018101424", "2018105460"), ((58, 58),) * 5),
    }
    seen = set()
    for path in sorted(pages.glob("horse_tekisei*/*.html")):
        opinion = opinion_in(
            LexborHTMLParser(decode(path.read_bytes(), "charset=utf-8" if ".utf8." in path.name else "", "euc-jp"))
        )
        assert opinion is not None, path.name
        horse_id = path.name[:10]
        seen.add(horse_id)
        assert tuple(opinion.bars[axis] for axis in Axis) == known[horse_id], path.name
        assert opinion.reviews in ({"2016103444": 16, "2021100682": 12, "2019105219": None}.get(horse_id, 0),), (
            path.name
        )
    assert seen == set(known)


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


@absent
def test_every_published_aptitude_can_be_drawn_and_is_read_back() -> None:
    values = [float(line.split("\t")[1]) for line in (SHARED / "labels.tsv").read_text().splitlines() if line]
    assert len(values) == 2525
    drawn = {right / (116 - right + right): (116 - right, right) for right in range(1, 116)}
    drawn |= {1 / 117: (116, 1), 116 / 117: (1, 116)}
    for value in sorted(set(values)):
        share, pair = min(drawn.items(), key=lambda one: abs(one[0] - value))
        assert abs(share - value) < 1e-6
        assert read(table(SOME | {Axis.DISTANCE: pair}))[Axis.DISTANCE].value == pytest.approx(share)
