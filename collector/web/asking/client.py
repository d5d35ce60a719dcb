"""Asks `trainer serve` what a model says of a photo. Whatever goes wrong there is one sentence here."""

import logging
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, FormData
from pydantic import ValidationError
from yarl import URL

from collector.console.trouble import reason_of
from collector.web.asking.answered import Answered
from collector.web.codes import Code
from collector.web.server.problems import Problem
from collector.web.server.slots import Slots

PATIENCE = ClientTimeout(total=20, sock_connect=3)  # seconds: less than a page's own
AT_ONCE = 8  # photos in work
LARGEST = 2**20  # bytes of an answer

logger = logging.getLogger(__name__)


class Asking:
    """A model that can be asked; without an address nobody can be."""

    def __init__(self, address: str | None, token: str | None = None) -> None:
        given = URL(address) if address else None
        self._address = given.with_query(None) / "predict.json" if given else None
        self._token = given.query.get("token", token) if given else None  # as `trainer serve` prints it
        self._session: ClientSession | None = None
        self.slots = Slots(AT_ONCE)

    async def __aenter__(self) -> Self:
        self._session = ClientSession(timeout=PATIENCE, auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    @property
    def possible(self) -> bool:
        """Whether there is a model to ask."""
        return self._address is not None

    async def ask(self, body: bytes) -> Answered:
        """What the model says of a photo.

        Raises:
            Problem: there is no model, it cannot be asked now, or it cannot read the photo.
        """
        if self._address is None or self._session is None:
            raise Problem(Code.NO_MODEL)
        form = FormData()
        form.add_field("file", body, filename="photo", content_type="application/octet-stream")
        headers = {"Accept-Encoding": "identity"}  # what comes is then as large as it looks
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with self._session.post(self._address, data=form, headers=headers, allow_redirects=False) as answer:
                return _read(answer.status, await _body(answer))
        except (ClientError, TimeoutError) as error:
            logger.warning("the model's server does not answer", extra={"reason": reason_of(error)})
            raise Problem(Code.MODEL_LOST, retry_after=5) from error


async def _body(answer: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > LARGEST:
            raise Problem(Code.MODEL_OTHER)
    return bytes(body)


def _read(status: int, body: bytes) -> Answered:
    if status == 401:
        raise Problem(Code.MODEL_TOKEN)
    if status in (429, 503):
        raise Problem(Code.BUSY, retry_after=5)
    if status == 422:
        raise Problem(Code.NO_PICTURE, "the model cannot read it")
    try:
        return Answered.model_validate_json(body if status == 200 else b"")
    except ValidationError as error:
        reason = f"status {status}, {error.errors(include_input=False)[0]['msg']}"
        logger.warning("the model's server answers what is not understood", extra={"reason": reason})
        raise Problem(Code.MODEL_OTHER) from error
