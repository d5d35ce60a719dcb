"""From the sentences of a remark to claims on distance. Pure."""

import re
from collections.abc import Iterator

from collector.codes import ClaimKind, Said
from collector.remarks.claim import Claim
from collector.remarks.mentions import CLASSES, HEDGE, Mention, Sort, find_mentions, without_asides
from collector.remarks.plain import Plain
from collector.remarks.scope import is_coming, is_of_kin, is_past, run_up_of
from collector.remarks.verdicts import BEFORE, CLOSES, LEAST_BEFORE, MOST_BEFORE, RANGE_BEFORE, STRONG, Verdict, judge

SENTENCE = re.compile(r"[^。!?\n]+")
INTO = re.compile(r"(?:戦)?(?:まで)?(?:への?|にも?|へと|の|は)")  # 2000mへの(距離延長)
LISTED = re.compile(r"、(?:芝|ダート)(?:なら|は|では|の)")  # 芝は1200m、ダートは(1400mが合う)
INSTEAD = re.compile(
    r"^(?:で(?:は|も)?なく(?:て)?|じゃなく(?:て)?|より(?:も|は)?|というより(?:も|は)?)、?(?:むしろ)?[^、]{0,4}$"
)
REACH = 40  # characters around a mention that are about it
MARK = re.compile(
    rf"(?:戦|の距離|級)?{HEDGE}?(?:(?P<fine>まで(?:距離が)?(?:延び|伸び|延ば|広げ|守備範囲)|だけで)"
    r"|(?P<up>までが?|迄|以下|かそれ以下|以内|未満|より(?:も)?(?:下|短)|が限度)"
    r"|(?P<low>以上|から?それ以上|超(?!え)|を?[超越]え|より(?:も)?(?:上|長|先)|から上|から(?=が|で(?!は)|の|だ|。|、|は|$)|~(?!\d)|〜(?!\d)))"
)
NAMED = {
    (0, 0): ClaimKind.SPRINT, (1, 1): ClaimKind.MILE, (2, 2): ClaimKind.MIDDLE, (3, 3): ClaimKind.LONG,
    (0, 1): ClaimKind.MILE_OR_SHORTER, (0, 2): ClaimKind.MIDDLE_OR_SHORTER, (1, 2): ClaimKind.MILE_TO_MIDDLE,
    (1, 3): ClaimKind.MILE_OR_LONGER, (2, 3): ClaimKind.MIDDLE_OR_LONGER,
}  # fmt: skip
BEST = (ClaimKind.BEST_RANGE, ClaimKind.BEST_AROUND)
DOUBTED_LONG, DOUBTED_SHORT = 1800, 1200  # m: a doubt about as much or more says too long, as little or less too short
Found = tuple[ClaimKind, int | None, int | None]
EXPLAINED, UNREAD = "explained", "unread"


def read_distance(remark: Plain) -> tuple[Said, tuple[Claim, ...]]:
    """What a remark says of distance."""
    claims, unread = list[Claim](), False
    for sentence in SENTENCE.finditer(remark.text):
        for mention, found, end in _read(sentence[0]):
            if isinstance(found, tuple):
                span = remark.span(sentence.start() + mention.start, sentence.start() + end)
                claims.append(Claim(*found, *span))
            else:
                unread = unread or found == UNREAD
    kept = _without_coarser(claims)
    return (Said.SAID if kept else Said.NOT_UNDERSTOOD if unread else Said.NOTHING), kept


def _without_coarser(claims: list[Claim]) -> tuple[Claim, ...]:
    """Each claim once; the class of distance is the coarser word where the remark names the best metres."""
    exact = any(claim.kind in BEST for claim in claims)
    kept = dict[Found, Claim]()
    for claim in claims:
        if not (exact and claim.kind.startswith("class:")):
            kept.setdefault((claim.kind, claim.low_m, claim.high_m), claim)
    return tuple(kept.values())


def _read(printed: str) -> Iterator[tuple[Mention, Found | str, int]]:
    """Each mention with its claim, or why there is none, and where what is said of it ends."""
    sentence = without_asides(printed)
    mentions = find_mentions(sentence)
    for number, mention in enumerate(mentions):
        following = mentions[number + 1] if number + 1 < len(mentions) else None
        previous = mentions[number - 1] if number else None
        until = following.start if following else len(sentence)
        after = sentence[mention.end : min(until, mention.end + REACH)]
        since = previous.end if previous and previous.sort is not Sort.DISTANCE else 0
        before = sentence[max(since, run_up_of(sentence, mention.start)) : mention.start]
        yield mention, *_claim(sentence, mention, before, after, following)


