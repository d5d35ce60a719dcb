"""Photos that a person names: a file, a folder, or an address, which goes through the collector's own checks."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from collector.errors import PaddockError, UsageError
from collector.fetch import IMAGE_BYTES, Fetcher, Timeouts, check_status

SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp"}


def read_photos(word: str, contact: str | None) -> Iterator[tuple[str, bytes | str]]:
    """The photos behind a word, by name: of a file, of a folder (in order of names), of an address.

    One of a folder that cannot be read stands in nobody's way: in place of its bytes it has the reason.

    Raises:
        UsageError: there is nothing, it is too large, or the address is not to be touched.
    """
    if word.startswith(("http://", "https://")):
        yield word, asyncio.run(_fetch(word, contact))
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
        return f"it is larger than {IMAGE_BYTES // 1024 // 1024} MiB"
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"


def _read(path: Path) -> bytes:
    if path.stat().st_size > IMAGE_BYTES:
        raise UsageError(f"{path} is larger than {IMAGE_BYTES // 1024 // 1024} MiB, too large for a photo.")
    return path.read_bytes()


async def _fetch(url: str, contact: str | None) -> bytes:
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        known, parts = False, urlsplit("")
    if not known:
        raise UsageError(f"{url} is no address of a photo.")
    site = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # with a user's name it is refused
    try:
        async with Fetcher(contact, [site], Timeouts()) as fetcher:
            response = await fetcher.get(url, max_bytes=IMAGE_BYTES)
        check_status(response, datetime.now(UTC))
    except UsageError:
        raise
    except PaddockError as error:
        raise UsageError(f"{url} was not read: {error}.") from error
    if response.status != 200:
        where = f", to {response.location}" if response.location else ""
        raise UsageError(f"{url} was not read: the site answered {response.status}{where}.")
    return response.body
