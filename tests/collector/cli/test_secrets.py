"""Passwords of the database: no command shows one, to other users or in its errors."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from collector.storage import database
from collector.storage.embedded import lease
from tests.collector.cli.locks import waiting
from tests.collector.cli.test_cli import collector, environment

SECRET = "s3cr t/öf@us"  # what an address and a shell would both trip over
ENCODED = "s3cr%20t%2F%C3%B6f%40us"


def all_command_lines() -> str:
    """The command lines of all processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A server that asks for a password; its address, with everything in it."""
    above = Path(tempfile.mkdtemp(prefix="paddock-guarded-"))
    above.chmod(0o711)
    with lease(above / "postgres", fast_and_unsafe=True) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{SECRET}'".encode())
            connection.execute("CREATE DATABASE kept OWNER keeper")
            rules = above / "postgres" / "data" / "pg_hba.conf"
            rules.write_text(f"local all keeper scram-sha-256\n{rules.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
            folder = connection.info.host
        address = f"postgresql://keeper:{ENCODED}@/kept?host={folder}"
        database.upgrade(database.conninfo_for(address))
        yield address
    shutil.rmtree(above, ignore_errors=True)


@pytest.mark.parametrize("form", ["in front", "behind", "words"])
async def test_no_password_is_in_the_list_of_processes(guarded: str, tmp_path: Path, form: str) -> None:
    folder = guarded.partition("host=")[2]
    address = {
        "in front": guarded,
        "behind": f"postgresql:///kept?host={folder}&user=keeper&password={ENCODED}",
        "words": f"host={folder} dbname=kept user=keeper password='{SECRET}'",
    }[form]
    file = tmp_path / "paddock.dump"
    conninfo = database.conninfo_for(address)
    for words in (
        ["db", "psql", "-c", "SELECT count(*) FROM page"],
        ["db", "dump", str(file)],
        ["db", "restore", str(file), "--yes"],
    ):
        with psycopg.connect(conninfo) as holder:
            holder.execute("LOCK TABLE page")
            running = asyncio.create_task(collector(*words, env=environment(address)))
            await waiting(conninfo)
            seen = all_command_lines()
            assert "kept" in seen  # the database's name is there
            assert "s3cr" not in seen
            assert "%C3%B6" not in seen
        done = await running
        assert done.returncode == 0, done.stderr
        assert "s3cr" not in done.stdout + done.stderr


async def test_a_secret_that_cannot_be_handed_on_unseen_is_refused(guarded: str) -> None:
    done = await collector("db", "psql", env=environment(f"{guarded}&sslpassword=hush"))
    assert (done.returncode, "sslpassword" in done.stderr, "hush" in done.stderr) == (2, True, False)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://keeper:s3cr/t@host/kept",  # libpq takes s3cr for the port
        "postgresql://keeper:s3cr@t@host/kept",  # and here t@host for the host
        "postgresql://keeper:s3cr%zz@host/kept",
        "postgresql://keeper:s3cr#t@host/kept",
        "postgresql://keeper:s3cr/kept",
        "postgresql://keeper:x@host:s3cr/kept",
        "host=h password=x s3cr dbname=kept",
        "host=h password='s3cr",
        "host=h passwort=s3cr",
        "postgresql://keeper@host/kept?passwort=s3cr",
        "s3cr",
    ],
)
async def test_no_part_of_a_password_is_in_an_error(address: str) -> None:
    done = await collector("status", env=environment(address))
    assert done.returncode == 2
    assert "PADDOCK_DATABASE_URL cannot be understood" in done.stderr
    assert "s3cr" not in done.stderr + done.stdout


async def test_a_wrong_password_is_not_in_the_error(guarded: str) -> None:
    done = await collector("status", env=environment(guarded.replace(ENCODED, "wr0ng")))
    assert (done.returncode, "password authentication failed" in done.stderr) == (2, True)
    assert "wr0ng" not in done.stderr
