"""netkeiba's search for horses as HTML."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from collector.demo.netkeiba.frame import page
from collector.demo.netkeiba.horse_pages import HorseView

PER_PAGE = 20  # horses on a page of search results


def search_page(word: str, found: Sequence[HorseView], number: int) -> str:
    """A page of the horses whose names contain a word, or the message that nothing was found."""
    printed = escape(word)
    title = f"馬名[{printed}]の競走馬検索結果｜競馬データベース - netkeiba.com"
    if not found:
        none = f"<h2>馬名[{printed}]の競走馬は見つかりませんでした</h2>"
        return page(title, f'<div class="search_result_box"><div class="cate_bar">{none}</div></div>')
    first = (number - 1) * PER_PAGE
    rows = "\n".join(_found(shown, index) for index, shown in enumerate(found[first : first + PER_PAGE]))
    pages = -(-len(found) // PER_PAGE)
    links = "".join(
        f'<a href="/?pid=horse_list&word={quote(word)}&page={target}" title="{label}">{label}</a>\n'
        for target, label in ((number + 1, "次"), (pages, "最後"))
        if number < pages
    )
    heads = "".join(f"<th>{name}</th>" for name in ("", "馬名", "性", "生年", "所属", "調教師", "父", "母", "賞金"))
    return page(
        title,
        f"""<div class="search_result_box"><div class="cate_bar"><h2>馬名[{printed}]の競走馬検索結果</h2></div>
<form method="get" action="/"><input type="hidden" name="pid" value="horse_list" />
<input type="hidden" name="sort_key" value="prize" /><input type="hidden" name="serial" value="" />
<div class="common_pager">{len(found)}件中{first + 1}-{min(first + PER_PAGE, len(found))}件目 {links}</div>
<table class="nk_tb_common race_table_01" summary="競走馬検索結果" cellspacing="1">
<tr class="txt_c">{heads}</tr>
{rows}
</table></form></div>""",
    )


def _found(shown: HorseView, index: int) -> str:
    horse, name = shown.horse, escape(shown.horse.name)
    striped = ("xml", "bml")[index % 2]
    stable, _, trainer = horse.trainer.partition("・")
    cells = "".join(
        f'<td class="{striped} txt_l" nowrap="nowrap">{value}</td>\n'
        for value in (horse.sex, str(horse.born), stable, trainer, horse.pedigree[0], horse.pedigree[7])
    )
    return f"""<tr>
<td nowrap="nowrap"><input type="checkbox" name="horse_id[]" value="{shown.horse_id}" id="chk_horse"></td>
<!--<td nowrap="nowrap">&nbsp;{index}</td>-->
<td class="{striped} txt_l w_human" nowrap="nowrap"><a href="/horse/{shown.horse_id}/" title="{name}">{name}</a></td>
{cells}<td class="txt_r" nowrap="nowrap">829.0</td>
</tr>"""
