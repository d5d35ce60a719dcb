"""keibado's photo pages as HTML."""

from html import escape

from collector.demo.keibado.issue_pages import FOOTER, NAVIGATION
from collector.demo.keibado.layouts import Frame, Layout, NameMark, layout_of, picture_path
from collector.demo.world.world import Photo

SIDE = """<td width="140" valign="top" bgcolor="#EEFFEE"><font size="2"><a href="../../index.html">コーナーTOP</a><br>
<img src="/img/contents.gif" width="120" height="18" alt="CONTENTS"><br>
<a href="plaza.html">ニュースぷらざ</a><br><a href="tsusin.html">編集員通信</a><br>
<a href="../bn/{year}.html">BACK NUMBER</a><br><a href="index.html">この号の目次</a></font></td>"""
TURN = (
    '<p><font size="2"><a href="index.html">一覧へ戻る</a>　<a href="#top">このページの上へ</a></font></p>\n'
    '<p><a href="/ad/jump.cgi?p=3"><img src="/ad/234x60.gif" width="234" height="60" border="0" alt="AD"></a></p>\n'
    '<p><font size="1">※写真の無断転載を禁じます。馬名、毛色、所属は掲載当時のものです。<br>\n'
    "※ブラウザの文字サイズは「中」でご覧ください。画面は800×600以上を推奨しています。</font></p>"
)


def photo_page(photo: Photo) -> str:
    """One photo: name, picture, profile, comment and pedigree, in the order of its layout."""
    year = 2000 + int(photo.issue_code[:2])
    layout = layout_of(year)
    body = '<body bgcolor="#FFFFFF" text="#000000" link="#006600" vlink="#663300">'
    parts = [_picture(layout, photo), _profile(layout, photo), _comment(layout, photo), _pedigree(photo)]
    if layout.name_mark is NameMark.IMAGE:
        parts.insert(0, f'<p><img src="../../img/p_name.gif" width="16" height="16"> {_name(photo)}<br></p>')
    else:
        parts.append(_dark_table(f'<font size="4" color="#FFFFFF"><b>{_name(photo)}</b></font>'))
    content = "\n".join(parts)
    return f"""<html>
<head>{layout.meta}
<title>競馬ブックPHOTOパドック</title>
</head>
{body}<a name="top"></a>
{NAVIGATION.format(ad=f"{photo.number:02}", year=year)}
{_dark_table('<font color="#FFFFFF"><b>競馬ブック PHOTOパドック</b></font>') if layout.full_profile else ""}
<table width="760" border="0" cellspacing="0" cellpadding="4"><tr>{SIDE.format(year=year)}
<td valign="top">
{content}
{TURN}
</td></tr></table>
{FOOTER.format(year=year)}"""


def _dark_table(inside: str) -> str:
    return (
        '<table width="350" border="0" cellspacing="0" cellpadding="2" bgcolor="#003300">'
        f"<tr><td>{inside}</td></tr></table>"
    )


def _name(photo: Photo) -> str:
    """The name; for one photo it is in two nodes."""
    name = photo.horse.name
    return f"{name[:-1]}<font>{name[-1]}</font>" if photo.number == 7 else name


def _picture(layout: Layout, photo: Photo) -> str:
    source = picture_path(photo).removeprefix(f"/keibabook/{photo.issue_code}/")
    match layout.frame:
        case Frame.TABLE_309:
            return (
                '<table width="309" border="0" cellspacing="0" cellpadding="2" bgcolor="#CCCCCC"><tr><td>'
                f'<img src="{source}" alt=""></td></tr></table>'
            )
        case Frame.IMAGE_304:
            return f'<img src="{source}" width="304" height="228">'
    return f'<table border="0"><tr><td><img src="{source}" border="0"></td></tr></table>'


def _profile(layout: Layout, photo: Photo) -> str:
    horse, shot = photo.horse, f"{photo.shot_on.month}月{photo.shot_on.day}日撮影"
    if not layout.full_profile:
        return f'<p><font size="2">({horse.coat} {shot})</font></p>'
    return f'<p><font size="2"> {horse.sex}{photo.age}歳、{horse.coat}、{horse.trainer}厩舎<br>\n({shot})</font></p>'


def _comment(layout: Layout, photo: Photo) -> str:
    if layout.comment_table:
        return f'<table width="310" border="0"><tr><td><font size="2">　{photo.comment}</font></td></tr></table>'
    return f"<p><font size=2>{photo.comment}</font></p>"


def _pedigree(photo: Photo) -> str:
    """The pedigree as the magazine prints it: sire and dam over four rows each, their ancestors over two or one."""

    def cell(name: str, rows: int) -> str:
        return f'<td rowspan="{rows}"><font size="2" color="#000000">{escape(name, quote=False)}</font></td>'

    rows = []
    for side in (photo.horse.pedigree[:7], photo.horse.pedigree[7:]):
        parent, grandsire, first, second, granddam, third, fourth = side
        rows += [
            cell(parent, 4) + cell(grandsire, 2) + cell(first, 1),
            cell(second, 1),
            cell(granddam, 2) + cell(third, 1),
            cell(fourth, 1),
        ]
    inside = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table width="350" border="1" cellspacing="0" cellpadding="2">\n{inside}\n</table>'
