"""Finds the photos of a request: files, addresses, bytes in the request itself, or photos that the server has."""

import base64
import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeGuard
from urllib.parse import unquote_to_bytes

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict, MultiMapping

from collector.web.server.problems import Problem
from trainer.web.answer import Given
from trainer.web.problems import LARGEST, Code
from trainer.web.service import Service
from trainer.web.together import PHOTOS, Unread

FIELDS = 10  # of a form, at most, with its photos
KINDS = ("data", "url", "photo", "sample")  # fields that name a photo
DATA_URI = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{0,100}){0,5},", re.I)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
AS_BASE64 = str.maketrans("-_ ", "+/+")  # from URL-safe base64; a space was a plus that was not escaped
WHITE = re.compile(r"[\r\n\t]+")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form or of an address, and the uploaded files."""

    fields: MultiMapping[str]
    files: tuple[Given, ...] = ()


async def read_form(request: web.Request) -> Form:
    """Read the form of a request, without writing it to the disk.

    Raises:
        Problem: it is too large or not valid.
    """
    if (request.content_length or 0) > LARGEST:
        raise Problem(Code.TOO_LARGE)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(Code.NOT_UNDERSTOOD, "a form must not be compressed")
    try:
        if request.content_type == "multipart/form-data":
            return await _read_parts(request)
        if request.content_type == "application/x-www-form-urlencoded":
            sent = await request.post()
            return Form(MultiDict((name, value) for name, value in sent.items() if isinstance(value, str)))
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem(Code.TOO_LARGE) from error
    except (ValueError, LookupError, AssertionError, HttpProcessingError, web.RequestPayloadError) as error:
        # These are what aiohttp raises on broken bodies, found by a test with mutated bodies.
        raise Problem(Code.NOT_UNDERSTOOD, "its form is broken") from error
    raise Problem(Code.NOT_UNDERSTOOD, "it takes multipart/form-data or application/x-www-form-urlencoded")


async def _read_parts(request: web.Request) -> Form:
    fields = MultiDict[str]()
    files: list[Given] = []
    size = count = 0
    async for part in await request.multipart():
        count += 1
        if not _is_field(part) or count > FIELDS:
            raise Problem(Code.NOT_UNDERSTOOD, "its form has other parts than fields, or too many")
        if part.filename is not None and len(files) == PHOTOS:
            raise Problem(Code.TOO_MANY, str(PHOTOS))
        chunks = []
        while chunk := await part.read_chunk():
            size += len(chunk)
            if size > LARGEST:
                raise Problem(Code.TOO_LARGE)
            chunks.append(chunk)
        body = b"".join(chunks)
        if part.filename is None:
            fields.add(part.name or "", body.decode())
        elif body:  # a form in which no file was chosen sends an empty one
            files.append(Given(part.filename[:200], body, uploaded=True))
    return Form(fields, tuple(files))


def _is_field(part: object) -> TypeGuard[BodyPartReader]:
    return isinstance(part, BodyPartReader) and part.name is not None


async def find_photos(form: Form, service: Service) -> AsyncIterator[Given | Unread]:
    """The photos that a request names, all of one horse; each is read when it is asked for.

    Raises:
        Problem: the request names none or too many, or the server is busy.
    """
    named = [(kind, word) for kind in KINDS for word in form.fields.getall(kind, ()) if word.strip()]
    if not form.files and not named:
        raise Problem(Code.NOTHING_ASKED)
    if len(form.files) + len(named) > PHOTOS:
        raise Problem(Code.TOO_MANY, str(PHOTOS))
    for file in form.files:
        yield file
    for kind, word in named:
        try:
            found = await _find(kind, word, service)
        except Problem as problem:
            if problem.retry_after is not None:
                raise
            yield Unread("" if kind == "data" else word.strip()[:200], problem)
        else:
            yield found


async def _find(kind: str, word: str, service: Service) -> Given:
    if kind == "data":
        return Given("", read_data(word), uploaded=True)
    if kind == "url":
        return await service.at(word)
    if kind == "photo":
        return await service.of_collection(_number(word))
    return service.of_data_set(_number(word))


def _number(word: str) -> int:
    if not NUMBER.fullmatch(word):
        raise Problem(Code.NOT_FOUND)
    return int(word)


def read_data(word: str) -> bytes:
    """The bytes of a data: URI or of plain base64.

    Raises:
        Problem: it is neither of the two.
    """
    head = DATA_URI.match(word)
    rest = WHITE.sub("", word[head.end() :] if head else word).strip()
    if head and not head[0][:-1].lower().endswith(";base64"):
        return unquote_to_bytes(rest)
    plain = rest.replace("%3D", "=").translate(AS_BASE64).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem(Code.NOT_UNDERSTOOD, "data is neither a data: URI nor base64") from error
