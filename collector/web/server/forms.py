"""Reads the forms that pages and programs send, with the files in them."""

from dataclasses import dataclass
from typing import TypeGuard

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiMapping

from collector.console.measures import limit_in_words
from collector.web.server.problems import Code, Problem

FIELDS = 10  # of a form, at most, with its files


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form or of an address, and the uploaded files."""

    fields: MultiMapping[str]
    files: tuple[File, ...] = ()


async def read_form(request: web.Request, largest: int, most: int) -> Form:
    """Read the form of a request, of `largest` bytes and with `most` files at most, without writing it to the disk.

    Raises:
        Problem: it is too large or not valid.
    """
    if (request.content_length or 0) > largest:
        raise too_large(largest)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(Code.NOT_UNDERSTOOD, "a form must not be compressed")
    try:
        if request.content_type == "multipart/form-data":
            return await _read_parts(request, largest, most)
        if request.content_type == "application/x-www-form-urlencoded":
            sent = await request.post()
            return Form(MultiDict((name, value) for name, value in sent.items() if isinstance(value, str)))
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(largest) from error
    except (ValueError, LookupError, AssertionError, HttpProcessingError, web.RequestPayloadError) as error:
        # These are what aiohttp raises on broken bodies, found by a test with mutated bodies.
        raise Problem(Code.NOT_UNDERSTOOD, "its form is broken") from error
    raise Problem(Code.NOT_UNDERSTOOD, "it takes multipart/form-data or application/x-www-form-urlencoded")


async def _read_parts(request: web.Request, largest: int, most: int) -> Form:
    fields = MultiDict[str]()
    files: list[File] = []
    size = count = 0
    async for part in await request.multipart():
        count += 1
        if not _is_field(part) or count > FIELDS:
            raise Problem(Code.NOT_UNDERSTOOD, "its form has other parts than fields, or too many")
        if part.filename is not None and len(files) == most:
            raise Problem(Code.TOO_MANY, str(most))
        chunks = []
        while chunk := await part.read_chunk():
            size += len(chunk)
            if size > largest:
                raise too_large(largest)
            chunks.append(chunk)
        body = b"".join(chunks)
        if part.filename is None:
            fields.add(part.name or "", body.decode())
        elif body:  # a form in which no file was chosen sends an empty one
            files.append(File(part.filename[:200], body))
    return Form(fields, tuple(files))


def _is_field(part: object) -> TypeGuard[BodyPartReader]:
    return isinstance(part, BodyPartReader) and part.name is not None


def too_large(largest: int) -> Problem:
    """What is said of a body of more bytes than that."""
    return Problem(Code.TOO_LARGE, limit_in_words(largest))
