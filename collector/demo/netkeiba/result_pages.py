"""netkeiba's results as HTML, in two layouts."""

from html import escape
from urllib.parse import quote

from collector.demo.netkeiba.frame import PREMIUM, page
from collector.demo.world.races import Race
from collector.demo.world.running import DEMOTED, EXCLUDED, SCRATCHED, Entry

INDEX = """<div class="txt_c">
<a href="https://www.netkeiba.com/premium/?service=p13" id="a_monthly_goods_link_01" data-theme="07003">**</a>
</div>"""
MASTER = """<a href="https://regist.netkeiba.com/?pid=master_introduction" data-theme="19162">**</a>"""
CHANGE = """<div class="TimeIndexChangeBtn"><a href="javascript:void(0);" class="Icon_Change_ArrowB">{}<span class="ChangeIcon01"></span></a>
<div class="TimeIndexChangeList" style="display:none"><ul>
<li><a href="javascript:void(0);" class="ChangeTimeIndexNormal">タイム指数(通常)</a></li>
<li><a href="javascript:void(0);" class="ChangeTimeIndexMaster">タイム指数マスター</a></li>
</ul></div></div>"""  # noqa: E501
NO_SUCH_RACE = """<div class="data_intro">
<dl class="racedata fc">
<dt>
 R
</dt>
<dd>
<h1><!--img src="style/netkeiba.ja/image/race_grade_g2_01.png" alt=""--></h1>
<p>
<diary_snap_cut>
<span>
m&nbsp;/&nbsp;
天候 : &nbsp;/&nbsp;
&nbsp;&nbsp;/&nbsp;

</span><br />
</diary_snap_cut>
</p>
</dd>
</dl>
<p class="smalltxt">1970年01月01日  &nbsp;&nbsp;</p>
</div><!-- /.race_data_intro -->"""


def no_such_race_page() -> str:
    """The page of an id that no race has: without title and table."""
    return page(None, NO_SUCH_RACE)


def result_page(race: Race) -> str:
    """A race that has been run."""
    day = race.day
    short_day = f"{day.year}年{day.month}月{day.day}日"
    title = (
        f"{escape(race.name)}｜{short_day if race.new_layout else f'{day:%Y年%m月%d日}'} | 競馬データベース - netkeiba"
    )
    rows = "\n".join(_row(race, entry) for entry in race.entries)
    content = f"""<ul class="race_place fc">
<!-- li><a href="/race/list/{day:%Y%m%d}/" class="active">{race.racecourse}</a></li -->
<li class="result_link"><a href="/race/list/{day:%Y%m%d}/">{day:%Y年%m月%d日}のレース結果</a></li>
</ul>
<diary_snap>
<div class="mainrace_data fc">
{_intro(race, f"{day:%Y年%m月%d日}" if race.new_layout else short_day)}
<div class="race_result fc"><div id="contents_liquid">
<!-- a href="/?pid=info&mode=premium" -->
</diary_snap_cut>
<table class="race_table_01 nk_tb_common" summary="レース結果" cellspacing="1" cellpadding="0">
{_head(new=race.new_layout)}
{rows}
</table>
</div></div>
{_payout(race)}"""
    return page(title + ("" if race.new_layout else ".com"), content)


