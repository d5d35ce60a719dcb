"""The world is always the same, and has the variety of the sites' real archives."""

import time
from collections import Counter
from datetime import timedelta

import pytest

from collector.demo.world.world import World
from tests.truth import truth


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_two_worlds_of_one_seed_are_the_same():
    assert truth(World(7), until=2007) == truth(World(7), until=2007)


def test_another_seed_is_another_world():
    assert truth(World(1), until=2005) != truth(World(2), until=2005)


def test_a_year_is_the_same_whatever_was_asked_before(world: World):
    fresh = World()
    assert fresh.issues(2016) == world.issues(2016)


def test_a_world_starts_at_once():
    began = time.process_time()
    World().issues(2016)
    assert time.process_time() - began < 0.3


def test_issues_are_dated_on_mondays_or_on_tuesdays_after_a_race_day(world: World):
    for issue in truth(world).issues:
        assert issue.issue_date.weekday() in (0, 1)
        assert issue.race_days[-1] == issue.issue_date - timedelta(days=1)
        assert issue.race_days[0].weekday() == 5
        assert len(issue.race_days) == 2 + issue.issue_date.weekday()


def test_some_weekends_have_three_days_and_some_cross_a_month(world: World):
    issues = truth(world).issues
    assert any(len(issue.race_days) == 3 for issue in issues)
    assert any(issue.race_days[0].month != issue.race_days[-1].month for issue in issues)


def test_issues_spread_over_the_year(world: World):
    for year in world.years:
        issues = world.issues(year)
        assert len(issues) == 8
        assert issues[0].issue_date.month <= 2
        assert issues[-1].issue_date.month >= 11


@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (50, 17), (52, 17)])
def test_a_world_of_any_size_can_be_made(sizes: tuple[int, int]):
    issues = World(0, range(2010, 2012), *sizes).issues(2011)
    assert len(issues) == min(sizes[0], 51)
    assert all(1 <= len(issue.photos) <= sizes[1] for issue in issues)


def test_a_race_has_two_horses_or_more(world: World):
    for issue in world.issues(2012):
        runs = Counter(photo.race_name for photo in issue.photos)
        assert 1 <= len(runs) <= 3
        assert min(runs.values()) >= 2


def test_horses_are_shown_when_they_are_two_to_eight_years_old(world: World):
    assert {photo.photo.age for photo in truth(world).photos} == set(range(2, 9))


def test_names_are_distinct_but_for_namesakes_of_another_generation(world: World):
    bearers: dict[str, list[int]] = {}
    for horse in world.horses():
        bearers.setdefault(horse.name, []).append(horse.born)
    twice = {name: years for name, years in bearers.items() if len(years) > 1}
    assert 1 <= len(twice) < 20
    assert all(max(years) - min(years) >= 9 for years in twice.values())
    assert min(map(len, bearers)) == 2
    assert max(map(len, bearers)) == 9


def test_a_horse_is_shown_more_than_once(world: World):
    shots: dict[int, set[str]] = {}
    for photo in truth(world).photos:
        if photo.photo.picture:
            shots.setdefault(photo.photo.horse.number, set()).add(photo.photo.picture.shot)
    assert sum(len(shots_of_one) > 1 for shots_of_one in shots.values()) > len(shots) / 3
