"""netkeiba's horse pages, and the fragments that scripts load (aptitude and reviews), as HTML."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from collector.demo.netkeiba.career_pages import career_table, money, places, record
from collector.demo.netkeiba.frame import STYLE, page
from collector.demo.world import opinion
from collector.demo.world.horses import Horse
from collector.demo.world.opinion import FINE_BARS, Bars, Graph
from collector.demo.world.races import Start
from collector.demo.world.registry import Registered
from collector.demo.world.running import BASES

AXES = (
    ("コース適性", "turf", "芝", "dirt", "ダート"),
    ("距離適性", "sprint", "短い", "styer", "長い"),
    ("脚質", "nige", "逃げ", "oikomi", "追込"),
    ("成長", "soujuku", "早熟", "bansei", "晩成"),
    ("重馬場", "tokui", "得意", "nigate", "苦手"),
)
CDN = "https://cdnv2.netkeiba.com/img.db"
# A part of the newer page that a script loads, with its address.
AJAX_BOX = """<span id="{box}">
<img src="{cdn}/common/img/gif_loader.gif" />
</span>
<script>
"use strict"
// $Id: get_{box}.html 381 2025-07-27 04:28:50Z $
$(function(){{
$.get('https://db.netkeiba.com{path}',
{{
input: 'UTF-8',
output: 'json',
id: horse_id,
}},
function(data){{
if('OK' == data.status){{
$('#{box}').html(data.data);
}}
}});
}});
</script>"""


@dataclass(frozen=True, slots=True)
class HorseView:
    """A horse as its page shows it in a month."""

    registered: Registered
    month: date

    @property
    def horse(self) -> Horse:
        return self.registered.horse

    @property
    def horse_id(self) -> str:
        return self.registered.horse_id

    @property
    def graph(self) -> Graph:
        return opinion.graph(self.horse, self.month)

    @property
    def reviews(self) -> int:
        return opinion.reviews(self.horse, self.month)

    @property
    def static(self) -> bool:
        """Whether its page has the older layout, with everything in it; in the newer one, scripts load parts."""
        return int(self.horse_id[-1], 16) % 2 == 0

    @property
    def born(self) -> date:
        number = self.horse.number
        return date(self.horse.born, 2 + number % 4, 1 + number * 7 % 28)


# --- the page ---------------------------------------------------------------------------------------------


def horse_page(shown: HorseView, career: Sequence[Start]) -> str:
    """A horse: its profile, its pedigree, its races and the reviewers' opinion."""
    horse, name, horse_id = shown.horse, escape(shown.horse.name), shown.horse_id
    title = (
        f"{name} | 競走馬データ - netkeiba.com"
        if shown.static
        else f"{name} ({_roman(shown)}) | 競走馬データ - netkeiba"
    )
    address = f"https://db.netkeiba.com/horse/{horse_id}/"
    head = f'<link rel="canonical" href="{address}" />\n<meta property="og:url" content="{address}" />\n'
    mark = "○外" if shown.registered.foreign else ""
    english = "" if shown.static else f'<p class="eng_name">\n<a href="{address}">{_roman(shown)}</a>\n</p>\n'
    photo = f'<img src="{CDN}/show_photo.php?horse_id={horse_id}" class="db_photo_main" id="HorseMainPhoto"/>'
    content = f"""<div id="db_main_box"><div class="db_head fc"><div class="db_head_name fc">
<div class="horse_title">
<h1>{mark}{name}　</h1>
{english}<p class="txt_01">{_state(shown)}</p>
</div><!-- /.horse_title" -->
</div></div>
<div class="db_main_deta"><div class="db_prof fc">
<div class="db_prof_area_01">
<div class="db_photo_box fc">{photo}</div>
{aptitude_box(shown) if shown.static else _ajax("horse_aptitude_box", "/social/ajax_horse_aptitude.html")}
</div><!-- /.db_prof_area_01" -->
<div class="db_prof_area_02">
{_profile(shown, career)}
{_pedigree(horse) if shown.static else _ajax("horse_pedigree_box", "/horse/ajax_horse_pedigree.html")}
</div><!-- /.db_prof_area_02" -->
</div></div></div>
{career_table(horse.name, career) if shown.static else _ajax("horse_results_box", "/horse/ajax_horse_results.html")}
{reviews_box(shown) if shown.static else _ajax("horse_review_box", "/social/ajax_horse_review.html")}"""
    return page(title, content, head)


