"""What `docs/add-a-model.md` shows: models, heads, losses and regressors from a folder outside of the package."""

import json
import os
import pickle
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from typer.testing import CliRunner

from collector.errors import UsageError
from tests.commands import run_command
from tests.paths import ROOT
from tests.trainer.conftest import CPU, SMALL, trained
from tests.trainer.web.test_command import ask, served
from trainer import plugins
from trainer.cli.app import app
from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.inference.saliency import saliency
from trainer.inference.serving import export_onnx
from trainer.models.answers import answer, load_model
from trainer.models.checkpoint import read_tensors, write_tensors
from trainer.models.registry import HEADS, LOSSES, MODELS, REGRESSORS
from trainer.models.regressors import what_it_takes
from trainer.runs.config import make_config

PAGE = (ROOT / "docs" / "add-a-model.md").read_text()
TREES = "regressor=sklearn.ensemble:RandomForestRegressor"


def shown(word: str, kind: str = "python") -> str:
    """The block of the page that has a word in it."""
    return next(block for block in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S) if word in block)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the page shows, outside of the package."""
    (tmp_path / "stripes.py").write_text(shown("@model") + "\n\n" + shown("@head") + "\n\n" + shown("@regressor"))
    (tmp_path / "stripes.toml").write_text(shown("network =", "toml"))
    return tmp_path


@pytest.fixture
def named(folder: Path) -> Iterator[Path]:
    """The same folder, with its module loaded in this process; it is forgotten afterwards."""
    held = [registry._held for registry in (MODELS, HEADS, LOSSES, REGRESSORS)]
    before: list[dict[str, Any]] = [dict(its) for its in held]
    plugins.name_plugins([str(folder / "stripes.py")])
    yield folder
    plugins.name_plugins([])
    plugins._load.cache_clear()
    sys.modules.pop("stripes", None)
    for its, was in zip(held, before, strict=True):
        its.clear()
        its.update(was)


def command(home: Path, *words: str, **settings: str) -> Any:
    """What a command in a process of its own prints as JSON."""
    environment = os.environ | {"PADDOCK_HOME": str(home)} | settings  # noqa: TID251
    done = run_command("trainer", *words, "--json", env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_model_of_a_folder_is_trained_judged_asked_and_served(few: tuple[Directories, Version], folder: Path) -> None:
    home, where = few[0].home, {"PADDOCK_PLUGINS": str(folder / "stripes.py")}
    words = ("train", "--preset", str(folder / "stripes.toml"), "--set", "epochs=1", "--name", "striped")
    run = command(home, *words, **where)
    assert (run["config"]["network"], run["config"]["options"]) == ("stripes", {"channels": 4})
    assert run["parameters"] < 3000
    judged = command(home, "evaluate", "striped", **where)
    assert judged["side"] == "out_of_fold"
    assert judged["horses"] > 20
    photo = folder / "horse.jpg"
    photo.write_bytes(next(picture(few[1])))
    (answer,) = command(home, "predict", str(photo), "--run", "striped", "--no-saliency", **where)
    assert 0 <= answer["value"] <= 1
    with served("striped", folder, PADDOCK_HOME=str(home), **where) as url:
        data = quote(b64encode(photo.read_bytes()).decode())
        status, its = ask(f"{url}predict.json?data={data}")
        assert (status, its["run"]) == (200, "striped")
        assert its["value"] == pytest.approx(answer["value"], abs=1e-3)


def picture(version: Version) -> Iterator[bytes]:
    """The photos of a version, one after the other."""
    shard = version.manifest.shards[0]
    return (body for _, body in read_shard(Format(version.manifest.format), version.folder / shard.path))


def test_an_installed_package_needs_no_setting(few: tuple[Directories, Version], folder: Path) -> None:
    about = folder / "stripes-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stripes\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[paddock.plugins]\nstripes = stripes:stripes\n")
    words = ("train", "--preset", "probe", "--name", "searched", "--set", "regressor=searched-svr")
    run = command(few[0].home, *words, "--set", "height=32", "--set", "width=32", PYTHONPATH=str(folder))
    assert run["words"] == "Fitted by searched-svr."


def test_a_head_and_a_loss_are_learnt_by(few: tuple[Directories, Version], named: Path) -> None:
    small = ("epochs=2", "height=32", "width=32")
    run, network, _ = trained(*few, "first-cnn", *small, "head=with-doubt")
    loaded, calibration = load_model(run, CPU)
    assert calibration.relative  # by its own standard deviations
    assert type(network.head[0]).__name__ == type(loaded.head[0]).__name__ == "WithDoubt"
    one, other = (trained(*few, "first-cnn", *small, f"loss={its}")[0].facts.train_mse for its in ("careful", "mse"))
    assert one != other


@pytest.mark.parametrize("regressor", [(TREES, "options.n_estimators=5"), ("regressor=searched-svr",)])
def test_a_regressor_is_kept_and_answers_the_same(
    few: tuple[Directories, Version], named: Path, regressor: tuple[str, ...]
) -> None:
    run, network, material = trained(*few, "probe", *SMALL, *regressor)
    loaded, _ = load_model(run, CPU)
    some = material.table.on(Side.VALIDATION)[:5]
    one, other = (answer(its, material.pixels, CPU, some)[0].value for its in (network, loaded))
    assert one == pytest.approx(other, abs=1e-5)
    assert len(set(one.tolist())) > 1
    heat = saliency(loaded, material.pixels[:1], CPU)
    assert heat.max() == 1
    with pytest.raises(UsageError, match="which has no ONNX form"):
        export_onnx(run, named / "x.onnx", material.pixels[:2])


def test_weights_and_groups_reach_what_takes_them() -> None:
    horse, weight = np.arange(4), np.ones(4)
    searched = GridSearchCV(make_pipeline(StandardScaler(), SVR()), {"svr__C": [1]}, cv=GroupKFold(2))
    assert set(what_it_takes(SVR(), horse, weight)) == {"sample_weight"}
    assert set(what_it_takes(KNeighborsRegressor(), horse, weight)) == set()
    assert set(what_it_takes(make_pipeline(SVR()), horse, weight)) == {"svr__sample_weight"}
    assert set(what_it_takes(searched, horse, weight)) == {"svr__sample_weight", "groups"}


@pytest.mark.parametrize(
    ("preset", "setting", "says"),
    [
        ("probe", "regressor=forest", "No regressor is called 'forest'; there are .*PADDOCK_PLUGINS"),
        ("probe", "regressor=sklearn.tree:Oak", "scikit-learn has no regressor sklearn.tree:Oak"),
        ("probe", "regressor=sklearn.svm:SVC", "sklearn.svm:SVC is not a regressor"),
        ("finetune", "head=double", "No head is called 'double'; there are plain, bins"),
        ("finetune", "loss=cube", "No loss is called 'cube'; there are mse, mae, huber"),
    ],
)
def test_a_name_that_nothing_has_is_one_sentence(
    few: tuple[Directories, Version], preset: str, setting: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        trained(*few, preset, *SMALL, setting)


def test_options_that_a_regressor_does_not_take_are_one_sentence(few: tuple[Directories, Version]) -> None:
    with pytest.raises(UsageError, match=r"cannot be made with the options .*trees.* unexpected keyword"):
        trained(*few, "probe", *SMALL, TREES, "options.trees=5")
    with pytest.raises(UsageError, match=r"cannot be fitted or kept: .*n_estimators"):
        trained(*few, "probe", *SMALL, TREES, "options.n_estimators=-5")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (("options.depth=3",), "no use for options"),
        (("head=bins", "loss=mae"), "The head bins has no use for loss"),
        (("head=with-doubt", "loss=mae"), "The head with-doubt has no use for loss"),
        (("options=3",), "key=value"),
    ],
)
def test_an_option_that_nothing_reads_is_refused(settings: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_config("finetune", settings)


def test_an_option_is_a_number_where_it_looks_like_one() -> None:
    options = ("options.n_estimators=5", "options.criterion=poisson", "options.warm_start=true")
    found = make_config("probe", (TREES, *options))
    assert found.options == {"n_estimators": 5, "criterion": "poisson", "warm_start": True}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "PADDOCK_PLUGINS: .*broken.py is not a file that can be read"),
        ("import no_such_module", "PADDOCK_PLUGINS: .*broken.py cannot be imported: ModuleNotFoundError: No module"),
        ("def f(:", "cannot be imported: SyntaxError"),
        ("from trainer.models.registry import model\nmodel('tuned')(print)", "Two models are called tuned"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: tuple[Directories, Version], text: str | None, says: str
) -> None:
    if text:
        (tmp_path / "broken.py").write_text(text)
    monkeypatch.setenv("PADDOCK_PLUGINS", str(tmp_path / "broken.py"))
    monkeypatch.setenv("PADDOCK_HOME", str(few[0].home))
    try:
        done = CliRunner().invoke(app, ["train", "--preset", "finetune", "--device", "cpu"])
    finally:
        plugins.name_plugins([])
    assert done.exit_code == 2
    assert re.search(says, " ".join(done.output.split())), done.output


def test_a_model_of_a_stranger_is_not_loaded(few: tuple[Directories, Version], named: Path) -> None:
    run, _, _ = trained(*few, "probe", *SMALL, TREES, "options.n_estimators=2")
    path = run.folder / "model.safetensors"
    tensors = read_tensors(path)
    evil = np.frombuffer(pickle.dumps(os.getcwd), np.uint8).copy()
    name = next(name for name in tensors if name.endswith("kept"))
    write_tensors(path, tensors | {name: torch.from_numpy(evil)})
    network, _ = load_model(run, CPU)
    with pytest.raises(UsageError, match="cannot be read"):
        network.value(torch.zeros(1, 3, 64, 96))
