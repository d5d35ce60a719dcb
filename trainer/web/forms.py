"""Finds the photos of a request: files, addresses, bytes in the request itself, or photos that the server has."""

import base64
import binascii
import re
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from collector.web.server.forms import Form
from collector.web.server.problems import Problem
from trainer.web.answer import Given
from trainer.web.problems import Code
from trainer.web.service import Service
from trainer.web.together import PHOTOS, Unread

KINDS = ("data", "url", "photo", "sample")  # fields that name a photo
DATA_URI = re.compile(r"data:[^,;]{0,100}(?:;[^,;]{0,100}){0,5},", re.I)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
AS_BASE64 = str.maketrans("-_ ", "+/+")  # from URL-safe base64; a space was a plus that was not escaped
WHITE = re.compile(r"[\r\n\t]+")


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
        yield Given(file.name, file.body, uploaded=True)
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
