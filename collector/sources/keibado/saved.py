"""Which of keibado's pages a saved copy is: by its address, or by a name such as `160104/photo01.html`."""

import re
from collections.abc import Callable

from collector.frontier.due import seed_year
from collector.sources.keibado.urls import ISSUE_INDEX, PHOTO_PAGE, YEAR_INDEX, date_of
from collector.sources.saved import Named
from collector.sources.source import IMAGE, Copies

YEAR = re.compile(r"(?:.*/)?(?:keibabook/)?bn/(20[0-9]{2})\.html")
ISSUE = re.compile(r"(?:.*/)?([0-9]{6})/(?:index\.html)?")
PHOTO = re.compile(r"(?:.*/)?([0-9]{6})/(photo[0-9]{1,2}\.html)")
PICTURE = re.compile(r"(?:.*/)?([0-9]{6})/(images/[0-9A-Za-z_-]{1,40}\.(?:jpe?g|gif|png))", re.I)
FOLDER = "/keibabook/"


def at(address: str) -> Named | None:
    """The page at an address, given without the site's."""
    path = address.partition("?")[0]
    return called(path) if path.startswith(FOLDER) else None


def called(name: str, kind: str | None = None) -> Named | None:
    """The page that a file's name names with the folders it is in."""
    for own, pattern, read in READERS:
        if kind in (None, own) and (match := pattern.fullmatch(name)) and (found := read(match)):
            return found
    return None


def _year(match: re.Match[str]) -> Named:
    return Named(YEAR_INDEX, f"{FOLDER}bn/{match[1]}.html", ("year", match[1]), dated=seed_year(int(match[1])))


def _issue(match: re.Match[str]) -> Named | None:
    return _of_issue(ISSUE_INDEX, match[1], "index.html", "issue")


def _photo(match: re.Match[str]) -> Named | None:
    return _of_issue(PHOTO_PAGE, match[1], match[2], "photo")


def _picture(match: re.Match[str]) -> Named | None:
    return _of_issue(IMAGE, match[1], match[2], "picture")


def _of_issue(kind: str, code: str, rest: str, sort: str) -> Named | None:
    dated = date_of(code)
    return dated and Named(kind, f"{FOLDER}{code}/{rest}", (sort, f"{code}/{rest}"), dated=dated)


Reader = Callable[[re.Match[str]], Named | None]
READERS: tuple[tuple[str, re.Pattern[str], Reader], ...] = (
    (YEAR_INDEX, YEAR, _year), (PHOTO_PAGE, PHOTO, _photo), (IMAGE, PICTURE, _picture), (ISSUE_INDEX, ISSUE, _issue),
)  # fmt: skip
COPIES = Copies(at, called)
