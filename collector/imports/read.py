"""What a capture is and means, with no request and no database: done in the processes that read pages."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial

from collector.codes import Aside
from collector.errors import Refused
from collector.fetch.fetcher import keeps_out
from collector.imports.captures import Capture, Failed, LeftOut
from collector.imports.identify import Page, Places, identify
from collector.pipeline.derive import NOTHING, Derived, derive
from collector.pipeline.pool import Work, dictionary_of
from collector.sources.registry import source_of
from collector.sources.source import IMAGE, ROBOTS, Site
from collector.sources.text_tools.text import REPLACEMENT, declared_charset
from collector.storage.archive import Packed, pack, type_of
from collector.storage.dictionaries import Dictionaries
from collector.storage.items import IssueItem, RaceItem
from collector.storage.roles import PHOTO_ROLES, UNDATED, Role

UTF8 = "utf-8"
ENOUGH = 8  # Japanese characters that cannot be an accident in bytes of another charset
KINDS_OF_BYTES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG", "image/png"), (b"GIF8", "image/gif"))
JSON = re.compile(rb"\s{0,100}[\[{(]")


@dataclass(frozen=True, slots=True)
class Brought:
    """A capture that is a page, with what it means."""

    page: Page
    dated: date
    derived: Derived
    packed: Packed
    kept_out: str | None = None  # by which of its headers
    saved_anew: bool = False  # its bytes are UTF-8, whatever the page says

    @property
    def role(self) -> Role:
        return self.page.source.kind(self.page.kind).role


LATE = (Role.PICTURE, Role.REVIEWS)  # they belong to what another page says, and come after it


Spec = tuple[tuple[tuple[str, str, str], ...], tuple[str, str] | None]  # sites as source, name and URL; what is wanted


@lru_cache(maxsize=1)
def _places(spec: Spec) -> Places:
    """Places as another process makes them: a source's functions need not be ones that can be sent."""
    sites, wanted = spec
    return Places([Site(source_of(source), name, url) for source, name, url in sites], wanted)


Numbers = dict[tuple[str, str], int]  # of the dictionary of a source's kind


def work(places: Places, dictionaries: Dictionaries, *, late: bool) -> Work[Capture, Brought | LeftOut | None]:
    """What processes do with captures: with those that come after the others, or with all others."""
    spec = tuple((site.source.name, site.name, site.url) for site in places.sites), places.wanted
    numbers = {kind: dictionary.dict_id for kind, dictionary in dictionaries.of_kind.items()}
    return Work(
        partial(read_all, spec, numbers, late),
        lambda capture, derived: LeftOut(capture.file, Aside.UNREADABLE, str(derived.failure)),
        lambda capture: replace(capture, body=b""),
        dictionaries.contents,
    )


def read_all(spec: Spec, numbers: Numbers, late: bool, captures: Sequence[Capture]) -> list[Brought | LeftOut | None]:
    """What each capture is and means, or why it is left out; None: its turn is another one."""
    places = _places(spec)
    return [_read(capture, places, numbers, late=late) for capture in captures]


def _read(capture: Capture, places: Places, numbers: Numbers, *, late: bool) -> Brought | LeftOut | None:
    try:
        page = _identified(capture, places)
    except Failed as failed:
        return None if late else LeftOut(capture.file, failed.code, failed.detail)
    if (page.source.kind(page.kind).role in LATE) != late:
        return None
    try:
        return read(capture, page, numbers)
    except Failed as failed:
        return LeftOut(capture.file, failed.code, failed.detail)


def _identified(capture: Capture, places: Places) -> Page:
    if not capture.body:
        raise Failed(Aside.EMPTY)
    return identify(capture, places)


def read(capture: Capture, page: Page, numbers: Numbers) -> Brought:
    """What a capture of a page means.

    Raises:
        Failed: it is left out.
    """
    media_type, saved_anew = _media_type(capture, page)
    derived = _derived(capture, page, media_type)
    role = page.source.kind(page.kind).role
    kept_out = keeps_out(capture.headers, of_picture=role is Role.PICTURE) if role in PHOTO_ROLES else None
    dated = page.named.dated or _date_in(derived) or UNDATED
    dictionary = dictionary_of(numbers.get((page.source.name, page.kind)))
    packed = pack(capture.body, media_type, capture.digest, dictionary)
    return Brought(page, dated, derived, packed, kept_out, saved_anew)


def _derived(capture: Capture, page: Page, media_type: str) -> Derived:
    if page.kind == ROBOTS:
        return Derived(NOTHING)
    try:
        derived = derive(page.source.name, page.kind, page.url, capture.body, media_type)
    except Refused as error:
        raise Failed(Aside.BLOCK_PAGE, str(error)) from error
    if derived.failure and not derived.keeps_out:
        lost = derived.failure.field == "text"
        raise Failed(Aside.DAMAGED_TEXT if lost else Aside.UNREADABLE, str(derived.failure))
    return derived


def _date_in(derived: Derived) -> date | None:
    """The day of the race, or of the issue, that a page is about."""
    if issue := next((item for item in derived.parsed.items if isinstance(item, IssueItem)), None):
        return issue.issue_date
    races = derived.racing.items.get(RaceItem)
    return date.fromisoformat(json.loads(races)[0]["race_date"]) if races else None


def _media_type(capture: Capture, page: Page) -> tuple[str, bool]:
    """As the site stated it, or by the bytes; with UTF-8 where they are that, whatever the page says."""
    stated = type_of(capture.media_type or "")
    if page.kind == IMAGE:
        return next((name for mark, name in KINDS_OF_BYTES if capture.body.startswith(mark)), stated), False
    if page.kind == ROBOTS:
        return "text/plain", False
    media_type = stated or ("application/json" if JSON.match(capture.body) else "text/html")
    if not saved_as_utf8(capture.body, stated, page.source.kind(page.kind).charset or page.source.charset):
        return media_type, False
    return f"{media_type.partition(';')[0]}; charset={UTF8}", True


def saved_as_utf8(body: bytes, media_type: str, known: str) -> bool:
    """Whether text was saved as UTF-8 although its page, or its site, names another charset."""
    if (declared_charset(body, media_type) or known).startswith(UTF8) or body.isascii():
        return False
    try:
        text = body.decode(UTF8)
    except UnicodeDecodeError:
        return False
    beyond = [char for char in text if char > "\x7f"]
    japanese = sum(_is_japanese(char) for char in beyond)
    return REPLACEMENT in text or (japanese >= ENOUGH and japanese * 2 > len(beyond))


def _is_japanese(char: str) -> bool:
    return unicodedata.name(char, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "IDEOGRAPHIC"))
