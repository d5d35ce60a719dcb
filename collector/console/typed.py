"""Figures as people and sites write them: full width or half, with whichever dash their keyboard has."""

import unicodedata

DASHES = "‐‑‒–—―−－﹣﹘⁃─━➖ー"  # the last is what a Japanese keyboard gives for a hyphen
AS_HYPHEN = dict.fromkeys(map(ord, DASHES), "-")


def half_width(text: str) -> str:
    """A year, a day, a number or an id as it is meant: `２０１６－０５－２３` is 2016-05-23."""
    return unicodedata.normalize("NFKC", text.translate(AS_HYPHEN)).translate(AS_HYPHEN).strip()
