"""One model for all labels of a data set: what it learns, what it keeps, and by which label it is judged."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from collector.errors import UsageError
from tests.databases import EMPTY, copy_of
from tests.filled import execute, fill
from tests.trainer.conftest import CPU, FEW, share_cache, start
from tests.trainer.exported import MORE_RACES
from trainer.cli.app import app
from trainer.dataset import card
from trainer.dataset.examples import Side
from trainer.dataset.export import Request, export
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.evaluate import evaluate_out_of_fold, judge
from trainer.evaluation.predictions import Answered
from trainer.labels.registry import wanted_labels
from trainer.models.answers import answer, load_model, load_whole
from trainer.models.heads import Bins, Heads, Plain
from trainer.models.networks import Network
from trainer.runs.config import make_config
from trainer.runs.runs import Run
from trainer.training.batches import Photos, batches
from trainer.training.learn import Report, learn
from trainer.training.material import Material, gather

POLL, RESULTS, SURFACE = "poll/distance", "results/distance", "results/surface"
SMALL = ("height=32", "width=48")
SOME = "SELECT horse_id FROM horse ORDER BY horse_id LIMIT 8"


@pytest.fixture(scope="module")
def several(cluster: str, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Directories, Version]:
    """A data set with three labels, of which no photo has to have all."""
    directories = Directories(tmp_path_factory.mktemp("home-of-labels"))
    share_cache(directories, shared)
    labels = [its for its in wanted_labels(["poll", "results"], ["distance", "surface"]) if its.key != "poll/surface"]
    with pytest.MonkeyPatch.context() as patch, copy_of(cluster, EMPTY) as conninfo:
        patch.setattr(card, "draw_plots", lambda *_: None)
        fill(conninfo, FEW)
        execute(conninfo, MORE_RACES)
        execute(
            conninfo, "DELETE FROM aptitude WHERE horse_id IN (SELECT horse_id FROM horse ORDER BY horse_id LIMIT 8)"
        )
        return directories, export(conninfo, directories.datasets, Request(labels=labels))


def body_of(version: Version) -> bytes:
    """The first photo of a version."""
    shard = version.manifest.shards[0]
    return next(body for _, body in read_shard(Format(version.manifest.format), version.folder / shard.path))


def learnt(several: tuple[Directories, Version], preset: str, *settings: str) -> tuple[Run, Network, Material]:
    """A run of all labels."""
    directories, version = several
    also = () if preset == "svr" else (f"also={RESULTS},{SURFACE}",)
    config = make_config(preset, (*SMALL, f"label={POLL}", *also, *settings))
    run = start(directories, version, config)
    material = gather(version, config, directories.cache)
    return run, learn(run, material, CPU, Report()), material


def test_a_probe_answers_each_label_as_a_probe_of_that_label_alone_does(several: tuple[Directories, Version]) -> None:
    run, network, material = learnt(several, "probe")
    assert [table.key for table in material.tables] == [POLL, RESULTS, SURFACE]
    unlabelled = [int(np.isnan(table.label).sum()) for table in material.tables]
    assert unlabelled[0] > 0  # so its head learns from fewer photos than others do
    directories, version = several
    outside = material.on(Side.VALIDATION)
    together = answer(network, material.pixels, CPU, outside)
    for place, key in enumerate((POLL, RESULTS, SURFACE)):
        alone = start(directories, version, make_config("probe", (*SMALL, f"label={key}")))
        held = gather(version, alone.config, directories.cache)
        learn(alone, held, CPU, Report())
        its = answer(load_model(alone, CPU)[0], material.pixels, CPU, outside)[0]
        assert its.value == pytest.approx(together[place].value, abs=1e-5), key
    assert not np.allclose(together[0].value, together[2].value)
    kept, calibrations = load_whole(run, CPU)
    assert len(kept.head) == len(calibrations) == 3
    one, calibration = load_model(run, CPU, SURFACE)
    assert calibration == calibrations[2]
    assert answer(one, material.pixels, CPU, outside)[0].value == pytest.approx(together[2].value, abs=1e-6)


@pytest.mark.parametrize("make", [lambda: Plain(4), lambda: Bins(4, 9)])
def test_a_label_that_is_missing_teaches_nothing(make: Callable[[], Plain | Bins]) -> None:
    """Of three photos the second has no first label, whatever number stands in its place."""
    weight = np.array([[1, 1], [0, 1], [1, 1]], np.float32)
    gradients: list[list[torch.Tensor]] = []
    for number in (0.1, 0.9):
        label = np.array([[0.2, 0.3], [number, 0.4], [0.5, 0.6]], np.float32)
        photos = Photos(np.zeros((3, 8, 8, 3), np.uint8), label, weight)
        (batch,) = batches(photos, make_config("finetune", ("batch=3",)), CPU, range(1))
        assert float(batch.weight.sum()) == pytest.approx(1)
        heads = Heads([make(), make()])
        for head in (heads[0], heads[1]):
            head.start_at(0.5)  # pyright: ignore[reportCallIssue]
        (batch.weight * heads.loss(heads(torch.ones(3, 4)), batch.label)).sum().backward()
        gradients.append([its.grad for its in heads.parameters() if its.grad is not None])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
    assert any(its.abs().max() > 0 for its in gradients[0])


def test_a_network_trained_in_steps_answers_all_labels(several: tuple[Directories, Version]) -> None:
    run, network, material = learnt(several, "finetune", "epochs=1", "batch=32", "head=bins", "bins=8")
    assert len(network.head) == 3
    assert run.facts.validation_mse is not None
    outside = material.on(Side.VALIDATION)
    loaded, _ = load_model(run, CPU, RESULTS)
    values = answer(loaded, material.pixels, CPU, outside)[0]
    assert values.spread is not None
    assert values.value == pytest.approx(answer(network, material.pixels, CPU, outside)[1].value, abs=1e-4)


def test_each_label_has_a_verdict_of_its_own(several: tuple[Directories, Version]) -> None:
    run, _, material = learnt(several, "probe")
    seen = {}
    for key in (POLL, RESULTS, SURFACE):
        found, answered = evaluate_out_of_fold(run, several[0], CPU, label=key)
        assert found.label_key == key
        assert not np.isnan(answered.label).any()
        seen[key] = found
    assert seen[POLL].photos < seen[RESULTS].photos
    assert seen[POLL].has_types
    assert not seen[SURFACE].has_types
    with pytest.raises(UsageError, match=rf"has not learnt poll/surface; it has learnt {POLL}, {RESULTS}, {SURFACE}"):
        evaluate_out_of_fold(run, several[0], CPU, label="poll/surface")
    assert material.weight.shape == (len(material.table), 3)


def test_a_label_that_is_the_same_for_all_horses_is_not_judged(several: tuple[Directories, Version]) -> None:
    run, _, material = learnt(several, "svr")
    table = replace(material.table)
    table.__dict__["label"] = np.full(len(table), 0.3, np.float32)
    outside = table.on(Side.VALIDATION)
    with pytest.raises(UsageError, match=rf"{POLL} is the same for all \d+ horses"):
        judge(run.name, several[1], "validation", Answered(table, outside, np.zeros(len(outside))), {}, {})


def test_each_label_is_compared_with_the_first_attempts_run_of_that_label(
    several: tuple[Directories, Version],
) -> None:
    """Its folds are others than those of a run of several labels, whose horses are more."""
    run, _, _ = learnt(several, "probe")
    directories, version = several
    rival = start(directories, version, make_config("svr", (f"label={POLL}",)))
    material = gather(version, rival.config, directories.cache)
    learn(rival, material, CPU, Report())
    alone, _ = evaluate_out_of_fold(rival, directories, CPU)
    beside, _ = evaluate_out_of_fold(run, directories, CPU)
    assert "svr" not in beside.missing
    assert beside.rivals["svr"].mse.value == pytest.approx(alone.scores.mse.value)
    assert "trains one" in evaluate_out_of_fold(run, directories, CPU, label=RESULTS)[0].missing["svr"]


@pytest.mark.usefixtures("undrawn")
def test_the_command_line_names_labels(several: tuple[Directories, Version], monkeypatch: pytest.MonkeyPatch) -> None:
    directories, version = several
    monkeypatch.setenv("PADDOCK_HOME", str(directories.home))

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--device", "cpu", "--json"])
        assert done.exit_code == 0, done.output
        return done.stdout

    small = [word for its in (*SMALL, "backbone=resnet10t", "weights=none") for word in ("--set", its)]
    trained = json.loads(run("train", "--preset", "probe", "--name", "all", "--set", "also=all", *small))
    assert (trained["config"]["label"], trained["config"]["also"]) == (POLL, [RESULTS, SURFACE])
    judged = json.loads(run("evaluate", "all", "--label", SURFACE))
    assert judged["label_key"] == SURFACE
    assert Path(judged["report"]).parent.name.startswith("evaluation-out_of_fold-")
    answers = str(Path(judged["report"]).parent / "predictions.parquet")
    of_file = [json.loads(run("evaluate", "--predictions", answers, "--label", key)) for key in (SURFACE, RESULTS)]
    assert [its["label_key"] for its in of_file] == [SURFACE, RESULTS]
    assert len({its["report"] for its in of_file}) == 2  # no report is lost to the one of another label
    assert SURFACE in Path(of_file[0]["report"]).read_text()
    photo = directories.home / "horse.jpg"
    photo.write_bytes(body_of(version))
    (answer,) = json.loads(run("predict", str(photo), "--run", "all", "--label", SURFACE, "--no-saliency"))
    assert (answer["label"], answer["kind"], answer["verdict"]) == (SURFACE, None, judged["verdict"])
    assert answer["others"] == []
    (whole,) = json.loads(run("predict", str(photo), "--run", "all", "--no-saliency"))
    assert (whole["label"], [other["label"] for other in whole["others"]]) == (POLL, [RESULTS, SURFACE])
    assert whole["others"][0]["metres"] > 800
    numbers = ("value", "low", "high", "kind")
    assert [whole["others"][1][name] for name in numbers] == [answer[name] for name in numbers]
    (horse,) = json.loads(run("predict", str(photo), str(photo), "--together", "--run", "all", "--no-saliency"))
    assert [other["value"] for other in horse["others"]] == [other["value"] for other in whole["others"]]
    assert answer["value"] != json.loads(run("predict", str(photo), "--run", "all", "--no-saliency"))[0]["value"]
    written = CliRunner().invoke(app, ["onnx", "all", "--label", SURFACE, "--json"])
    assert Path(json.loads(written.stdout)["path"]).name.startswith("model-results_surface-")
    drawn = [json.loads(run("predict", str(photo), "--run", "all", *its))[0] for its in ((), ("--label", SURFACE))]
    assert len({its["saliency"] for its in drawn}) == 2  # no picture is lost to the one of another label
    (best,) = json.loads(run("predict", str(photo), "--label", SURFACE, "--no-saliency"))
    assert best["run"] == "all"
    diagnosed = json.loads(run("diagnose", "all", "--label", SURFACE, "--no-curve"))
    assert Path(diagnosed["report"]).parent.name.startswith("diagnosis-results_surface")
    refused = CliRunner().invoke(app, ["predict", str(photo), "--label", "poll/stamina"])
    assert "No run has learnt poll/stamina" in " ".join(refused.output.split())
    refused = CliRunner().invoke(app, ["train", "--preset", "svr", "--set", "also=all"])
    assert "The preset svr has no use for also" in refused.output
    refused = CliRunner().invoke(app, ["train", "--preset", "probe", "--set", "also=poll/stamina"])
    assert f"{version.name} has no label poll/stamina" in " ".join(refused.output.split())
