"""`collector archive export`: writes the archive into one WARC or WACZ file, streamed, the same bytes each time."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, Any

from collector import __version__
from collector.errors import ParseError
from collector.sources import MAIN, Source
from collector.sources.registry import source_of
from collector.warc.answers import Answer, Answers, Extent
from collector.warc.cdxj import SortedLines, line, write_blocks
from collector.warc.records import CONFORMS_TO, Counted, WarcFile, address
from collector.warc.wacz import PAGES_BEGIN, Package, is_page, page_line, write_lines

SOFTWARE = f"Paddock {__version__}"
TITLE = "An archive of Paddock"
DESCRIPTION = (
    "Answers of sites as they came, each with its time and its digest. They belong to those who made them: the terms "
    "of each source say what may be done with them."
)

Show = Callable[[int, int], None]  # done, of how many


@dataclass(slots=True)
class Exported:
    """What was written."""

    responses: int = 0
    revisits: int = 0  # a page's bytes again, or "not modified"
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)  # addresses whose bytes are damaged; they are left out
    sources: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)  # pages that are not to go out, by source

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "responses": self.responses, "revisits": self.revisits, "bytes": self.bytes, "damaged": self.damaged,
            "sources": list(self.sources), "left_out": dict(self.left_out),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """An answer and where it stands."""

    answer: Answer
    offset: int
    length: int


def export_warc(answers: Answers, file: IO[bytes], show: Show) -> Exported:
    """Write the answers into a WARC file."""
    out, done = Counted(file), Exported()
    for _ in _write(answers, answers.extent(), out, done, show):
        pass
    done.bytes = out.size
    return done


def export_wacz(answers: Answers, file: IO[bytes], open_file: Callable[[], IO[bytes]], show: Show) -> Exported:
    """Write the answers into a WACZ file; `open_file` opens temporary files, which go when they are closed."""
    extent = answers.extent()
    done = Exported()
    with Package(file) as package, closing(SortedLines(open_file)) as index, open_file() as pages:
        write_lines(pages, [f"{json.dumps(PAGES_BEGIN)}\n"])
        with package.member("archive/data.warc.gz") as out:
            for one in _write(answers, extent, out, done, show):
                index.add(line(one.answer, one.offset, one.length))
                if is_page(one.answer):
                    write_lines(pages, [page_line(one.answer)])
        with package.member("indexes/index.cdx.gz") as out:
            blocks = list(write_blocks(index, out))
        with package.member("indexes/index.idx") as out:
            write_lines(out, blocks)
        pages.seek(0)
        with package.member("pages/pages.jsonl") as out:
            shutil.copyfileobj(pages, out)
        package.finish(TITLE, DESCRIPTION, extent.last_at, _facts(extent))
    done.bytes = file.seek(0, os.SEEK_END)
    return done


def _write(answers: Answers, extent: Extent, out: Counted, done: Exported, show: Show) -> Iterator[Written]:
    """Write what the file is, and then each answer."""
    warc, damaged = WarcFile(out), set[str]()
    warc.add_info(_info(extent), extent.first_at)
    done.sources, done.left_out = extent.sources, extent.left_out
    for number, answer in enumerate(answers):
        show(number, extent.count)
        body = None if answer.repeats else answers.body(answer.digest)
        if body is None and not answer.repeats:
            damaged.add(answer.digest)
        if answer.digest in damaged:
            done.damaged.append(address(answer.url))
            continue
        offset, length = warc.add(answer, body)
        done.responses += not answer.repeats
        done.revisits += answer.repeats
        yield Written(answer, offset, length)
    show(extent.count, extent.count)


def _info(extent: Extent) -> list[tuple[str, str]]:
    """What the file is, where its answers came from, and what the sites' owners allow."""
    fields = [
        ("software", f"{SOFTWARE} (collector archive export)"), ("format", "WARC File Format 1.1"),
        ("conformsTo", CONFORMS_TO), ("robots", "obey"), ("description", DESCRIPTION),
    ]  # fmt: skip
    for name in extent.sources:
        if source := _known(name):
            fields += [
                (f"{name}-title", source.title), (f"{name}-address", source.sites[MAIN]),
                (f"{name}-terms", str(source.terms)),
            ]  # fmt: skip
        if permission := extent.permissions.get(name):
            fields.append((f"{name}-permission", permission))
    return fields


def _facts(extent: Extent) -> dict[str, Any]:
    """The same for the list of what is in a WACZ file."""
    known = [source for name in extent.sources if (source := _known(name))]
    return {
        "software": SOFTWARE,
        "sources": [{"title": source.title, "path": source.sites[MAIN]} for source in known],
        "terms": {source.name: source.terms.as_json() for source in known},
        "permissions": {name: said for name, said in extent.permissions.items() if name in extent.sources},
    }


def _known(name: str) -> Source | None:
    """A source, where it is installed."""
    try:
        return source_of(name)
    except ParseError:
        return None
