"""The minute for which a host is left alone after a refusal, in seconds that a test has."""

import psycopg

DEFINITION = "SELECT pg_get_functiondef('block_host'::regproc)"
MINUTE = "LEAST(60 * 2 ^"


def shorten(conninfo: str, seconds: float) -> None:
    """Have the first pause of this database last so long; each further one is twice as long, as ever."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(DEFINITION).fetchone()
        assert row is not None
        assert MINUTE in row[0]
        connection.execute(row[0].replace(MINUTE, f"LEAST({seconds} * 2 ^").encode())
