"""The files of a tar archive, read as a stream: nothing is written to the disk, whatever their names say."""

import tarfile
from collections.abc import Iterator

from collector.codes import Aside
from collector.imports.captures import Failed, LeftOut
from collector.imports.names import decoded, inside
from collector.imports.streams import Stream

LONGEST_HEADER = 1 << 20  # bytes of names and other facts about one file
HEADERS = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip


class _Info(tarfile.TarInfo):
    """A member; facts about one that would fill the memory are refused before they are read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Info":
        found = super().frombuf(buf, encoding, errors)
        if found.type in HEADERS and found.size > LONGEST_HEADER:
            raise Failed(Aside.BOMB, "a header")
        return found


def members(stream: Stream, container: str) -> Iterator[tuple[str, Stream | LeftOut, int]]:
    """Name, content and size of each file, in the order of the archive; of what is not a file why it is left out."""
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Info) as archive:  # type: ignore[call-overload]
            while info := archive.next():
                archive.members.clear()  # else all of them are kept
                name = inside(container, decoded(info.name.encode("utf-8", "surrogateescape")))
                if info.isdir():
                    continue
                if not info.isreg():
                    yield name, LeftOut(name, _why(info)), 0
                elif content := archive.extractfile(info):
                    yield name, content, info.size
    except tarfile.ReadError as error:
        code = Aside.CUT_OFF if "unexpected end" in str(error) else Aside.BROKEN
        raise Failed(code, str(error)) from error
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise Failed(Aside.BROKEN, str(error)[:200]) from error


def _why(info: tarfile.TarInfo) -> Aside:
    return Aside.LINK if info.issym() or info.islnk() else Aside.NOT_A_FILE
