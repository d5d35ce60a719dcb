"""Reads photos that a user names: a file, a folder, or an address, which the collector's fetcher checks."""

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, urlsplit

from collector.console.measures import limit_in_words
from collector.errors import PaddockError, TryLater, UsageError
from collector.fetch.fetcher import IMAGE_BYTES, REDIRECTS, Fetcher, Timeouts, check_status
from collector.settings import is_loopback

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".heif"}

Held = Callable[[str], Awaitable[bytes | None]]  # address -> the collection's photo, None if it has none


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be read, and the contact that is sent with the request."""

    contact: str | None
    sites: Sequence[str]  # that the collector crawls; only the crawl may send requests to them
    inside: bool = False  # also addresses on this machine, for its own user
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photo of those that a user names."""

    name: str
    body: bytes | str  # or why it has none
    folder: str | None  # that it lies in, as the user named it; None: the photo itself was named


def read_all(
    words: Sequence[str], read: Callable[[str], bytes], passed: Counter[str] | None = None
) -> Iterator[NamedPhoto]:
    """The photos of several files, folders or addresses; see `read_photos`. Of one word they have the names that they
    have there, of several words whole ones.

    Raises:
        UsageError: for a word no photo was found, it is too large, or the address may not be read.
    """
    for word in words:
        for name, body in read_photos(word, read, passed):
            if not Path(word).is_dir():
                yield NamedPhoto(name if len(words) == 1 else _printable(word), body, None)
                continue
            whole = PurePosixPath(_printable(word), name)
            yield NamedPhoto(name if len(words) == 1 else str(whole), body, str(whole.parent))


def read_photos(
    word: str, read: Callable[[str], bytes], passed: Counter[str] | None = None
) -> Iterator[tuple[str, bytes | str]]:
    """Names and bytes of the photos of a file, a folder with the folders in it, or an address.

    `read` reads an address. A photo of a folder that cannot be read has the reason in place of its bytes. `passed`
    counts what was passed over in a folder, by the reason.

    Raises:
        UsageError: no photo was found, it is too large, or the address may not be read.
    """
    if word.startswith(("http://", "https://")):
        yield word, read(word)
        return
    path = Path(word)
    if path.is_dir():
        passed = Counter() if passed is None else passed
        photos = list(_find_photos(path, passed))
        if not photos:
            others = f"; {passed_in_words(passed)}" if passed else ""
            raise UsageError(f"The folder {word} holds no photo ({', '.join(sorted(SUFFIXES))}){others}.")
        for photo in photos:
            yield _printable(photo.relative_to(path).as_posix()), _try_to_read(photo)
    elif path.is_file():
        yield _printable(path.name), _read(path)
    else:
        raise UsageError(f"No photo {word} was found; give a file, a folder or an address that begins with http.")


def count_photos(word: str) -> int:
    """How many photos `read_photos` would give; 1 for anything but a folder."""
    path = Path(word)
    return sum(1 for _ in _find_photos(path, Counter())) if path.is_dir() else 1


def passed_in_words(passed: Counter[str]) -> str:
    """What was passed over: "3 passed over: 2 .txt, 1 hidden"."""
    kinds = ", ".join(f"{count:,} {why}" for why, count in sorted(passed.items(), key=lambda each: (-each[1], each[0])))
    return f"{passed.total():,} passed over: {kinds}"


def _find_photos(folder: Path, passed: Counter[str]) -> Iterator[Path]:
    """The photos of a folder by name, then those of the folders in it; links to folders are not followed."""
    folders = [folder]
    while folders:
        try:
            entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
        except OSError:
            passed["folder that cannot be opened"] += 1
            continue
        inner = []
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                passed["hidden"] += 1
            elif entry.is_dir(follow_symlinks=False):
                inner.append(path)
            elif path.is_dir():
                passed["link to a folder"] += 1
            elif path.suffix.lower() in SUFFIXES:
                yield path
            else:
                passed[_printable(path.suffix.lower()) or "without a suffix"] += 1
        folders += reversed(inner)


def _printable(name: str) -> str:
    """A file's name without bytes that are not UTF-8, which can be neither printed nor put into JSON."""
    return os.fsencode(name).decode(errors="replace")


def _try_to_read(path: Path) -> bytes | str:
    try:
        return _read(path) if path.is_file() or not path.exists() else "it is not a file"
    except UsageError:
        return f"it is larger than {limit_in_words(IMAGE_BYTES)}"
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"


def _read(path: Path) -> bytes:
    if path.stat().st_size > IMAGE_BYTES:
        raise UsageError(f"{path} is larger than {limit_in_words(IMAGE_BYTES)}, too large for a photo.")
    return path.read_bytes()


async def read_address(url: str, reach: Reach, held: Held | None) -> bytes:
    """The photo at an address: from the collection if it has it, without a request; else fetched.

    Raises:
        UsageError: the address may not be read, or has no photo; one sentence.
    """
    parts = _split(url)
    why = "no collection exists here" if held is None else "the collection has no photo of that address"
    try:
        if held and (body := await held(url)):
            return body
    except TryLater as error:
        why = str(error)
    if site := next((site for site in reach.sites if _is_on(parts, urlsplit(site))), None):
        host = urlsplit(site).hostname
        raise UsageError(f"{url} was not read: only the crawl sends requests to {host}, one page at a time, and {why}.")
    if is_loopback(url) and not reach.inside:
        raise UsageError(f"{url} was not read: it is not on the public internet.")
    return await _fetch(url, parts, reach)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        known = known and parts.netloc.isascii()  # a resolver reads full-width letters as ASCII
    except ValueError:
        known, parts = False, urlsplit("")
    if not known:
        raise UsageError(f"{url[:200]} is not an address of a photo; an address begins with http:// or https://.")
    return parts


def _is_on(parts: SplitResult, site: SplitResult) -> bool:
    """Whether an address is on a site's host; on this machine the port has to be the same too."""
    if (parts.hostname or "").rstrip(".") != site.hostname:
        return False
    return not is_loopback(site.geturl()) or parts.port == site.port


async def _fetch(url: str, parts: SplitResult, reach: Reach) -> bytes:
    site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without user and password, which the fetcher refuses
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