def _intro(race: Race, printed_day: str) -> str:
    ground = f"{race.surface}{'芝' if race.surface == '障' else race.direction}"
    ground += f"{' ' + race.course if race.course else ''}{race.distance}m"
    kind = "ダート" if race.surface == "ダ" else "芝"
    parts = [ground, f"天候 : {race.weather}", f"{kind} : {race.going}", f"発走 : {race.start:%H:%M}"]
    line = "&nbsp;/&nbsp;\n".join(parts[:2]) + f"&nbsp;/&nbsp;\n{parts[2]}&nbsp;&nbsp;/&nbsp;\n{parts[3]}"
    if not race.new_layout:
        line = "&nbsp;/&nbsp;".join(parts)
    where = f"{race.meeting_number}回{race.racecourse}{race.meeting_day}日目"
    word = quote(race.name, encoding="euc_jp", errors="ignore")
    return f"""<div class="data_intro">
<dl class="racedata fc">
<dt>
{race.number} R
</dt>
<dd>
<h1>{escape(race.name)}<!--img src="style/netkeiba.ja/image/race_grade_g2_01.png" alt=""--></h1>
<p>
<diary_snap_cut>
<span>
{line}
</span><br />
<diary_snap_cut>
<a href="/?pid=race_list&word={word}&front=1">過去の{escape(race.name)}</a>
</diary_snap_cut>
</p>
</dd>
</dl>
<p class="smalltxt">{printed_day} {where} {race.race_class}&nbsp;&nbsp;{race.conditions}</p>
<diary_snap_cut>
<ul class="btn_link_list fc">
<li class="race_btn_MOVIE end"><a href="/race/movie/{race.race_id}">レース映像</a></li>
</ul>
</diary_snap_cut>
</div><!-- /.race_data_intro -->
</div><!-- /.race_data_intro -->
</diary_snap_cut>"""


def _head(*, new: bool) -> str:
    def th(*names: str) -> str:
        return "\n".join(f'<th nowrap="nowrap">{name}</th>' for name in names)

    index = th(f"ﾀｲﾑ<br />指数<br />{PREMIUM}")
    if new:
        hidden = 'style="display: none;"'
        index = f"""<th class="TimeIndexHeadCell01 ">{CHANGE.format("ﾀｲﾑ<br>指数")}{PREMIUM}</th>
<th class="TimeIndexMasterHeadCell01" {hidden}>{CHANGE.format("ﾀｲﾑ<br>指数<br>M")}{PREMIUM}</th>
<th class="TimeIndexMasterHeadCell01 fsS" {hidden}>ｽﾀ<br>ｰﾄ<br>指<br>数</th>
<th class="TimeIndexMasterHeadCell01" {hidden}>追<br>走<br>指<br>数</th>
<th class="TimeIndexMasterHeadCell01 fsS" {hidden}>上<br>が<br>り<br>指<br>数</th>"""
    first = ("着<br />順", "枠<br />番", "馬<br />番", "馬名", "性齢", "斤量", "騎手", "タイム", "着差")
    premium = (f"調教<br />ﾀｲﾑ<br />{PREMIUM}", f"厩舎<br />ｺﾒﾝﾄ<br />{PREMIUM}", f"備考<br />{PREMIUM}")
    return f"""<tr class="txt_c">
{th(*first)}
<diary_snap_cut>
{index}
{th("通過", "上り")}
</diary_snap_cut>
{th("単勝", "人<br />気", "馬体重")}
<diary_snap_cut>
{th(*premium)}
</diary_snap_cut>
{th("調教師")}
<diary_snap_cut>
{th("馬主", "賞金<br />(万円)")}
</diary_snap_cut>
</tr>"""


def _row(race: Race, entry: Entry) -> str:
    return f"""<tr>
{_runner(race, entry)}
<diary_snap_cut>
{_index(race, entry)}
{_run(entry)}
</diary_snap_cut>
{_bets(entry)}
<diary_snap_cut>
{_premium(race, entry)}
</diary_snap_cut>
{_people(race, entry)}
</tr>"""


def _runner(race: Race, entry: Entry) -> str:
    """The cells of position, horse, jockey, time and margin."""
    horse, name = entry.horse.horse, escape(entry.horse.horse.name)
    position = f"{entry.position or ''}{entry.fate}" if entry.fate in ("", DEMOTED) else entry.fate
    seconds = "" if entry.time is None else f"{int(entry.time // 60)}:{entry.time % 60:04.1f}"
    return f"""<td class="txt_r" nowrap="nowrap">{position}</td>
<td class="w{entry.bracket}ml" align="right" nowrap="nowrap"><span>{entry.bracket}</span></td>
<td class="txt_r" nowrap="nowrap">{entry.number}</td>
<td class="txt_l" nowrap="nowrap">
<a href="/horse/{entry.horse.horse_id}/" title="{name}" id="umalink_{race.race_id}">{name}</a>

</td>
<td class="txt_c" nowrap="nowrap">{horse.sex}{entry.age}</td>
<td class="txt_c" nowrap="nowrap">{entry.carried_weight:g}</td>
<td class="txt_l" nowrap="nowrap">
<a href="/jockey/{_path(race)}{entry.jockey_id}/" title="{entry.jockey}">{entry.jockey}</a>
</td>
<td class="txt_r" nowrap="nowrap">{seconds}</td>
<td class="txt_c" nowrap="nowrap">{entry.margin}</td>"""


