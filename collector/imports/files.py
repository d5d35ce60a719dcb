"""What folders and files hold: every saved page, one after the other, whatever it is packed in."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from collector.codes import Aside
from collector.console.measures import limit_in_words
from collector.errors import UsageError
from collector.imports import tars, warcs, zips
from collector.imports.captures import LARGEST, Capture, Failed, LeftOut
from collector.imports.names import inside, of_path
from collector.imports.streams import Stream, Unpacked, is_packed, unpacked, whole
from collector.storage.archive import digest_of

PAGES = (".bin", ".html", ".htm", ".json", ".jpg", ".jpeg", ".png", ".gif", "")
PACKINGS = (".gz", ".zst")
TARS = (".tar", ".tgz")
WACZ, CAPTURES = ".wacz", "archive/"  # where a WACZ has its WARC files
ZIPS = (".zip", WACZ)
DEEPEST = 2  # an archive, and an archive in it
PIECE = 1 << 20  # bytes

Found = Iterator[Capture | LeftOut]


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a folder, or a member of an archive."""

    name: str
    stream: Stream
    size: int | None  # bytes, where that is known
    digest: str  # SHA-256 of the file that it is in
    depth: int = 0  # archives that it is in
    seekable: FileIO | None = None


@dataclass(slots=True)
class Files:
    """The files below some paths, and how far they have been read."""

    paths: Sequence[Path]
    any_kind: bool = False  # whether a file of any name may be a page
    total: int = 0  # bytes
    done: int = 0  # bytes of files that are read

    def check(self) -> None:
        """Make sure that the paths are there.

        Raises:
            UsageError: one is not.
        """
        for path in self.paths:
            try:
                path.stat()
            except OSError as error:
                raise UsageError(f"{path} cannot be read: {error.strerror}.") from error

    def measure(self) -> int:
        """Add up the sizes of all files."""
        self.total = sum(size for _, _, size in self._files() if not isinstance(size, Aside))
        return self.total

    def captures(self) -> Found:
        """Every saved page, and every file that is left out."""
        self.done = 0
        for path, name, size in self._files():
            before = self.done
            if isinstance(size, Aside):
                yield LeftOut(name, size)
                continue
            yield from self._of_file(path, name, size, before)
            self.done = before + size

    def _files(self) -> Iterator[tuple[Path, str, "int | Aside"]]:
        for path in self.paths:
            name = of_path(path.resolve().name or "root")
            kind = path.stat()
            if stat.S_ISDIR(kind.st_mode):
                yield from below(path, name)
            else:
                yield path, name, kind.st_size if stat.S_ISREG(kind.st_mode) else Aside.NOT_A_FILE

    def _of_file(self, path: Path, name: str, size: int, before: int) -> Found:
        try:
            with opened(path) as file:
                for one in self._of_member(Member(name, file, size, _digest(name, file), 0, file)):
                    self.done = before + min(size, file.seek(0, os.SEEK_CUR))
                    yield one
        except Failed as failed:
            yield LeftOut(name, failed.code, failed.detail)
        except OSError as error:
            yield LeftOut(name, Aside.CANNOT_READ, error.strerror)

    def _of_member(self, member: Member) -> Found:
        """What a member holds. What cannot be read on is left out, and what came before counts."""
        try:
            yield from self._content(member)
        except Failed as failed:
            yield LeftOut(member.name, failed.code, failed.detail)

    def _content(self, member: Member) -> Found:
        kind, packed = _kind(member.name)
        reader = ARCHIVES.get(kind)
        if reader is None:
            yield self._page(member, kind)
            return
        if member.depth >= DEEPEST:
            raise Failed(Aside.NESTED)
        stream = member.stream
        if packed:
            first = stream.read(4)
            stream = Unpacked(stream, first) if is_packed(first) else stream
            if not is_packed(first):
                raise Failed(Aside.BROKEN, "not packed")
        for one in reader(member, stream):
            if isinstance(one, Member):
                yield from self._of_member(one)
            else:
                yield one

    def _page(self, member: Member, kind: str) -> Capture | LeftOut:
        if kind not in PAGES and not self.any_kind:
            return LeftOut(member.name, Aside.NO_PAGE)
        if member.size is not None and member.size > LARGEST:
            return LeftOut(member.name, Aside.TOO_LARGE, limit_in_words(LARGEST))
        raw = whole(member.stream)
        body = unpacked(raw)
        return Capture(member.name, body, digest_of(body), member.digest or digest_of(raw))


def _kind(name: str) -> tuple[str, bool]:
    """The suffix that says what a file is, and whether it is packed beside."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes[-2:]]
    packed = bool(suffixes) and suffixes[-1] in PACKINGS
    if packed:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    return kind, packed or kind == ".tgz"


def below(folder: Path, name: str) -> Iterator[tuple[Path, str, "int | Aside"]]:
    """The files of a folder, sorted; what begins with a dot is not looked at, and links to folders are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder, name, Aside.CANNOT_READ
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path, own = Path(entry.path), inside(name, of_path(entry.name))
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from below(path, own)
            elif entry.is_dir():
                yield path, own, Aside.LINK
            else:
                kind = entry.stat()
                yield path, own, kind.st_size if stat.S_ISREG(kind.st_mode) else Aside.NOT_A_FILE
        except OSError:
            yield path, own, Aside.CANNOT_READ


def opened(path: Path) -> FileIO:
    """A file, opened so that a pipe put in its place does not stop us.

    Raises:
        Failed: it is not a file.
        IsADirectoryError: it is a folder.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return FileIO(descriptor)
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise Failed(Aside.NOT_A_FILE)


def _digest(name: str, file: FileIO) -> str:
    """The SHA-256 of an archive; that of a page is made of what is read anyway."""
    if _kind(name)[0] not in ARCHIVES:
        return ""
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _warc(member: Member, stream: Stream) -> Iterator[Capture | LeftOut]:
    return warcs.captures(stream, member.name, member.digest)


def _tar(member: Member, stream: Stream) -> Iterator[Member | LeftOut]:
    for name, content, size in tars.members(stream, member.name):
        if isinstance(content, LeftOut):
            yield content
        else:
            yield Member(name, content, size, member.digest, member.depth + 1)


def _zip(member: Member, stream: Stream) -> Iterator[Member | LeftOut]:
    if member.seekable is None or stream is not member.stream:
        raise Failed(Aside.NESTED)
    of_wacz = _kind(member.name)[0] == WACZ
    for name, content, size in zips.members(member.seekable, member.name):
        if of_wacz and not name.startswith(f"{member.name}/{CAPTURES}"):
            continue  # its own description, pages and indexes
        if isinstance(content, LeftOut):
            yield content
        else:
            yield Member(name, content, size, member.digest, member.depth + 1)


Reader = Callable[[Member, Stream], Iterator[Capture | LeftOut | Member]]
ARCHIVES: dict[str, Reader] = {
    ".warc": _warc, **dict.fromkeys(TARS, _tar), **dict.fromkeys(ZIPS, _zip),
}  # fmt: skip
