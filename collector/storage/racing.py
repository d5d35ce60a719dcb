"""The words of racing. They follow the Japan Racing Association's English pages.

`items` uses these words. This module does not import SQLModel.
"""

from enum import StrEnum

HORSE_ID = r"^[0-9A-Za-z]{10}$"  # the first four are the year of birth for horses born in Japan
RACE_ID = r"^[0-9]{4}[0-9A-Za-z]{8}$"  # year, racecourse, meeting, day, race; letters in races abroad
SPRINT, MILE, MIDDLE = 0.2, 0.4, 0.6  # upper ends of distance aptitude, from the first project (2017)
MOST_HORSES = 40  # 18 in Japan; races abroad have had 40


class Surface(StrEnum):
    """The surface of a race; a jump race is JUMP on any ground."""

    TURF = "turf"  # 芝
    DIRT = "dirt"  # ダ
    JUMP = "jump"  # 障


class Direction(StrEnum):
    """The direction of a race."""

    RIGHT = "right"
    LEFT = "left"
    STRAIGHT = "straight"  # 直線


class Going(StrEnum):
    """The official going: 良, 稍重, 重, 不良; English uses different words for turf and dirt."""

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
    """A race's grade. Jump races have their own grades."""

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
    """How a race ended for a horse."""

    FINISHED = "finished"
    SCRATCHED = "scratched"  # 取消: withdrawn after the draw
    EXCLUDED = "excluded"  # 除外: taken out at the gate
    DID_NOT_FINISH = "did_not_finish"  # 中止: pulled up
    DISQUALIFIED = "disqualified"  # 失格
    DEMOTED = "demoted"  # 降着: its position is lower than at the finish line


class Axis(StrEnum):
    """The axis of an aptitude; the value goes from the left mark (0) to the right one (1)."""

    SURFACE = "surface"  # 芝 to ダート
    DISTANCE = "distance"  # 短い to 長い
    RUNNING_STYLE = "running_style"  # 逃げ to 追込
    MATURITY = "maturity"  # 早熟 to 晩成
    WET_GOING = "wet_going"  # 得意 to 苦手


class Kind(StrEnum):
    """The four types of horses by distance aptitude."""

    SPRINT = "sprint"
    MILE = "mile"
    MIDDLE = "middle"
    LONG = "long"


def kind_of(label: float) -> Kind:
    """The type for a distance aptitude of 0..1."""
    if label < SPRINT:
        return Kind.SPRINT
    if label < MILE:
        return Kind.MILE
    return Kind.MIDDLE if label < MIDDLE else Kind.LONG


# The JRA's racecourses, in the order of their numbers.
COURSES = {  # of the JRA, in the order of their numbers -> the word of a catalogue
    "札幌": "sapporo", "函館": "hakodate", "福島": "fukushima", "新潟": "niigata", "東京": "tokyo", "中山": "nakayama",
    "中京": "chukyo", "京都": "kyoto", "阪神": "hanshin", "小倉": "kokura",
}  # fmt: skip
COATS = {  # as the stud book has them -> the word of a catalogue
    "鹿毛": "bay", "黒鹿毛": "dark_bay", "青鹿毛": "brown", "青毛": "black", "栗毛": "chestnut",
    "栃栗毛": "liver_chestnut", "芦毛": "grey", "白毛": "white",
}  # fmt: skip
# The track on which an official word for the going is used; GOOD is said of both.
GOING_ON = {
    Going.FIRM: Surface.TURF, Going.YIELDING: Surface.TURF, Going.SOFT: Surface.TURF, Going.STANDARD: Surface.DIRT,
    Going.MUDDY: Surface.DIRT, Going.SLOPPY: Surface.DIRT,
}  # fmt: skip
