"""race.netkeiba.com's calendar, its list of a day's races and its race cards as HTML."""

from calendar import Calendar
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from itertools import groupby

from collector.demo.world.races import Race
from collector.demo.world.running import Entry

GRADE_ICONS = {"G1": 1, "G2": 2, "G3": 3, "OP": 5, "L": 15}
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
LABELS = {"東": ("Label1", "美浦"), "西": ("Label2", "栗東"), "外": ("Label3", "海外")}

HEAD = """<table class="Shutuba_Table RaceTable01 ShutubaTable">
<thead>
<tr class="Header">
<th rowspan="2" class="Waku">枠</th><th rowspan="2" class="Umaban sort_common">馬<br>番</th><th rowspan="2">印</th>
<th rowspan="2" class="HorseInfo sort_common "><span class="HorseName">馬名</span></th>
<th rowspan="2" class="Barei">性齢</th><th rowspan="2" class="Dredging sort_common ">斤量</th>
<th rowspan="2" class="Jockey">騎手</th><th rowspan="2" class="Trainer">厩舎</th>
<th rowspan="2" class="Weight sort_common ">馬体重<br/><small>(増減)</small></th>
<th rowspan="2" class="Popular">オッズ</th><th rowspan="2" class="Popular Popular_Ninki Txt_C sort_common ">人気</th>
</tr>
</thead>"""


def calendar_page(month: date, days: Mapping[date, Sequence[str]]) -> str:
    """A month's weeks; race days are links, with their racecourses."""
    weeks = "\n".join(
        f'<tr class="Week">\n{"".join(_cell(day, month, days.get(day, ())) for day in week)}\n</tr>'
        for week in Calendar().monthdatescalendar(month.year, month.month)
    )
    heads = "\n".join(f"<th>{day}</th>" for day in "月火水木金土日")
    return f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>開催日程 | レース情報(JRA) - netkeiba</title>
<link rel="canonical" href="https://race.netkeiba.com/top/calendar.html" />
</head>
<body>
<div class="Race_Calendar_Main">
<table class="Calendar_Table">
<tbody>
<tr class="Header">
{heads}
</tr>
{weeks}
</tbody>
</table>
</div>
</body>
</html>
"""


def _cell(day: date, month: date, racecourses: Sequence[str]) -> str:
    if day.month != month.month:
        return '<td class="RaceCellBox">\n</td>'
    number = f'<p><span class="Day">{day.day}</span></p>'
    if not racecourses:
        return f'<td class="RaceCellBox">\n<div class="RaceKaisaiBox">\n{number}\n</div>\n</td>'
    names = "".join(f'<p><span class="JyoName">{name}</span></p>\n' for name in racecourses)
    return f"""<td class="RaceCellBox">
<a href="../top/race_list.html?kaisai_date={day:%Y%m%d}"  tile="" target="_parent">
<div class="RaceKaisaiBox HaveData">
{number}
{names}</div><!-- /. RaceKaisaiBox-->
</a>
</td>"""


def coming_list(day: date, races: Sequence[Race]) -> str:
    """The coming races of a day by racecourse: the fragment that the site's script loads."""
    lists = []
    for racecourse, group in groupby(races, lambda race: race.racecourse):
        day_races = list(group)
        items = "\n".join(_item(race) for race in day_races)
        number, meeting_day = day_races[0].meeting_number, day_races[0].meeting_day
        lists.append(f"""<dl class="RaceList_DataList">
<dt class="RaceList_DataHeader"><div class="RaceList_DataHeader_Top">
<p class="RaceList_DataTitle"><small>{number}回</small> {racecourse} <small>{meeting_day}日目</small></p>
<a href="../top/payback_list.html?kaisai_date={day:%Y%m%d}" class="LinkHaraimodoshiichiran">払戻一覧</a>
</div></dt>
<dd class="RaceList_Data">
<ul>
{items}
</ul>
</dd>
</dl>""")
    inside = "\n".join(lists)
    return f"""<meta charset="UTF-8">
<!-- block=race_list_sub (cp) -->
<div class="RaceList_Body RaceList_Top" id="RaceTopRace">
<div class="RaceList_Box clearfix">
{inside}
</div>
</div>
"""


