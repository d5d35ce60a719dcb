"""Which horse a photo shows, and in which race it was about to run.

A photo's page prints a name and a race; the issue prints its race days. `decide` is pure: it tries the rules, the
surest first. If no rule decides, the photo stays open, with its candidates. A person's decision
(`collector match --set`) is never changed by a rule.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rapidfuzz.distance import Levenshtein

from collector.codes import MatchRule, Sign
from collector.storage.racing import Sex

IN_BRACKETS = re.compile(r"[(\[〔【<][^)\]〕】>]{0,20}[)\]〕】>]")
SHORT_FORMS = (("ステークス", "S"), ("カップ", "C"), ("トロフィー", "T"), ("ハンデキャップ", "H"), ("賞典", "賞"))
SHORTEST_RACE = 2  # characters; a shorter name of a race is not compared
SEXES = {"牡": Sex.MALE, "牝": Sex.FEMALE, "セ": Sex.GELDING}
WINDOW = 3  # days before an issue's date that count as its race days, where it does not print them


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What a photo's page and its issue say about its horse."""

    number: int
    keys: tuple[str, ...]  # the name on its page, then the name in the issue's list
    race_name: str | None
    age: int | None  # years
    sex: str | None  # 牡, 牝, セ
    horse_id: str | None = None  # where the page gives it
    race_id: str | None = None  # likewise


@dataclass(frozen=True, slots=True)
class Runner:
    """An entry on one of the issue's race days."""

    horse_id: str
    horse_key: str
    race_id: str
    race_name: str
    age: int | None
    sex: str | None  # a value of Sex


@dataclass(frozen=True, slots=True)
class Decision:
    """The horse, the race and the rule; or the reason why the photo is open, and the candidates."""

    horse_id: str | None
    race_id: str | None
    rule: MatchRule
    candidates: tuple[str, ...] = ()


def days_of(issue_date: date, printed: Sequence[date]) -> list[date]:
    """The days on which an issue's races may have been run."""
    return list(printed) or [issue_date - timedelta(days=back) for back in range(WINDOW, 0, -1)]


def race_key(name: str) -> str:
    """The key for comparing races: the name without grade and conditions, its title words in their short forms."""
    key = "".join(unicodedata.normalize("NFKC", name).split())
    key = IN_BRACKETS.sub("", key)
    for long, short in SHORT_FORMS:
        key = key.replace(long, short)
    return key


def same_race(printed: str | None, name: str) -> bool:
    """Whether the name that an issue prints (天皇賞) may mean this race (天皇賞(秋)(G1))."""
    one, other = race_key(printed or ""), race_key(name)
    if min(len(one), len(other)) < SHORTEST_RACE:
        return False
    return one in other or other in one


def decide(
    photo: PhotoFacts,
    runners: Sequence[Runner],
    others: Sequence[str],
    *,
    all_read: bool,
    known: Sequence[str] | None,
) -> Decision:
    """Find the runner that a photo shows.

    `runners` ran on the issue's days. `others` are the names of the issue's other photos. `all_read` says whether all
    races of those days are stored. `known` are all horses of this name and age (None: they have not been searched).
    """
    if photo.horse_id:
        ran = (runner.race_id for runner in runners if runner.horse_id == photo.horse_id)
        return Decision(photo.horse_id, photo.race_id or next(ran, None), MatchRule.STATED)
    if named := [runner for runner in runners if runner.horse_key in photo.keys]:
        return _among(photo, named, Sign.NAME)
    if not all_read:
        return Decision(None, None, MatchRule.NOT_READ)
    near = [
        runner
        for runner in runners
        if runner.horse_key not in others
        and _of_its_race(photo, runner)
        and any(Levenshtein.distance(key, runner.horse_key, score_cutoff=1) <= 1 for key in photo.keys)
    ]
    if near:
        return _among(photo, near, Sign.MISPRINT)
    if known is None:
        return Decision(None, None, MatchRule.NOT_LOOKED_UP)
    if len(known) == 1:
        return Decision(known[0], None, MatchRule.NO_ENTRY)
    return Decision(None, None, MatchRule.NAMESAKES if known else MatchRule.UNKNOWN_NAME, tuple(known))


def _of_its_race(photo: PhotoFacts, runner: Runner) -> bool:
    return runner.race_id == photo.race_id if photo.race_id else same_race(photo.race_name, runner.race_name)


def _among(photo: PhotoFacts, runners: Sequence[Runner], first_sign: Sign) -> Decision:
    """The one runner that fits. If there are several, the race, the age and the sex decide."""
    tests: tuple[tuple[Sign, Callable[[Runner], bool]], ...] = (
        (Sign.RACE, lambda runner: _of_its_race(photo, runner)),
        (Sign.AGE, lambda runner: photo.age is not None and photo.age == runner.age),
        (Sign.SEX, lambda runner: photo.sex is not None and SEXES.get(photo.sex) == runner.sex),
    )
    left, signs = list(runners), [first_sign]
    for sign, fits in tests:
        if len({runner.horse_id for runner in left}) == 1:
            break
        fitting = [runner for runner in left if fits(runner)]
        if fitting:
            left = fitting
            signs.append(sign)
    horses = tuple(dict.fromkeys(runner.horse_id for runner in left))
    if len(horses) > 1:
        return Decision(None, None, MatchRule.by(*signs, several=True), horses)
    return Decision(left[0].horse_id, left[0].race_id, MatchRule.by(*signs))