def _roman(shown: HorseView) -> str:
    return f"Lookalike {shown.horse.number}"


def _ajax(box: str, path: str) -> str:
    return AJAX_BOX.format(box=box, path=path, cdn=CDN)


def _state(shown: HorseView) -> str:
    """現役 with the age, 抹消 without it; nothing for a horse from abroad."""
    horse = shown.horse
    if shown.registered.foreign:
        return f"　{horse.sex}　{horse.coat}"
    if opinion.is_retired(horse, shown.month):
        return f"抹消　{horse.sex}　{horse.coat}"
    return f"現役　{horse.sex}{shown.month.year - horse.born}歳　{horse.coat} "


def _profile(shown: HorseView, career: Sequence[Start]) -> str:
    horse = shown.horse
    stable, _, trainer = horse.trainer.partition("・")
    owner = f"{401001 + horse.number % 97}"
    prizes = [("獲得賞金", f"{money(career)} (中央)")]
    if not shown.static:
        prizes = [("獲得賞金 (中央)", money(career)), ("獲得賞金 (地方)", "0万円")]
    rows = [
        ("生年月日", f"{shown.born.year}年{shown.born.month}月{shown.born.day}日"),
        ("調教師", f'<a href="/trainer/01101/" title="{trainer}">{trainer}</a> ({stable})'),
        ("馬主", f'<a href="/owner/{owner}/" title="飛燕牧場">飛燕牧場</a>'),
        ("生産者", '<a href="/breeder/900001/" title="飛燕牧場">飛燕牧場</a>'),
        ("産地", "外" if BASES[stable] == "外" else "北のほう"),
        ("セリ取引価格", "\n-\n"),
        *prizes,
        (
            "通算成績",
            f'{record(career)} [<a href="/horse/result/{shown.horse_id}/" title="全競走成績">{places(career)}</a>]',
        ),
        ("主な勝鞍", '<a href="/race//" title=""></a><!--、<a href="/race//" title=""></a>-->'),
    ]
    inside = "\n".join(f"<tr>\n<th>{name}</th>\n<td>{value}</td>\n</tr>" for name, value in rows)
    return f'<table summary="のプロフィール" class="db_prof_table no_OwnerUnit">\n{inside}\n</table>'


def _pedigree(horse: Horse) -> str:
    """Parents and their parents."""
    rows = []
    for number, sex in ((0, "b_ml"), (7, "b_fml")):
        parent, grandsire, granddam = horse.pedigree[number], horse.pedigree[number + 1], horse.pedigree[number + 4]
        rows.append(
            f'<tr>\n<td rowspan="2" class="{sex}">\n{_ancestor(parent)}\n</td>\n'
            f'<td class="b_ml">\n{_ancestor(grandsire)}\n</td>\n</tr>\n'
            f'<tr>\n<td class="b_fml">\n{_ancestor(granddam)}\n</td>\n</tr>'
        )
    inside = "\n".join(rows)
    return (
        '<div class="db_prof_box">\n<dl class="fc"><dt class="DB_ProfHead_dt_01">血統</dt><dd>\n'
        f'<table cellpadding="0" cellspacing="0" summary="{escape(horse.name)}の血統表" class="blood_table">\n'
        f"{inside}\n</table></dd></dl></div>"
    )


def _ancestor(name: str) -> str:
    number = sum(map(ord, name)) % 0xFFFFFF
    return f'<a href="/horse/ped/000a{number:06x}/">{escape(name, quote=False)}</a>'


# --- the reviewers' opinion -------------------------------------------------------------------------------


