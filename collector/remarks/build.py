"""Tags of a horse's build: the documented vocabulary, and where a remark uses it. Pure."""

import re
from dataclasses import dataclass

from collector.remarks.claim import Tagged
from collector.remarks.plain import Plain
from collector.remarks.scope import is_of_kin

DENIED = re.compile(
    r"(?:った|って|り|まり|さ|く|い|み|印象|感じ|感|ところ|わけ|面|形|体型|体形|タイプ|という|と|ほど){0,3}(?:で|じゃ|が|に)?(?:は|も)?"
    r"(?:な[いくか]|見え(?:な|ず)|思え(?:な|ず)|いえ(?:な|ず)|言え(?:な|ず)|感じ(?:な|さ?せな)|薄れ|解消)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the vocabulary."""

    tag: str
    reading: str
    english: str
    meaning: str
    pattern: str  # how remarks say it


# fmt: off
VOCABULARY = (
    Word("胴長", "dōnaga", "long-bodied", "The trunk is long for the height.",
         r"胴長|胴(?:が|は|も|の)?(?:やや|少し)?(?:長[いくめさ]|伸び|のび|ゆったり)|胴に伸び|長い胴|伸びのある胴|胴伸び"),
    Word("胴詰まり", "dōzumari", "short-bodied", "The trunk is short for the height.",
         r"胴(?:が|は|も|の)?(?:やや|少し)?(?:詰ま?|つま|短[いくめ])|短い胴|詰まった胴|寸(?:が|の)?詰ま|寸詰"),
    Word("長躯短背", "chōku tanpai", "long body, short back", "A long underline below a short, strong back.",
         r"長躯短背"),
    Word("脚長", "ashinaga", "leggy", "The legs are long for the depth of the body.",
         r"脚長|足長|(?:手脚|四肢|脚)(?:が|は|も|の)?(?:スラリと|すらりと|スラッと)?長[いくめ]|長い(?:手脚|四肢)|"
         r"(?:手脚|四肢|脚)が(?:スラリ|すらり|スラッ)"),
    Word("脚短", "ashimijika", "short-legged", "The legs are short for the depth of the body.",
         r"脚短|短脚|(?:手脚|四肢|脚)(?:が|は|も|の)?短[いくめ]|短い(?:手脚|四肢|脚)"),
    Word("首長", "kubinaga", "long-necked", "The neck is long.",
         r"首長|首(?:差し|さし)?(?:が|は|も|の)?長[いくめ]|長い首"),
    Word("首太", "kubibuto", "thick-necked", "The neck is thick and muscled.",
         r"首太|首(?:差し|さし)?(?:が|は|も|の)?(?:太[いくめ]|ゴツ|ごつ)|太い首"),
    Word("斜尻", "shajiri", "sloping croup", "The croup falls steeply to the tail.",
         r"斜尻|尻(?:が|の)?(?:傾斜|斜め|斜)|尻の角度が急"),
    Word("水平尻", "suihei-jiri", "flat croup", "The croup is nearly level.", r"水平尻|平尻|尻(?:が|の)?(?:平ら|水平)"),
    Word("曲飛", "kyokuhi", "bent hock", "The hock is sharply angled, seen from the side.",
         r"曲飛|飛節(?:が|は|の)?(?:曲が|折れ|深[いくめ])"),
    Word("直飛", "chokuhi", "straight hock", "The hock is nearly straight, seen from the side.",
         r"直飛|飛節(?:が|は|の)?(?:真っすぐ|まっすぐ|直線|伸び)"),
    Word("低重心", "tei-jūshin", "low-slung", "The body is deep and stands low.", r"低重心|重心(?:が|の|は)?低"),
    Word("腰高", "koshidaka", "high behind", "The croup stands higher than the withers.",
         r"腰高|尻高|トモ高|腰(?:が|の)高"),
    Word("繋長", "tsunagi-naga", "long pasterns", "The pasterns are long.",
         r"繋長|(?:繋ぎ?|つなぎ)(?:が|は|も|の)?長[いくめ]|長い(?:繋|つなぎ)"),
    Word("繋短", "tsunagi-mijika", "short pasterns", "The pasterns are short.",
         r"繋短|(?:繋ぎ?|つなぎ)(?:が|は|も|の)?短[いくめ]|短い(?:繋|つなぎ)"),
    Word("立繋", "tachi-tsunagi", "upright pasterns", "The pasterns are steep.",
         r"立ち?(?:気味の)?(?:繋|つなぎ)|(?:繋ぎ?|つなぎ)(?:が|は|も|の)?(?:立|起き)"),
    Word("寝繋", "ne-tsunagi", "sloping pasterns", "The pasterns lie low.",
         r"寝(?:た|気味の)?(?:繋|つなぎ)|(?:繋ぎ?|つなぎ)(?:が|は|も|の)?寝"),
    Word("筋肉質", "kinnikushitsu", "muscular", "The muscles are heavy.",
         r"筋肉質|筋骨隆々|筋骨たくまし|マッチョ|筋肉量が(?:豊富|多|増)|筋肉(?:が|の)(?:豊富|盛り上が|塊)"),
    Word("薄手", "usude", "lightly built", "The body is narrow and light of muscle.",
         r"薄手|線(?:が|の)?細|細身|細く(?:映|見え)|華奢|きゃしゃ"),
    Word("コンパクト", "konpakuto", "compact", "All parts are short and close together.", r"コンパクト"),
    Word("大型", "ōgata", "large", "A large frame.",
         r"大型馬|大型|大柄|馬格(?:が|に|の)?(?:あ|恵|雄大)|雄大な馬(?:格|体)"),
    Word("小柄", "kogara", "small", "A small frame.", r"小柄|小ぶり|小兵|小さな馬体"),
    Word("胸深", "munebuka", "deep-chested", "The chest is deep.", r"胸深|胸(?:が|の)深|深い胸|胸の?深さ"),
    Word("トモ発達", "tomo hattatsu", "strong quarters", "The hindquarters are well muscled.",
         r"トモ(?:が|の|は)?(?:発達|張|丸み|容量|大き|厚|立派|ボリューム)|トモに(?:丸み|厚み|ボリューム|張り)"),
    Word("トモ甘", "tomo ama", "weak quarters", "The hindquarters lack muscle.",
         r"トモ(?:が|の|は|に)?(?:まだ|やや|少し)?(?:甘|寂し|薄|物足り|緩|小さ)"),
    Word("均整", "kinsei", "well-proportioned", "All parts fit each other.",
         r"均整|均斉|バランス(?:が|の)?(?:いい|良|取れ|とれ)"),
)
# fmt: on
TAGS = {word.tag: word for word in VOCABULARY}
WORDS = [(word.tag, re.compile(word.pattern)) for word in VOCABULARY]
SENTENCE_END = "。!?\n"


def tag_in_words(tag: str, language: str = "en") -> str:
    """A word of the build, with what it means for who does not read Japanese."""
    word = TAGS.get(tag)
    return f"{tag} ({word.english})" if word and language != "ja" else tag


def read_build(remark: Plain) -> tuple[Tagged, ...]:
    """The tags of a remark in the order of its text, each where it is said first; not what is denied or said of kin."""
    found: list[Tagged] = []
    for tag, pattern in WORDS:
        for match in pattern.finditer(remark.text):
            if not DENIED.match(remark.text, match.end()) and not _of_kin(remark.text, *match.span()):
                found.append(Tagged(tag, *remark.span(*match.span())))
                break
    return tuple(sorted(found, key=lambda tagged: (tagged.start, tagged.end)))


def _of_kin(text: str, start: int, end: int) -> bool:
    begin = max(text.rfind(char, 0, start) for char in SENTENCE_END) + 1
    after = [place for char in SENTENCE_END if (place := text.find(char, end)) >= 0]
    sentence = text[begin : min(after, default=len(text))]
    return is_of_kin(sentence, start - begin, end - begin)