def _path(race: Race) -> str:
    """The path before the id in addresses of people."""
    return "result/recent/" if race.new_layout else ""


def _index(race: Race, entry: Entry) -> str:
    """The cells of indexes, which only subscribers see."""
    ran = entry.fate not in (SCRATCHED, EXCLUDED)
    index = f'<td class="speed_index bml" nowrap="nowrap">{INDEX if ran else ""}</td>'
    if not race.new_layout:
        return index
    master = f'<td class="TimeIndexMasterCell01 bml txt_right">{MASTER if ran else "-"}</td>'
    notes = ("タイム指数マスター全体", "スタート指数", "追走指数", "上がり指数")
    more = "".join(f"\n<!--*{note}*-->{master}" for note in notes)
    return index.replace("speed", "TimeIndexHeadCell01 speed") + more


def _run(entry: Entry) -> str:
    last_3f = "" if entry.last_3f is None else f"{entry.last_3f:.1f}"
    return f"""<td nowrap="nowrap">{"-".join(map(str, entry.bends))}</td>
<td class="bml" class="txt_c" nowrap="nowrap"><span>{last_3f}</span></td>"""


def _bets(entry: Entry) -> str:
    """The cells of the odds, the favourite rank and the horse weight."""
    odds = "---" if entry.odds is None else f"{entry.odds:.1f}"
    weight = "計不" if entry.weight is None else f"{entry.weight}({signed(entry.weight_change or 0)})"
    return f"""<td class="txt_r" nowrap="nowrap">{odds}</td>
<td class="bml" align="right" nowrap="nowrap"><span>{entry.favorite or ""}</span></td>
<td nowrap="nowrap">{weight}</td>"""


def _premium(race: Race, entry: Entry) -> str:
    return f"""<td class="txt_c" nowrap="nowrap">
<a href="/?pid=horse_training&id={entry.horse.horse_id}&rid={race.race_id}">調教</a>
</td>
<td class="txt_c" nowrap="nowrap"></td>
<td nowrap="nowrap">

</td>"""


def _people(race: Race, entry: Entry) -> str:
    """The trainer, the owner and the prize."""
    return f"""<td class="txt_l" nowrap="nowrap">
[{entry.base}]
<a href="/trainer/{_path(race)}{entry.trainer_id}/" title="{entry.trainer}">{entry.trainer}</a>
</td>
<diary_snap_cut>
<td class="txt_l w{entry.bracket}ml" nowrap="nowrap">
<a href="/owner/{_path(race)}{entry.owner_id}/" title="{entry.owner}">{entry.owner}</a>
</td>
<td class="txt_r" nowrap="nowrap">{"" if entry.prize is None else f"{entry.prize:,.1f}"}</td>
</diary_snap_cut>"""


def signed(change: int) -> str:
    """+4, -2 or 0."""
    return f"{change:+}" if change else "0"


def _payout(race: Race) -> str:
    """The payouts: one more table with horse numbers in it."""
    winners = [entry for entry in race.entries if entry.position == 1]
    numbers = "<br />".join(str(entry.number) for entry in winners)
    paid = "<br />".join(f"{round((entry.odds or 0) * 100):,}" for entry in winners)
    return f"""<dl class="pay_block"><dt><h3>払い戻し</h3></dt><dd class="fc">
<table cellpadding="0" cellspacing="1" class="pay_table_01" summary="払い戻し">
<tr><th class="tan">単勝</th><td>{numbers}</td><td class="txt_r">{paid}</td><td class="txt_r">1</td></tr>
</table></dd></dl>
</diary_snap>
<table width="100%" cellpadding="0" cellspacing="0" class="result_table_02" summary="馬場情報"><tr><td>{race.going}</td></tr></table>"""  # noqa: E501
