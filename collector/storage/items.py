"""Items: the facts that pages state, checked when built.

Weights are in kg, distances in m, times in seconds, prizes in units of 10,000 yen (万円), bars in px. What a page does
not print is None.
"""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import ARRAY, Date, Float, Integer, String, Text, text
from sqlmodel import Field, SQLModel

from collector.storage.racing import (
    HORSE_ID,
    MOST_HORSES,
    RACE_ID,
    Axis,
    Direction,
    Finish,
    Going,
    Grade,
    Sex,
    Surface,
    Weather,
)

MOST_OF_AN_ISSUE = 9999  # photos; a photo's id has at most four digits for its number
# Whether a licensed source says so, whose word stands: see `collector.pipeline.licensed`.
LICENSED: Any = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class IssueItem(SQLModel):
    """One back number of the magazine, as its index page says."""

    source: str
    code: str = Field(regex=r"^[0-9A-Za-z_-]{1,40}$")  # the site's code: YYMMDD
    issue_date: date  # the Monday, or Tuesday, after the races
    race_days: list[date] = Field(sa_type=ARRAY(Date))  # printed ("16・17日号"); may be empty


class ListedPhotoItem(SQLModel):
    """One line of an issue's index: a horse under its race, and the page that shows it."""

    source: str
    issue_code: str
    number: int = Field(ge=1, le=MOST_OF_AN_ISSUE)  # of the photo within the issue
    listed_name: str  # as printed in the list
    race_name: str | None  # the race under which the list has it
    page_url: str


class PhotoItem(SQLModel):
    """One photo page: the horse, and the picture's address."""

    source: str
    issue_code: str
    number: int = Field(ge=1, le=MOST_OF_AN_ISSUE)
    horse_name: str | None  # as printed; None: nothing beside the photo names a horse
    horse_key: str | None  # normalised: NFKC, no spaces, no marks of foreign or local horses
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
    stated_horse_id: str | None = None  # the horse's id, where the page gives it
    stated_race_id: str | None = None  # the id of the race, where the page gives it
    origin: str | None = None  # who took it, or where it was published, where that is not the source's site
    rights: str | None = None  # what may be done with it; None: what the source's terms say
    taken_at: datetime | None = None  # the moment of the shot, where the camera wrote it
    clock: datetime | None = None  # what the camera's clock showed then, without a zone
    camera: str | None = None  # which camera took it (Canon EOS R5 3fa2)
    racecourse: str | None = None  # at which it was taken (東京)
    keep_out: bool = False  # the page's robots meta tag says noimageindex or noai


class RaceDayItem(SQLModel):
    """A race day in a month's calendar."""

    race_date: date
    racecourses: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))  # as printed (東京)


class RaceItem(SQLModel):
    """One race, from its result or its card."""

    race_id: str = Field(regex=RACE_ID)
    race_date: date
    racecourse: str  # as printed (東京)
    meeting_number: int | None = Field(default=None, ge=1, le=99)
    meeting_day: int | None = Field(default=None, ge=1, le=99)
    race_number: int = Field(ge=1, le=20)
    name: str = Field(min_length=1, max_length=100)
    grade: Grade | None = Field(default=None, sa_type=String)
    race_class: str | None = None  # who may run, as printed (3歳未勝利)
    conditions: str | None = None  # the marks after it, as printed ((混)[指](馬齢))
    surface: Surface | None = Field(default=None, sa_type=String)
    direction: Direction | None = Field(default=None, sa_type=String)
    course: str | None = None  # the track of the racecourse, as printed (外, A, 外-内)
    distance: int = Field(ge=100, le=10_000)  # m
    weather: Weather | None = Field(default=None, sa_type=String)
    going: Going | None = Field(default=None, sa_type=String)
    start_time: time | None = None  # Japan
    prizes: list[float] = Field(default_factory=list, sa_type=ARRAY(Float))  # 万円, from the first place on
    licensed: bool = LICENSED