def _icons(race: Race) -> str:
    """The icon of the grade; the main race has one more icon, which is not a grade."""
    icons = [GRADE_ICONS[race.grade]] if race.grade in GRADE_ICONS else []
    if race.number == 11:
        icons.append(13)
    return "".join(
        f'<span class="Icon_GradeType Icon_GradeType{icon}{" Icon_GradePos01" if icon == 13 else ""}"></span>\n'
        for icon in icons
    )


def _item(race: Race) -> str:
    kind = {"芝": "Turf", "ダ": "Dart"}.get(race.surface)
    length = f"{race.surface}{race.distance}m"
    length = f'<span class="RaceList_ItemLong {kind}">{length}</span>' if kind else f'<span class="">{length}</span>'
    return f"""<li class="RaceList_DataItem ">
<a href="../race/shutuba.html?race_id={race.race_id}&rf=race_list" class="">
<!-- <div class="RaceList_Item01"> -->

<div class="Race_Num Race_Fixed">
<span>
<span class="MyRace_List_Item" id="myrace_{race.race_id}" style="display: none;"></span>
{race.number}R
</span>
</div>
<div class="RaceList_ItemContent">
<div class="RaceList_ItemTitle">
<span class="ItemTitle">{escape(_short(race.name))}</span>
{_icons(race)}
</div>
<div class="RaceData">

<span class="RaceList_Itemtime">{race.start:%H:%M} </span>

{length}

<span class="RaceList_Itemnumber">{len(race.entries)}頭 </span>
</div><!-- /.RaceData -->
</div><!-- /.RaceList_Item02 -->
</a>
<a href="../race/movie.html?race_id={race.race_id}&rf=race_list" class="LinkIconRaceMovie" style="display: none"></a>
</li>"""


def _short(name: str) -> str:
    """The short name of a race on this host, without its grade."""
    return name.partition("(")[0].replace("ステークス", "S")


def card_page(race: Race) -> str:
    """The entries of a coming race, without odds and weights; before the draw, also without numbers."""
    rows = "\n".join(_row(race, entry) for entry in race.entries)
    printed = f"{race.day.year}年{race.day.month}月{race.day.day}日 {race.racecourse}{race.number}R"
    return f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="description" content="{printed} {escape(race.name)}の出馬表です。" />
<title>{escape(race.name)} 出馬表 | {printed} レース情報 - netkeiba</title>
</head>
<body>
{_name_box(race)}
{HEAD}
{rows}
</table>
{_predictions(race)}
</body></html>
"""


def _name_box(race: Race) -> str:
    """The race, its start and its conditions."""
    surface = race.surface
    where = ("芝" if surface == "障" else race.direction) + ("&nbsp;" + race.course if race.course else "")
    prizes = ",".join(f"{prize:g}" for prize in race.prizes)
    ages, kind = _class(race.race_class)
    conditions, _, weights = race.conditions.removesuffix(")").rpartition("(")
    return f"""<div class="RaceList_NameBox">
