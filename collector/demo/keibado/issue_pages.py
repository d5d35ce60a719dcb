"""keibado's year indexes and issue indexes as HTML, with the irregularities of handmade pages."""

from collections.abc import Iterator, Sequence

from collector.demo.keibado.layouts import Layout, layout_of
from collector.demo.world import vocabulary
from collector.demo.world.world import Issue, Photo

NAVIGATION = """<table width="760" border="0" cellspacing="0" cellpadding="0"><tr>
<td width="260"><a href="../../index.html"><img src="/img/logo_book.gif" width="250" height="48" border="0" alt="競馬ブックコーナー"></a></td>
<td align="right"><a href="/ad/jump.cgi?p=1"><img src="/ad/468x60_{ad}.gif" width="468" height="60" border="0" alt="AD"></a></td></tr>
<tr><td colspan="2" bgcolor="#006600"><font size="2" color="#FFFFFF">
<a href="../../index.html">コーナーTOP</a>｜<a href="../itw/index.html">今週号</a>｜<a href="../itw/plaza.html">ニュースぷらざ</a>｜
<a href="../itw/tsusin.html">編集員通信</a>｜<a href="../bn/{year}.html">BACK NUMBER</a>｜<a href="/keibado/howto.html">使い方</a>
</font></td></tr></table>"""  # noqa: E501
FOOTER = """<hr size="1" width="760" align="left">
<table width="760" border="0"><tr><td><a href="/index.html"><font size="2">トップへ</font></a>
<a href="/keibado/privacy.html"><font size="2">個人情報について</font></a></td>
<td align="right"><font size="1">copyright (C) Look-alike Press/牧柵ブック1997-{year}</font></td></tr></table>
</body></html>
"""
TOPICS = (
    "東京特別",
    "京都特別",
    "福島特別",
    "中山特別",
    "ステイヤーズSなど4競走の外国選出馬",
    "3歳馬、次走が決定",
    "ローカル便り",
)
ARTICLE = (
    "先週の中央開催は好天に恵まれ、二日間とも良馬場で行われた。",
    "人気を集めた馬が順当に力を示した一方で、伏兵の台頭も目立っている。",
    "今週は重賞が組まれており、週末に向けて各陣営の動きがあわただしくなってきた。",
    "坂路では朝一番から時計の速い組が続き、ウッドチップのコースも適度に湿って走りやすそうだった。",
    "なお、出走予定馬の写真は撮影日の都合により、前回のものを掲載する場合がある。",
)


def _page(layout: Layout, title: str, year: int, content: str) -> str:
    """A whole page around its content."""
    head = f"<head>{layout.meta}\n<title>{title}</title>" + (
        '\n<link rel="stylesheet" href="/css/book.css" type="text/css">' if year >= 2012 else ""
    )
    navigation = NAVIGATION.format(ad=f"{year % 7:02}", year=year)
    body = '<body bgcolor="#FFFFFF" text="#000000" link="#006600" vlink="#663300">'
    doctype = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">\n' if layout.meta else ""
    return f'{doctype}<html lang="ja">\n{head}\n</head>\n{body}\n{navigation}\n{content}\n{FOOTER.format(year=year)}'


def year_index_page(year: int, years: range, issues: Sequence[Issue]) -> str:
    """The back numbers of a year, newest first; some are linked twice."""
    rows = []
    for number, issue in enumerate(reversed(issues)):
        lead = issue.photos[0].race_name
        link = f'<a href="../{issue.code}/index.html">'
        picture = f'{link}<img src="/img/new.gif" width="20" height="9" border="0"></a>' if number % 3 == 0 else ""
        day = f"{issue.issue_date.month}月{issue.issue_date.day}日号"
        rows.append(
            f'<tr><td width="120"><font size="2">{link}{day}</a></font></td>'
            f'<td><font size="2">{picture}{lead}ほか</font></td></tr>'
        )
    others = "｜".join(f'<a href="{other}.html">{other}年</a>' for other in years if other != year)
    content = (
        f'<p><font size="4"><b>BACK NUMBER {year}年</b></font></p>\n<p><font size="2">{others}</font></p>\n'
        '<table width="500" border="1" cellspacing="0" cellpadding="3">\n' + "\n".join(rows) + "\n</table>\n"
        '<p><font size="2"><a href="../itw/index.html">最新号はこちら</a></font></p>'
    )
    return _page(layout_of(year), f"競馬ブックコーナー バックナンバー{year}年", year, content)


