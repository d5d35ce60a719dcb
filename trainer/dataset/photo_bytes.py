"""Reads the photos' bytes from the collection, and checks that they are those that were stored."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import psycopg

from collector.storage import archive
from trainer.dataset.formats import ROWS, batched

BYTES = "SELECT digest, encoding, content FROM blob WHERE digest = ANY(%s)"

Connection = psycopg.Connection[dict[str, Any]]


class Damaged(Exception):
    """The bytes of photos have changed; the export leaves out all such photos and starts again."""

    def __init__(self, digests: set[str]) -> None:
        self.digests = digests


def read_bodies(connection: Connection, digests: Iterable[str]) -> dict[str, bytes]:
    """The bytes of photos by their digest, without those that cannot be decompressed."""
    found: dict[str, bytes] = {}
    with connection.cursor(binary=True) as cursor:
        for row in cursor.execute(BYTES, (list(set(digests)),)):
            with suppress(archive.Damaged):
                found[row["digest"]] = archive.unpack(row["content"], row["encoding"])
    return found


def is_whole(body: bytes | None, digest: str) -> bool:
    """Whether bytes are as they were stored. They were checked then; only the disk can have damaged them."""
    return body is not None and hashlib.sha256(body).hexdigest() == digest


def read_whole(connection: Connection, digests: Sequence[str]) -> Iterator[bytes]:
    """The bytes of photos, in this order.

    Raises:
        Damaged: those of some have changed; all of them are named.
    """
    for batch in batched(digests, ROWS):
        bodies = read_bodies(connection, batch)
        for digest in batch:
            if not is_whole(bodies.get(digest), digest):
                raise Damaged(_find_damaged(connection, digests))
            yield bodies[digest]


def _find_damaged(connection: Connection, digests: Sequence[str]) -> set[str]:
    damaged = set()
    for batch in batched(digests, ROWS):
        bodies = read_bodies(connection, batch)
        damaged |= {digest for digest in batch if not is_whole(bodies.get(digest), digest)}
    return damaged
