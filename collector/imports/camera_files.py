"""The photos in a camera's folder: their names, their bytes, and what is found in them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.codes import Aside
from collector.errors import BrokenPicture
from collector.imports.captures import Failed, LeftOut
from collector.imports.files import below, opened
from collector.imports.report import Report
from collector.imports.streams import whole
from collector.storage.archive import digest_of
from collector.storage.decoders import PROCESSES, decoders
from collector.storage.images import Picture
from collector.storage.shots import Look, Shot, look

JPEG = (".jpg", ".jpeg")
HEIC = (".heic", ".heif", ".hif")
RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2")
SUFFIXES = (*JPEG, *HEIC, *RAW)
LARGEST = 128 * 1024 * 1024  # bytes of a file
AT_ONCE, AT_ONCE_BYTES = 16, 64_000_000  # files that are in memory together


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file of the folder."""

    path: Path
    file: str  # its name below the folder, with / between folders
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Read:
    """A file with its bytes."""

    photo: PhotoFile
    body: bytes
    digest: str  # SHA-256


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds, without its bytes."""

    photo: PhotoFile
    digest: str
    shot: Shot
    picture: Picture | None  # None: the photo is held, with its measures


def photo_files(folder: Path, report: Report) -> list[PhotoFile]:
    """The files of a folder, and of those below it, that are photos by their names."""
    found, names = list[PhotoFile](), Counter[str]()
    for path, name, size in below(folder, "."):
        file = name.removeprefix("./")
        names[file] += 1
        if names[file] > 1:  # names of the file system that differ can be the same as text
            file += f" ({names[file]})"
        if isinstance(size, int):
            if path.suffix.lower() in SUFFIXES:
                found.append(PhotoFile(path, file, size))
        elif path.suffix.lower() in SUFFIXES or path.is_dir():
            report.leave_out(LeftOut(file, size))
    return found


async def in_batches(files: Sequence[PhotoFile], folder: Path, report: Report) -> AsyncIterator[list[Read]]:
    """The files with their bytes, some at a time. Those that cannot be read are left out."""
    rest = iter(files)
    while batch := await asyncio.to_thread(_read_some, rest, folder, report):
        yield [one for one in batch if isinstance(one, Read)]


def _read_some(rest: Iterator[PhotoFile], folder: Path, report: Report) -> list[Read | None]:
    """The next files; None stands for one that cannot be read."""
    batch, size = list[Read | None](), 0
    while len(batch) < AT_ONCE and size < AT_ONCE_BYTES and (photo := next(rest, None)):
        one = _read(photo, folder, report)
        batch.append(one)
        size += len(one.body) if one else 0
    return batch


def _read(photo: PhotoFile, folder: Path, report: Report) -> Read | None:
    try:
        if not photo.path.resolve().is_relative_to(folder.resolve()):
            raise Failed(Aside.LINK)
        with opened(photo.path) as file:
            body = whole(file, LARGEST)
        if not body:
            raise Failed(Aside.EMPTY)
    except Failed as failed:
        report.leave_out(LeftOut(photo.file, failed.code, failed.detail))
    except OSError as error:
        report.leave_out(LeftOut(photo.file, Aside.CANNOT_READ, error.strerror))
    else:
        return Read(photo, body, digest_of(body))
    return None


async def look_at(batch: Sequence[Read], held: set[str], report: Report) -> list[Found]:
    """What these files hold; of a photo that is held, only what its camera says."""
    turns = asyncio.Semaphore(PROCESSES)

    async def one(read: Read) -> Look | BrokenPicture | OSError:
        async with turns:
            try:
                return await decoders().ask(look, read.body, measured=read.digest not in held)
            except (BrokenPicture, OSError) as error:  # the latter: no process can be started
                return error

    found = list[Found]()
    for read, seen in zip(batch, await asyncio.gather(*map(one, batch)), strict=True):
        if isinstance(seen, Look):
            found.append(Found(read.photo, read.digest, seen.shot, seen.picture))
        else:
            report.leave_out(LeftOut(read.photo.file, Aside.UNREADABLE, str(seen)))
    return found
