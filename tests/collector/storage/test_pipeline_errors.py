"""An error within a pipeline is raised, and is said once."""

import logging

import psycopg
import pytest

from collector.politeness.gate import Connection


async def test_an_error_that_ends_a_pipeline_is_not_logged_besides(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="psycopg")
    with pytest.raises(ValueError, match="ours"):
        async with connection.pipeline():
            await connection.execute("SELECT 1 / 0")
            raise ValueError("ours")
    assert caplog.records == []
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with connection.pipeline():
            await connection.execute("SELECT 1 / 0")
