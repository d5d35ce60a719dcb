"""Where a sentence speaks of distance: numbers of metres, classes, leanings, and the word itself. Pure.

All patterns read a text in one spelling (`plain`): half-width, small letters, no spaces. Repetitions are bounded, so
that a hostile text costs no more than its length.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from collector.remarks.scope import PAST

SHORTEST, LONGEST = 800, 4_300  # m: of races
DIGITS = {"〇": 0, "零": 0, "○": 0, **{char: number for number, char in enumerate("一二三四五六七八九", 1)}}
CLASSES = ("sprint", "mile", "middle", "long")
MILE_M, FURLONG_M = 1600, 200

KANJI = "[一二三四五六七八九]"
UNIT = r"(?:m(?![a-z])|メートル|メーター|米)"
# What follows a number that is not one of metres: 1000万下, 2016年, 2000ギニー.
COUNTER = r"(?![\d.%年万億円頭倍歳才人番回号グ名部件枚本周秒分日月週着位点度口世票勝走kg]|キロ|ギニー|馬力|コーナー)"
ADVERB = (
    r"(?:もう少し|もう少々|もう|もっと|今より|今以上に?|さらに|更に|少し|多少|やや|これ以上|一気に|大幅に|いくらか|"
    r"あと|まだ|今後|将来|1ハロン|一ハロン|1f|200m|400m|くらい|ぐらい|程度|ほど|は|が){0,3}"
)
ALONE = r"(?<![胴脚首繋背体足がはもの])"  # not of the body, nor of what else has a topic
MANY = r"(?:ほう|方|ほど|に越)"
# Words that hold a word of distance, and say nothing of the horse's.
ASIDE = re.compile(
    r"(?:nhkマイル|ヴィクトリアマイル|bcマイル|ブリーダーズカップ・?マイル|マイル王|スプリント王|スプリント女王|マイル女王)"
    r"(?:c|カップ)?"
    r"|(?:マイル|マイラーズ|スプリント|スプリンターズ|ステイヤーズ|短距離|中距離|長距離)"
    r"(?:cs|ch|c|s|gp|g[i1-3]|h|t|カップ|ステークス|チャンピオン|グランプリ|賞|特別|記念|トロフィー|シリーズ|ギニー|"
    r"ダービー|ハンデ|重賞|界|王)[a-z]{0,2}"
    r"|長距離の?(?:輸送|遠征|移動)|距離(?:ロス|感|を置|を取|別)|(?:至近|飛)距離|延長線"
    r"|\d{1,2}(?:ハロン|f)\d{2}秒|間隔.{0,6}?短縮|[12一二]000ギニー|[一二]千ギニー"
    rf"|(?:残り|ラスト|前半|後半|上がり|あがり|坂路|追い切り|道中)の?\d{{1,2}}(?:00)?(?:{UNIT}|ハロン|f)?"
    rf"|\d{{3,4}}{UNIT}?(?:通過|を(?:\d分)?\d{{2}}秒|\d{{2}}秒)"
)
WORDS = re.compile(
    r"(?P<short>(?<![\d.])(?P<first>1[0-8]|2[0-6])(?:から|~|〜|-|、|・|か|と)(?P<second>[12]\d00)(?!\d)"
    rf"{UNIT}?{COUNTER})"
    rf"|(?P<digits>(?<![\d.])(?:\d{{4}}|\d,\d{{3}}|[89]\d0)(?!\d)(?:{UNIT}|(?=千直){COUNTER}|{COUNTER}))"
    r"|(?P<straight>千直)"
    rf"|(?P<places>{KANJI}[〇零○一二三四五六七八九][〇零○][〇零○]{UNIT}?{COUNTER})"
    rf"|(?P<kanji>[一二三四1-4]?千(?:{KANJI}百?|[1-9]百?)?(?:五十)?{UNIT}?(?![一二三四五六七八九百千葉歳]){COUNTER})"
    r"|(?P<furlongs>(?<![\d.])(?:1[0-6]|[5-9]|[五六七八九])(?:ハロン|f(?![a-z])))"
    r"|(?P<milers>マイラー|マイル(?=色|寄り|より(?:の|な)|型|体型|体形|タイプ|系|路線|志向|仕様|的|質|血統))"
    r"|(?P<miles>[12一二]?(?:マイル|哩)半?)"
    r"|(?P<sprint_middle>短[~〜・、\-]?中距離|中[~〜・、]?短距離)"
    r"|(?P<middle_long>中[~〜・、\-]?長距離|長中距離|クラシック・?ディスタンス|クラシックの?距離)"
    r"|(?P<sprint>短距離|スプリンター|スプリント)"
    r"|(?P<middle>中距離|ミドル・?ディスタンス)"
    r"|(?P<long>長距離|ステイヤー|長丁場)"
    rf"|(?P<longer>距離(?:適性)?[がはをもの]?{ADVERB}(?:延び|伸び|のび|延ば|伸ば|のば|延長|長(?:い|め)の?{MANY}"
    rf"|長くな[っるれ]|長ければ(?:長いほど)?|[あ有](?:った|る){MANY}|[あ有]って(?=も?[いよ良])|[あ有]れば)|延長|長(?:い|め|めの|目の)(?:距離|ところ|所|舞台|条件)"
    r"|(?:もう)?(?:[1一2二](?:ハロン|f)|[2-8]00(?:m|メートル))(?:くらい|ぐらい|程度|ほど)?(?:延び|伸び|長い(?:方|ほう)|[あ有]って|[あ有]れば|欲し|ほし)|距離適性[はが]長め|長めが"
    rf"|{ALONE}長い(?:方|ほう)(?=が))"
    rf"|(?P<shorter>距離(?:適性)?[がはをもの]?{ADVERB}(?:縮|短縮|詰め|切り詰|短(?:い|め)の?{MANY}|短くな[っるれ]|"
    rf"短ければ(?:短いほど)?|ない{MANY})"
    r"|短縮|短(?:い|め|めの|目の)(?:距離|ところ|所|舞台|条件)"
    r"|(?:もう)?(?:[1一2二](?:ハロン|f)|[2-8]00(?:m|メートル))(?:くらい|ぐらい|程度|ほど)?(?:縮|短縮|短い(?:方|ほう))|距離適性[はが]短め|短めが"
    rf"|{ALONE}短い(?:方|ほう)(?=が))"
    r"|(?P<distance>距離(?:適性|適応|的|面)?|[1一]ハロン(?=(?:くらい|ぐらい|程度|ほど)?(?:長い|短い|足り)))"
)
HEDGE = r"(?:くらい|ぐらい|位(?!置)|前後|あたり|辺り|近辺|付近|程度|見当|近く|そこそこ|ほど)"
JOINT = re.compile(
    rf"(?:戦)?{HEDGE}?(?:から|~|〜|-|ー|―|–|—|−|ないし|乃至|または|もしくは|あるいは|か|や|と|・|、|,|/|および|及び|も|"
    r"、?あるいは|、?もしくは|、?または)(?:は)?(?:芝|ダート|ダ|右|左)?の?"
)
OF = re.compile(rf"(?:戦|級)?{HEDGE}?(?:の|という|といった|のような)")
AS_FOR = re.compile(r"(?:戦)?(?:は|では|でも|だと|となると|になると)(?:少し|やや|さすがに|まだ)?")
MOVES = re.compile(r"(?:に|へ|への)(?:距離)?(?:延|伸|短縮|縮|替|変)")  # 1200mから1400mに(延びる)
BOUND = re.compile(r"(?:を?[超越]える|以上の|以下の|以内の|未満の|までの)")  # マイルを超える(距離)
THAN = re.compile(rf"(?:戦)?{HEDGE}?より(?:も|は)?(?:もう少し|少し|やや|もっと|さらに)?")


class Sort(StrEnum):
    """What a mention is."""

    METRES = "metres"
    CLASS = "class"
    LONGER = "longer"
    SHORTER = "shorter"
    DISTANCE = "distance"  # the word alone


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of a sentence that speaks of distance."""

    sort: Sort
    start: int
    end: int
    low: int = 0  # m; of a class: its number in CLASSES
    high: int = 0
    text: str = ""
    beyond: Sort | None = None  # "longer than 1600 m": not there, but beyond it


