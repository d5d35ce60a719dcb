"""Photos that a person names: a file, a folder, or an address, which goes through the collector's own checks."""

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from collector.console.measures import limit_in_words
from collector.errors import PaddockError, TryLater, UsageError
from collector.fetch.fetcher import IMAGE_BYTES, REDIRECTS, Fetcher, Timeouts, check_status
from collector.settings import is_loopback

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp"}

Held = Callable[[str], Awaitable[bytes | None]]  # the collection's photo of an address, where it holds it


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses are read, and who asks for them."""

    contact: str | None
    sites: Sequence[str]  # that the collector crawls: only its gate ever asks them
    inside: bool = False  # also what is on this machine, where its own user names it
    timeouts: Timeouts = field(default_factory=Timeouts)


def read_photos(word: str, read: Callable[[str], bytes]) -> Iterator[tuple[str, bytes | str]]:
    """The photos behind a word, by name: of a file, of a folder (in order of names), of an address.

    `read` is how an address is read. One of a folder that cannot be read stands in nobody's way: in place of its bytes
    it has the reason.

    Raises:
        UsageError: there is nothing, it is too large, or the address is not to be touched.
    """
    if word.startswith(("http://", "https://")):
        yield word, read(word)
        return
    path = Path(word)
    if path.is_dir():
        photos = sorted(inner for inner in path.iterdir() if inner.suffix.lower() in SUFFIXES)
        if not photos:
            raise UsageError(f"The folder {word} holds no photo ({', '.join(sorted(SUFFIXES))}).")
        for photo in photos:
            yield _printable(photo.name), _try_to_read(photo)
    elif path.is_file():
        yield _printable(path.name), _read(path)
    else:
        raise UsageError(f"There is no photo {word}; give a file, a folder or an address that begins with http.")


def _printable(name: str) -> str:
    """A file's name as text: one that is not UTF-8 can be neither printed nor put into JSON."""
    return os.fsencode(name).decode(errors="replace")


def _try_to_read(path: Path) -> bytes | str:
    try:
        return _read(path) if path.is_file() or not path.exists() else "it is no file"
    except UsageError:
        return f"it is larger than {limit_in_words(IMAGE_BYTES)}"
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"


def _read(path: Path) -> bytes:
    if path.stat().st_size > IMAGE_BYTES:
        raise UsageError(f"{path} is larger than {limit_in_words(IMAGE_BYTES)}, too large for a photo.")
    return path.read_bytes()


async def read_address(url: str, reach: Reach, held: Held | None) -> bytes:
    """The photo at an address: the collection's own, without a request, or else fetched.

    Raises:
        UsageError: it is not to be touched, or no photo came of it; one sentence.
    """
    parts = _split(url)
    why = "no collection is here" if held is None else "the collection holds no photo of that address"
    try:
        if held and (body := await held(url)):
            return body
    except TryLater as error:
        why = str(error)
    if site := next((site for site in reach.sites if _is_on(parts, urlsplit(site))), None):
        host = urlsplit(site).hostname
        raise UsageError(f"{url} was not read: only the crawl ever asks {host}, one page at a time, and {why}.")
    if is_loopback(url) and not reach.inside:
        raise UsageError(f"{url} was not read: it is not on the public internet.")
    return await _fetch(url, parts, reach)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        known = known and parts.netloc.isascii()  # a resolver would read wide letters as the narrow ones
    except ValueError:
        known, parts = False, urlsplit("")
    if not known:
        raise UsageError(f"{url[:200]} is no address of a photo; it begins with http:// or https://.")
    return parts


def _is_on(parts: SplitResult, site: SplitResult) -> bool:
    """Whether an address is on a site's host; of this machine, on its port."""
    if (parts.hostname or "").rstrip(".") != site.hostname:
        return False
    return not is_loopback(site.geturl()) or parts.port == site.port


async def _fetch(url: str, parts: SplitResult, reach: Reach) -> bytes:
    site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # with a user's name it is refused
    try:
        async with Fetcher(reach.contact, [site], reach.timeouts) as fetcher:
            response = await fetcher.get(url, max_bytes=IMAGE_BYTES)
        check_status(response, datetime.now(UTC))
    except UsageError:
        raise
    except PaddockError as error:
        raise UsageError(f"{url} was not read: {error}.") from error
    if response.status != 200:
        where = f", to {response.location}" if response.status in REDIRECTS else ""
        raise UsageError(f"{url} was not read: the site answered {response.status}{where}.")
    return response.body
