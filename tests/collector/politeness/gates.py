"""A gate of one host, as tests of politeness take it."""

import asyncio
from typing import LiteralString

from collector.politeness.gate import Connection, Gate, Pace

HOST = "stable.example"


async def take(connection: Connection, job_id: int = 1, delay: float = 1.0) -> Gate:
    return await Gate.take(connection, HOST, job_id, Pace(delay), asyncio.Event())


async def one(connection: Connection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    return row and row[0]
