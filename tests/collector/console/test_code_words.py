"""Codes become sentences in one place, in both languages."""

import itertools
from enum import StrEnum

import pytest

from collector.codes import (
    AcceptedBy,
    Aside,
    Awaited,
    Block,
    ClaimKind,
    Copying,
    Delay,
    Failure,
    MatchRule,
    Said,
    Sign,
)
from collector.console.catalogue import CODES as CATALOGUE
from collector.console.catalogue import LANGUAGES
from collector.console.code_words import KEYS, describe
from collector.engine.lane import TROUBLE

KINDS: tuple[type[StrEnum], ...] = (
    AcceptedBy, Aside, Awaited, Block, ClaimKind, Copying, Delay, Failure, MatchRule, Said, Sign,
)  # fmt: skip
FINE = {"claim_fine_at_one", "claim_fine_at_range"}  # one claim, with one distance or with two
CODES = [(kind, code) for kind in KINDS for code in kind]


def test_every_text_of_the_catalogue_is_a_codes_and_every_code_has_one() -> None:
    assert set(KEYS) == set(KINDS)
    # The sentence of a rule that uses signs is made of theirs.
    used = {f"{KEYS[kind]}{code}" for kind, code in CODES if not (isinstance(code, MatchRule) and code.signs)}
    assert CATALOGUE.read("en").keys() == used | {"rule_several", "joined_by"} | FINE


@pytest.mark.parametrize("tongue", LANGUAGES)
@pytest.mark.parametrize(("kind", "code"), CODES)
def test_every_code_has_a_sentence_in_both_languages(kind: type[StrEnum], code: StrEnum, tongue: str) -> None:
    sentence = describe(kind, code, "its detail", language=tongue)
    assert sentence
    assert "_" not in sentence
    assert "{" not in sentence
    assert describe(kind, code, language=tongue)


@pytest.mark.parametrize("tongue", LANGUAGES)
def test_what_another_version_wrote_is_shown_as_it_is(tongue: str) -> None:
    assert describe(MatchRule, "by luck", language=tongue) == "by luck"
    assert describe(Failure, None, "its own words", language=tongue) == "its own words"
    assert describe(Failure, "later", "{detail} {0}", language=tongue) == "later: {detail} {0}"
    assert describe(Failure, None, without="unknown", language=tongue) == "unknown"


def test_a_detail_with_braces_is_not_a_template() -> None:
    assert describe(Failure, Failure.ROBOTS, "Disallow: /{x}") == "robots.txt disallows it (Disallow: /{x})"


def test_a_detail_with_several_facts_fills_each_by_its_name() -> None:
    facts = {"seconds": "5", "delay": "crawl_delay"}
    assert (
        describe(Awaited, Awaited.NEXT_REQUEST, facts)
        == "the next request, 5 s after the last (Crawl-delay of robots.txt)"
    )
    assert "robots.txtのCrawl-delay" in describe(Awaited, Awaited.NEXT_REQUEST, facts, language="ja")
    closed = {"host": "h", "block": "failing", "detail": "{x}"}
    assert describe(Awaited, Awaited.CLOSED, closed) == "h is closed (5 pages in a row failed, the last with: {x})"
    assert describe(Awaited, Awaited.ANSWER, {}) == "the answer to -"
    assert describe(Awaited, "luck", {"a": 1, "b": "{c}"}) == "luck: 1, {c}"


def test_every_combination_of_signs_has_a_rule() -> None:
    later = (Sign.RACE, Sign.AGE, Sign.SEX)
    for first, more, several in itertools.product((Sign.NAME, Sign.MISPRINT), range(4), (False, True)):
        for others in itertools.combinations(later, more):
            rule = MatchRule.by(first, *others, several=several)
            assert (rule.signs, rule.several) == ((first, *others), several)


def test_a_rule_that_uses_signs_names_them() -> None:
    assert describe(MatchRule, "name_and_race") == "name and race"
    assert describe(MatchRule, "several_by_name_and_age") == "several horses fit by name and age"
    assert describe(MatchRule, "misprint_and_race", language="ja") == "よく似た馬名（誤植とみなす）・レース名"


def test_the_number_of_failures_that_is_named_is_the_one_that_counts() -> None:
    assert describe(Block, Block.FAILING, "x").startswith(f"{TROUBLE} pages in a row failed")
