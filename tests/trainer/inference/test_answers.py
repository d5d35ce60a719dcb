"""Answers for new photos: files, folders, addresses, ONNX, the quiz for people; and one sentence for every mistake."""

import asyncio
import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from aiohttp.test_utils import TestClient, TestServer
from rich.console import Console
from typer.testing import CliRunner

from collector.console import terminal
from collector.errors import UsageError
from collector.fetch.fetcher import IMAGE_BYTES
from tests.demo_site import demo_site
from tests.paths import ROOT
from tests.trainer.conftest import CPU, trained
from trainer.cli import base
from trainer.cli.app import app
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.guess import choose, guesses_path, human_level
from trainer.inference import serving
from trainer.inference.serving import Predictor, Served, export_onnx
from trainer.labels.definition import Scale
from trainer.runs.runs import Run
from trainer.web.quiz import make_quiz


def trainer(directories: Directories, *words: str) -> Any:
    return CliRunner(env={"PADDOCK_HOME": str(directories.home)}).invoke(app, list(words))


def test_a_photo_gets_a_value_interval_type_and_saliency_picture(
    directories: Directories, run: Run, photos: Path, tmp_path: Path
) -> None:
    done = trainer(directories, "predict", str(photos / "1.jpg"), "--run", run.name, "--out", str(tmp_path), "--json")
    assert done.exit_code == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert 0 <= answer["low"] <= answer["value"] <= answer["high"] <= 1
    assert answer["kind"] in ("sprint", "mile", "middle", "long")
    assert Path(answer["saliency"]).read_bytes().startswith(b"\x89PNG")


def test_a_folder_is_answered_in_order_and_a_broken_photo_says_why(
    directories: Directories, run: Run, photos: Path
) -> None:
    done = trainer(directories, "predict", str(photos), "--run", run.name, "--json")
    assert done.exit_code == 0, done.stderr
    answers = json.loads(done.stdout)
    assert [one["photo"] for one in answers] == ["1.jpg", "2.jpg", "broken.jpg"]
    assert answers[2]["value"] is None
    assert "JPEG" in answers[2]["problem"]
    assert not any(one["saliency"] for one in answers)


def test_what_cannot_be_read_of_a_folder_is_a_problem_of_that_photo_alone(
    directories: Directories, run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "link.jpg").symlink_to(photos / "nowhere")
    with (photos / "large.jpg").open("wb") as file:
        file.truncate(IMAGE_BYTES + 1)
    read, refused = Path.read_bytes, OSError(13, "Permission denied")
    monkeypatch.setattr(Path, "read_bytes", lambda path: _raise(refused) if path.name == "2.jpg" else read(path))
    done = trainer(directories, "predict", str(photos), "--run", run.name, "--saliency", "--json")
    assert done.exit_code == 0, done.stderr
    answers = {one["photo"]: one["problem"] for one in json.loads(done.stdout)}
    assert answers["1.jpg"] is None
    assert "Permission denied" in answers["2.jpg"]
    assert "No such file" in answers["link.jpg"]
    assert answers["large.jpg"] == "it is larger than 20 MiB"
    done = trainer(directories, "predict", str(photos), "--run", run.name)
    assert "not read: it is larger than 20 MiB" in done.stdout


def _raise(error: Exception) -> Any:
    raise error


def test_names_are_printed_as_they_are_and_pictures_not_overwritten(
    directories: Directories, run: Run, photos: Path, tmp_path: Path
) -> None:
    names = ["a b.jpg", "a_b.jpg", "馬[b].jpg", ":horse:.jpg"]
    (photos / "names").mkdir()
    for name in names:
        shutil.copy(photos / "1.jpg", photos / "names" / name)
    words = ("predict", str(photos / "names"), "--run", run.name, "--saliency", "--out", str(tmp_path / "maps"))
    said = trainer(directories, *words).stdout
    answers = json.loads(trainer(directories, *words, "--json").stdout)
    assert [one["photo"] for one in answers if one["photo"] not in said] == []
    assert len({one["saliency"] for one in answers}) == len(list((tmp_path / "maps").iterdir())) == 4


