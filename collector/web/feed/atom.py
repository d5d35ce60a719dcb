"""News as Atom (RFC 4287). Facts and links only: no picture, and no words of a remark. Pure."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET

from collector.console.catalogue import Words
from collector.web.feed.news import Feed, News
from collector.web.feed.said import facts_of, title_of
from collector.web.server.addresses import web_address

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
# An id is never an address: a server may get another name, and what was read once is not new for that.
TAG = "tag:keiba-paddock,2026:"
# What XML has no way to say, not even as a reference (XML 1.0, 2.2). Sites and files may hold it.
UNSAID = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # nothing was ever followed: such a feed has not changed yet


def atom(feed: Feed, t: Words, language: str, address: Callable[[str], str]) -> bytes:
    """The feed in a language; `address` makes the whole address of a page of this server, without a token."""
    root = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": language})
    _add(root, "id", f"{TAG}feed")
    _add(root, "title", t["feed_title"])
    _add(root, "updated", _moment(max([feed.followed_at or NEVER, *(news.at for news in feed.news)])))
    _add(ET.SubElement(root, "author"), "name", "Paddock")
    ET.SubElement(root, "link", {"rel": "self", "type": MEDIA_TYPE, "href": address("/feed.atom")})
    ET.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": address("/")})
    for news in feed.news:
        _entry(root, news, t, address)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _entry(root: ET.Element, news: News, t: Words, address: Callable[[str], str]) -> None:
    entry = ET.SubElement(root, "entry")
    _add(entry, "id", f"{TAG}{news.kind}/{quote(said(news.key), safe='/:')}")
    _add(entry, "title", title_of(news, t))
    _add(entry, "updated", _moment(news.at))
    ET.SubElement(entry, "category", {"term": news.kind.value})
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": said(address(news.path))})
    if source := web_address(news.source_url or ""):
        ET.SubElement(entry, "link", {"rel": "via", "href": said(source)})
    _add(entry, "summary", facts_of(news, t) or title_of(news, t))


def said(text: str) -> str:
    """A text as XML can hold it: what it cannot is shown as a character that is missing."""
    return UNSAID.sub("\ufffd", text)


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = said(text)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
