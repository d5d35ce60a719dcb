"""Every page of netkeiba's look-alike is read as the facts of the world."""

import pytest

from collector.demo.netkeiba.horse_pages import HorseView
from collector.demo.netkeiba.site import answer_path, races_of
from collector.demo.world import opinion
from collector.demo.world.races import Race
from collector.demo.world.running import DEMOTED, Entry
from collector.demo.world.world import World
from collector.errors import NoSuchPage
from collector.matching.rules import same_race
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import APTITUDE, COMING_DAY, HORSE, RACE_CARD, RACE_DAY, RACE_RESULT
from collector.sources.parsed import Parsed
from collector.sources.text_tools.text import decode
from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceItem
from collector.storage.racing import Axis, Direction, Finish, Sex, Surface

BASE = "http://localhost:8766"
WORLD = World()
RACES = races_of(WORLD)
DAYS = [day for year in WORLD.years for issue in WORLD.issues(year) for day in issue.race_days]
SEXES = {"牡": Sex.MALE, "牝": Sex.FEMALE, "セ": Sex.GELDING}
SURFACES = {"芝": Surface.TURF, "ダ": Surface.DIRT, "障": Surface.JUMP}
DIRECTIONS = {"右": Direction.RIGHT, "左": Direction.LEFT, "直線": Direction.STRAIGHT, "": None}
FINISHES = {
    "": Finish.FINISHED,
    "取": Finish.SCRATCHED,
    "除": Finish.EXCLUDED,
    "中": Finish.DID_NOT_FINISH,
    "失": Finish.DISQUALIFIED,
    DEMOTED: Finish.DEMOTED,
}


def _parse(kind: str, path: str) -> Parsed:
    place, _, query = path.partition("?")
    answer = answer_path(WORLD, place, query)
    assert answer, path
    return NETKEIBA.parse(kind, BASE + path, decode(answer.body, answer.media_type, NETKEIBA.charset))


def _as_printed(race: Race, entry: Entry) -> dict[str, object]:
    """An entry as any page of its race prints it."""
    return {
        "race_id": race.race_id,
        "horse_id": entry.horse.horse_id,
        "horse_name": entry.horse.horse.name,
        "bracket_number": entry.bracket if race.drawn else None,
        "horse_number": entry.number if race.drawn else None,
        "sex": SEXES[entry.horse.horse.sex],
        "age": entry.age,
        "carried_weight": entry.carried_weight,
        "jockey_id": entry.jockey_id,
        "trainer_id": entry.trainer_id,
    }


def _result(race: Race, entry: Entry) -> dict[str, object]:
    return _as_printed(race, entry) | {
        "jockey": entry.jockey,
        "trainer": entry.trainer,
        "trainer_base": entry.base,
        "owner": entry.owner,
        "owner_id": entry.owner_id,
        "finish": FINISHES[entry.fate],
        "finish_position": entry.position,
        "finish_time": entry.time,
        "margin": entry.margin or None,
        "positions_at_bends": list(entry.bends),
        "last_3f": None if race.surface == "障" else entry.last_3f,
        "odds": entry.odds,
        "favorite_rank": entry.favorite,
        "horse_weight": entry.weight,
        "horse_weight_change": entry.weight_change,
        "prize": entry.prize,
    }


def _race(race: Race) -> dict[str, object]:
    return {
        "race_id": race.race_id,
        "race_date": race.day,
        "racecourse": race.racecourse,
        "meeting_number": race.meeting_number,
        "meeting_day": race.meeting_day,
        "race_number": race.number,
        "grade": race.grade,
        "surface": SURFACES[race.surface],
        "direction": DIRECTIONS[race.direction],
        "distance": race.distance,
        "start_time": race.start,
    }


def _check(item: object, expected: dict[str, object]) -> None:
    read = {name: getattr(item, name) for name in expected}
    if isinstance(read.get("finish_time"), float):
        read["finish_time"] = round(read["finish_time"], 1)
    assert read == expected


