"""Pictures that a person has, each with a record beside it: how both are called, and how a record is read. Pure.

They are on no site. A picture's address is made of its bytes, so the same photo is the same page wherever its file is.
"""

import re
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.errors import ParseError
from collector.sources.saved import Named
from collector.sources.source import IMAGE

AT = re.compile(r"/([0-9a-f]{64})(\.json)?")


class RecordBeside(BaseModel):
    """What a record states at least."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")  # SHA-256 of the picture's bytes


AnyRecord = TypeVar("AnyRecord", bound=RecordBeside)


@dataclass(frozen=True, slots=True)
class Beside:
    """The addresses of a source's pictures and records."""

    site: str
    kind: str  # of a record

    def record_url(self, digest: str) -> str:
        """The address of a picture's record."""
        return f"{self.site}/{digest}.json"

    def picture_url(self, digest: str) -> str:
        """The address of a picture, by the SHA-256 of its bytes."""
        return f"{self.site}/{digest}"

    def at(self, address: str) -> Named | None:
        """The page at an address, given without the site's."""
        found = AT.fullmatch(address)
        return Named(self.kind if found[2] else IMAGE, address, ("photo", address)) if found else None

    def read(self, kind: type[AnyRecord], url: str, text: str) -> AnyRecord:
        """The record at an address.

        Raises:
            ParseError: it is not a record of the picture that its address names.
        """
        try:
            record = kind.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise ParseError(str(first["loc"][0]) if first["loc"] else "record", first["msg"]) from error
        if self.record_url(record.digest) != url:
            raise ParseError("digest", "its address names another picture")
        return record