def _claim(
    sentence: str, mention: Mention, before: str, after: str, following: Mention | None
) -> tuple[Found | str, int]:
    if is_of_kin(sentence, mention.start, mention.end):
        return EXPLAINED, mention.end
    if following and after == "でも" and sentence.startswith("でもな", following.end):
        return UNREAD, mention.end  # スプリンターでもマイラーでもない
    said = judge(_without_topic(after) if following else after)
    if mention.sort is Sort.METRES and following and INTO.fullmatch(after):
        leads = judge(sentence[following.end : following.end + REACH])
        if leads.verdict in (Verdict.BEST, Verdict.FINE):
            return _fine(mention.low, mention.high), mention.end
    if mention.sort is Sort.METRES and following and LISTED.fullmatch(after):
        said = judge(sentence[following.end : following.end + REACH])
        return _of_metres(mention, before, said.text, said.verdict), mention.end
    past = is_past(sentence, mention.start)
    found = READERS[mention.sort](mention, before, said.text, said.verdict)
    if past and said.verdict not in (Verdict.TOO_LONG, Verdict.TOO_SHORT) and isinstance(found, tuple):
        found = EXPLAINED
    if found == UNREAD:
        stated = said.verdict is None and is_coming(sentence, mention.start)
        is_topic = mention.sort is Sort.DISTANCE and following is not None and said.verdict is None
        found = EXPLAINED if past or stated or is_topic or said.verdict is Verdict.RAN else UNREAD
    return found, mention.end + said.end


NEXT_TOPIC = re.compile(
    r"(?:(?:ベスト|理想|最適|得意)(?:な|の)?(?:距離|舞台|条件)?|適距離|本質的に|適性|一番(?:合うの|いいの|向くの)|合うの|向くの|いいの|狙い目?)"
    r"(?:は|が|も)[^、]{0,6}$"
)


def _without_topic(after: str) -> str:
    """The words up to the next mention, without those that lead to it: (…長いが、)ベストは(1600m)."""
    found = NEXT_TOPIC.search(after)
    return after[: found.start()] if found and found.start() else after


def _of_metres(mention: Mention, before: str, after: str, verdict: Verdict | None) -> Found | str:
    low, high = mention.low, mention.high
    if mention.beyond:
        denied = verdict in (Verdict.DENIED, Verdict.DOUBT, Verdict.TOO_LONG, Verdict.TOO_SHORT)
        longer = (mention.beyond is Sort.LONGER) is not denied
        return (ClaimKind.LOWER, low, None) if longer else (ClaimKind.UPPER, None, high)
    if verdict is Verdict.DENIED and not _marked(after):
        return UNREAD
    mark = MARK.match(after)
    if mark and mark["fine"]:
        return _fine(low, high)
    if verdict is not Verdict.RAN and not mark and (MOST_BEFORE.search(before) or LEAST_BEFORE.search(before)):
        most = bool(MOST_BEFORE.search(before))
        return (ClaimKind.UPPER, None, high) if most else (ClaimKind.LOWER, low, None)
    if mark and low == high:
        return _bounded(bool(mark["up"]), low, after[mark.end() :])
    return _judged(mention, before, after, verdict, bounded=bool(mark))


def _marked(after: str) -> bool:
    return bool(MARK.match(after))


def _bounded(up: bool, metres: int, rest: str) -> Found | str:
    verdict = judge(rest).verdict
    if verdict in (Verdict.RAN, Verdict.OPEN):
        return UNREAD
    if verdict in (Verdict.DENIED, Verdict.DOUBT, Verdict.TOO_LONG, Verdict.TOO_SHORT, Verdict.MOST):
        up = up if verdict is Verdict.MOST or (up and verdict is Verdict.TOO_LONG) else not up
    return (ClaimKind.UPPER, None, metres) if up else (ClaimKind.LOWER, metres, None)


def _judged(mention: Mention, before: str, after: str, verdict: Verdict | None, *, bounded: bool) -> Found | str:
    low, high = mention.low, mention.high
    if verdict is Verdict.DOUBT and high >= DOUBTED_LONG:
        verdict = Verdict.TOO_LONG
    if verdict is Verdict.DOUBT and high <= DOUBTED_SHORT:
        verdict = Verdict.TOO_SHORT
    if verdict in (Verdict.TOO_LONG, Verdict.MOST):
        return ClaimKind.UPPER, None, high if verdict is Verdict.MOST else low
    if verdict in (Verdict.TOO_SHORT, Verdict.LEAST):
        return ClaimKind.LOWER, high if verdict is Verdict.TOO_SHORT else low, None
    if verdict in (Verdict.RAN, Verdict.OPEN, Verdict.DOUBT):
        return UNREAD
    return _suiting(mention, before, after, verdict, bounded=bounded)


def _suiting(mention: Mention, before: str, after: str, verdict: Verdict | None, *, bounded: bool) -> Found | str:
    """Best or fine, of what is neither too long nor too short."""
    low, high = mention.low, mention.high
    found = BEFORE.search(before)
    if found and NOT_BEST.search(found[0]):
        return UNREAD
    strong = bool(found and STRONG.search(found[0]))
    if RANGE_BEFORE.search(before):
        return _fine(low, high)
    if not strong and (verdict is Verdict.FINE or re.match(rf"(?:戦)?{HEDGE}?で?も", after)):
        return _fine(low, high)
    if verdict is Verdict.BEST or found or CLOSES.match(after) or INSTEAD.match(before):
        return _best(low, high)
    if re.match(rf"(?:戦)?{HEDGE}?なら", after) or bounded:
        return _fine(low, high)
    if high > low and verdict is None and re.match(rf"{HEDGE}?で?(?:、|$)", after):
        return _best(low, high)  # a range is a judgement; a race has one distance
    return _best(low, high) if re.match(rf"(?:戦)?{HEDGE}(?!の?(?:走|競馬))", after) else UNREAD


