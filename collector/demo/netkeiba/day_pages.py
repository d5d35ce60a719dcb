"""netkeiba's list of a day's races as HTML."""

from collections.abc import Sequence
from datetime import date
from html import escape
from itertools import groupby

from collector.demo.netkeiba.frame import PREMIUM, page
from collector.demo.world.races import Race

FILM = '<img src="/style/netkeiba.ja/image/icon_douga.png" border="0" />レース映像'


def day_page(day: date, races: Sequence[Race], local: Sequence[tuple[str, str, str]]) -> str:
    """The races of a day by racecourse; those of local tracks are last."""
    printed = f"{day:%Y年%m月%d日}のレース情報"
    content = f'<div class="cate_bar"><h2>{printed}</h2></div>\n<div class="mb30">\n'
    if races:
        content += '<div class="race_kaisai_info"><h3>中央</h3>\n<div class="race_list fc">\n'
        for racecourse, group in groupby(races, lambda race: race.racecourse):
            rows = [(race.race_id, race.number, race.name, _length(race)) for race in group]
            content += _hold_list(racecourse, sorted(rows))
        content += "</div></div>\n"
    if local:
        content += '<div class="race_kaisai_info"><h3>地方</h3>\n<div class="race_list fc">\n'
        content += _hold_list(
            local[0][1], [(race_id, int(race_id[10:]), name, "ダ1400m") for race_id, _, name in local]
        )
        content += "</div></div>\n"
    return page(f"{printed} | 競馬データベース - netkeiba", content + "</div>")


def _length(race: Race) -> str:
    return f"{race.surface}{race.distance}m"


def _hold_list(racecourse: str, rows: Sequence[tuple[str, int, str, str]]) -> str:
    items = "".join(
        f"""<li>
<dl class="race_top_data_info fc">
<dt>{number}R</dt>
<dd>
<a href="/race/{race_id}/" title="{escape(name)}">{escape(name)}</a><br/>
<div>
{length}<br />
<a href="/race/movie/{race_id}">{FILM}</a>{PREMIUM}</a>
</div>
</dd>
</dl>
</li>"""
        for race_id, number, name, length in rows
    )
    head = f'<dl class="race_top_hold_list">\n<dt class="race_top_hold_data">\n<p>\n{racecourse}\n</p>\n</dt>\n'
    return f"{head}<dd>\n<ul>\n{items}\n</ul>\n</dd>\n</dl>"
