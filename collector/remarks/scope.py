"""Whom and which race a part of a sentence is about: the horse itself, its kin, a past race, the coming one. Pure."""

import re

KIN = (
    r"(?:母の父|母父|父|母|祖父|祖母|[半全]?[兄姉弟妹](?:弟|妹)?|きょうだい|近親|一族|産駒|牝系|ファミリー|おじ|おば|叔父|"
    r"叔母|伯父|伯母|血統|母系|父系|配合)"
)
# The kin as the subject of its clause: 父は, 母父サクラは, 半兄も.
SUBJECT = re.compile(rf"{KIN}(?P<between>[^、]{{0,24}}?)(?:は|も|が|って|こそ|といえば|と言えば)")
AMONG = re.compile(r"(?:近親|一族|牝系|母系|父系|血統|ファミリー|兄弟|姉妹)には?")  # 近親にステイヤーが多い
# The kin as what the horse is like, or has it from: then the horse is the subject.
LIKE = re.compile(
    r"似|同様|同じ|譲|ゆずり|受け継|継い|影響|彷彿|ほうふつ|ばり|らし|よう(?:な|に)|より|並み|違|異な|伝え|的に|から|面で"
)
PEDIGREE = re.compile(r"血統(?:的に(?:は|も)?|から(?:は|も)?|面(?:から|で)?は?|背景(?:から)?は?)")
OF_KIN = re.compile(rf"(?:馬|型|だった|系)?の?(?:{KIN}|血)(?!的|から|面|が騒)")
AT_KIN = re.compile(rf"{KIN}$")
CONTRAST = re.compile(
    r"、|(?<=[だたいる])が(?!ベスト|理想|いい|良|合|向)|けれども?|けど|ものの|(?<=だけ)に|(?<=で)(?=距離|本馬|この馬|自身|当馬|こちら)"
)
OPPOSED = re.compile(
    r"^(?:(?:だ|である|です)(?:が|けれど|けど|ものの)|けれど|けど|ものの)|^[^、]{0,10}(?:だが|いるが|強いが|けど|ものの|が、)"
)
GOES_ON = re.compile(r"(?:し|て|り)、?$")
OWN = re.compile(r"距離|本馬|この馬|自身|当馬|こちら|馬体|体形|体型|体つき|体付き|胴|造り|本質")

REACH = 120  # characters; so that a sentence without an end costs no more than its length

PAST = re.compile(
    r"前走|前々走|前回|前開催|[2-9二三四五]走前|近走|近[2-9]走|昨年|昨秋|昨春|昨夏|昨冬|去年|一昨年|デビュー|新馬|初戦|未勝利|"
    r"過去|これまで|今まで|以前|当時|当初|先週|前週|戦歴|ここ[2-9二三]走|休養前|勝ち鞍|初勝利|[23]歳時|春先|前哨戦|前々回"
)
SINCE = re.compile(r"から|より|ように|だけに|以上に")  # 前走より距離が延びる
COMING = re.compile(r"今回|ここは|次走|今週|今度|当日|舞台|条件|本番|目標|初の|初めて|初距離|久々の|[はに]初|一気の|挑")


def clause_of(sentence: str, at: int) -> tuple[str, int]:
    """The clause in which a place is, and where it begins; REACH characters to each side are looked at."""
    start, end = max(0, at - REACH), min(len(sentence), at + REACH)
    for found in CONTRAST.finditer(sentence, start, end):
        if found.end() <= at:
            start = found.end()
        elif found.start() >= at:
            end = found.start()
            break
    return sentence[start:end], start


def is_of_kin(sentence: str, start: int, end: int) -> bool:
    """Whether what is said from start to end is said of the sire, the dam, other kin, or of the pedigree."""
    clause, begin = clause_of(sentence, start)
    before, after = sentence[begin:start], sentence[end : end + 24]
    if OF_KIN.match(after) or AT_KIN.search(before) or AMONG.search(before):
        return True
    if PEDIGREE.search(before):
        return bool(OPPOSED.search(after))
    if _is_kins(before):
        return True
    previous, _ = clause_of(sentence, max(0, begin - 2)) if begin else ("", 0)
    return _is_kins(previous) and bool(GOES_ON.search(previous)) and not OWN.search(clause)


def _is_kins(text: str) -> bool:
    found = SUBJECT.search(text)
    return bool(found) and not LIKE.search(found["between"]) and not OWN.search(text[found.end() :])


def is_past(sentence: str, start: int) -> bool:
    """Whether a place is in a clause about a race that was run, and not compared with it or concluded from it."""
    before = _run_up(sentence, start)
    found = PAST.search(before)
    return bool(found) and not SINCE.search(before[found.end() :])


def is_coming(sentence: str, start: int) -> bool:
    """Whether a place is in a clause about the race to come."""
    return bool(COMING.search(_run_up(sentence, start)))


def _run_up(sentence: str, start: int) -> str:
    return sentence[run_up_of(sentence, start) : start]


def run_up_of(sentence: str, start: int) -> int:
    """Where the clause of a place begins; a comma after its topic does not end it."""
    _, begin = clause_of(sentence, start)
    if begin >= 2 and sentence[begin - 2 : begin] in ("は、", "も、", "の、"):
        _, begin = clause_of(sentence, begin - 2)
    return max(begin, start - 40)
