"""What pages of photos say: items, checked when built. `racing` has those of races, horses and aptitudes."""

from datetime import date

from sqlalchemy import Date
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class IssueItem(SQLModel):
    """One back number of the magazine, as its index page says."""

    source: str
    code: str = Field(regex=r"^[0-9A-Za-z_-]{1,40}$")  # as the site has it: YYMMDD
    issue_date: date  # the Monday, or Tuesday, after the races
    race_days: list[date] = Field(sa_type=ARRAY(Date))  # printed ("16・17日号"); empty where it prints none


class ListedPhotoItem(SQLModel):
    """One line of an issue's index: a horse under its race, and the page that shows it."""

    source: str
    issue_code: str
    number: int = Field(ge=1, le=999)  # of the photo within the issue
    listed_name: str  # as printed in the list
    race_name: str | None  # the race head it stands under
    page_url: str


class PhotoItem(SQLModel):
    """One photo page: the horse, and the picture's address."""

    source: str
    issue_code: str
    number: int = Field(ge=1, le=999)
    horse_name: str  # as printed
    horse_key: str  # normalised: NFKC, no spaces, no marks of foreign or local horses
    page_url: str
    image_url: str
    coat: str | None = None  # 毛色, as printed (鹿毛)
    sex: str | None = None  # 牡, 牝 or セ, as printed
    age: int | None = Field(default=None, ge=1, le=40)  # years
    trainer: str | None = None  # 厩舎, as printed (美浦・鹿戸雄)
    shot_month: int | None = Field(default=None, ge=1, le=12)  # 撮影; its year is not printed
    shot_day: int | None = Field(default=None, ge=1, le=31)
    comment: str | None = None  # the editors' remark on the build
    pedigree: list[str] = Field(default_factory=list)  # ancestors in the printed order
    keep_out: bool = False  # the page's own robots meta says noimageindex or noai