def without_asides(sentence: str) -> str:
    """The sentence with its names of races, intervals and such blotted out, as long as before."""
    return ASIDE.sub(lambda found: "\0" * len(found[0]), sentence)


def find_mentions(sentence: str) -> list[Mention]:
    """The mentions of a sentence without asides, in order; those that belong together as one."""
    found: list[Mention] = []
    for mention in _single(sentence):
        joined = _join(found[-1], mention, sentence) if found else None
        if found and mention.sort is Sort.DISTANCE and BOUND.fullmatch(sentence[found[-1].end : mention.start]):
            continue  # what is said of the distance is said of the bound
        if joined:
            found[-1] = joined
        else:
            found.append(mention)
    return found


def _single(sentence: str) -> Iterator[Mention]:
    for found in WORDS.finditer(sentence):
        sort = found.lastgroup if found.lastgroup not in ("first", "second") else "short"
        assert sort is not None
        mention = _read(sort, found)
        if mention:
            yield mention


def _read(sort: str, found: re.Match[str]) -> Mention | None:
    start, end = found.span()
    if sort in BY_CLASS:
        low, high = BY_CLASS[sort]
        return Mention(Sort.CLASS, start, end, low, high)
    if sort in (Sort.LONGER, Sort.SHORTER, Sort.DISTANCE):
        return Mention(Sort(sort), start, end, text=found[0])
    low, high = _metres(sort, found)
    fits = SHORTEST <= low <= high <= LONGEST and low % 50 == 0
    return Mention(Sort.METRES, start, end, low, high) if fits else None


