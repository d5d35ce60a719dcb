"""Races, entries, horses and aptitudes: the field's terms, and what pages say of them (items, checked when built).

Names follow the Japan Racing Association's English pages. Weights are in kg, distances in m, times in seconds, prizes
in units of 10,000 yen (万円), bars in px. What a page does not print is None.
"""

from datetime import date, time
from enum import StrEnum

from sqlalchemy import ARRAY, Float, Integer, String, Text
from sqlmodel import Field, SQLModel

from collector.storage.axes import Axis

HORSE_ID = r"^[0-9A-Za-z]{10}$"  # the first four are the year of birth for horses born in Japan
RACE_ID = r"^[0-9]{4}[0-9A-Za-z]{8}$"  # year, racecourse, meeting, day, race; letters in races abroad
SPRINT, MILE, MIDDLE = 0.2, 0.4, 0.6  # upper ends of distance aptitude, as the first attempt (2017) drew them
MOST_HORSES = 40  # a gate holds 18 in Japan; races abroad have had 40


class Surface(StrEnum):
    """What is run on; a jump race is a kind of its own, whatever lies under the hurdles."""

    TURF = "turf"  # 芝
    DIRT = "dirt"  # ダ
    JUMP = "jump"  # 障


class Direction(StrEnum):
    """Which way round."""

    RIGHT = "right"
    LEFT = "left"
    STRAIGHT = "straight"  # 直線


class Going(StrEnum):
    """The official going: 良, 稍重, 重, 不良, which on turf and dirt are different words in English."""

    FIRM = "firm"
    GOOD = "good"  # of turf and of dirt
    YIELDING = "yielding"
    SOFT = "soft"
    STANDARD = "standard"
    MUDDY = "muddy"
    SLOPPY = "sloppy"


class Weather(StrEnum):
    """The weather at the start."""

    FINE = "fine"  # 晴
    CLOUDY = "cloudy"  # 曇
    RAINY = "rainy"  # 雨
    DRIZZLE = "drizzle"  # 小雨
    SNOW = "snow"  # 雪
    LIGHT_SNOW = "light_snow"  # 小雪


class Grade(StrEnum):
    """A race's grade; None for all that has none. Jump races have grades of their own."""

    G1 = "G1"
    G2 = "G2"
    G3 = "G3"
    LISTED = "L"
    OPEN = "OP"
    JUMP_G1 = "J.G1"
    JUMP_G2 = "J.G2"
    JUMP_G3 = "J.G3"
    LOCAL_1 = "Jpn1"  # of dirt races for horses of all tracks
    LOCAL_2 = "Jpn2"
    LOCAL_3 = "Jpn3"


class Sex(StrEnum):
    """A horse's sex."""

    MALE = "male"  # 牡
    FEMALE = "female"  # 牝
    GELDING = "gelding"  # セ, 騸


class Finish(StrEnum):
    """How a race ended for a horse; None where it has not been run."""

    FINISHED = "finished"
    SCRATCHED = "scratched"  # 取消: withdrawn after the draw
    EXCLUDED = "excluded"  # 除外: taken out at the gate
    DID_NOT_FINISH = "did_not_finish"  # 中止: pulled up
    DISQUALIFIED = "disqualified"  # 失格
    DEMOTED = "demoted"  # 降着: has a position, behind the one it crossed the line in


class Kind(StrEnum):
    """The four types of horses by distance aptitude."""

    SPRINT = "sprint"
    MILE = "mile"
    MIDDLE = "middle"
    LONG = "long"


def kind_of(label: float) -> Kind:
    """The type that a distance aptitude of 0..1 stands for."""
    if label < SPRINT:
        return Kind.SPRINT
    if label < MILE:
        return Kind.MILE
    return Kind.MIDDLE if label < MIDDLE else Kind.LONG


class RaceDayItem(SQLModel):
    """A day of racing, as a month's calendar says."""

    race_date: date
    racecourses: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))  # as printed (東京)


class RaceItem(SQLModel):
    """One race, as its result or its card says."""

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
    course: str | None = None  # which of the racecourse's tracks, as printed (外, A, 外-内)
    distance: int = Field(ge=100, le=10_000)  # m
    weather: Weather | None = Field(default=None, sa_type=String)
    going: Going | None = Field(default=None, sa_type=String)
    start_time: time | None = None  # Japan
    prizes: list[float] = Field(default_factory=list, sa_type=ARRAY(Float))  # 万円, from the first place on


class EntryItem(SQLModel):
    """One horse in one race.

    Tracks that draw sledges, and some others, have no ids for their horses, or one for all of them; such a row is
    known by its number, and before the draw by its name.
    """

    race_id: str = Field(regex=RACE_ID)
    horse_id: str | None = Field(default=None, regex=HORSE_ID)  # None: it has none of its own
    horse_name: str = Field(min_length=1, max_length=60)  # as printed
    horse_key: str = Field(min_length=1)  # see `collector.sources.text_tools.text.horse_key`
    bracket_number: int | None = Field(default=None, ge=1, le=8)  # 枠番; not drawn yet, or a race abroad: None
    horse_number: int | None = Field(default=None, ge=1, le=MOST_HORSES)  # 馬番
    sex: Sex | None = Field(default=None, sa_type=String)
    age: int | None = Field(default=None, ge=1, le=40)  # years
    carried_weight: float | None = Field(default=None, ge=30, le=1000)  # 斤量, kg; hundreds in front of a sledge
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
    # 上り, seconds over the last 600 m; no horse has run them in less than 30. Over hurdles the site prints a mean time
    # of 200 m there, so None.
    last_3f: float | None = Field(default=None, ge=28, le=200)
    odds: float | None = Field(default=None, ge=1)  # to win, per unit staked
    favorite_rank: int | None = Field(default=None, ge=1, le=MOST_HORSES)  # 人気
    horse_weight: int | None = Field(default=None, ge=200, le=1500)  # 馬体重, kg; 計不 (not weighed): None
    horse_weight_change: int | None = Field(default=None, ge=-200, le=200)  # kg since its last race
    prize: float | None = Field(default=None, ge=0)  # 万円


class HorseItem(SQLModel):
    """A horse, as its own page says."""

    horse_id: str = Field(regex=HORSE_ID)
    name: str = Field(min_length=1, max_length=60)  # as printed
    horse_key: str = Field(min_length=1)
    born: date | None = None
    sex: Sex | None = Field(default=None, sa_type=String)
    coat: str | None = None  # 毛色, as printed (鹿毛)
    retired: bool | None = None  # 抹消; None where neither that nor 現役 is printed
    sire: str | None = None
    dam: str | None = None
    damsire: str | None = None


class ReviewsItem(SQLModel):
    """How many people have reviewed a horse, where that stands on a page of its own."""

    horse_id: str = Field(regex=HORSE_ID)
    reviews: int = Field(ge=0)


class AptitudeItem(SQLModel):
    """What reviewers think of a horse on one axis: two bars, and their share.

    A horse that nobody has reviewed shows 58/58 on all five axes. That is no opinion: `value` is None then, and
    `evidence` says what decided it.
    """

    horse_id: str = Field(regex=HORSE_ID)
    axis: Axis = Field(sa_type=String)
    left_px: int = Field(ge=1, le=116)
    right_px: int = Field(ge=1, le=116)
    value: float | None = Field(default=None, gt=0, lt=1)  # right / (left + right); None: no label
    reviews: int | None = Field(default=None, ge=0)  # how many, where the page says so: the label's reliability
    evidence: str | None = None  # why there is no label


RacingItem = RaceDayItem | RaceItem | EntryItem | HorseItem | AptitudeItem | ReviewsItem