def test_only_a_model_of_distances_says_types(
    directories: Directories, run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_label_of", lambda *_: ("poll/maturity", Scale("early", "late")))
    done = trainer(directories, "predict", str(photos), "--run", run.name)
    assert not {"sprint", "mile", "middle", "long", "type"} & set(done.stdout.split())
    assert "0 early, 1 late" in done.stdout
    assert f"By {run.name}, poll/maturity: NOT EVALUATED" in done.stdout


def test_a_run_that_cannot_be_read_is_named_and_can_be_removed(directories: Directories, run: Run) -> None:
    broken = directories.runs / "broken-1"
    broken.mkdir()
    (broken / "run.json").write_text("[1]")
    listed = trainer(directories, "runs")
    assert run.name in listed.stdout
    assert "`trainer runs delete broken-1` removes it" in listed.stderr
    assert "broken-1" not in listed.stdout
    assert "`trainer runs delete broken-1` removes it" in trainer(directories, "evaluate", "broken-1").stderr
    assert "broken-1" in trainer(directories, "runs", "delete", "nobody", "--yes").stderr
    assert trainer(directories, "runs", "delete", "broken-1", "--yes").exit_code == 0
    assert not broken.exists()


def test_names_are_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, data = "alexnet-frozen-2017-1", "paddock-02e989c6810f"
    rows = [{"run": run, "preset": run[:-2], "data": data, "status": "training", "code": "44ade8a23e6b and changes"}]
    for width, seen in ((80, ("preset",)), (120, ("preset", "code")), (60, ())):
        monkeypatch.setattr(terminal, "stdout", lambda width=width: Console(markup=False, width=width))
        base.print_rows(rows, ("code", "preset"))
        head, row, *note = capsys.readouterr().out.splitlines()
        assert row.split()[0] == run
        assert data in row
        assert [name for name in ("preset", "code") if name in head.split()] == list(seen)
        assert bool(note) == (len(seen) < 2)


async def test_an_address_is_read_through_the_collectors_own_checks(directories: Directories, run: Run) -> None:
    async with demo_site() as site:
        issue = site.world.issues(2016)[0]
        page = f"{site.base}/keibabook/{issue.code}/images/pp01.jpg"
        words = ("predict", page, "--run", run.name, "--json", "--no-saliency")
        done = await asyncio.to_thread(trainer, directories, *words)
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)[0]["value"] is not None
        gone = await asyncio.to_thread(trainer, directories, "predict", f"{site.base}/none.jpg", "--run", run.name)
        assert gone.exit_code == 2
        assert "the site answered 404" in gone.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("predict", "nowhere.jpg"), "No photo nowhere.jpg was found"),
        (("predict", "http://[bad/x"), "http://[bad/x is not an address of a photo"),
        (("predict", "http://example.org:port/x"), "is not an address of a photo"),
        (("predict", "http://10.0.0.1/x.jpg"), "is not on the public internet"),
        (("predict", "http://user:word@example.org/x.jpg"), "user name"),
        (("evaluate", "nobody"), "No run is called 'nobody'"),
        (("diagnose", "nobody"), "No run is called 'nobody'"),
        (("runs", "compare", "nobody", "last"), "No run is called 'nobody'"),
        (("train", "--preset", "magic"), "No preset is called 'magic'; the presets are first-cnn"),
        (("train", "--data", "nothing"), "No data set version is called 'nothing'"),
        (("train", "--device", "cuda"), "--device cuda: torch finds no such device here"),
        (("train", "--freeze", "conv9*", "--preset", "first-cnn"), "'conv9*' matches no parameter"),
        (("train", "--resume", "--name", "nobody"), "No run is called 'nobody'"),
        (("train", "--set", "speed=3"), "--set speed=3: write it as key=value"),
        (("train", "--preset", "probe", "--set", "backbone=resnet18"), "No pip package ships weights of resnet18"),
        (("dataset", "show", "nothing"), "No data set version is called 'nothing'"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    directories: Directories, run: Run, words: tuple[str, ...], says: str
) -> None:
    before = {folder.name for folder in directories.runs.iterdir()}
    done = trainer(directories, *words)
    assert done.exit_code == 2, (done.stdout, done.stderr)
    assert says in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert {folder.name for folder in directories.runs.iterdir()} == before


def test_a_home_without_data_says_what_to_do(tmp_path: Path) -> None:
    for words, says in ((("train",), "`trainer export` makes one"), (("evaluate",), "`trainer train` makes one")):
        done = trainer(Directories(tmp_path), *words)
        assert done.exit_code == 2
        assert says in done.stderr.replace("\n", " ")


def test_runs_are_listed_compared_and_removed(directories: Directories, version: Version, run: Run) -> None:
    other = trained(directories, version, "svr")[0]
    listed = json.loads(trainer(directories, "runs", "--json").stdout)
    assert {run.name, other.name} <= {one["name"] for one in listed}
    compared = json.loads(trainer(directories, "runs", "compare", run.name, other.name, "--json").stdout)
    assert compared["settings"]["preset"] == ["probe", "svr"]
    assert trainer(directories, "runs", "delete", other.name, "--yes").exit_code == 0
    assert not other.folder.exists()


