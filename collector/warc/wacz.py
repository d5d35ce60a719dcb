"""A WACZ file (version 1.1.1): the WARC file, its index and the list of its pages, in one zip with digests."""

import hashlib
import json
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import IO, Any

from collector.storage.roles import Role
from collector.warc.answers import Answer
from collector.warc.records import EARLIEST, Counted, address

WACZ_VERSION = "1.1.1"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the time of every member: the same archive is the same file
PAGES_BEGIN = {"format": "json-pages-1.0", "id": "pages", "title": "All pages"}


class Package:
    """A WACZ file that is being written; a context manager, which lets go of the file where that fails."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._resources: list[dict[str, Any]] = []

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with suppress(OSError, ValueError) if kind else nullcontext():
            self._zip.close()

    @contextmanager
    def member(self, path: str) -> Iterator[Counted]:
        """A new file in it, listed with its digest; stored as it is, so that readers can begin anywhere in it."""
        with self._zip.open(_info(path), "w", force_zip64=True) as opened:
            counted = Counted(opened)
            yield counted
        name = path.rpartition("/")[2]
        self._resources.append({"name": name, "path": path, "hash": counted.hash, "bytes": counted.size})

    def finish(self, title: str, description: str, at: datetime | None, facts: dict[str, Any]) -> None:
        """List what is in it, and end it."""
        listed = {
            "profile": "data-package", "wacz_version": WACZ_VERSION, "title": title, "description": description,
            "created": _seconds(at or EARLIEST), **facts, "resources": self._resources,
        }  # fmt: skip
        package = json.dumps(listed, indent=2, ensure_ascii=False).encode()
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(package).hexdigest()}"}
        self._zip.writestr(_info("datapackage.json"), package)
        self._zip.writestr(_info("datapackage-digest.json"), json.dumps(digest, indent=2).encode())


def _info(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, LONG_AGO)
    info.create_system = 3  # as on Unix, wherever it is written
    info.external_attr = 0o600 << 16
    return info


def is_page(answer: Answer) -> bool:
    """Whether a person would open it: a page that was answered well, as opposed to pictures, JSON and robots.txt."""
    shown = answer.media_type.startswith("text/html") and (answer.status or 200) == 200
    return shown and answer.role != Role.ROBOTS and not answer.repeats


def page_line(answer: Answer) -> str:
    """A page as a line of `pages.jsonl`."""
    key = f"{address(answer.url)} {answer.at.timestamp()}"
    facts = {
        "id": uuid.uuid5(uuid.NAMESPACE_URL, key).hex, "url": address(answer.url), "ts": _seconds(answer.at),
        "title": f"{answer.source}: {answer.kind}",
    }  # fmt: skip
    return json.dumps(facts) + "\n"


def write_lines(out: Counted | IO[bytes], lines: Iterable[str]) -> None:
    """Append lines."""
    for text in lines:
        out.write(text.encode())


def _seconds(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
