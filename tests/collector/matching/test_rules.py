"""The rules that find a photo's horse, the surest first."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.codes import MatchRule
from collector.matching.rules import Decision, PhotoFacts, Runner, days_of, decide, race_key, same_race

RACE, OTHER_RACE = "201605010811", "201605010810"


def shown(name: str = "アオバノカゼ", listed: str | None = None, **facts: object) -> PhotoFacts:
    said = {"number": 1, "race_name": "東京新聞杯", "age": 5, "sex": "牡"} | facts
    return PhotoFacts(keys=tuple(dict.fromkeys((name, listed or name))), **said)  # type: ignore[arg-type]


def runner(horse_id: str, name: str = "アオバノカゼ", **facts: object) -> Runner:
    said = {"race_id": RACE, "race_name": "東京新聞杯(G3)", "age": 5, "sex": "male"} | facts
    return Runner(horse_id, name, **said)  # type: ignore[arg-type]


def decided(
    photo: PhotoFacts,
    *runners: Runner,
    others: tuple[str, ...] = (),
    all_read: bool = True,
    known: tuple[str, ...] | None = (),
) -> Decision:
    return decide(photo, runners, others, all_read=all_read, known=known)


def test_the_one_horse_of_that_name_is_the_one() -> None:
    one, another = runner("2011100001"), runner("2011100002", "ミドリノソラ")
    assert decided(shown(), another, one) == Decision("2011100001", RACE, MatchRule.NAME)


def test_a_name_is_enough_whatever_the_race_is_called() -> None:
    assert decided(shown(race_name="特別"), runner("2011100001")).horse_id == "2011100001"


def test_a_name_that_ran_decides_before_all_races_are_read() -> None:
    assert decided(shown(), runner("2011100001"), all_read=False).horse_id == "2011100001"


def test_of_two_horses_of_one_name_the_race_decides() -> None:
    elsewhere = runner("2011100009", race_id=OTHER_RACE, race_name="4歳上500万下")
    assert decided(shown(), elsewhere, runner("2011100001")) == Decision("2011100001", RACE, MatchRule.NAME_RACE)


def test_of_two_in_one_race_the_age_decides_then_the_sex() -> None:
    younger = runner("2013100009", age=3)
    assert decided(shown(), younger, runner("2011100001")) == Decision("2011100001", RACE, MatchRule.NAME_RACE_AGE)
    mare = runner("2011100008", sex="female")
    assert decided(shown(), mare, runner("2011100001")).rule == MatchRule.NAME_RACE_AGE_SEX


def test_a_photo_that_fits_several_horses_is_open_with_its_candidates() -> None:
    decision = decided(shown(), runner("2011100001"), runner("2011100002"))
    assert decision.horse_id is None
    assert decision.candidates == ("2011100001", "2011100002")
    assert decision.rule is MatchRule.SEVERAL_NAME_RACE_AGE_SEX


def test_the_list_s_name_counts_where_the_page_is_misprinted() -> None:
    photo = shown("アオバノガゼー", listed="アオバノカゼ")
    assert decided(photo, runner("2011100001")) == Decision("2011100001", RACE, MatchRule.NAME)


@pytest.mark.parametrize("printed", ["アオバノガゼ", "アオバノカゼー", "アオバカゼ"])
def test_a_misprint_by_one_character_is_recognised_within_its_race(printed: str) -> None:
    assert decided(shown(printed), runner("2011100001")) == Decision("2011100001", RACE, MatchRule.MISPRINT)


def test_a_misprint_is_looked_for_in_its_own_race_only() -> None:
    elsewhere = runner("2011100001", race_name="4歳上500万下")
    assert decided(shown("アオバノガゼ"), elsewhere).horse_id is None


def test_a_runner_that_another_photo_shows_is_not_a_misprint() -> None:
    assert decided(shown("アオバノガゼ"), runner("2011100001"), others=("アオバノカゼ",)).horse_id is None


def test_no_misprint_is_guessed_before_all_races_are_read() -> None:
    decision = decided(shown("アオバノガゼ"), runner("2011100001"), all_read=False)
    assert decision == Decision(None, None, MatchRule.NOT_READ)


def test_a_horse_that_did_not_run_is_known_by_name_and_age() -> None:
    assert decided(shown(), known=("2011100001",)) == Decision("2011100001", None, MatchRule.NO_ENTRY)
    assert decided(shown(), known=None) == Decision(None, None, MatchRule.NOT_LOOKED_UP)
    assert decided(shown(), known=("2011100001", "2011100002")).candidates == ("2011100001", "2011100002")
    assert decided(shown()) == Decision(None, None, MatchRule.UNKNOWN_NAME)


@given(st.permutations([runner("2011100001"), runner("2011100002", "ミドリノソラ"), runner("2013100001", age=3)]))
def test_the_order_of_the_runners_does_not_matter(runners: list[Runner]) -> None:
    assert decided(shown(), *runners).horse_id == "2011100001"


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("天皇賞", "天皇賞(秋)(G1)"),
        ("東京新聞杯", "第66回東京新聞杯(GIII)"),
        ("アメリカＪＣＣ", "アメリカJCC(G2)"),
        ("根岸ステークス", "根岸S(G3)"),
        ("ジャパンカップ", "ジャパンC(G1)"),
    ],
)
def test_races_are_recognised_by_their_short_names(printed: str, name: str) -> None:
    assert same_race(printed, name)


@pytest.mark.parametrize(("printed", "name"), [(None, "天皇賞"), ("", "天皇賞"), ("S", "根岸S"), ("阪急杯", "阪神C")])
def test_races_are_not_confused(printed: str | None, name: str) -> None:
    assert not same_race(printed, name)


@given(st.text(max_size=30))
def test_a_race_s_key_is_the_same_when_made_twice(name: str) -> None:
    assert race_key(race_key(name)) == race_key(race_key(race_key(name)))


def test_an_issue_that_prints_no_days_had_its_races_within_three_days() -> None:
    assert days_of(date(2016, 1, 4), []) == [date(2016, 1, 1), date(2016, 1, 2), date(2016, 1, 3)]
    assert days_of(date(2016, 1, 4), [date(2016, 1, 3)]) == [date(2016, 1, 3)]