def aptitude_box(shown: HorseView) -> str:
    """The five pairs of bars."""
    name = escape(shown.horse.name)
    return f"""<div class="db_prof_box">
<dl class="tekisei">
<dt><div class="fc"><p class="db_prof_top_aptitube_title png_bg">適性レビュー</p></div></dt>
<dd>
<table summary="{name}の適性" class="tekisei_table">
{_axes(shown.graph, "" if shown.static else "tbody")}
</table>
</dd>
</dl>
<p class="detail_link"><a href="https://db.netkeiba.com/social/horse_reviewer_list.html?id={shown.horse_id}" title="ホシクズの評価一覧">評価一覧</a></p>
</div>"""  # noqa: E501


def reviews_box(shown: HorseView) -> str:
    """The number of reviews, and the same opinion in finer bars; without bars for a horse without reviews."""
    name = escape(shown.horse.name)
    address = f"https://db.netkeiba.com/social/horse_reviewer_list.html?id={shown.horse_id}"
    link = f'<a href="{address}" title="みんなの{name}評価">{shown.reviews}</a>'
    head = f'<div class="db_h_rank_box_head">\n<h2>みんなの{name}評価 (評価：{link}件)</h2>\n</div>'
    inside = '<p class="no_review_data">皆さまからのレビュー評価をお待ちしております！</p>'
    if shown.reviews:
        surface, distance, style, maturity, wet = map(opinion.fine_bars, shown.graph)
        icon = f'<img src="{STYLE}/image/icon_db_tekisei_02.png" width="20" height="20" alt="" />'
        inside = f"""<div class="horse_rank_data fc">
<div class="db_h_rank_review">
<h3 class="categorybar">{icon}みんなの適性レビュー</h3>
<dl>
<dd>
<table summary="{name}の適性レビュー">
{_axes((surface, distance, style, maturity, wet), "")}
</table>
</dd>
</dl>
</div><!-- /.db_h_rank_review -->
</div>"""
    return f'<div class="db_h_rank_box fc">\n{head}\n{inside}\n</div>'


def _axes(graph: Graph, body: str) -> str:
    rows = [
        f"<tr>\n<th>{name}</th>\n<td>{_bars(bars, left, left_alt, right, right_alt)}</td>\n</tr>"
        for (name, left, left_alt, right, right_alt), bars in zip(AXES, graph, strict=True)
    ]
    inside = "\n".join(rows)
    return f"<{body}>{inside}</{body}>" if body else inside


def _bars(bars: Bars, left_mark: str, left_alt: str, right_mark: str, right_alt: str) -> str:
    """The two bars. The longer side is blue; for equal sides, the left one."""
    left, right = bars
    one, other = ("blue", "gray") if left >= right else ("gray", "blue")
    image = f"{STYLE}/image/review_" if sum(bars) < FINE_BARS else f"{CDN}//style/netkeiba.ja/image/review_"
    parts = (
        (f"{left_mark}_{one}", 26, f' alt="{left_alt}"'),
        (f"bar_{one}", left, ""),
        ("centerline", 1, ""),
        (f"bar_{other}", right, ""),
        (f"{right_mark}_{other}", 26, f' alt="{right_alt}"'),
    )
    return "".join(f'<img src="{image}{name}.png" width="{width}" height="17"{alt} />' for name, width, alt in parts)


def as_json(fragment: str | None) -> str:
    """The JSON answer to a script, in PHP's spelling."""
    answer = {"status": "NG"} if fragment is None else {"status": "OK", "data": fragment}
    return json.dumps(answer, separators=(",", ":")).replace("/", "\\/")


def aptitude_json(shown: HorseView | None) -> str:
    """The answer for the box of the aptitude."""
    return as_json(shown and f"\n<!-- block=horse_aptitude (cp) -->\n{aptitude_box(shown)}\n")


def reviews_json(shown: HorseView | None) -> str:
    """The answer for the box of the reviews."""
    return as_json(shown and f"\n<!-- block=horse_review (cp) -->\n{reviews_box(shown)}\n")


def career_json(shown: HorseView | None, career: Sequence[Start]) -> str:
    """The answer for the box of the races."""
    return as_json(shown and f"\n<!-- block=horse_results (cp) -->\n{career_table(shown.horse.name, career)}\n")
