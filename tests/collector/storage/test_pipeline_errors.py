"""An error within a pipeline is raised, and is said once."""

import logging

import psycopg
import pytest

from collector.politeness.gate import Connection


async def fail(connection: Connection, *, of_our_own: bool) -> None:
    """Send a statement that fails; end the pipeline by another error before its answer is read."""
    async with connection.pipeline():
        await connection.execute("SELECT 1 / 0")
        if of_our_own:
            raise ValueError("ours")


async def test_an_error_that_ends_a_pipeline_is_not_logged_besides(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="psycopg")
    with pytest.raises(ValueError, match="ours"):
        await fail(connection, of_our_own=True)
    assert caplog.records == []
    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail(connection, of_our_own=False)