def issue_index_page(issue: Issue) -> str:
    """An issue: the list of photos on the left, the news on the right."""
    year = issue.issue_date.year
    layout = layout_of(year)
    title = '<font size="2">出走予定馬の最新写真&amp;情報</font>'
    rows = "\n".join(_list_rows(layout, issue))
    content = f"""<table width="760" border="0" cellspacing="0" cellpadding="4"><tr><td width="160" valign="top">
<p>{title}<br><img src="/img/h_paddock.gif" width="140" height="24" alt="PHOTOパドック"></p>
{layout.list_start}
{rows}
{layout.list_end}
<p><a href="/ad/jump.cgi?p=2"><img src="/ad/120x240.gif" width="120" height="240" border="0" alt="AD"></a></p>
</td><td valign="top">
<p><font size="3" color="#CC0000">{_printed_days(issue)}</font></p>
{_news(issue)}
</td></tr></table>"""
    return _page(layout, f"競馬ブックコーナー {issue.code}", year, content)


def _list_rows(layout: Layout, issue: Issue) -> Iterator[str]:
    """The rows of the list, one for each race; the rest of a long race is in a row without a head."""
    races = dict.fromkeys(photo.race_name for photo in issue.photos)
    for race in races:
        photos = [photo for photo in issue.photos if photo.race_name == race]
        links = [_photo_link(layout, photo) for photo in photos]
        if race == issue.photos[-1].race_name:
            links.insert(1, _withdrawn_link(layout, len(issue.photos) + 1))
        cut = 3 if len(links) > 4 else len(links)
        head = f"{layout.head_start}{layout.head_mark}{race}{layout.head_end}<br>"
        yield f"<tr><td>{head}\n" + "\n".join(links[:cut]) + "\n</td></tr>"
        if links[cut:]:
            yield "<tr><td>" + "\n".join(links[cut:]) + "\n</td></tr>"


def _photo_link(layout: Layout, photo: Photo) -> str:
    name, target = photo.horse.name, f"{layout.link_start}photo{photo.number:02}.html"
    middle = len(name) // 2
    match photo.number % 6:
        case 2 if middle:  # a name in two nodes
            name = f"{name[:middle]}<b>{name[middle:]}</b>"
        case 3:
            name = f"<font size=2>{name}</font><br>"
        case 4 if len(name) > 6:
            name = f"{name[:middle]}<br>{name[middle:]}"
        case 5:
            return f'<font size="2">・<a href="{target}">{name}<br></a></font>'
    return f'<font size="2">・</font><a href="{target}">{name}</a><br>'


def _withdrawn_link(layout: Layout, number: int) -> str:
    name = vocabulary.CROWNS[number % 7] + "カイヒ"
    return f'<!-- <font size="2">・</font><a href="{layout.link_start}photo{number:02}.html">{name}</a><br> -->'


def _printed_days(issue: Issue) -> str:
    """The race days, on one line or several, as in "31・1日号 発売中"."""
    days = [str(day.day) for day in issue.race_days]
    match issue.issue_date.day % 3:
        case 0:
            return "・".join(days) + "\n日号 発売中"
        case 1:
            return "・".join(days[:-1]) + f"・<br>\n{days[-1]}<br>\n日号 発売中"
    return "・".join(days) + "日号 発売中"


def _news(issue: Issue) -> str:
    start = issue.issue_date.day
    topics = "\n".join(
        f'<font size="2">・<a href="topics{number:02}.html">{TOPICS[(start + number) % len(TOPICS)]}</a></font><br>'
        for number in range(1, 5)
    )
    article = "".join(ARTICLE[(start + number) % len(ARTICLE)] for number in range(9))
    winner = vocabulary.CROWNS[start] + vocabulary.WORDS[-start]
    return f"""<table width="560" border="0"><tr><td valign="top" width="180"><b><font size="2">★TOPICS</font></b><br>
{topics}</td><td valign="top"><b>メインレースを制した{winner}</b><br>
<img src="images/main.gif" width="240" height="180" alt="{winner}"><br>
<font size="2">{article}</font></td></tr></table>"""
