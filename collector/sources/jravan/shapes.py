"""The databases that the usual converters of JRA-VAN's data make: their tables, and how they name and code columns.

A record is read under the names that JV-Data itself uses for its fields, whatever the converter calls them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD = ("DataKubun", "MakeDate")
KEY = ("Year", "MonthDay", "JyoCD", "Kaiji", "Nichiji", "RaceNum")
RACE = (
    *HEAD, *KEY, "Hondai", "GradeCD", "SyubetuCD", "KigoCD", "JyuryoCD", "JyokenCD5", "Kyori", "TrackCD",
    "CourseKubunCD", *(f"Honsyokin{place}" for place in range(1, 6)), "HassoTime", "TenkoCD", "SibaBabaCD",
    "DirtBabaCD",
)  # fmt: skip
ENTRY = (
    *HEAD, *KEY, "Wakuban", "Umaban", "KettoNum", "Bamei", "SexCD", "Barei", "TozaiCD", "ChokyosiCode",
    "ChokyosiRyakusyo", "BanusiCode", "BanusiName", "Futan", "KisyuCode", "KisyuRyakusyo", "BaTaijyu", "ZogenFugo",
    "ZogenSa", "IJyoCD", "KakuteiJyuni", "Time", "ChakusaCD", "ChakusaCDP", "ChakusaCDPP", "Jyuni1c", "Jyuni2c",
    "Jyuni3c", "Jyuni4c", "Odds", "Ninki", "Honsyokin", "Fukasyokin", "HaronTimeL3",
)  # fmt: skip
SIRE, DAM, DAMSIRE = "Ketto3InfoBamei1", "Ketto3InfoBamei2", "Ketto3InfoBamei5"
HORSE = (*HEAD, "KettoNum", "DelKubun", "BirthDate", "Bamei", "SexCD", "KeiroCD", SIRE, DAM, DAMSIRE)
# Without these there is nothing to be read; any other column may be missing, and counts as not set.
NEEDED = frozenset((*HEAD, *KEY, "Kyori", "TrackCD", "Umaban", "KettoNum", "Bamei", "KakuteiJyuni", "BirthDate"))


@dataclass(frozen=True, slots=True)
class Shape:
    """How one converter stores races, entries and horses."""

    name: str  # kept with each record
    converter: str  # as its makers call it
    race: str  # tables
    entry: str
    horse: str
    scaled: bool  # whether numbers are in their units; else they are the digits of the record
    names: Mapping[str, str] = field(default_factory=dict)  # JV-Data's name of a field -> the column's

    def column(self, name: str) -> str:
        """The column that has a field."""
        return self.names.get(name, name)

    @property
    def tables(self) -> Mapping[str, tuple[str, ...]]:
        """The tables, with the fields that are read from each."""
        return {self.race: RACE, self.entry: ENTRY, self.horse: HORSE}


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("jrvltsql", "jrvltsql", "NL_RA", "NL_SE", "NL_UM", scaled=True),
        Shape("jrvltsql-standard", "jrvltsql with JRA-VAN's names", "RACE", "UMA_RACE", "UMA", scaled=True),
        Shape(
            "jvlinktosqlite", "JVLinkToSQLite", "NL_RA_RACE", "NL_SE_RACE_UMA", "NL_UM_UMA", scaled=False,
            names={
                **{name: f"head{name}" for name in HEAD},
                **{name: f"id{name}" for name in KEY},
                **{f"Honsyokin{place}": f"Honsyokin{place - 1}" for place in range(1, 6)},
                **{f"Ketto3InfoBamei{number}": f"Ketto3Info{number - 1}Bamei" for number in (1, 2, 5)},
                **{name: f"JyokenInfo{name}" for name in ("SyubetuCD", "KigoCD", "JyuryoCD")},
                **{name: f"TenkoBaba{name}" for name in ("TenkoCD", "SibaBabaCD", "DirtBabaCD")},
                "Hondai": "RaceInfoHondai", "JyokenCD5": "JyokenInfoJyokenCD4",
            },
        ),
    )
}  # fmt: skip
