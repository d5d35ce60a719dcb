"""The codes of JV-Data and what they stand for, as its public code tables (2001 to 2301) have them. Pure."""

from collector.sources.netkeiba.urls import RACECOURSES
from collector.storage.racing import Direction, Finish, Going, Grade, Sex, Surface, Weather

__all__ = ["BASES", "CLASSES", "COATS", "COURSES", "FINISHES", "GRADES", "KINDS", "MARGINS", "RACECOURSES"]

GRADES = {
    "A": Grade.G1, "B": Grade.G2, "C": Grade.G3, "F": Grade.JUMP_G1, "G": Grade.JUMP_G2, "H": Grade.JUMP_G3,
    "L": Grade.LISTED,
}  # D is a race without a grade, E one with a name of its own  # fmt: skip
# In these years, the graded races that were not open to horses from abroad were called Jpn.
LOCAL_YEARS, LOCAL_GRADES = range(2007, 2010), {"A": Grade.LOCAL_1, "B": Grade.LOCAL_2, "C": Grade.LOCAL_3}
INTERNATIONAL = "N"
KINDS = {
    "11": "2歳", "12": "3歳", "13": "3歳以上", "14": "4歳以上", "18": "障害3歳以上", "19": "障害4歳以上",
    "21": "アラブ系2歳", "22": "アラブ系3歳", "23": "アラブ系3歳以上", "24": "アラブ系4歳以上",
}  # fmt: skip
BREEDS = {"1": "サラ系", "2": ""}
CLASSES = {"701": "新馬", "702": "未出走", "703": "未勝利", "999": "オープン"}
WINS, WINS_SINCE = {"005": "1勝クラス", "010": "2勝クラス", "016": "3勝クラス"}, "20190601"
OPEN = "999"
FIRST_MARKS = {"A": "(混)", "B": "(父)", "C": "(市)", "D": "(抽)", "E": "[抽]", "M": "九州産馬", "N": "(国際)"}
SEX_MARKS = {"1": "牡", "2": "牝", "3": "牡・セ", "4": "牡・牝"}
LAST_MARKS = {"1": "(指)", "2": "見習騎手", "3": "[指]", "4": "(特指)"}
WEIGHTS = {"1": "(ハンデ)", "2": "(別定)", "3": "(馬齢)", "4": "(定量)"}

_TURF, _DIRT, _JUMP = Surface.TURF, Surface.DIRT, Surface.JUMP
_LEFT, _RIGHT, _STRAIGHT = Direction.LEFT, Direction.RIGHT, Direction.STRAIGHT
# What a track code says: surface, direction, and which track of the racecourse.
COURSES: dict[str, tuple[Surface, Direction | None, str | None]] = {
    "10": (_TURF, _STRAIGHT, None), "11": (_TURF, _LEFT, None), "12": (_TURF, _LEFT, "外"),
    "13": (_TURF, _LEFT, "内-外"), "14": (_TURF, _LEFT, "外-内"), "15": (_TURF, _LEFT, "内2周"),
    "16": (_TURF, _LEFT, "外2周"), "17": (_TURF, _RIGHT, None), "18": (_TURF, _RIGHT, "外"),
    "19": (_TURF, _RIGHT, "内-外"), "20": (_TURF, _RIGHT, "外-内"), "21": (_TURF, _RIGHT, "内2周"),
    "22": (_TURF, _RIGHT, "外2周"), "23": (_DIRT, _LEFT, None), "24": (_DIRT, _RIGHT, None),
    "25": (_DIRT, _LEFT, "内"), "26": (_DIRT, _RIGHT, "外"), "27": (_DIRT, _LEFT, None), "28": (_DIRT, _RIGHT, None),
    "29": (_DIRT, _STRAIGHT, None), "51": (_JUMP, None, "襷"), "52": (_JUMP, None, "芝→ダート"),
    "53": (_JUMP, _LEFT, None), "54": (_JUMP, None, None), "55": (_JUMP, None, "外"), "56": (_JUMP, None, "外-内"),
    "57": (_JUMP, None, "内-外"), "58": (_JUMP, None, "内2周"), "59": (_JUMP, None, "外2周"),
}  # fmt: skip
TURF_GOINGS = {"1": Going.FIRM, "2": Going.GOOD, "3": Going.YIELDING, "4": Going.SOFT}
DIRT_GOINGS = {"1": Going.STANDARD, "2": Going.GOOD, "3": Going.MUDDY, "4": Going.SLOPPY}
WEATHERS = {
    "1": Weather.FINE, "2": Weather.CLOUDY, "3": Weather.RAINY, "4": Weather.DRIZZLE, "5": Weather.SNOW,
    "6": Weather.LIGHT_SNOW,
}  # fmt: skip

SEXES = {"1": Sex.MALE, "2": Sex.FEMALE, "3": Sex.GELDING}
COATS = {
    "01": "栗毛", "02": "栃栗毛", "03": "鹿毛", "04": "黒鹿毛", "05": "青鹿毛", "06": "青毛", "07": "芦毛",
    "08": "栗粕毛", "09": "鹿粕毛", "10": "青粕毛", "11": "白毛",
}  # fmt: skip
BASES = {"1": "東", "2": "西", "3": "地", "4": "外"}
# 異常区分. 6 was mounted again and finished; 7 has a position, a lower one than at the finish line.
FINISHES = {
    "0": Finish.FINISHED, "1": Finish.SCRATCHED, "2": Finish.EXCLUDED, "3": Finish.EXCLUDED,
    "4": Finish.DID_NOT_FINISH, "5": Finish.DISQUALIFIED, "6": Finish.FINISHED, "7": Finish.DEMOTED,
}  # fmt: skip
PLACED = (Finish.FINISHED, Finish.DEMOTED)
MARGINS = {"A": "アタマ", "D": "同着", "H": "ハナ", "K": "クビ", "T": "大", "Z": "10"}

# データ区分 of a race: 1 and 2 are cards, 9 was called off, 0 is to be deleted.
CARD, DELETED = ("1", "2"), "0"
