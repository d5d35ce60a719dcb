"""A remark in one spelling: half-width, small letters, with the way back to the text as it was printed. Pure."""

import unicodedata
from dataclasses import dataclass

LONGEST = 4_000  # characters of a remark that are read; the magazine's have some 150
VOICED = "ﾞﾟ"  # half-width marks, which belong to the character before them


@dataclass(frozen=True, slots=True)
class Plain:
    """A text in one spelling."""

    text: str
    starts: tuple[int, ...]  # of each character: where it begins in the text as printed
    ends: tuple[int, ...]  # and where it ends

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The same stretch, which is not empty, in the text as printed."""
        return self.starts[start], self.ends[end - 1]


def plain(text: str) -> Plain:
    """The beginning of a text in one spelling; the same for half-width and full-width characters."""
    chars, starts, ends = list[str](), list[int](), list[int]()
    at, end = 0, min(len(text), LONGEST)
    while at < end:
        after = at + 1
        if after < end and text[after] in VOICED:
            after += 1
        for char in unicodedata.normalize("NFKC", text[at:after]):
            if char.isspace() and char != "\n":
                continue  # nothing is said by a space
            small = char.lower()
            chars.append(small if len(small) == 1 else char)
            starts.append(at)
            ends.append(after)
        at = after
    return Plain("".join(chars), tuple(starts), tuple(ends))