BY_CLASS = {
    "sprint": (0, 0), "milers": (1, 1), "middle": (2, 2), "long": (3, 3), "sprint_middle": (0, 2),
    "middle_long": (2, 3),
}  # fmt: skip


def _metres(sort: str, found: re.Match[str]) -> tuple[int, int]:
    text = found[sort]
    if sort == "short":
        return int(found["first"]) * 100, int(found["second"])
    if sort == "digits":
        number = int(re.sub(r"\D", "", text))
        bare = text[-1].isdigit()
        return (number, number) if not bare or (number % 100 == 0 and number >= 1000) else (0, 0)
    if sort == "miles":
        number = MILE_M * (2 if text[0] in "2二" else 1) + (MILE_M // 2 if text.endswith("半") else 0)
    elif sort == "straight":
        number = 1000
    elif sort == "furlongs":
        count = re.match(r"\d+", text)
        number = FURLONG_M * (int(count[0]) if count else DIGITS[text[0]])
    elif sort == "places":
        number = int("".join(str(DIGITS[char]) for char in text[:4]))
    else:
        number = _kanji(text)
    return number, number


def _kanji(text: str) -> int:
    """千六, 千六百, 二千, 二千四百, 2千4百; 0 where it is 千 alone."""
    thousands, _, rest = text.partition("千")
    number = 1000 * _digit(thousands or "一")
    hundreds = rest[:1] if rest[:1] in DIGITS or rest[:1].isdigit() else ""
    number += 100 * _digit(hundreds) if hundreds else 0
    alone = not thousands and not hundreds and not re.search(UNIT, rest)
    return 0 if alone else number + (50 if "五十" in rest else 0)


def _digit(char: str) -> int:
    return int(char) if char.isdecimal() else DIGITS[char]


def _join(one: Mention, other: Mention, sentence: str) -> Mention | None:
    """Two mentions as one, where what stands between them says so; None otherwise."""
    between = sentence[one.end : other.start]
    spans = (Sort.METRES, Sort.CLASS)
    if one.sort is Sort.METRES and other.sort in (Sort.LONGER, Sort.SHORTER) and THAN.fullmatch(between):
        return replace(one, end=other.end, beyond=other.sort)
    if one.sort in spans and _names_again(one, other, between, sentence):
        return replace(one, end=other.end)
    if one.sort not in spans or other.sort not in spans or not JOINT.fullmatch(between) or one.beyond:
        return None
    if "、" in between and PAST.search(sentence[max(0, one.start - 20) : one.start]):
        return None
    if "から" in between and MOVES.match(sentence, other.end):
        return other  # from where it comes says nothing
    if one.sort is other.sort:
        return replace(one, end=other.end, low=min(one.low, other.low), high=max(one.high, other.high))
    low, high = (_class_of(its) for its in (one, other))
    return Mention(Sort.CLASS, one.start, other.end, min(low[0], high[0]), max(low[1], high[1]))


def _names_again(one: Mention, other: Mention, between: str, sentence: str) -> bool:
    """Whether the other mention is only the word for the first: 2000mの距離, 3200mの長丁場, 2500mは距離が(長い)."""
    if OF.fullmatch(between):
        classed = other.sort is Sort.CLASS and one.sort is Sort.METRES
        leaning = other.sort in (Sort.LONGER, Sort.SHORTER) and sentence[other.end - 2 : other.end] == "距離"
        return other.sort is Sort.DISTANCE or classed or leaning
    return other.sort is Sort.DISTANCE and bool(AS_FOR.fullmatch(between))


def _class_of(mention: Mention) -> tuple[int, int]:
    if mention.sort is Sort.CLASS:
        return mention.low, mention.high
    return class_of(mention.low), class_of(mention.high)


def class_of(metres: int) -> int:
    """The class in which a distance is, as its number in CLASSES."""
    return sum(metres > most for most in CLASS_ENDS)


CLASS_ENDS: Sequence[int] = (1400, 1700, 2400)  # m: the longest sprint, mile and middle distance
