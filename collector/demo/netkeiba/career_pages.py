"""A horse's races as its page lists them, newest first, as HTML."""

from collections.abc import Sequence
from html import escape

from collector.demo.netkeiba.frame import PREMIUM
from collector.demo.world.races import Start
from collector.demo.world.running import DEMOTED, EXCLUDED, SCRATCHED

COLUMNS = (
    *("日付", "開催", "天<br />気", "R", "レース名", f"映<br />像<br />{PREMIUM}", "頭<br />数", "枠<br />番"),
    *("馬<br />番", "オ<br />ッ<br />ズ", "人<br />気", "着<br />順", "騎手", "斤<br />量", "距離", "馬<br />場"),
    *(f"馬場<br />指数<br />{PREMIUM}", "タイム", "着差", f"ﾀｲﾑ<br />指数<br />{PREMIUM}", "通過", "ペース"),
    *("上り", "馬体重", f"厩舎<br />ｺﾒﾝﾄ<br />{PREMIUM}", f"備考<br />{PREMIUM}", "勝ち馬<br />(2着馬)", "賞金"),
)
NOTHING = "&nbsp;"


def record(career: Sequence[Start]) -> str:
    """Starts and wins, as a profile prints them before the link."""
    started = [entry for _, entry in career if entry.fate not in (SCRATCHED, EXCLUDED)]
    return f"{len(started)}戦{sum(entry.position == 1 for entry in started)}勝"


def places(career: Sequence[Start]) -> str:
    """How often it was first, second, third, and neither."""
    started = [entry.position for _, entry in career if entry.fate not in (SCRATCHED, EXCLUDED)]
    first = [started.count(position) for position in (1, 2, 3)]
    return "-".join(map(str, (*first, len(started) - sum(first))))


def money(career: Sequence[Start]) -> str:
    """All its prizes."""
    return f"{sum(entry.prize or 0 for _, entry in career):,.0f}万円"


def career_table(name: str, career: Sequence[Start]) -> str:
    """The table of a horse's races; nothing for a horse that has not raced."""
    if not career:
        return ""
    head = "\n".join(f"<th>{column}</th>" for column in COLUMNS)
    rows = "".join(_row(start) for start in career)
    summary = f"{escape(name)}の競走戦績"
    return f"""<table cellpadding="0" cellspacing="1" summary="{summary}" class="db_h_race_results nk_tb_common">
<thead>
<tr align="center">
{head}
</tr>
</thead>
<tbody>
{rows}
</tbody>
</table>"""


def _row(start: Start) -> str:
    race, entry = start
    name = escape(race.name)
    other = next((other for other in race.entries if other is not entry and other.position), None)
    fate = entry.fate if entry.fate != DEMOTED else ""
    behind = "" if entry.time is None or not race.entries[0].time else f"{entry.time - race.entries[0].time:.1f}"
    cells = (
        f'<a href="/race/list/{race.day:%Y%m%d}/">{race.day:%Y/%m/%d}</a>',
        f'<a href="/race/sum/{race.race_id[4:6]}/{race.day:%Y%m%d}/">'
        f"{race.meeting_number}{race.racecourse}{race.meeting_day}</a>",
        race.weather,
        race.number,
        f'<a href="/race/{race.race_id}/" title="{name}">{name}</a>',
        NOTHING,
        len(race.entries),
        entry.bracket,
        entry.number,
        entry.odds or NOTHING,
        entry.favorite or NOTHING,
        fate or entry.position or NOTHING,
        f'<a href="/jockey/result/recent/{entry.jockey_id}/" title="{entry.jockey}">{entry.jockey}</a>',
        f"{entry.carried_weight:g}",
        f"{race.surface}{race.distance}",
        race.going[0],
        "**",
        NOTHING if entry.time is None else f"{int(entry.time // 60)}:{entry.time % 60:04.1f}",
        behind or NOTHING,
        "**",
        "-".join(map(str, entry.bends)),
        NOTHING,
        entry.last_3f or NOTHING,
        "計不" if entry.weight is None else f"{entry.weight}({entry.weight_change or 0:+})",
        NOTHING,
        NOTHING,
        f'<a href="/horse/{other.horse.horse_id}/">{escape(other.horse.horse.name)}</a>' if other else NOTHING,
        NOTHING if entry.prize is None else f"{entry.prize:,.1f}",
    )
    return "<tr>\n" + "\n".join(f"<td>{cell}</td>" for cell in cells) + "\n</tr>"
