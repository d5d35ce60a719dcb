"""A horse's name as somebody may type it: katakana, hiragana or Latin letters, half or full width. Pure.

Names are kept in katakana. What is typed in kana is looked for in them as it is; what is typed in Latin letters is
looked for in their Latin spelling, and both are folded first, since nobody agrees on how a long vowel or シ is spelt.
No library does the spelling: jaconv writes ディ as `dei` and ドゥ as `dou`, and pykakasi's licence is not ours.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from collector.sources.text_tools.text import horse_key

LONGEST = 60  # characters of a name that are looked at

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ", "t": "タチツテト",
    "d": "ダヂヅデド", "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ",
    "r": "ラリルレロ",
}  # fmt: skip
LATIN = {kana: row + vowel for row, kanas in _ROWS.items() for vowel, kana in zip("aiueo", kanas, strict=True)}
LATIN |= {
    "シ": "shi", "ジ": "ji", "チ": "chi", "ヂ": "ji", "ツ": "tsu", "ヅ": "zu", "フ": "fu", "ヤ": "ya", "ユ": "yu",
    "ヨ": "yo", "ワ": "wa", "ヰ": "i", "ヱ": "e", "ヲ": "o", "ン": "n", "ヴ": "vu", "ヵ": "ka", "ヶ": "ke", "ー": "",
    "ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "ャ": "ya", "ュ": "yu", "ョ": "yo", "ヮ": "wa", "ッ": "",
}  # fmt: skip
SMALL_VOWELS, SMALL_Y = "ァィゥェォ", "ャュョ"
# Spellings of the same: Hepburn and the others, English habits, and letters that Japanese does not distinguish.
SAME = (
    (re.compile(r"tch|ch|ts"), "t"), (re.compile(r"sh"), "s"), (re.compile(r"j"), "z"), (re.compile(r"ph|f"), "h"),
    (re.compile(r"(?<=[stz])y"), ""), (re.compile(r"[cq]"), "k"), (re.compile(r"l"), "r"), (re.compile(r"v"), "b"),
    (re.compile(r"m(?=[bmp])"), "n"), (re.compile(r"(?<=o)u"), ""), (re.compile(r"(.)\1+"), r"\1"),
)  # fmt: skip
UNFINISHED = re.compile(r"(?<=.)c$", re.I)  # an h is about to follow: what is before it finds the name already


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, as it is looked for: in names, or in their Latin spelling."""

    part: str
    latin: bool


def read_name(typed: str) -> Typed | None:
    """What to look for; None where nothing was typed that a name could hold."""
    key = as_key(typed)
    if not key:
        return None
    plain = unicodedata.normalize("NFKD", key)
    if re.search(r"[a-zA-Z]", plain) and not re.search(r"[ァ-ヿ一-鿿]", key):
        folded = fold(UNFINISHED.sub("", plain))
        return Typed(folded, latin=True) if folded else None
    return Typed(key, latin=False)


def as_key(part: str) -> str:
    """Part of a name as names are compared: full-width katakana, however it was typed."""
    return horse_key(part[:LONGEST].strip())


def latin_of(key: str) -> str:
    """The folded Latin spelling of a name's key."""
    spelt: list[str] = []
    for kana in key:
        before = spelt[-1] if spelt else ""
        if kana in SMALL_Y and before.endswith("i") and before != "i":
            spelt[-1] = before[:-1] + LATIN[kana]  # キャ kya
        elif kana in SMALL_VOWELS and before in ("u", "vu"):
            spelt[-1] = ("w" if before == "u" else "v") + LATIN[kana]  # ウィ wi, ヴァ va
        elif kana in SMALL_VOWELS and len(before) > 1:
            spelt[-1] = before[:-1] + LATIN[kana]  # ディ di, フェ fe
        else:
            spelt.append(LATIN.get(kana, kana))
    return fold("".join(spelt))


def spelt_with(keys: Iterable[str], part: str) -> list[str]:
    """The names in whose folded Latin spelling a folded part stands."""
    return [key for key in keys if part in latin_of(key)]


def fold(latin: str) -> str:
    """A Latin spelling without what spellings differ in: `shimbun`, `sinbun` and `Shinbun` are the same."""
    plain = unicodedata.normalize("NFKD", latin).lower()
    bare = "".join(letter for letter in plain if letter.isalnum())
    for spelling, same in SAME:
        bare = spelling.sub(same, bare)
    return bare
