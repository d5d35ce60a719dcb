"""The toy: a source of paddock photos, as docs/add-a-source.md builds it step by step."""

from datetime import date
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import ParseError
from collector.sources import (
    IMAGE,
    MAIN,
    Copying,
    IssueItem,
    Kind,
    Link,
    ListedPhotoItem,
    Parsed,
    PhotoItem,
    Role,
    Source,
    Terms,
)
from collector.sources.text_tools.text import horse_key


def nodes(text: str, selector: str) -> list[LexborNode]:
    """What a page must have."""
    if found := LexborHTMLParser(text).css(selector):
        return found
    raise ParseError(selector, "the page has none")


def leads_to(url: str, node: LexborNode, attribute: str = "href") -> str:
    """The address that a node links."""
    return urljoin(url, node.attributes[attribute] or "")


def code_and_day(url: str) -> tuple[str, date]:
    """An issue's code, YYMMDD, and its date; the address of each of its pages holds them."""
    code = url.split("/toy/")[1][:6]
    return code, date(2000 + int(code[:2]), int(code[2:4]), int(code[4:]))


def parse_year(url: str, text: str) -> Parsed:
    """A year's list: its issues."""
    found = [leads_to(url, node) for node in nodes(text, "ol.issues a")]
    return Parsed((), tuple(Link(issue, "issue_index", code_and_day(issue)[1]) for issue in found))


def parse_issue(url: str, text: str) -> Parsed:
    """An issue: its photos, each with the name and the race that the list prints."""
    code, day = code_and_day(url)
    listed = []
    for node in nodes(text, "a.photo"):
        page = leads_to(url, node)
        number = int(page.rsplit("/", 1)[1])
        listed.append(ListedPhotoItem(source="toy", issue_code=code, number=number, listed_name=node.text(),
                                      race_name=node.attributes["data-race"], page_url=page))  # fmt: skip
    issue = IssueItem(source="toy", code=code, issue_date=day, race_days=[])
    return Parsed((issue, *listed), tuple(Link(photo.page_url, "photo_page", day) for photo in listed))


def parse_photo(url: str, text: str) -> Parsed:
    """A photo's page: the horse, and the picture."""
    code, day = code_and_day(url)
    (name,), (picture,) = nodes(text, "figcaption"), nodes(text, "figure img")
    photo = PhotoItem(source="toy", issue_code=code, number=int(url.rsplit("/", 1)[1]), horse_name=name.text(),
                      horse_key=horse_key(name.text()), page_url=url,
                      image_url=leads_to(url, picture, "src"))  # fmt: skip
    return Parsed((photo,), (Link(photo.image_url, IMAGE, day),))


TOY = Source(
    name="toy",
    title="Toy paddock",
    sites={MAIN: "http://toy.invalid"},
    kinds={
        "year_index": Kind(Role.LISTING, parse_year, lambda site, year: f"{site}/toy/{year}.html"),
        "issue_index": Kind(Role.ISSUE, parse_issue),
        "photo_page": Kind(Role.PHOTO_PAGE, parse_photo),
    },
    charset="utf-8",
    terms=Terms("Anybody may use the photos.", "http://toy.invalid/terms.html", date(2026, 11, 1), Copying.LICENSED),
    first_year=2016,
)