<div class="RaceList_Item01">
<span class="RaceNum">
<span class="MyRace_Item MyRace-Item-{race.race_id}"></span>
{race.number}R
</span>
</div><!-- /.RaceList_Item01 -->
<div class="RaceList_Item02">
<h1 class="RaceName">{escape(_short(race.name))}
{_icons(race)}</h1>
<div class="RaceData01">
{race.start:%H:%M}発走 /<!-- <span class="Turf"> --><span> {surface}{race.distance}m</span> ({where})
</div>
<div class="RaceData02">
<span>{race.meeting_number}回</span>
<span>{race.racecourse}</span>
<span>{race.meeting_day}日目</span>
<span>{ages}</span>
<span>{kind}</span>
&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;
<span>{conditions}</span>
<span>{weights}</span>
<span>{len(race.entries)}頭</span>
<br>
<span>本賞金:{prizes}万円</span>
</div>
</div><!-- /.RaceList_Item02 -->
</div><!-- /.RaceList_NameBox -->"""


def _class(race_class: str) -> tuple[str, str]:
    """The ages and the class as two words, with full-width digits."""
    wide = race_class.removeprefix("サラ系").translate(FULL_WIDTH)
    cut = wide.index("歳") + 1 + 2 * ("以上" in wide)
    return f"サラ系{wide[:cut]}", wide[cut:]


def _row(race: Race, entry: Entry) -> str:
    horse_id, name = entry.horse.horse_id, escape(entry.horse.horse.name)
    label, base = LABELS[entry.base]
    number = entry.number if race.drawn else ""
    bracket = entry.bracket if race.drawn else ""
    short_jockey, short_trainer = entry.jockey[:3], entry.trainer[:3]
    return f"""<tr class="HorseList" id="tr_{entry.number}">
<td class="Waku{bracket} Txt_C"><span>{bracket}</span></td>
<td class="Umaban{number} Txt_C">{number}</td>
<td class="CheckMark Horse_Select">
<select class="makeMeFancy_{entry.number}" style="display: none;"><option value="1_0">--</option><option value="1_1">◎</option></select>
</td>
<td class="HorseInfo">
<div><div>
 <span class="HorseName"><a href="https://db.netkeiba.com/horse/{horse_id}" target="_blank" title="{name}">{name}<img id="myhorse_{horse_id}" class="disp_none Favorite" src="https://cdn.netkeiba.com/img.race/common/img/icon/icon_horse.png" alt="" width="18"></a></span>
</div></div>
</td>
<td class="Barei Txt_C">{entry.horse.horse.sex}{entry.age}</td>
<td class="Txt_C">{entry.carried_weight:.1f}</td>
<td class="Jockey">
<a  href="https://db.netkeiba.com/jockey/result/recent/{entry.jockey_id}/" target="_blank" title="{short_jockey}">{entry.apprentice or " "}{short_jockey}</a>
</td>
<td class="Trainer"><span class="{label}">{base}</span><a href="https://db.netkeiba.com/trainer/result/recent/{entry.trainer_id}/" target="_blank" title="{short_trainer}">{short_trainer}</a></td>
<td class="Weight">
</td>
<td class="Txt_R Popular"><span id="odds-1_{entry.number:02}" style="font-weight : bold">---.-</span></td>
<td class="Popular Popular_Ninki Txt_C">
<span id="ninki-1_{entry.number:02}">**</span>
</td>
</tr>
<div id="EditHorseModal-{horse_id}" class="BetAddInputModal"><label for="checkbox{horse_id}">{name}</label></div>"""  # noqa: E501


def _predictions(race: Race) -> str:
    """A second table of horses, which does not list the entries: it has one horse, and one row without a horse."""
    horse = race.entries[0].horse
    return f"""<table class="Shutuba_Table RaceTable01 PredictRap_Table NoCheckData isFreemium" sumarry="各馬予測タイム">
<thead><tr class="Header"><th class="Num">馬<br>番</th><th class="Horse_Info">馬名</th><th>前半3F</th><th>後半3F</th></tr></thead>
<tbody>
<tr class="HorseList" role="row">
<td class="Num Waku1 Sticky"><div>1</div></td>
<td class="Horse_Info Horse_Link"><a href="https://db.netkeiba.com/horse/{horse.horse_id}">{escape(horse.horse.name)}</a></td>
<td class="Txt_R">35.9</td><td class="Txt_R">35.9</td>
</tr>
<tr class="HorseList">
<td><img src="https://cdn.netkeiba.com/img.race//common/img/race/develop/table_dummy_01.png" alt=""></td><td></td><td></td><td></td>
</tr>
</tbody>
</table>"""  # noqa: E501