def test_the_onnx_file_answers_as_the_run_does_without_other_output(
    directories: Directories, version: Version, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small, _, material = trained(directories, version, "first-cnn", "height=16", "width=16", "epochs=1")
    capfd.readouterr()
    assert export_onnx(small, tmp_path / "model.onnx", np.array(material.pixels[:5])) < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert (said["run"], said["label"], said["0"]) == (small.name, "poll/distance", "short")
    assert said["verdict"] == "not evaluated"
    assert (tmp_path / "model.onnx").stat().st_size > 10_000
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_leaves_no_half_written_model(
    directories: Directories, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_served: Served, path: Path, _pixels: np.ndarray, _facts: Mapping[str, str]) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving, "_write_onnx", full)
    (tmp_path / "model.onnx").write_bytes(b"the one before")
    with pytest.raises(OSError, match="No space"):
        export_onnx(run, tmp_path / "model.onnx", np.zeros((2, 32, 48, 3), np.uint8))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the one before"]


def test_a_model_whose_interval_differs_is_not_kept(
    directories: Directories, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, _, material = trained(directories, version, "first-cnn", "height=16", "width=16", "epochs=1")
    write = serving._write_onnx

    def wider(served: Served, path: Path, pixels: np.ndarray, facts: Mapping[str, str]) -> None:
        other = copy.copy(served)
        other.width = served.width / 2
        write(other, path, pixels, facts)

    monkeypatch.setattr(serving, "_write_onnx", wider)
    with pytest.raises(UsageError, match="differs from"):
        export_onnx(small, tmp_path / "model.onnx", np.array(material.pixels[:5]))
    assert list(tmp_path.iterdir()) == []


def test_a_quickened_run_answers_the_same(directories: Directories, version: Version, run: Run) -> None:
    predictor = Predictor(run, CPU)
    pixels = np.random.default_rng(0).integers(0, 255, (5, 32, 48, 3), np.uint8)
    before = predictor.see(pixels)
    predictor.quicken()
    assert predictor._quick is not predictor.network
    for (one, features), (other, others) in zip(before, predictor.see(pixels), strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-3)
        assert np.allclose(features, others, atol=0.5)  # some have hardly any spread to be divided by
    svr = Predictor(trained(directories, version, "svr")[0], CPU)
    svr.quicken()
    assert len(svr.see(np.zeros((2, 32, 32, 3), np.uint8))) == 2


async def test_a_persons_answers_become_the_human_level(version: Version, tmp_path: Path) -> None:
    path = guesses_path(tmp_path, version.manifest.version)
    quiz = choose(version, 3, path)
    ended = asyncio.Event()
    async with TestClient(TestServer(make_quiz(quiz, ended.set))) as client:
        page = await client.get("/?lang=en")
        assert "Photo 1 of 3" in await page.text()
        assert "3枚中1枚目" in await (await client.get("/?lang=ja")).text()
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert (await client.get("/photo/1")).content_type == "image/jpeg"
        assert (await client.get("/photo/9")).status == 404
        for wrong in ({"value": "2", "number": "1"}, {"value": "0.5"}, {"value": "x", "number": "1"}):
            assert (await client.post("/", data=wrong | {"token": quiz.token})).status == 400
        assert (await client.post("/", data={"value": "0.5", "number": "1", "token": "forged"})).status == 400
        for number in (1, 1, 2, 3):  # the first one is sent twice
            await client.post("/", data={"value": "0.5", "number": str(number), "token": quiz.token})
        assert "That was the last one" in await (await client.get("/?lang=en")).text()
    assert ended.is_set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 3
    level = human_level(path)
    assert level is not None
    assert level.value == pytest.approx(np.mean([81 * (0.5 - line["label"]) ** 2 for line in lines]))
    assert not {photo for photo, *_ in choose(version, 50, path).photos} & {line["photo"] for line in lines}


def test_the_export_needs_no_torch_and_the_collector_never_does() -> None:
    look = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
    assert not {"torch", "timm", "sklearn"} & set(sys.modules), f"{name} is heavy"
"""
    names = ("collector.cli.session", "collector.cli.horse", "collector.engine.crawl", "collector.web.app")
    words = [sys.executable, "-c", look, *names, "trainer.cli.app", "trainer.dataset.export"]
    assert subprocess.run(words, cwd=ROOT).returncode == 0