def _fine(low: int, high: int) -> Found:
    return ClaimKind.FINE_AT, low, high if high > low else None


def _best(low: int, high: int) -> Found:
    return ClaimKind.BEST_AROUND if low == high else ClaimKind.BEST_RANGE, low, high


def _of_class(mention: Mention, _before: str, after: str, verdict: Verdict | None) -> Found | str:
    low, high = mention.low, mention.high
    if verdict is Verdict.DENIED and UNSUITED.match(after) and (low >= 2 or high == 0):
        return ClaimKind.SHORTER if low >= 2 else ClaimKind.LONGER, None, None
    if verdict in (Verdict.RAN, Verdict.OPEN, Verdict.DENIED):
        return UNREAD
    opposed = (Verdict.DOUBT, Verdict.TOO_LONG, Verdict.TOO_SHORT)
    mark = MARK.match(re.sub(r"^(?:馬|型|タイプ)", "", after))
    if mark and mark["up"]:
        low = 0 if high < len(CLASSES) - 1 else low
    elif mark and mark["low"]:
        high = len(CLASSES) - 1 if low else high
        if verdict in opposed and low:
            low, high, verdict = 0, low - 1, None
    if verdict in opposed:
        short = verdict is Verdict.TOO_LONG or (verdict is Verdict.DOUBT and high > 1)
        if verdict is Verdict.DOUBT and (low, high) == (1, 1):
            return UNREAD
        return ClaimKind.SHORTER if short else ClaimKind.LONGER, None, None
    kind = NAMED.get((low, high))
    return (kind or ClaimKind.FINE_AT), None, None


def _leaning(towards: ClaimKind, away: ClaimKind) -> dict[Verdict, ClaimKind]:
    liked: tuple[Verdict, ...] = (Verdict.BEST, Verdict.FINE, Verdict.LEAST)
    disliked: tuple[Verdict, ...] = (Verdict.DOUBT, Verdict.DENIED, Verdict.TOO_LONG, Verdict.TOO_SHORT, Verdict.MOST)
    return {**dict.fromkeys(liked, towards), **dict.fromkeys(disliked, away)}


NOT_BEST = re.compile(r"とは|では?な|わけ")  # ベストとは言えない(1200m)
UNSUITED = re.compile(r"(?:馬|戦)?(?:に|で)?(?:は|も)(?:あまり)?(?:合わ|向か|適さ)な")  # 長距離は合わない
LEADS = re.compile(r"(?:ベスト|理想|適性|狙い)(?:は|が)[^、]{0,6}$")  # ベストは(もっと長い距離)
SELF = re.compile(
    r"(?:方|ほう)(?:が|で)$|適性[はが](?:長|短)め|[あ有]れば$|(?:距離|ところ)の(?:馬|体|タイプ|器)"
)  # it would suit
LEANING = {
    Sort.LONGER: _leaning(ClaimKind.LONGER, ClaimKind.SHORTER),
    Sort.SHORTER: _leaning(ClaimKind.SHORTER, ClaimKind.LONGER),
}


def _of_leaning(mention: Mention, before: str, after: str, verdict: Verdict | None) -> Found | str:
    if re.match(r"(?:し|した|て|ての|された|となった|だった)?前走", after):
        return EXPLAINED
    verdict = (
        Verdict.BEST if verdict is None and (SELF.search(mention.text + after) or LEADS.search(before)) else verdict
    )
    kind = LEANING[mention.sort].get(verdict) if verdict else None
    return (kind, None, None) if kind else UNREAD


OF_DISTANCE = {
    Verdict.FINE: ClaimKind.FINE_AT, Verdict.BEST: ClaimKind.FINE_AT, Verdict.TOO_LONG: ClaimKind.SHORTER,
    Verdict.DOUBT: ClaimKind.SHORTER, Verdict.MOST: ClaimKind.SHORTER, Verdict.TOO_SHORT: ClaimKind.LONGER,
    Verdict.LEAST: ClaimKind.LONGER,
}  # fmt: skip


def _of_distance(_mention: Mention, _before: str, after: str, verdict: Verdict | None) -> Found | str:
    if re.search(
        r"(?:こなせ|長く|短く|もっ|持っ)ても$|の(?:限界|上限|限度)(?:は|が)[^、]{0,4}$", after
    ):  # 距離は長くても(1800m)
        return EXPLAINED
    kind = OF_DISTANCE.get(verdict) if verdict else None
    return (kind, None, None) if kind else UNREAD


READERS = {
    Sort.METRES: _of_metres, Sort.CLASS: _of_class, Sort.LONGER: _of_leaning, Sort.SHORTER: _of_leaning,
    Sort.DISTANCE: _of_distance,
}  # fmt: skip
