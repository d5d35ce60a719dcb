"""Every text that the trainer's page asks for is in its catalogue, and every text that is there is asked for."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import collector.web
from collector.console.catalogue import LANGUAGES, SERVERS
from collector.storage.racing import Axis, Kind
from collector.web import server
from collector.web.server import problems
from collector.web.server.problems import Problem, problem_kinds
from collector.web.server.worth import Worth
from tests.template_keys import counted_keys, plain_keys, templates_of, unused
from trainer import web
from trainer.evaluation.verdict import Verdict
from trainer.inference.serving import UNKNOWN
from trainer.labels.results import ALL_AXES
from trainer.labels.scales import ENDS
from trainer.web.problems import Code
from trainer.web.words import PAGES

TEMPLATES = templates_of(Path(web.__file__).parent)
SHARED = templates_of(Path(server.__file__).parent)
SEARCH = templates_of(Path(collector.web.__file__).parent)
ENDS_OF = {end for scale in (*ENDS.values(), *ALL_AXES.values(), UNKNOWN) for end in (scale.low, scale.high)}
VERDICTS = set(Verdict) - {Verdict.LEARNT}  # no run is judged by the photos that it has learnt from
HOME: dict[str, Iterable[str]] = {
    "'title_' ~ about.axis": [f"title_{axis}" for axis in Axis],
    "'end_' ~ about.low_end": [f"end_{end}" for end in ENDS_OF],
    "'end_' ~ about.high_end": [f"end_{end}" for end in ENDS_OF],
}
BY_FILTER = {"day"}  # asked for by the filter of the same name
PUT_TOGETHER: dict[str, Iterable[str]] = {
    "'type_' ~ predicted.kind": [f"type_{kind}" for kind in Kind],
    "'axis_' ~ about.axis": [f"axis_{axis}" for axis in Axis],
    "'axis_' ~ axis": [f"axis_{axis}" for axis in Axis],
    "'end_' ~ other.low_end": [f"end_{end}" for end in ENDS_OF],
    "'end_' ~ other.high_end": [f"end_{end}" for end in ENDS_OF],
    "'end_' ~ about.low_end": [f"end_{end}" for end in ENDS_OF],
    "'end_' ~ about.high_end": [f"end_{end}" for end in ENDS_OF],
    "'verdict_' ~ about.quality.verdict": [f"verdict_{verdict}" for verdict in VERDICTS],
    "'verdict_' ~ verdict": [f"verdict_{verdict}" for verdict in VERDICTS],
    "'worth_' ~ worth": [f"worth_{worth}" for worth in Worth if not worth.proven],
    "'worth_' ~ worth ~ '_more'": [f"worth_{worth}_more" for worth in Worth],
    "'zone_' ~ near": [f"zone_{kind}" for kind in Kind],
    "'zone_' ~ far": [f"zone_{kind}" for kind in Kind],
    "'axis_' ~ its": [f"axis_{axis}" for axis in Axis],
}


def test_every_text_is_asked_for_and_every_text_asked_for_is_there() -> None:
    asked = {f"problem_{kind.word}" for kind in problem_kinds(Code)}
    asked = asked.union(*(plain_keys(text, HOME | PUT_TOGETHER) for text in (TEMPLATES | SHARED).values()))
    assert asked | BY_FILTER == PAGES.read("en").keys()
    assert set().union(*map(counted_keys, (TEMPLATES | SHARED).values())) == PAGES.read("en").countable
    assert unused(HOME, TEMPLATES) == []
    assert unused(PUT_TOGETHER, SHARED) == []


def test_what_both_servers_say_is_asked_for_by_templates_of_both() -> None:
    asked = [set(re.findall(r"\bt\.(\w+)", "".join(its.values()))) for its in (TEMPLATES, SEARCH)]
    shared = set().union(*(plain_keys(text, PUT_TOGETHER) for text in SHARED.values()))
    shared |= BY_FILTER | {f"problem_{kind.word}" for kind in problem_kinds(problems.Code)}
    assert SERVERS.read("en").keys() - shared <= asked[0] & asked[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_is_one_sentence_in_both_languages(language: str) -> None:
    assert len({kind.word for kind in problem_kinds(Code)}) == len(problem_kinds(Code)) > 10
    for code in problem_kinds(Code):
        sentence = Problem(code, "a detail").sentence(language)
        assert "\n" not in sentence
        assert sentence[-1] in ".。）" or sentence == "a detail"
