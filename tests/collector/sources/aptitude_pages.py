"""The graphs of netkeiba's reviewers, as the site draws them."""

import json
from typing import Any

from collector.sources.netkeiba.aptitude import parse_aptitude
from collector.storage.items import AptitudeItem
from collector.storage.racing import Axis

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
