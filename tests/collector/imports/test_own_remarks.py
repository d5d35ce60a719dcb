"""A person's remark on a photo of their own: stated in the table or typed, archived first, read like any other."""

from datetime import date
from pathlib import Path

import psycopg
import pytest

from collector.errors import Busy, UsageError
from collector.imports.own_remark import IMPORT_LOCK, store_remark
from collector.pipeline.forget import forget
from collector.pipeline.reparse import reparse
from collector.storage.locks import alone
from tests.collector.imports.saved import rows
from tests.owned import bring_photos, row

SAID = """SELECT photo_id, comment, distance_said, claims->0->>'kind', build_tags->0->>'tag' FROM photo
          WHERE source = 'own' ORDER BY 1"""
RECORDS = "SELECT count(*) FROM blob WHERE starts_with(media_type, 'application/json')"
STATED = ("own:160104/01", "胴長で、1800m以上がいい", "said", "lower", "胴長")
TYPED = ("own:160104/01", "マイルがベスト", "said", "best:around", None)


async def typed(conninfo: str, photo: str, remark: str) -> None:
    """Type a remark."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await store_remark(connection, photo, remark)


async def test_a_remark_of_the_table_is_read_and_kept_where_the_table_has_none(conninfo: str, tmp_path: Path) -> None:
    with_remark = row("1.jpg", "アオバ", date="2016-01-04") | {"remark": "胴長で、1800m以上がいい"}
    await bring_photos(conninfo, tmp_path, [with_remark])
    assert rows(conninfo, SAID) == [STATED]
    for again in (row("1.jpg", "アオバ", date="2016-01-04"), with_remark | {"remark": ""}):
        report = await bring_photos(conninfo, tmp_path, [again])
        assert (report.brought, report.standings["known"]) == (0, 1)
    await bring_photos(conninfo, tmp_path, [row("1.jpg", "カゼ", date="2016-01-04")])
    assert rows(conninfo, SAID) == [STATED]


async def test_a_typed_remark_is_a_new_version_of_the_record_and_is_read_again(conninfo: str, tmp_path: Path) -> None:
    stated = row("1.jpg", "アオバ", date="2016-01-04") | {"remark": "胴長で、1800m以上がいい"}
    await bring_photos(conninfo, tmp_path, [stated])
    ((before,),) = rows(conninfo, RECORDS)
    await typed(conninfo, "own:160104/01", " マイルがベスト\n")
    assert rows(conninfo, SAID) == [TYPED]
    assert rows(conninfo, RECORDS) == [(before + 1,)]
    assert rows(conninfo, "SELECT count(*) FROM fetch_log WHERE file = 'a remark that was typed'") == [(1,)]
    await typed(conninfo, "own:160104/01", "マイルがベスト")
    assert rows(conninfo, RECORDS) == [(before + 1,)], "the same remark is stored once"
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await connection.execute("UPDATE photo SET distance_said = NULL, claims = '[]'")
        await reparse(connection, date(2000, 1, 1), dry_run=False, show=lambda *_: None)
    assert rows(conninfo, SAID) == [TYPED]
    await typed(conninfo, "own:160104/01", "")
    assert rows(conninfo, SAID) == [("own:160104/01", None, None, None, None)]


async def test_a_remark_on_another_photo_or_of_another_form_is_refused(conninfo: str, tmp_path: Path) -> None:
    await bring_photos(conninfo, tmp_path, [row("1.jpg", "アオバ", date="2016-01-04")])
    for photo, remark in (("own:160104/02", "x"), ("own:160104/01", "x" * 2001), ("own:160104/01", "x\0")):
        with pytest.raises(UsageError):
            await typed(conninfo, photo, remark)
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        async with alone(connection, IMPORT_LOCK):
            with pytest.raises(Busy):
                await typed(conninfo, "own:160104/01", "x")
        ((url,),) = rows(conninfo, "SELECT page_url FROM photo")
        await forget(connection, url=url)
    with pytest.raises(UsageError):
        await typed(conninfo, "own:160104/01", "x")