class EntryItem(SQLModel):
    """One horse in one race.

    Tracks with sledges, and some others, have no ids for their horses, or one id for all. Such an entry is identified
    by its horse number, and before the draw by its name.
    """

    race_id: str = Field(regex=RACE_ID)
    horse_id: str | None = Field(default=None, regex=HORSE_ID)  # None: no id of its own
    horse_name: str = Field(min_length=1, max_length=60)  # as printed
    horse_key: str = Field(min_length=1)  # see `collector.sources.text_tools.text.horse_key`
    bracket_number: int | None = Field(default=None, ge=1, le=8)  # 枠番; None before the draw and abroad
    horse_number: int | None = Field(default=None, ge=1, le=MOST_HORSES)  # 馬番
    sex: Sex | None = Field(default=None, sa_type=String)
    age: int | None = Field(default=None, ge=1, le=40)  # years
    carried_weight: float | None = Field(default=None, ge=30, le=1000)  # 斤量, kg; hundreds with a sledge
    jockey: str | None = None
    jockey_id: str | None = None
    trainer: str | None = None
    trainer_id: str | None = None
    trainer_base: str | None = None  # as printed: 東, 西, 地, 外; 美浦 and 栗東 are 東 and 西
    owner: str | None = None
    owner_id: str | None = None
    finish: Finish | None = Field(default=None, sa_type=String)
    finish_position: int | None = Field(default=None, ge=1, le=MOST_HORSES)  # the same for both in a dead heat
    finish_time: float | None = Field(default=None, ge=5, le=1800)  # seconds
    margin: str | None = None  # 着差 to the one before, as printed (クビ, 1.3/4, 同着)
    positions_at_bends: list[int] = Field(default_factory=list, sa_type=ARRAY(Integer))  # 通過
    # 上り, seconds over the last 600 m; no horse has run them in less than 30. None over hurdles, where the site prints
    # a mean time of 200 m.
    last_3f: float | None = Field(default=None, ge=28, le=200)
    odds: float | None = Field(default=None, ge=1)  # to win, per unit staked
    favorite_rank: int | None = Field(default=None, ge=1, le=MOST_HORSES)  # 人気
    horse_weight: int | None = Field(default=None, ge=200, le=1500)  # 馬体重, kg; 計不 (not weighed): None
    horse_weight_change: int | None = Field(default=None, ge=-200, le=200)  # kg since its last race
    prize: float | None = Field(default=None, ge=0)  # 万円
    licensed: bool = LICENSED
    # The id that a licensed source gives its horse. `horse_id` is the same where all sources agree about that horse.
    stated_horse_id: str | None = Field(default=None, regex=HORSE_ID)


class HorseItem(SQLModel):
    """A horse, from its own page."""

    horse_id: str = Field(regex=HORSE_ID)
    name: str = Field(min_length=1, max_length=60)  # as printed
    horse_key: str = Field(min_length=1)
    born: date | None = None
    sex: Sex | None = Field(default=None, sa_type=String)
    coat: str | None = None  # 毛色, as printed (鹿毛)
    retired: bool | None = None  # 抹消: True, 現役: False
    sire: str | None = None
    dam: str | None = None
    damsire: str | None = None
    licensed: bool = LICENSED


class ReviewsItem(SQLModel):
    """The number of a horse's reviews, from the page of reviews."""

    horse_id: str = Field(regex=HORSE_ID)
    reviews: int = Field(ge=0)


class AptitudeItem(SQLModel):
    """What reviewers think of a horse on one axis: two bars, and their share.

    A horse without reviews shows 58/58 on all five axes. That is not an opinion: `value` is None, and `evidence` says
    why.
    """

    horse_id: str = Field(regex=HORSE_ID)
    axis: Axis = Field(sa_type=String)
    left_px: int = Field(ge=1, le=116)
    right_px: int = Field(ge=1, le=116)
    value: float | None = Field(default=None, gt=0, lt=1)  # right / (left + right); None: no label
    reviews: int | None = Field(default=None, ge=0)  # their number, if the page states it: the label's reliability
    evidence: str | None = None  # why the label is missing


RacingItem = RaceDayItem | RaceItem | EntryItem | HorseItem | AptitudeItem | ReviewsItem
