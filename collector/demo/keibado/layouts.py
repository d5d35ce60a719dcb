"""The layouts of keibado's pages over the years, as values."""

from dataclasses import dataclass
from enum import StrEnum

from collector.demo.world.world import Issue, Photo


class NameMark(StrEnum):
    """The position of the horse's name on a photo page."""

    IMAGE = "p_name.gif before it"
    LAST_TABLE = "bold in the last dark table"


class Frame(StrEnum):
    """The markup around a photo page's picture."""

    TABLE_309 = "table of width 309"
    IMAGE_304 = "img of width 304"
    PLAIN = "neither"


@dataclass(frozen=True, slots=True)
class Layout:
    """One generation of the pages."""

    since: int  # year
    charset_header: str  # after text/html
    meta: str  # in the page's head
    list_start: str
    list_end: str
    head_mark: str  # before a race's name
    head_start: str
    head_end: str
    link_start: str  # before photo01.html
    name_mark: NameMark
    frame: Frame
    picture_name: str  # the pattern of its file name, with the photo's number
    full_profile: bool  # 牡5歳、栗毛、美浦・鹿戸雄厩舎; False: only coat and day
    comment_table: bool


SJIS = '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">'
X_SJIS = '<META HTTP-EQUIV="Content-type" CONTENT="text/html; charset=x-sjis">'

LAYOUTS = (
    Layout(
        2005, "", "",
        '<!-- #BeginLibraryItem "/Library/m_photo.lbi" --><table width="138" border="0" cellpadding="3">',
        '</table><!-- #EndLibraryItem -->', "◆", '<font size="2" color="#FFFFCC"><b>', "</b></font>", "",
        NameMark.IMAGE, Frame.TABLE_309, "p_photo{:02}.jpg", False, False,
    ),
    Layout(
        2007, "", X_SJIS,
        '<table width="140" border="0" cellspacing="0" cellpadding="2" bgcolor="#003300">', "</table>",
        "■", '<font size="2" color="#FFFF99"><b>', "</b></font>", "",
        NameMark.IMAGE, Frame.TABLE_309, "photo_{:02}.jpg", False, False,
    ),
    Layout(
        2008, "", SJIS,
        '<table width="140" border="0" cellspacing="0" cellpadding="2" bgcolor="#003300">', "</table>",
        "◆", '<font size="2" color="#FFFF99"><b>', "</b></font>", "./",
        NameMark.IMAGE, Frame.IMAGE_304, "pp{:02}.jpg", False, False,
    ),
    Layout(
        2009, "; charset=Shift_JIS", SJIS,
        '<table width="145" border="0" cellspacing="0" cellpadding="2" bgcolor="#003300">', "</table>",
        "", '<b><font size="2" color="#FFFF99">', "</font></b>", "",
        NameMark.LAST_TABLE, Frame.IMAGE_304, "pp{:02}.jpg", True, True,
    ),
    Layout(
        2012, "", SJIS,
        '<table class="mini" width="150" border="0" cellspacing="0" cellpadding="2">', "</table>",
        "", '<b><font size="2">', "</font></b>", "./",
        NameMark.LAST_TABLE, Frame.PLAIN, "pp{:02}.jpg", True, True,
    ),
    Layout(
        2015, "; charset=Shift_JIS", SJIS,
        '<table class="mini" width="150" border="0" cellspacing="0" cellpadding="2">', "</table>",
        "◆", '<font size="2"><b>', "</b></font>", "",
        NameMark.LAST_TABLE, Frame.PLAIN, "pp{:02}.jpg", True, True,
    ),
)  # fmt: skip


def layout_of(year: int) -> Layout:
    """The layout of a year; years before the first layout have the first one."""
    return next((layout for layout in reversed(LAYOUTS) if layout.since <= year), LAYOUTS[0])


def picture_path(photo: Photo) -> str:
    """The path of a photo's picture."""
    name = layout_of(2000 + int(photo.issue_code[:2])).picture_name.format(photo.number)
    return f"/keibabook/{photo.issue_code}/images/{name}"


def page_path(photo: Photo) -> str:
    """The path of a photo's page."""
    return f"/keibabook/{photo.issue_code}/photo{photo.number:02}.html"


def index_path(issue: Issue) -> str:
    """The path of an issue's list of photos."""
    return f"/keibabook/{issue.code}/index.html"
