"""Several photos of one horse: the horse's answer, and what its interval promises."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.conftest import CPU
from tests.trainer.inference.test_answers import trainer
from trainer.directories import Directories
from trainer.inference.serving import Prediction, Predictor
from trainer.labels.results import DISTANCE
from trainer.runs.runs import Run


def predict(directories: Directories, run: Run, *words: str | Path) -> Any:
    done = trainer(directories, "predict", *map(str, words), "--run", run.name, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def mean_of(answers: list[Any], name: str) -> float:
    return float(np.mean([answer[name] for answer in answers if answer[name] is not None]))


def test_a_horse_gets_the_mean_of_its_photos_and_of_their_intervals(
    directories: Directories, run: Run, photos: Path
) -> None:
    named = (photos / "2.jpg", photos / "broken.jpg", photos / "1.jpg")
    (horse,) = predict(directories, run, *named, "--together")
    assert [photo["photo"] for photo in horse["photos"]] == [str(photo) for photo in named]
    assert "JPEG" in horse["photos"][1]["problem"]
    assert horse["photos"][0]["value"] != horse["photos"][2]["value"]
    for name in ("value", "low", "high"):
        assert horse[name] == pytest.approx(mean_of(horse["photos"], name), abs=1e-4)
    assert (horse["folder"], horse["run"], horse["label"]) == (None, run.name, "poll/distance")
    alone = predict(directories, run, *named)
    assert [photo["value"] for photo in alone] == [photo["value"] for photo in horse["photos"]]


def test_each_folder_is_a_horse(directories: Directories, run: Run, photos: Path, tmp_path: Path) -> None:
    for horse, names in (("a", ("1", "2")), ("b/c", ("2",))):
        (tmp_path / "horses" / horse).mkdir(parents=True)
        for name in names:
            shutil.copy(photos / f"{name}.jpg", tmp_path / "horses" / horse)
    words = (tmp_path / "horses", "--together")
    horses = predict(directories, run, *words)
    assert [horse["folder"] for horse in horses] == [str(tmp_path / "horses" / name) for name in ("a", "b/c")]
    assert [[photo["photo"] for photo in horse["photos"]] for horse in horses] == [
        ["a/1.jpg", "a/2.jpg"],
        ["b/c/2.jpg"],
    ]
    assert horses[1]["value"] == horses[1]["photos"][0]["value"]
    said = trainer(directories, "predict", *map(str, words), "--run", run.name).stdout
    lines = said.splitlines()
    assert [line.split()[0] for line in lines if ".jpg" in line] == ["a/1.jpg", "a/2.jpg", "b/c/2.jpg"]
    assert "2 photos" in said
    assert "1 photo " in said
    beside = predict(directories, run, *words, photos / "1.jpg")  # one that is named by itself is another horse
    assert [horse["folder"] for horse in beside] == [*(horse["folder"] for horse in horses), None]


def test_without_a_photo_that_can_be_read_a_horse_has_no_answer(
    directories: Directories, run: Run, photos: Path
) -> None:
    words = ("predict", str(photos / "broken.jpg"), str(photos / "broken.jpg"), "--together", "--run", run.name)
    done = trainer(directories, *words)
    assert done.exit_code == 2
    assert "none of its photos could be read" in " ".join(done.stdout.split())
    assert "No photo could be read" in done.stderr


def test_the_type_and_the_metres_of_a_horse_are_those_of_its_mean(run: Run) -> None:
    predictor = Predictor(run, CPU)
    predictor.learnt = [replace(predictor.learnt[0], scale=DISTANCE)]
    photos = [Prediction("", value, value - 0.05, value + 0.15, None) for value in (0.1, 0.5)]
    horse = predictor.together([*photos, replace(photos[0], value=None)], "Sky")
    assert (horse.photo, horse.value, horse.low, horse.high) == ("Sky", 0.3, 0.25, 0.45)
    assert horse.kind == "mile"
    assert horse.metres == pytest.approx((1400 * 1700) ** 0.5, abs=0.1)
    assert predictor.together([replace(photos[0], value=None)], "Sky").problem
