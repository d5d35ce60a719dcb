"""Files of answers: what is written is read again, and a mistake of a foreign file is one sentence with its place."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from collector.errors import UsageError
from tests.trainer.evaluation.simulated import table
from trainer.evaluation.predictions import Answered, read_predictions, write_predictions

DATA = table([{"horse_id": f"h{place // 2}", "label": place / 10} for place in range(8)])
PHOTOS = [row["photo"] for row in DATA.rows]
MISTAKES = {
    "": "line 1: it needs exactly one column photo and one column value",
    "photo,answer\ns:1/0,0.5\n": "line 1: it needs exactly one column value",
    "photo,value,value\n": "line 1: it needs exactly one column value",
    "photo,value\n": "has no answers",
    "photo,value\ns:1/0,0.5\ns:9/9,0.5\n": "line 3, column photo: 's:9/9' is not a photo",
    "photo,value\ns:1/0,0.5\n\ns:1/0,0.6\n": "line 4, column photo: s:1/0 was answered before, on line 2",
    "photo,value\ns:1/0,\n": "line 2, column value: there is no answer",
    "photo,value\ns:1/0,1.2\n": "line 2, column value: '1.2' is not a number from 0 to 1",
    "photo,value\ns:1/0,nan\n": "line 2, column value: 'nan' is not",
    "photo,value\ns:1/0,long\n": "line 2, column value: 'long' is not",
    "photo,value\ns:1/0\n": "line 2: it has fewer columns than the first line",
    "photo,value\ns:1/0,0.5,0.6\n": "line 2: it has more columns than the first line",
    "photo,value,low\ns:1/0,0.5,0.4\n": "line 2, column high: an interval has two ends",
    "photo,value,low,high\ns:1/0,0.5,0.6,0.7\n": "line 2, column low: the interval does not contain the value",
    "photo,value,low,high\ns:1/0,0.5,0.4,0.7\ns:1/1,0.5,,\n": "line 3, column low: all answers have",
    'photo,value\n"s:1/0,0.5\n': "cannot be read as CSV",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_a_file_is_one_sentence_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_predictions(path, DATA)
    assert MISTAKES[text] in str(caught.value)
    assert str(caught.value).startswith("answers.csv")
    assert "\n" not in str(caught.value)


def test_other_columns_a_byte_order_mark_and_any_order_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes("\ufeffhorse,value,photo\r\nキズナ,0.25,s:1/3\r\n,1,s:1/1\r\n".encode())
    found = read_predictions(path, DATA)
    assert found.examples.tolist() == [1, 3]
    assert found.value.tolist() == [1, 0.25]
    assert found.interval is None


@pytest.mark.parametrize("name", ["absent.csv", "broken.parquet", "latin.csv"])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "latin.csv").write_bytes(b"photo,value\n\xe9,0.5\n")
    with pytest.raises(UsageError, match=name):
        read_predictions(tmp_path / name, DATA)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, len(DATA) - 1), min_size=1, unique=True),
    st.lists(st.floats(0, 1, width=32), min_size=8, max_size=8),
    st.booleans(),
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, examples: list[int], values: list[float], whole: bool
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    value = np.array(values[: len(examples)], np.float32)
    ends = (np.maximum(value - 0.1, 0), np.minimum(value + 0.1, 1)) if whole else None
    path = write_predictions(folder, Answered(DATA, np.array(examples), value, ends, np.ones(len(value), int)))
    found = read_predictions(path, DATA)
    order = np.argsort(examples)
    assert found.examples.tolist() == sorted(examples)
    assert np.array_equal(found.value, value[order])
    assert (found.interval is not None) == whole
    columns = ["photo", "horse_id", "side", "fold", "label_key", "label", "value", "low", "high"]
    written = parquet.read_table(path)
    assert written.column_names == columns
    assert written["label_key"][0].as_py() == "poll/distance"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*PHOTOS[:3], "photo", "value", "low", "0.5", "-1", "", '"', "x\ny"]))))
def test_any_text_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("answers") / "any.csv"
    path.write_text("photo,value\n" + "\n".join(",".join(row) for row in cells))
    with suppress(UsageError):
        found = read_predictions(path, DATA)
        assert ((found.value >= 0) & (found.value <= 1)).all()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, 3000))
def test_a_damaged_parquet_file_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    path = tmp_path_factory.mktemp("answers") / "any.parquet"
    parquet.write_table(pa.table({"photo": PHOTOS, "value": [0.5] * len(PHOTOS)}), path)
    body = bytearray(path.read_bytes())
    for place, byte in changes:
        body[place % len(body)] = byte
    path.write_bytes(body[: max(length, len(body) - 300)])
    with suppress(UsageError):
        found = read_predictions(path, DATA)
        assert ((found.value >= 0) & (found.value <= 1)).all()


def test_a_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "answers.parquet"
    parquet.write_table(pa.table({"photo": [*PHOTOS[:2]], "value": [0.5, 2.0]}), path)
    with pytest.raises(UsageError, match=r"answers\.parquet, line 2, column value: 2\.0 is not a number from 0 to 1"):
        read_predictions(path, DATA)
