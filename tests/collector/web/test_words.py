"""Every text that a page asks for is in the catalogue, and every text that is there is asked for."""

import re
from collections.abc import Iterable
from pathlib import Path

from collector import web
from collector.codes import Said
from collector.console.catalogue import PAGES, SERVERS
from collector.pipeline import changes
from collector.storage.racing import COATS, COURSES, Axis, Finish, Going, Grade, Kind, Sex, Surface
from collector.storage.roles import Role
from collector.web.codes import Code
from collector.web.compare.state import MOST, View
from collector.web.overview.facts import STATES
from collector.web.overview.pages import OUTCOME_GROUPS
from collector.web.overview.treatment import Pace
from collector.web.search.address import FIELDS, Result, Sort
from collector.web.search.chips import CLASSES
from collector.web.server.look import LOOK
from collector.web.server.problems import problem_kinds
from tests.template_keys import counted_keys, plain_keys, templates_of, unused
from trainer import web as answers
from trainer.evaluation.verdict import Verdict

WEB, ANSWERS = Path(web.__file__).parent, Path(answers.__file__).parent
SHEET = LOOK / "look.css"
TEMPLATES = templates_of(WEB)
AS_IS = set(Grade) - {Grade.LISTED, Grade.OPEN}  # G1 is G1 in any language
LISTS = ("open", "copies", "unread", "decided")
# Keys that a template puts together: its own words for that -> what they may stand for.
WRONG = (  # fields of the search that can be
    "year", "surface", "sex", "age", "low", "high", "tag", "metres", "distance", "going", "result", "kind", "sort",
    "before",
)  # fmt: skip
CHIPS = [f"field_{name}" for name in FIELDS if name not in ("before", "sort")]
PUT_TOGETHER: dict[str, Iterable[str]] = {
    "'axis_' ~ one.axis": [f"axis_{axis}" for axis in Axis],
    "'left_' ~ one.axis": [f"left_{axis}" for axis in Axis],
    "'right_' ~ one.axis": [f"right_{axis}" for axis in Axis],
    "'axis_' ~ label.axis": [f"axis_{axis}" for axis in Axis],
    "'axis_' ~ axis": [f"axis_{axis}" for axis in Axis],
    "'left_' ~ axis": [f"left_{axis}" for axis in Axis],
    "'right_' ~ axis": [f"right_{axis}" for axis in Axis],
    "'guide_' ~ name": ["guide_withers", "guide_girth", "guide_hocks"],
    "'mark_' ~ name": ["mark_withers", "mark_buttock"],
    "'mark_' ~ side": ["mark_x", "mark_y"],
    "'pick_' ~ name": ["pick_under", "pick_over"],
    "'view_' ~ view.value": [f"view_{view}" for view in View],
    "'finish_' ~ entry.finish": [f"finish_{finish}" for finish in Finish],
    "'going_' ~ entry.going": [f"going_{going}" for going in Going],
    "'going_' ~ race.going": [f"going_{going}" for going in Going],
    "'kind_' ~ band.kind": [f"kind_{kind}" for kind in Kind],
    "'kind_' ~ value|kind": [f"kind_{kind}" for kind in Kind],
    "'outcome_' ~ name": [f"outcome_{outcome}" for outcome in OUTCOME_GROUPS],
    "owners": ["owners", "owners_state", "owners_differ"],
    "'pace_' ~ report.pace": [f"pace_{pace}" for pace in Pace],
    "'pace_more_' ~ report.pace": [f"pace_more_{pace}" for pace in Pace if pace is not Pace.FREE],
    "'overview_remarks_' ~ key": [f"overview_remarks_{said}" for said in Said],
    "'page_' ~ drift.role": [f"page_{kind}" for kind in Role],
    "'page_' ~ failure.role": [f"page_{kind}" for kind in Role],
    "'page_' ~ kind": [f"page_{kind}" for kind in Role],
    "'page_' ~ role": [f"page_{kind}" for kind in Role],
    "'page_' ~ one.role": [f"page_{kind}" for kind in Role],
    "'field_' ~ one.field": [f"field_{name}" for name in WRONG],
    "'field_' ~ chip.field": CHIPS,
    "'field_' ~ facet.field": CHIPS,
    "'field_' ~ field": CHIPS,
    "'hint_' ~ one.field": [f"hint_{name}" for name in WRONG],
    "'page_' ~ shown.page.role": [f"page_{kind}" for kind in Role],
    "'review_' ~ name": [f"review_{name}" for name in LISTS],
    "'review_' ~ name ~ '_more'": [f"review_{name}_more" for name in LISTS],
    "'review_' ~ which": ["review_open", "review_decided"],
    "'review_' ~ which ~ '_more'": ["review_open_more", "review_decided_more"],
    "'review_none_' ~ which": ["review_none_open", "review_none_decided"],
    "'review_state_' ~ state": ["review_state_quarantined", "review_state_failed"],
    "'review_table_' ~ table": [f"review_table_{table}" for table in changes.FACTS],
    "'sex_' ~ entry.sex": [f"sex_{sex}" for sex in Sex],
    "'sex_' ~ horse.sex": [f"sex_{sex}" for sex in Sex],
    "'state_' ~ failure.state": [f"state_{state}" for state in STATES],
    "'state_' ~ state": [f"state_{state}" for state in STATES],
    "'surface_' ~ race.surface": [f"surface_{surface}" for surface in Surface],
    "'sort_' ~ sort.value": [f"sort_{sort}" for sort in Sort],
}


