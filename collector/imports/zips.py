"""The files of a zip archive, WACZ among them: nothing is written to the disk, whatever their names say."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import FileIO

from collector.codes import Aside
from collector.console.measures import limit_in_words
from collector.imports.captures import Failed, LeftOut
from collector.imports.names import decoded, inside
from collector.imports.streams import MOST_RATIO, Stream

MOST_MEMBERS = 200_000
LARGEST_DIRECTORY = 20_000_000  # bytes; it is read as a whole, and takes ten times as much memory
END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
LONGEST_COMMENT = 65_535
IN_UTF8, ENCRYPTED = 0x800, 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SMALL = 1 << 20  # bytes for which the ratio is not looked at


def members(file: FileIO, container: str) -> Iterator[tuple[str, Stream | LeftOut, int]]:
    """Name, content and size of each file, in the order of its directory.

    Raises:
        Failed: it has too many members, or is not a zip archive.
    """
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                name = inside(container, _name(info))
                if why := _why_not(info):
                    yield name, LeftOut(name, *why), 0
                    continue
                try:
                    with archive.open(info) as content:
                        yield name, _Member(content), info.file_size
                except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
                    yield name, LeftOut(name, Aside.BROKEN, str(error)[:200]), 0
    except (zipfile.BadZipFile, struct.error, ValueError, OverflowError) as error:
        raise Failed(Aside.BROKEN, str(error)[:200]) from error


class _Member:
    """A member's content; one that is damaged fails with that reason."""

    def __init__(self, inner: Stream) -> None:
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        try:
            return self._inner.read(size)
        except EOFError as error:
            raise Failed(Aside.CUT_OFF) from error
        except (zipfile.BadZipFile, zlib.error, ValueError) as error:
            raise Failed(Aside.BROKEN, str(error)[:200]) from error


def _why_not(info: zipfile.ZipInfo) -> tuple[Aside, str | None] | None:
    if (info.external_attr >> 28) == 0xA:
        return Aside.LINK, None
    if info.flag_bits & ENCRYPTED:
        return Aside.ENCRYPTED, None
    if info.compress_type not in METHODS:
        return Aside.BROKEN, f"packed by method {info.compress_type}"
    if info.file_size > max(SMALL, MOST_RATIO * info.compress_size):
        return Aside.BOMB, limit_in_words(info.file_size)
    return None


def _name(info: zipfile.ZipInfo) -> str:
    """Its name, which Japanese programs write in Shift_JIS without saying so."""
    if info.flag_bits & IN_UTF8:
        return info.filename
    return decoded(info.filename.encode("cp437", "replace"))


def _check_directory(file: FileIO) -> None:
    """Refuse a directory that would not fit into memory, by what the end of the archive says of it."""
    size = file.seek(0, 2)
    start = max(0, size - LONGEST_COMMENT - 22)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or at + 22 > len(tail):
        raise Failed(Aside.CUT_OFF if size else Aside.EMPTY)
    count, length = struct.unpack_from("<HI", tail, at + 10)
    locator = tail.rfind(LOCATOR_64, 0, at)
    if locator >= 0 and locator + 20 <= len(tail):
        (record,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(record, size))
        head = file.read(56)
        if head.startswith(END_64) and len(head) == 56:
            _, count, length = struct.unpack_from("<QQQ", head, 24)
    if count > MOST_MEMBERS or length > LARGEST_DIRECTORY:
        raise Failed(Aside.TOO_MANY, f"{MOST_MEMBERS:,}")
    file.seek(0)
