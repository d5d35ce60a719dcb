"""netkeiba's pages of horses: the horse, and in the older layout its aptitudes."""

import re
from dataclasses import dataclass
from datetime import date

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.errors import NoSuchPage, ParseError
from collector.sources.netkeiba.aptitude import items_of, opinion_in
from collector.sources.netkeiba.urls import address, horse_id_of
from collector.sources.netkeiba.words import NO_ID, day_in, plain, tree_of, words_of
from collector.sources.parsed import Parsed, as_far_as_possible
from collector.sources.text_tools.text import horse_key
from collector.storage.items import HorseItem
from collector.storage.racing import Sex

STATES = {"現役": False, "抹消": True}
SEXES = {"牡": Sex.MALE, "牝": Sex.FEMALE, "セ": Sex.GELDING, "騸": Sex.GELDING}
COAT = re.compile(r"[^0-9\s]{1,6}毛")
HORSE_LINK = re.compile(r"/horse/([0-9A-Za-z]{10})/?")
# A row of a search's answer has a checkbox. Older pages have none, but their table has a summary.
TICKED = 'input[name^="horse_id"], input[name^="i-horse_"]'
LISTED = 'table[summary="競走馬検索結果"] td > a[href*="/horse/"]'
NEXT_PAGE = 'div.common_pager a[title="次"]'
MOST_FOUND = 300
NOTHING_FOUND = "見つかりませんでした"
LONGEST_NAME = 60  # characters
EARLIEST = 1750  # no horse on any page was born before
END = 200  # characters at the end of a page that contain its end tag
ANCESTORS = 6  # links of the pedigree: the sire, his parents, the dam, hers


@dataclass(frozen=True, slots=True)
class Candidate:
    """A horse that a search by name has found. The name contains the searched word, and may be longer."""

    horse_id: str
    name: str


def parse_horse(url: str, text: str) -> Parsed:
    """A horse, and in the older layout its aptitudes.

    Raises:
        NoSuchPage: no horse has this id.
        ParseError: it is not the page of a horse, or of another horse.
    """
    tree = tree_of(text)
    horse_id = horse_id_of(url)
    if NO_ID.fullmatch(horse_id):
        raise NoSuchPage("horse", f"{horse_id} is not the id of a horse")
    head = tree.css_first("div.horse_title h1")
    if head is None:
        raise ParseError("horse", f"not the page of a horse: {text[:60]!a}")
    if not words_of(head):
        # A page that is cut off does not prove that a horse does not exist.
        if tree.css_first("table.db_prof_table") is not None or "</html" not in text[-END:].lower():
            raise ParseError("name", "not printed")
        raise NoSuchPage("horse", f"no horse at {url[:200]}")
    canonical = _canonical(tree)
    if canonical is not None and canonical != horse_id:
        raise ParseError("horse", f"the page is {canonical}'s")
    opinion = opinion_in(tree)
    aptitudes = items_of(horse_id, opinion) if opinion else ()
    horse, flaws = _horse(tree, horse_id, words_of(head, LONGEST_NAME))
    return Parsed((horse, *aptitudes), flaws=tuple(flaws))


def parse_horse_search(url: str, text: str) -> list[Candidate]:
    """The horses whose names contain the searched word. If only one is found, the answer is that horse's page.

    Raises:
        ParseError: it is not the answer to a search.
    """
    tree = tree_of(text)
    if head := tree.css_first("div.horse_title h1"):
        canonical = _canonical(tree)
        if canonical is None:
            raise ParseError("horse", f"a horse without an id at {url[:200]}")
        return [Candidate(canonical, words_of(head, LONGEST_NAME))]
    found: dict[str, Candidate] = {}
    for node in _links_found(tree):
        match = HORSE_LINK.search(node.attributes.get("href") or "")
        name = words_of(node, LONGEST_NAME)
        if match and name and not NO_ID.fullmatch(match[1]):
            found.setdefault(match[1], Candidate(match[1], name))
    if not found and NOTHING_FOUND not in words_of(tree.css_first("div.search_result_box")):
        raise ParseError("horses", f"not the answer to a search: {url[:200]}")
    return list(found.values())


def next_page_of(url: str, text: str) -> str | None:
    """The address of the answer's next page, on the same host; None on the last page."""
    link = LexborHTMLParser(text).css_first(NEXT_PAGE)
    return address(url, link.attributes.get("href") or "") if link is not None else None


def _links_found(tree: LexborHTMLParser) -> list[LexborNode]:
    links = []
    for box in tree.css(TICKED)[:MOST_FOUND]:
        row = box
        while row is not None and row.tag != "tr":
            row = row.parent
        if row is not None and (link := row.css_first('a[href*="/horse/"]')) is not None:
            links.append(link)
    return [*links, *tree.css(LISTED)[:MOST_FOUND]]


def _canonical(tree: LexborHTMLParser) -> str | None:
    link = tree.css_first("link[rel=canonical]")
    match = HORSE_LINK.search(link.attributes.get("href") or "") if link else None
    return match[1] if match else None


def _horse(tree: LexborHTMLParser, horse_id: str, name: str) -> tuple[HorseItem, list[ParseError]]:
    retired, sex, coat = _state(words_of(tree.css_first("p.txt_01")))
    sire, dam, damsire = _parents(tree)
    key = horse_key(name)
    values = {
        "horse_id": horse_id, "name": name, "horse_key": key, "born": _born(tree), "sex": sex, "coat": coat,
        "retired": retired, "sire": sire, "dam": dam, "damsire": damsire,
    }  # fmt: skip
    return as_far_as_possible(HorseItem, values)


def _state(words: str) -> tuple[bool | None, Sex | None, str | None]:
    """現役　牡3歳　鹿毛: whether it has retired, its sex, its coat; each may be left out."""
    retired = next((state for word, state in STATES.items() if word in words), None)
    rest = words
    for word in STATES:
        rest = rest.replace(word, " ")
    sex = coat = None
    for part in rest.split():
        if part[0] in SEXES and not part.endswith("毛"):
            sex = SEXES[part[0]]
        elif match := COAT.fullmatch(part):
            coat = match[0]
    return retired, sex, coat


def _born(tree: LexborHTMLParser) -> date | None:
    for head in tree.css("table.db_prof_table th"):
        if plain(words_of(head)) == "生年月日":
            born = day_in(words_of(_next_cell(head)))
            return born if born and born.year >= EARLIEST else None
    return None


def _next_cell(head: LexborNode) -> LexborNode | None:
    node = head.next
    while node is not None and node.tag != "td":
        node = node.next
    return node


def _parents(tree: LexborHTMLParser) -> tuple[str | None, str | None, str | None]:
    links = [words_of(node, LONGEST_NAME) for node in tree.css("table.blood_table td a") if words_of(node)]
    if len(links) != ANCESTORS:
        return None, None, None
    return links[0], links[3], links[4]