def test_the_parser_finds_the_races_of_a_day_and_no_local_ones():
    for day in DAYS:
        links = _parse(RACE_DAY, f"/race/list/{day:%Y%m%d}/").links
        assert sorted(link.url for link in links) == sorted(f"{BASE}/race/{race.race_id}/" for race in RACES.on(day))
        assert {(link.kind, link.dated) for link in links} == {(RACE_RESULT, day)}


def test_the_parser_reads_every_result():
    for day in DAYS:
        for race in RACES.on(day):
            parsed = _parse(RACE_RESULT, f"/race/{race.race_id}/")
            assert (parsed.missing, parsed.flaws) == ((), ())
            found = next(item for item in parsed.items if isinstance(item, RaceItem))
            _check(found, _race(race))
            assert same_race(race.name, found.name)
            entries = [item for item in parsed.items if isinstance(item, EntryItem)]
            assert len(entries) == len(race.entries)
            for item, entry in zip(entries, race.entries, strict=True):
                _check(item, _result(race, entry))


def test_the_parser_reads_every_card():
    for race in RACES.coming:
        parsed = _parse(RACE_CARD, f"/race/shutuba.html?race_id={race.race_id}")
        assert (parsed.missing, parsed.flaws) == ((), ())
        found = next(item for item in parsed.items if isinstance(item, RaceItem))
        _check(found, _race(race))
        assert same_race(race.name, found.name)
        entries = [item for item in parsed.items if isinstance(item, EntryItem)]
        assert len(entries) == len(race.entries)
        for item, entry in zip(entries, race.entries, strict=True):
            _check(item, _as_printed(race, entry) | {"finish": None, "odds": None, "horse_weight": None})


def test_the_parser_finds_the_races_to_come():
    links = _parse(COMING_DAY, f"/top/race_list_sub.html?kaisai_date={RACES.coming_day:%Y%m%d}").links
    assert [link.url for link in links] == [f"{BASE}/race/shutuba.html?race_id={race.race_id}" for race in RACES.coming]
    assert {(link.kind, link.dated) for link in links} == {(RACE_CARD, RACES.coming_day)}


def test_the_parser_finds_no_race_in_a_shell():
    with pytest.raises(NoSuchPage):
        _parse(RACE_RESULT, "/race/201601010112/")


def _shown(horse_id: str) -> HorseView:
    registered = RACES.registry.find(horse_id)
    assert registered
    return HorseView(registered, WORLD.opinion_month)


def _check_aptitudes(items: list[AptitudeItem], shown: HorseView) -> None:
    assert [item.axis for item in items] == list(Axis)
    assert [(item.left_px, item.right_px) for item in items] == list(shown.graph)
    for item in items:
        share = item.right_px / (item.left_px + item.right_px)
        assert item.value == (pytest.approx(share) if shown.reviews else None)


def test_the_parser_reads_every_horse():
    for horse_id in RACES.registry.names:
        shown = _shown(horse_id)
        parsed = _parse(HORSE, f"/horse/{horse_id}/")
        found = next(item for item in parsed.items if isinstance(item, HorseItem))
        _check(
            found,
            {
                "horse_id": horse_id,
                "name": shown.horse.name,
                "born": shown.born,
                "sex": SEXES[shown.horse.sex],
                "coat": shown.horse.coat,
                "retired": opinion.is_retired(shown.horse, WORLD.opinion_month),
                "sire": shown.horse.pedigree[0] if shown.static else None,
                "dam": shown.horse.pedigree[7] if shown.static else None,
                "damsire": shown.horse.pedigree[8] if shown.static else None,
            },
        )
        aptitudes = [item for item in parsed.items if isinstance(item, AptitudeItem)]
        if shown.static:
            _check_aptitudes(aptitudes, shown)
        else:
            assert aptitudes == []
            assert any(link.kind == APTITUDE and horse_id in link.url for link in parsed.links)


def test_the_parser_reads_every_aptitude_that_a_script_asks_for():
    for horse_id in RACES.registry.names:
        shown = _shown(horse_id)
        parsed = _parse(APTITUDE, f"/social/ajax_horse_aptitude.html?input=UTF-8&output=json&id={horse_id}")
        _check_aptitudes([item for item in parsed.items if isinstance(item, AptitudeItem)], shown)
