"""What keeps a photo out of a collection, wherever a site says it: one reader of the grammar, one decision. Pure.

Sites say it in `X-Robots-Tag` headers, in `robots` metas (also by our own name), and in `Content-Signal` or
`Content-Usage`, as headers and in robots.txt. What keeps a photo out:

- `noai`, `noimageai`, `noml`: not for machine learning, which is what this project does;
- `noimageindex`: no pictures of this page in an index, which is what this project makes;
- `noindex` and `none` in the headers of a picture itself, where they mean that picture. On a page they are about the
  page, as are `nofollow`, `nosnippet`, `max-image-preview:none` and `unavailable_after`: they say how a search engine
  shows its results;
- `ai-train=no` (https://contentsignals.org) and `train-ai=n` (IETF draft-ietf-aipref-attach);
- `tdm-reservation: 1`, as a header or a meta (W3C TDM Reservation Protocol): training is text and data mining.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from collector import PRODUCT_TOKEN

KEEP_OUT = frozenset(("noai", "noimageai", "noml", "noimageindex"))
OF_A_PICTURE = KEEP_OUT | {"noindex", "none"}
DIRECTIVES = OF_A_PICTURE | {
    "all", "index", "follow", "nofollow", "archive", "noarchive", "nocache", "snippet", "nosnippet", "notranslate",
    "indexifembedded", "imageindex", "noodp", "noydir", "unavailable_after",
}  # fmt: skip
EVERYBODY = ("robots", "*")
RESERVATION = "tdm-reservation"
WORD = re.compile(r"([a-z0-9_*./+-]+)\s*(:?)\s*")  # anything else separates, as it comes in real pages
PREFERENCE = re.compile(r"[^\s,;=:]+|[,;=:]")  # a word, or a mark between two
LIMIT = "max-"  # max-snippet, max-image-preview, ...: a directive with a value
TRAINING = ("ai-train", "train-ai")  # as Content-Signal and Content-Usage call it
NO = ("no", "n", "?0", "false", "0")


def of_tags(lines: Iterable[str], *, of_picture: bool = False) -> str | None:
    """The first directive of X-Robots-Tag lines that keeps a photo out, for everybody or for us by name."""
    keeping = OF_A_PICTURE if of_picture else KEEP_OUT
    return next((word for line in lines for word in _for_us(line) if word in keeping), None)


def of_metas(metas: Iterable[tuple[str, str]]) -> str | None:
    """The same, of a page's metas as pairs of name and content; a reservation counts too."""
    ours = (*EVERYBODY, PRODUCT_TOKEN)
    named = [(set(_agents(name)), content) for name, content in metas]
    reserved = of_reservations(content for names, content in named if RESERVATION in names)
    return reserved or of_tags(content for names, content in named if names.intersection(ours))


def of_reservations(values: Iterable[str]) -> str | None:
    """Whether the right to mine text and data is reserved, written as a directive."""
    return f"{RESERVATION}: 1" if any(value.strip() == "1" for value in values) else None


def of_signals(lines: Iterable[str]) -> str | None:
    """The first preference of Content-Signal or Content-Usage lines that keeps a photo out of training."""
    stated = (preference for line in lines for preference in _training(line))
    return next((f"{name}={value}" for name, value in stated if value in NO), None)


def states_training(line: str) -> bool:
    """Whether a line says anything about training at all."""
    return any(True for _ in _training(line))


def _training(line: str) -> Iterator[tuple[str, str]]:
    words = PREFERENCE.findall(_plain(line))
    for name, mark, value in zip(words, words[1:], words[2:], strict=False):
        if name in TRAINING and mark in "=:":
            yield name, value.strip("\"'")


def _agents(text: str) -> list[str]:
    return [word[1].partition("/")[0] for word in WORD.finditer(_plain(text))]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _for_us(line: str) -> Iterator[str]:
    """The directives of one line that are meant for us: those before any robot's name, and those behind ours.

    A word with a colon names a robot if a directive follows it, and else is a directive with a value (a date's
    hours are such words too). Several robots may share a colon: `a, b: noai`.
    """
    words = list(WORD.finditer(_plain(line)))
    meant, names, skip = True, list[str](), False
    for match, after in zip_longest(words, words[1:]):
        word, colon, following = match[1].strip("."), match[2], after[1].strip(".") if after else ""
        if skip:
            skip = False
        elif colon and word.startswith(LIMIT):
            skip = following == "none" and after is not None and after.start() == match.end()  # which is its value
        elif colon and word not in DIRECTIVES and (following in DIRECTIVES or following.startswith(LIMIT)):
            meant = any(name.partition("/")[0] in (*EVERYBODY, PRODUCT_TOKEN) for name in (*names, word))
            names = []
        elif word in DIRECTIVES:
            names = []
            if meant:
                yield word
        else:
            names.append(word)
