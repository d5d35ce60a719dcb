"""Sizes and spans: what is written is near what is meant, and larger things are never written smaller."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.console.measures import UNITS, age_in_words, limit_in_words, read_span, size_in_words, span_in_words
from collector.errors import UsageError

SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
COUNTS = st.integers(0, 10**15)
SPANS = st.floats(0, 10**10)


def meant(text: str, steps: Mapping[str, float]) -> float:
    """What is written, in the smallest unit."""
    return sum(float(number) * steps[unit] for number, unit in re.findall(r"([\d.]+) (\w+)", text))


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (200_000, "200 kB"), (999_949, "1.0 MB"),
        (3_000_000, "3.0 MB"), (1_204_000_000, "1.2 GB"), (5 * 10**15, "5000 TB"),
    ],
)  # fmt: skip
def test_a_size_is_written_in_units_of_a_thousand(count: int, written: str) -> None:
    assert size_in_words(count) == written


@pytest.mark.parametrize(
    ("count", "written"),
    [(64 << 10, "64 KiB"), (20 << 20, "20 MiB"), (3 << 19, "1.5 MiB"), (512, "512 B"), ((1 << 20) - 1, "1 MiB")],
)
def test_a_limit_is_written_in_units_of_1024(count: int, written: str) -> None:
    assert limit_in_words(count) == written


@pytest.mark.parametrize("write", [size_in_words, limit_in_words])
@given(first=COUNTS, second=COUNTS)
def test_a_larger_size_is_not_written_smaller(write: Callable[[float], str], first: int, second: int) -> None:
    step = 1000 if write is size_in_words else 1024
    units = ("B", "kB", "MB", "GB", "TB") if write is size_in_words else ("B", "KiB", "MiB", "GiB", "TiB")
    steps = {unit: float(step**place) for place, unit in enumerate(units)}
    small, large = (meant(write(count), steps) for count in sorted((first, second)))
    assert small <= large
    assert small == pytest.approx(min(first, second), rel=0.06)
    number, unit = write(first).split()
    assert float(number) < step or unit == units[-1]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"), (45, "45 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3599.6, "1 h"), (3900, "1 h 05 min"),
        (47 * 3600, "47 h"), (51 * 3600, "2 d 3 h"), (172_800, "2 d"), (None, "not known yet"),
    ],
)  # fmt: skip
def test_a_span_is_written_in_its_two_largest_units(seconds: float | None, written: str) -> None:
    assert span_in_words(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(-1, "0 s"), (90, "90 s"), (300, "5 min"), (7300, "2 h"), (86_400, "24 h"), (200_000, "2 d")],
)
def test_an_age_is_written_in_one_unit(seconds: float, written: str) -> None:
    assert age_in_words(seconds) == written


@given(SPANS, SPANS)
def test_a_longer_span_is_not_written_shorter(first: float, second: float) -> None:
    shorter, longer = sorted((first, second))
    for write, off in ((span_in_words, 1 / 40), (age_in_words, 1 / 4)):
        assert meant(write(shorter), SECONDS) <= meant(write(longer), SECONDS)
        assert meant(write(shorter), SECONDS) == pytest.approx(shorter, rel=off, abs=0.5)


@given(st.integers(0, 9999), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_span_that_is_typed_is_read(number: int, unit: str, between: str) -> None:
    read = read_span(f"{number}{between}{unit}", "--older-than", units="smhdw")
    assert read == timedelta(**{UNITS[unit]: number})
    assert read_span(f"{number}{between}{unit}".translate(FULL_WIDTH), "--older-than", units="smhdw") == read


FULL_WIDTH = {ord(digit): chr(ord(digit) + 0xFEE0) for digit in "0123456789"}


@pytest.mark.parametrize("text", ["", "30", "d30", "30m", "1.5d", "99999d", "month"])
def test_what_is_not_a_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is not a span of time; write it as 12h, 30d or 8w"):
        read_span(text, "--older-than")
