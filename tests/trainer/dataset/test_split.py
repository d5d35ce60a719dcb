"""Rules of the split, looked for exceptions; and what a split of one's own may look like."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from trainer.dataset.examples import Side
from trainer.dataset.split import ISSUES_2016, Card, find_leaks, group, split_by_file, split_by_horse, split_by_issue

Made = tuple[list[Card], list[tuple[int, int]]]


@st.composite
def cards(draw: st.DrawFn, alike: bool = True) -> Made:
    """Photos of a few horses, in any order, and which of them are copies; the collector noted some of these."""
    made: list[Card] = []
    copies: list[tuple[int, int]] = []
    for number in range(draw(st.integers(1, 40))):
        horse = f"20101000{draw(st.integers(0, 12)):02}"
        day = date(2014, 1, 6) + timedelta(weeks=draw(st.integers(0, 150)))
        original = None
        if alike and made and draw(st.integers(0, 4)) == 0:
            other = draw(st.integers(0, number - 1))
            original = made[other].photo if draw(st.booleans()) else None
            copies += [] if original else [(other, number)]
        made.append(Card(f"keibado:{day:%y%m%d}/{number:02}", horse, day, original))
    return made, copies


@given(cards())
def test_no_horse_and_no_copy_stands_on_two_sides(drawn: Made) -> None:
    made, copies = drawn
    sides = split_by_horse(made, copies)
    leaks = find_leaks(made, sides, copies)
    assert (leaks.horses, leaks.near_duplicates, leaks.photos) == (0, 0, 0)
    assert not leaks.lies
    of = {card.photo: side for card, side in zip(made, sides, strict=True)}
    assert all(of[card.photo] is of[card.near_duplicate_of] for card in made if card.near_duplicate_of)
    assert all(sides[one] is sides[other] for one, other in copies)


@given(cards())
def test_every_photo_gets_a_side_and_the_same_one_in_any_order(drawn: Made) -> None:
    made, copies = drawn
    last = len(made) - 1
    there = dict(zip(made, split_by_horse(made, copies), strict=True))
    turned = split_by_horse(made[::-1], [(last - one, last - other) for one, other in copies])
    back = dict(zip(made[::-1], turned, strict=True))
    assert None not in there.values()
    assert there == back


@given(cards(alike=False))
def test_the_horses_first_seen_last_are_for_the_test(drawn: Made) -> None:
    made, _ = drawn
    begun: dict[Side, list[date]] = {side: [] for side in Side}
    for horse in {card.horse_id for card in made}:
        its = [(card, side) for card, side in zip(made, split_by_horse(made), strict=True) if card.horse_id == horse]
        side = its[0][1]
        assert side is not None
        begun[side].append(min(card.issue_date for card, _ in its))
    in_time = [begun[Side.TRAIN] + begun[Side.TRAIN_DEV], begun[Side.VALIDATION], begun[Side.TEST]]
    for before, after in pairwise(part for part in in_time if part):
        assert max(before) <= min(after)
    assert len(begun[Side.TEST]) == len(begun[Side.VALIDATION]) == round(0.15 * sum(map(len, begun.values())))


def test_a_thousand_copies_of_a_placeholder_are_one_group() -> None:
    day = date(2016, 1, 4)
    made = [Card(f"keibado:160104/{number}", str(number), day) for number in range(1000)]
    copies = [(0, number) for number in range(1, 1000)]
    assert len(set(group(made, copies))) == 1
    leaks = find_leaks(made, [Side.TRAIN] * 998 + [Side.TEST, None], copies)
    assert leaks.near_duplicates == 999


def test_two_copies_of_a_photo_that_is_not_exported_are_one_group() -> None:
    day = date(2016, 1, 4)
    made = [Card(f"keibado:160104/{number}", str(number), day, "keibado:150105/01") for number in range(2)]
    assert len(set(group(made))) == 1
    assert find_leaks(made, [Side.TRAIN, Side.TEST]).near_duplicates == 2


def test_the_first_attempts_split_is_drawn_by_issue_and_leaks_are_counted() -> None:
    code = min(ISSUES_2016)
    days = {"150105": date(2015, 1, 5), code: date(2016, 3, 28), "160104": date(2016, 1, 4), "170105": date(2017, 1, 5)}
    made = [Card(f"keibado:{issue}/01", "2012100001", day) for issue, day in days.items()]
    made.append(Card("keibado:150105/02", "2012100002", days["150105"]))
    copies = [(0, 1), (1, 2), (2, 3)]
    sides = split_by_issue(made)
    assert sides == [Side.TRAIN, Side.TEST, Side.VALIDATION, Side.TRAIN, Side.TRAIN]
    leaks = find_leaks(made, sides, copies)
    assert leaks.lies
    assert (leaks.horses, leaks.photos, leaks.near_duplicates, leaks.later) == (1, 2, 4, 1)


# --- a split of one's own -------------------------------------------------------------------------------------

OWN = [
    Card("keibado:160104/01", "2012100001", date(2016, 1, 4)),
    Card("keibado:160104/02", "2012100002", date(2016, 1, 4)),
    Card("keibado:160111/01", "2012100001", date(2016, 1, 11)),
]


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("horse_id,side\n2012100001,train\n2012100002,test\n", ["train", "test", "train"]),
        ("side,photo\nvalidation,160104-02\n", [None, "validation", None]),
        ("issue,side,note\n160104, train_dev ,seen\n160111,test,\n", ["train_dev", "train_dev", "test"]),
        ("\ufeffissue,side\n160104,train\n", ["train", "train", None]),
        ('photo,side\r\n"160104-01",train\r\n', ["train", None, None]),
    ],
)
def test_a_csv_names_sides_by_horse_photo_or_issue(text: str, sides: list[str | None]) -> None:
    assert split_by_file(OWN, text, "mine.csv") == sides


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its first line has to name side"),
        ("horse,side\n1,train\n", "its first line has to name side"),
        ("horse_id,photo,side\n1,2,train\n", "one of horse_id, photo and issue"),
        (
            "photo,side\n160104-01,training\n",
            "mine.csv, line 2: 'training' is not a side; the sides are train, train_dev",
        ),
        ("photo,side\n160104-01\n", "line 2: None is not a side"),
        ("photo,side\n160104-01,train\n160104-01,test\n", "line 3: 160104-01 is for test here and for train above"),
        ("photo,side\n160104-99,train\n", "names none of the labelled photos"),
        ("photo,side\n" + "1" * 200_000 + ",train\n", "cannot be read as CSV"),
    ],
)
def test_a_csv_that_cannot_be_a_split_gets_one_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=r"^mine\.csv") as raised:
        split_by_file(OWN, text, "mine.csv")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
