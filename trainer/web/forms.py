"""Finds the photo of a request: a file, an address, bytes in the request itself, or a photo that the server has."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard
from urllib.parse import unquote_to_bytes

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from collector.web.server.problems import Problem
from trainer.web.problems import LARGEST, Code
from trainer.web.service import Given, Service

FIELDS = 10  # of a form, at most
DATA_URI = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{0,100}){0,5},", re.I)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
AS_BASE64 = str.maketrans("-_ ", "+/+")  # from URL-safe base64; a space was a plus that was not escaped
WHITE = re.compile(r"[\r\n\t]+")


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form or of an address, and the uploaded file."""

    fields: Mapping[str, str]
    file: Given | None = None


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
            return Form({name: value for name, value in (await request.post()).items() if isinstance(value, str)})
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem(Code.TOO_LARGE) from error
    except (ValueError, LookupError, AssertionError, HttpProcessingError, web.RequestPayloadError) as error:
        # These are what aiohttp raises on broken bodies, found by a test with mutated bodies.
        raise Problem(Code.NOT_UNDERSTOOD, "its form is broken") from error
    raise Problem(Code.NOT_UNDERSTOOD, "it takes multipart/form-data or application/x-www-form-urlencoded")


async def _read_parts(request: web.Request) -> Form:
    fields: dict[str, str] = {}
    file: Given | None = None
    size = count = 0
    async for part in await request.multipart():
        count += 1
        if not _is_field(part) or count > FIELDS:
            raise Problem(Code.NOT_UNDERSTOOD, "its form has other parts than fields, or too many")
        chunks = []
        while chunk := await part.read_chunk():
            size += len(chunk)
            if size > LARGEST:
                raise Problem(Code.TOO_LARGE)
            chunks.append(chunk)
        body = b"".join(chunks)
        if part.filename is None:
            fields[part.name or ""] = body.decode()
        elif body:  # a form in which no file was chosen sends an empty one
            file = Given(part.filename[:200], body, uploaded=True)
    return Form(fields, file)


def _is_field(part: object) -> TypeGuard[BodyPartReader]:
    return isinstance(part, BodyPartReader) and part.name is not None


async def find_photo(form: Form, service: Service) -> Given:
    """The photo that a request is about.

    Raises:
        Problem: the request names none, or the photo is not available.
    """
    fields = {name: value for name, value in form.fields.items() if value.strip()}
    if form.file:
        return form.file
    if "data" in fields:
        return Given("", read_data(fields["data"]), uploaded=True)
    if "url" in fields:
        return await service.at(fields["url"])
    if "photo" in fields:
        return await service.of_collection(_number(fields["photo"]))
    if "sample" in fields:
        return service.of_data_set(_number(fields["sample"]))
    raise Problem(Code.NOTHING_ASKED)


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
