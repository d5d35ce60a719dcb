"""The five aptitudes, for those who name them without the tables."""

from enum import StrEnum


class Axis(StrEnum):
    """What an aptitude is about; the value runs from the left mark (0) to the right one (1)."""

    SURFACE = "surface"  # 芝 to ダート
    DISTANCE = "distance"  # 短い to 長い
    RUNNING_STYLE = "running_style"  # 逃げ to 追込
    MATURITY = "maturity"  # 早熟 to 晩成
    WET_GOING = "wet_going"  # 得意 to 苦手