def test_every_text_is_asked_for_and_every_text_asked_for_is_there() -> None:
    asked = {"day"} | {f"problem_{kind.word}" for kind in problem_kinds(Code)}  # the filter of that name asks for `day`
    asked |= {"news_photo", "news_entry"}  # in the feed, which has no template
    asked |= {"metres_are", "going_on", *(f"result_{result}" for result in Result)}  # and on chips
    asked |= {f"course_{course}" for course in COURSES.values()}
    asked |= {f"coat_{coat}" for coat in COATS.values()} | {f"grade_{word}" for word in CLASSES if word not in AS_IS}
    asked = asked.union(*(plain_keys(text, PUT_TOGETHER) for text in TEMPLATES.values()))
    both = SERVERS.read("en")  # which have tests of their own, beside the other server's
    assert asked | both.keys() == PAGES.read("en").keys()
    assert set().union(*map(counted_keys, TEMPLATES.values())) | both.countable == PAGES.read("en").countable
    assert unused(PUT_TOGETHER, TEMPLATES) == []


def test_every_class_with_a_rule_is_on_a_page_of_one_of_the_servers() -> None:
    ruled = set(re.findall(r"\.([a-z][\w-]*)(?=[^{}]*\{)", re.sub(r"/\*.*?\*/", "", SHEET.read_text(), flags=re.S)))
    drawn = {f"state-{state}" for state in STATES} | {f"outcome-{outcome}" for outcome in OUTCOME_GROUPS}
    drawn |= {f"n{number}" for number in range(1, MOST + 1)} | set(Verdict)
    assert ruled - drawn - _quoted() == set()


def _quoted() -> set[str]:
    """Every word that stands in quotes in a template or a script: among them all classes that are written there."""
    pages = [text for folder in (WEB, LOOK.parent, ANSWERS) for text in templates_of(folder).values()]
    folders = [LOOK, WEB / "static", ANSWERS / "static"]
    scripts = [path for folder in folders for path in folder.glob("*.js")]
    written = [*pages, *(path.read_text() for path in scripts)]
    found = re.findall(r'"([^"]*)"', "".join(written)) + re.findall(r"'([\w -]*)'", "".join(written))
    found += re.findall(r"{% block sort %}([^{]*)", "".join(written))
    return {word for text in found for word in re.split(r"[^\w-]+", text)}
