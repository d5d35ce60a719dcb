"""What keeps a photo out, wherever and however a site says it."""

import time as clock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import PRODUCT_TOKEN
from collector.fetch.keepout import (
    DIRECTIVES,
    KEEP_OUT,
    OF_A_PICTURE,
    of_metas,
    of_reservations,
    of_signals,
    of_tags,
)

OURS = ("", "*: ", "robots:", f"{PRODUCT_TOKEN}: ", "Paddock-Collector:", f"{PRODUCT_TOKEN}/0.1 : ")
THEIRS = ("googlebot: ", "otherbot:", "Googlebot-Image : ", "paddock: ", "paddock-collector-two: ")
HARMLESS = (
    "index", "follow", "all", "max-snippet:-1", "max-image-preview:large", "max-image-preview: none", "nosnippet",
    "max-video-preview:-1", "unavailable_after: 25 Jun 2030 15:00:00 PST", "nofollow", "noarchive",
    "unavailable_after: Wed, 25 Jun 2030 15:00:00 +0900", "unavailable_after: 2030-06-25T15:00:00+09:00",
)  # fmt: skip
SEPARATORS = (",", ", ", " , ", ";", " | ", ",,")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("noimageindex", "noimageindex"), ("NoAI", "noai"), ("index, NOIMAGEAI", "noimageai"),
        ("noai, max-image-preview:large", "noai"), ("max-snippet:-1, noai", "noai"),
        ("max-image-preview:none, noimageindex", "noimageindex"), ("max-snippet:, noai", "noai"),
        ("max-snippet: noai", "noai"), ("max-image-preview:none noai", "noai"), ("noml", "noml"), ("NoAI: 1", "noai"),
        ("noimageindex, unavailable_after: 25 Jun 2030 15:00:00 PST", "noimageindex"),
        ("unavailable_after: Wed, 25 Jun 2030 15:00:00 GMT, noai", "noai"),
        ("paddock-collector: noai", "noai"), ("Paddock-Collector/0.1: nofollow, noai", "noai"),
        ("otherbot: noindex, paddock-collector: noimageindex", "noimageindex"),
        ("paddock-collector: noai, otherbot: all", "noai"), ("otherbot, paddock-collector: noai", "noai"),
        ("paddock-collector, otherbot: noai", "noai"), ("new-directive:3, noai", "noai"), ("index follow noai", "noai"),
        ("index\uff0cnoai", "noai"), ("noai.", "noai"), ("\u00a0noai\u00a0", "noai"), ("\udce9, noai", "noai"),
        ("otherbot: noai", None), ("otherbot: noai, noimageindex", None), ("googlebot: max-snippet:-1, noai", None),
        ("otherbot: unavailable_after: 25 Jun 2030 15:00:00 PST, noai", None),
        ("index, follow", None), ("", None), (":", None), (",,;", None), ("max-image-preview:none", None),
        ("max-image-preview: none", None), ("unavailable_after: 25 Jun 2030 15:00:00 GMT", None),
        ("noindex, nofollow", None), ("none", None), ("nonoai", None), ("noai-ok", None),
    ],
)  # fmt: skip
def test_the_directive_that_keeps_a_photo_out(line: str, found: str | None) -> None:
    assert of_tags([line]) == found
    assert of_metas([("robots", line)]) == found


@pytest.mark.parametrize("line", ["noindex", "none", "nofollow, noindex", "paddock-collector: none"])
def test_what_is_said_of_a_page_and_what_of_a_picture_itself(line: str) -> None:
    assert of_tags([line]) is None
    assert of_tags([line], of_picture=True) in OF_A_PICTURE
    assert of_tags(["max-image-preview:none"], of_picture=True) is None
    assert of_tags(["max-image-preview:, none"], of_picture=True) == "none"


@given(
    st.sampled_from(OURS), st.lists(st.sampled_from(HARMLESS), max_size=4), st.sampled_from(sorted(KEEP_OUT)),
    st.lists(st.sampled_from(HARMLESS), max_size=4), st.sampled_from(SEPARATORS), st.booleans(),
)  # fmt: skip
def test_it_is_found_wherever_it_stands(
    agent: str, before: list[str], directive: str, after: list[str], separator: str, upper: bool
) -> None:
    line = agent + separator.join([*before, directive, *after])
    assert of_tags([line.upper() if upper else line]) == directive


@given(
    st.sampled_from(THEIRS), st.lists(st.sampled_from(HARMLESS), max_size=3),
    st.lists(st.sampled_from(sorted(DIRECTIVES - {"unavailable_after"})), min_size=1, max_size=3),
    st.sampled_from(sorted(KEEP_OUT)), st.sampled_from(OURS[1:]),
)  # fmt: skip
def test_what_is_meant_for_another_robot_is_not_for_us(
    other: str, harmless: list[str], theirs: list[str], directive: str, ours: str
) -> None:
    line = other + ", ".join([*harmless, *theirs])
    assert of_tags([line]) is None
    assert of_tags([f"{line}, {ours}{directive}"]) == directive
    assert of_tags([line, directive]) == directive  # a line of its own is for every robot


@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_lines_are_read(lines: list[str]) -> None:
    assert of_tags(lines) in (None, *KEEP_OUT)
    of_signals(lines)
    of_metas((line, line) for line in lines)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("robots", True), (" ROBOTS ", True), ("paddock-collector", True), ("Paddock-Collector", True),
        ("googlebot, robots", True), ("googlebot", False), ("description", False), ("", False), ("robots-x", False),
    ],
)  # fmt: skip
def test_whom_a_meta_is_for(name: str, meant: bool) -> None:
    assert (of_metas([("description", "noai"), (name, "index; noai")]) == "noai") == meant


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("search=yes, ai-train=no", "ai-train=no"), ("ai-train = no", "ai-train=no"), ("AI-Train=NO", "ai-train=no"),
        ("search=yes;ai-train=no", "ai-train=no"), ("search=yes ai-train=no", "ai-train=no"),
        ("search=yes,ai-train=no,use=reference", "ai-train=no"), ("train-ai=n", "train-ai=n"),
        ('ai-train="no"', "ai-train=no"), ("ai-train=yes, ai-train=no", "ai-train=no"), ("train-ai=?0", "train-ai=?0"),
        ("ai-train: no", "ai-train=no"), ("ai-train  =  'no'", "ai-train=no"), ("bots=y; train-ai=n", "train-ai=n"),
        ("ai-train=yes", None), ("search=no, ai-input=no", None), ("ai-trainer=no", None), ("", None),
        ("ai-train", None),
    ],
)  # fmt: skip
def test_the_signal_that_keeps_a_photo_out_of_training(line: str, found: str | None) -> None:
    assert of_signals([line]) == found


@pytest.mark.parametrize(("value", "reserved"), [("1", True), (" 1 ", True), ("0", False), ("", False), ("11", False)])
def test_a_reserved_right_to_mine_keeps_a_photo_out(value: str, reserved: bool) -> None:
    assert (of_reservations([value]) is not None) == reserved
    assert (of_metas([("TDM-Reservation", value)]) is not None) == reserved


@pytest.mark.parametrize(
    "line",
    ["noai" + " " * 200_000 + "x", "a" * 200_000, "max-" * 50_000, "=" * 200_000, "ai-train" + " " * 200_000],
)
def test_a_line_made_to_be_slow_is_not(line: str) -> None:
    """Whole lines of robots.txt and metas of a page come here, on the loop that says that a lane is alive."""
    started = clock.process_time()
    of_tags([line])
    of_signals([line])
    assert clock.process_time() - started < 5
