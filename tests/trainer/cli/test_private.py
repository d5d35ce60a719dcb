"""Photos are for private study: what is written of them is its owner's alone, and a quiz answers this machine only."""

import os
import stat
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from collector.demo.world.world import World
from tests.filled import fill
from tests.trainer.exported import trainer
from trainer.dataset.manifest import Version
from trainer.directories import make_folder, write_file
from trainer.evaluation.guess import choose
from trainer.web.quiz import make_quiz


def seen_by_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.fixture
def _no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_no_umask")
@pytest.mark.parametrize("data_format", ["parquet", "imagefolder", "webdataset"])
def test_a_data_set_is_its_owners_alone_whatever_the_umask(conninfo: str, tmp_path: Path, data_format: str) -> None:
    fill(conninfo, World(years=range(2015, 2017), issues_per_year=2, photos_per_issue=4))
    done = trainer(conninfo, tmp_path / "home", "export", "--format", data_format)
    assert done.returncode == 0, done.stderr
    (version,) = (tmp_path / "home" / "datasets").glob("paddock-*")
    assert len(list(version.rglob("*"))) > 3
    assert seen_by_others(tmp_path / "home" / "datasets") == []


@pytest.mark.usefixtures("_no_umask")
def test_a_file_open_to_others_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    make_folder(tmp_path / "new" / "inner")
    (tmp_path / "new" / "kept").write_text("old")
    (tmp_path / "new" / "kept.part").write_text("left over")
    write_file(tmp_path / "new" / "kept", "new")
    assert seen_by_others(tmp_path / "new") == []


@pytest.mark.usefixtures("_no_umask")
async def test_a_quiz_answers_its_own_page_only_and_keeps_answers_private(version: Version, tmp_path: Path) -> None:
    quiz = choose(version, 2, tmp_path / "guesses" / "answers.jsonl")
    answer = {"value": "0.5", "number": "1", "token": quiz.token}
    async with TestClient(TestServer(make_quiz(quiz, lambda: None))) as client:
        here = f"127.0.0.1:{client.port}"
        for host in ("paddock.example", "192.168.1.5", "127.0.0.1.example", ""):
            for path in ("/", "/photo/1"):
                assert (await client.get(path, headers={"Host": host})).status == 421
            assert (await client.post("/", data=answer, headers={"Host": host})).status == 421
        for elsewhere in (
            {"Origin": "http://elsewhere.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        ):
            refused = await client.post("/", data=answer, headers=elsewhere)
            assert (refused.status, "script" in await refused.text()) == (403, False)
        assert (await client.get("/photo/1", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
        assert quiz.answered == 0
        page = await client.get("/", headers={"Host": f"localhost:{client.port}"})
        assert (page.status, page.headers["X-Frame-Options"]) == (200, "DENY")
        await client.post("/", data=answer, headers={"Origin": f"http://{here}", "Sec-Fetch-Site": "same-origin"})
        assert quiz.answered == 1
        for path in ("/nowhere", "/photo/99"):
            assert (await client.get(path)).status == 404
    assert seen_by_others(tmp_path / "guesses") == []
