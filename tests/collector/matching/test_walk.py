"""The order of the walk names horses: surely where the times leave no doubt, and else with its doubt."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.demo.world.walking import Habits, Paddock, Shot, order_of_walk, photograph
from collector.matching.walk import Pass, align, passes

HORSES = range(1, 13)


def evenly(rounds: int, missed: tuple[int, ...] = (), apart: float = 6.0) -> tuple[list[float], list[int]]:
    """Horses that pass one after the other without a change of pace; some passes are missed."""
    taken = [place for place in range(rounds * len(HORSES)) if place not in missed]
    return [place * apart for place in taken], [HORSES[place % len(HORSES)] for place in taken]


def likeliest(times: list[float], named: dict[int, int]) -> tuple[list[int], list[bool]]:
    """The horse of each photo, and whether that is sure."""
    seen = passes(times, [named.get(place) for place in range(len(times))])
    (found,) = align(HORSES, [seen])
    by_photo = {photo: proposal for one, proposal in zip(seen, found, strict=True) for photo in one.photos}
    ordered = [by_photo[photo] for photo in range(len(times))]
    return [one.numbers[0] for one in ordered], [one.is_sure for one in ordered]


def test_a_few_named_photos_name_a_walk_that_keeps_its_pace() -> None:
    times, truth = evenly(3)
    found, sure = likeliest(times, {4: truth[4], 20: truth[20]})
    assert found == truth
    assert sum(sure) == 2, "two do not show how the horses walk"
    named = {place: truth[place] for place in range(3, len(times), 6)}
    found, sure = likeliest(times, named)
    assert found == truth
    assert sum(sure) > len(times) / 2


def test_horses_that_were_missed_are_seen_by_the_time_that_passed() -> None:
    times, truth = evenly(3, missed=(3, 8, 9, 17, 18, 19, 20, 30))
    found, _ = likeliest(times, {1: truth[1], 12: truth[12], 24: truth[24]})
    assert sum(one == right for one, right in zip(found, truth, strict=True)) >= 0.95 * len(truth)


def test_nothing_is_certain_while_no_horse_is_named() -> None:
    times, _ = evenly(3)
    _, sure = likeliest(times, {})
    assert not any(sure)


def test_a_horse_that_is_led_last_is_found_out() -> None:
    order = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 3]
    truth = order * 3
    named = {0: 1, 2: 4, 11: 3, 14: 4, 23: 3, 30: 8}
    found, _ = likeliest([place * 6.0 for place in range(len(truth))], named)
    assert sum(one == right for one, right in zip(found, truth, strict=True)) >= 0.95 * len(truth)


def test_photos_of_one_burst_are_one_pass_unless_a_person_parts_them() -> None:
    times = [0.0, 0.3, 0.9, 6.0, 6.4]
    assert [one.photos for one in passes(times, [None] * 5)] == [(0, 1, 2), (3, 4)]
    parted = passes(times, [3, None, 4, None, 5])
    assert [(one.photos, one.named) for one in parted] == [((0, 1), 3), ((2,), 4), ((3, 4), 5)]


@pytest.mark.parametrize("cameras", [1, 2])
def test_on_simulated_paddocks_what_is_certain_is_right_and_more_names_say_more(cameras: int) -> None:
    shares = list[float]()
    for named in (12, 24):
        right = sure = total = 0
        for seed in range(3):
            truth, found = walk_and_name(seed, cameras, named)
            total += len(truth)
            sure += sum(is_sure for _, is_sure in found)
            right += sum(one == number and is_sure
                         for number, (one, is_sure) in zip(truth, found, strict=True))  # fmt: skip
        assert right >= 0.85 * sure
        shares.append(sure / total)
    assert shares[1] > shares[0] > 0


def walk_and_name(seed: int, cameras: int, named: int) -> tuple[list[int], list[tuple[int, bool]]]:
    """What photos show, and what is proposed for them; every so-and-so-many-th is named."""
    draw = Random(seed)
    paddock = Paddock(order_of_walk(range(1, 11), draw), draw)
    shots = [shot for shot in photograph(paddock, [Habits(0.3), Habits(0.8)][:cameras]) if shot.number]
    taken = [[shot for shot in shots if shot.camera == camera] for camera in range(cameras)]
    seen = [passes([shot.at for shot in one], _names(one, named)) for one in taken]
    truth, found = list[int](), list[tuple[int, bool]]()
    for one, its, proposals in zip(taken, seen, align(range(1, 11), seen), strict=True):
        for its_pass, proposal in zip(its, proposals, strict=True):
            if its_pass.named is None:
                truth += [one[photo].number or 0 for photo in its_pass.photos]
                found += [(proposal.numbers[0], proposal.is_sure)] * len(its_pass.photos)
    return truth, found


def _names(shots: list[Shot], named: int) -> list[int | None]:
    every = max(1, len(shots) // named)
    return [shot.number if place % every == every // 2 else None for place, shot in enumerate(shots)]


@settings(max_examples=40, deadline=None)
@given(
    horses=st.lists(st.integers(1, 28), min_size=1, max_size=18, unique=True).map(sorted),
    waits=st.lists(st.floats(0, 4000), max_size=12),
    data=st.data(),
)
def test_whatever_the_times_are_shares_are_shares_and_a_person_s_word_stands(
    horses: list[int], waits: list[float], data: st.DataObject
) -> None:
    times = [sum(waits[:place]) for place in range(len(waits))]
    named = [data.draw(st.sampled_from([None, *horses, 99])) for _ in times]
    seen = passes(times, named)
    (found,) = align(horses, [seen])
    assert len(found) == len(seen)
    for one, proposal in zip(seen, found, strict=True):
        assert sorted(proposal.numbers) == horses
        assert sum(proposal.certainties) == pytest.approx(1)
        assert list(proposal.certainties) == sorted(proposal.certainties, reverse=True)
        if one.named in horses:
            assert proposal.numbers[0] == one.named
            assert proposal.certainties[0] == pytest.approx(1)


def test_without_horses_or_photos_nothing_is_proposed() -> None:
    assert align([], [[Pass(1.0)]]) == [[]]
    assert align(HORSES, [[], []]) == [[], []]
