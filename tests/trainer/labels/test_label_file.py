"""A file of labels: what fits is used, and what does not fit is named by line and column."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UsageError
from trainer.labels.definition import Absent, Observed
from trainer.labels.label import WhyNone
from trainer.labels.label_file import LabelFile, parse_labels, read_label_file
from trainer.labels.registry import wanted_labels

DISTANCE = "distance"
HORSE = {"key": "keibado:160104/01", "horse_id": "2012100001", "horse_key": "アオバノカゼ", "of_that_name": 1}


def labels(text: str) -> LabelFile:
    """The labels of a text."""
    return LabelFile("mine", parse_labels(text, "mine.csv", DISTANCE), "", {})


def refused(text: str) -> list[str]:
    """What is said of a text that does not fit."""
    with pytest.raises(UsageError) as raised:
        parse_labels(text, "mine.csv", DISTANCE)
    return [str(raised.value), *raised.value.further]


@pytest.mark.parametrize(
    "text",
    [
        "photo,value\nkeibado:160104/01,0.25\n",
        "horse,value\n2012100001,0.25\n",
        "horse,value,axis\nアオバノカゼ,0.25,distance\n",
        "value,horse\n0.25,ｱｵﾊﾞﾉｶｾﾞ\n",
    ],
)
def test_a_photo_is_found_by_its_id_and_its_horse_by_id_or_name(text: str) -> None:
    found = labels(text).judge(HORSE, DISTANCE)
    assert isinstance(found, Observed)
    assert (found.value, found.horse_id) == (0.25, "2012100001")


def test_a_row_may_say_how_sure_it_is() -> None:
    found = labels("horse,value,n,variance,evidence\nアオバノカゼ,0.5,12,0.01,my eye\n").judge(HORSE, DISTANCE)
    assert isinstance(found, Observed)
    assert (found.n, found.variance, found.evidence) == (12, 0.01, {"line": 2, "said": "my eye"})


def test_a_name_of_several_horses_labels_none_of_them() -> None:
    named = labels("horse,value\nアオバノカゼ,0.5\n")
    assert named.judge(HORSE | {"of_that_name": 2}, DISTANCE) == Absent(HORSE["key"], WhyNone.SEVERAL_HORSES)
    other = HORSE | {"horse_key": "ホカノウマ"}
    assert named.judge(other, DISTANCE) == Absent(HORSE["key"], WhyNone.NOT_IN_FILE)


def test_lines_by_id_and_by_name_that_do_not_agree_are_an_error_with_their_numbers() -> None:
    rows = "horse,value\n2012100001,0.25\nホカノウマ,0.5\nアオバノカゼ,{}\n"
    with pytest.raises(
        UsageError, match=r"line 4: アオバノカゼ is the horse of line 2, 2012100001, and the two lines do"
    ):
        labels(rows.format(0.75)).judge(HORSE, DISTANCE)
    for agreed, who in ((0.25, HORSE), (0.75, HORSE | {"of_that_name": 2})):  # the id is certain, the name is not
        found = labels(rows.format(agreed)).judge(who, DISTANCE)
        assert isinstance(found, Observed)
        assert (found.value, found.evidence) == (0.25, {"line": 2})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "mine.csv, line 1: the first line names the columns"),
        ("horse,photo,value\n", "mine.csv, line 1: the first line names the columns"),
        ("horse,value,size\nア,0.5,3\n", "mine.csv, line 1, column 3: 'size' is not one of"),
        ("horse,value,value\nア,0.5,0.5\n", "mine.csv, line 1, column 3: 'value' is there twice"),
        ("horse,value\n", "mine.csv has no label"),
        ("horse,value\nア,1.5\n", "mine.csv, line 2, column 2 value: '1.5' does not fit: input should be less than"),
        ("horse,value\nア,\n", "mine.csv, line 2, column 2 value: it is empty."),
        ("horse,value\nア,long\n", "mine.csv, line 2, column 2 value: 'long' does not fit"),
        ("horse,value\n,0.5\n", "mine.csv, line 2, column 1: it names nothing."),
        ("horse,value\nア,0.5,7\n", "mine.csv, line 2: it has 3 cells, and the first line names 2 columns."),
        ("horse,value\nア,0.5\nイ,0.1\nア,0.5\n", "mine.csv, line 4: ア is in line 2 already."),
        ("horse,n,value\nア,-1,0.5\n", "mine.csv, line 2, column 2 n: '-1' does not fit"),
        ("horse,n,value\nア,2147483648,0.5\n", "mine.csv, line 2, column 2 n: '2147483648' does not fit"),
        (
            "horse,axis,value\nア,../x,0.5\n",
            "mine.csv, line 2, column 2 axis: '../x' does not fit: write an axis in letter",
        ),
        ("horse,axis,value\nア,a|b,0.5\n", "mine.csv, line 2, column 2 axis: 'a|b' does not fit"),
        (
            "horse,variance,value\nア,inf,0.5\n",
            "mine.csv, line 2, column 2 variance: 'inf' does not fit",
        ),
        ("horse,value\nア,nan\n", "mine.csv, line 2, column 2 value: 'nan' does not fit: input should be a finite"),
    ],
)
def test_what_does_not_fit_is_named_by_line_and_column(text: str, words: str) -> None:
    assert refused(text)[0].startswith(words)


def test_ten_problems_are_named_and_the_others_counted() -> None:
    said = refused("horse,value\n" + "".join(f"馬{number},2\n" for number in range(25)))
    assert len(said) == 11
    assert said[-1] == "... and 15 more."


def test_a_file_that_is_not_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("horse,value\nアオバ,0.5\n".encode("cp932"))
    with pytest.raises(UsageError, match="line 2: this is not UTF-8 text"):
        read_label_file(path, (DISTANCE,))
    path.write_text("\ufeffhorse,value\nアオバ,0.5\n")
    assert read_label_file(path, (DISTANCE,)).name == "mine"


@pytest.mark.parametrize("name", ["a|b", "a.b", "a b", "$x"])
def test_a_name_that_would_break_a_card_is_refused_for_a_file_and_for_an_axis(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_text("horse,value\nア,0.5\n")
    with pytest.raises(UsageError, match="so write that in letters, digits, - and _"):
        read_label_file(path, (DISTANCE,))
    with pytest.raises(UsageError, match="is not an axis: write one in letters, digits, - and _"):
        wanted_labels(["poll"], [DISTANCE, name])


@given(st.text(max_size=80))
def test_any_text_is_labels_or_one_sentence_each(text: str) -> None:
    said: list[str] = []
    try:
        parse_labels("horse,value\n" + text, "mine.csv", DISTANCE)
    except UsageError as error:
        said = [str(error), *error.further]
    assert all(line.startswith(("mine.csv", "...")) for line in said)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(0, 1)), unique_by=lambda row: row[0], min_size=1))
def test_every_label_is_read_as_it_was_written(rows: list[tuple[int, float]]) -> None:
    text = "photo,value\n" + "".join(f"keibado:160104/{number},{value!r}\n" for number, value in rows)
    found = parse_labels(text, "mine.csv", DISTANCE)
    assert {key[1]: row.value for key, (_, row) in found.items()} == {f"keibado:160104/{n}": v for n, v in rows}
