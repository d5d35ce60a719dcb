"""The tray: photos from any page that are to be compared. It stands in the address: no cookie, no script is needed."""

from dataclasses import dataclass
from functools import cached_property

from aiohttp import web

from collector.storage.photo_ids import PHOTO_ID
from collector.web.compare.state import MOST, Words
from collector.web.server.rendering import own_address

KEY = "tray"


@dataclass(frozen=True)
class Tray:
    """What has been collected, on a page."""

    photos: tuple[str, ...]  # ids, in the order in which they were collected
    request: web.Request

    @property
    def words(self) -> Words:
        """The tray as it stands in the address of each link of the page."""
        return [(KEY, photo) for photo in self.photos]

    @property
    def full(self) -> bool:
        """Whether nothing more fits."""
        return len(self.photos) >= MOST

    def added(self, photo: str) -> str:
        """This page's address with a photo in the tray."""
        return f"{self._longer}{photo}#photo-{photo}"  # an id needs no quoting

    @cached_property
    def _longer(self) -> str:
        """This page's address with the tray and the beginning of one photo more: a page has many to add."""
        return self._address((*self.photos, ""), None)

    def removed(self, photo: str) -> str:
        """This page's address without a photo in the tray."""
        return self._address(tuple(other for other in self.photos if other != photo), photo)

    def emptied(self) -> str:
        """This page's address without a tray."""
        return self._address((), None)

    def compared(self) -> Words:
        """The words of the address that compares them."""
        return [("photo", photo) for photo in self.photos]

    def _address(self, photos: tuple[str, ...], at: str | None) -> str:
        address = own_address(self.request, without="token").without_query_params(KEY)
        return str(address.extend_query([(KEY, photo) for photo in photos]).with_fragment(at and f"photo-{at}"))


def tray_of(request: web.Request) -> Tray:
    """The tray of an address; what is not a photo's id is left out, and so is what does not fit."""
    given = (text for text in request.query.getall(KEY, []) if PHOTO_ID.fullmatch(text))
    return Tray(tuple(dict.fromkeys(given))[:MOST], request)
