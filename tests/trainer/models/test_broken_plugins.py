"""Plug-ins with mistakes, plug-ins that change, and plug-ins that are none of a run's business."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.errors import UsageError
from tests.trainer.conftest import CPU, start, trained
from trainer import plugins
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.crossfit import answer_out_of_fold, missing_folds
from trainer.evaluation.folds import make_folds, pool
from trainer.models.networks import build
from trainer.models.registry import HEADS, LOSSES, MODELS, REGRESSORS, digest_of_added
from trainer.runs.config import RunConfig, make_config
from trainer.training.learn import Report, learn
from trainer.training.material import gather

Plug = Callable[[str], Path]
TINY = ("height=32", "width=32", "epochs=2", "batch=32")
STRIPES = """
from torch import nn
from trainer.models.registry import Parts, model

@model("mine")
def mine(config):
    layers = [nn.Conv2d(3, 4, 5, stride=4), nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    return Parts(nn.Sequential(*layers), width=16)
"""
LOSS = """
from trainer.models.registry import loss

@loss("mine")
def mine(answer, label):
    return (answer - label) ** 2
"""
HEAD = """
import torch
from torch import nn
from trainer.models.registry import head

@head("mine")
class Mine(nn.Module):
    numbers = 1

    def __init__(self, width, config):
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def forward(self, features):
        return self.linear(features)

    def start_at(self, label):
        pass

    def value(self, raw):
        return raw.squeeze(1)

    def spread(self, raw):
        return None

    def loss(self, raw, label):
        return (raw.squeeze(1) - label) ** 2
"""
REGRESSOR = """
from sklearn.base import BaseEstimator, RegressorMixin
from trainer.models.registry import regressor

class Own(RegressorMixin, BaseEstimator):
    def fit(self, features, label):
        return self

    def predict(self, features):
        return [0.5 for _ in features]

@regressor("mine")
def mine(config):
    return Own()
"""


@pytest.fixture
def plug(tmp_path: Path) -> Iterator[Plug]:
    """Load a text as the plug-in mine.py in this process; it is forgotten afterwards."""
    held = [registry._held for registry in (MODELS, HEADS, LOSSES, REGRESSORS)]
    before: list[dict[str, Any]] = [dict(its) for its in held]

    def forget() -> None:
        plugins.name_plugins([])
        plugins._load.cache_clear()
        sys.modules.pop("mine", None)
        for its, was in zip(held, before, strict=True):
            its.clear()
            its.update(was)

    def load(text: str) -> Path:
        forget()
        (tmp_path / "mine.py").write_text(text)
        plugins.name_plugins([str(tmp_path / "mine.py")])
        return tmp_path / "mine.py"

    yield load
    forget()


def network_of(**parts: str) -> RunConfig:
    """A small configuration that takes parts of the plug-in."""
    return make_config("first-cnn", TINY).model_copy(update=parts)


@pytest.mark.parametrize(
    ("text", "parts", "says"),
    [
        (STRIPES.replace("width=16", "width=17"), "network", r"model mine gives features .*\(2, 16\).*to be \(2, 17\)"),
        (STRIPES.replace("(3, 4", "(5, 4"), "network", r"The model mine fails: RuntimeError: .*5 channels"),
        (STRIPES.replace("return Parts(", "return ("), "network", "cannot be imported: SyntaxError"),
        (STRIPES.replace("    return Parts", "    Parts"), "network", "model mine returns a NoneType; .* return Parts"),
        (
            STRIPES.replace("    layers", '    config.options["no"]\n    layers'),
            "network",
            "in line 7 of mine.py: KeyErr",
        ),
        (LOSS.replace("** 2", "@ 2"), "loss", "The loss mine fails in line 6 of mine.py: TypeError"),
        (LOSS.replace("** 2", "** 2 / len(other)"), "loss", "The loss mine fails in line 6 of mine.py: NameError"),
        (LOSS.replace("(answer - label) ** 2", "((answer - label) ** 2).mean()"), "loss", r"losses of the shape \(\)"),
        (HEAD.replace("return raw.squeeze(1)\n", "return raw\n"), "head", r"values of the shape \(2, 1\) .*\(2,\)"),
        (HEAD.replace("return None", "return raw"), "head", r"head mine gives spreads of the shape \(2, 1\)"),
        (HEAD.replace("numbers = 1", "numbers = 2"), "head", r"raw answers of the shape \(2, 1\) .* \(2, 2\)"),
        (HEAD.replace("    def spread(self, raw):\n        return None\n", ""), "head", "head mine fails: AttributeE"),
        (HEAD.replace("width, config)", "width)"), "head", "The head mine fails: TypeError"),
    ],
)
def test_a_mistake_in_a_plugin_is_one_sentence_before_anything_is_learnt(
    plug: Plug, text: str, parts: str, says: str
) -> None:
    plug(text)
    with pytest.raises(UsageError, match=says) as refused:
        build(network_of(**{parts: "mine"}))
    assert "\n" not in str(refused.value)
    assert not re.search(r"\.\.$", str(refused.value))


@pytest.mark.parametrize(("text", "parts"), [(STRIPES, "network"), (LOSS, "loss"), (HEAD, "head")])
def test_the_trial_changes_no_weight_and_no_random_number(plug: Plug, text: str, parts: str) -> None:
    plug(text)
    tried = build(network_of(**{parts: "mine"}))
    assert tried.training
    again = build(network_of(**{parts: "mine"}))
    for name, tensor in tried.state_dict().items():
        assert tensor.equal(again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("return [0.5 for _ in features]", "raise ValueError('no')", "mine cannot answer: ValueError: no"),
        ("[0.5 for", "[float('nan') for", "mine does not answer each photo with a number"),
        ("[0.5 for _ in features]", "[0.5]", "mine does not answer each photo with a number"),
        ("return Own()", "return Own", "mine cannot be made with the options"),
        ("return Own()", "return 1 / 0", "options {} in line 14 of mine.py: ZeroDivisionError"),
    ],
)
def test_a_regressor_that_answers_nonsense_is_one_sentence(
    few: tuple[Directories, Version], plug: Plug, before: str, after: str, says: str
) -> None:
    assert before in REGRESSOR
    plug(REGRESSOR.replace(before, after))
    with pytest.raises(UsageError, match=says):
        trained(*few, "probe", "height=64", "width=96", "regressor=mine")


def test_a_regressor_that_could_not_be_loaded_again_is_refused_when_it_is_fitted(
    few: tuple[Directories, Version], plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, registered = REGRESSOR.split("@regressor")
    (tmp_path / "helping.py").write_text(own.replace("from trainer.models.registry import regressor\n", ""))
    monkeypatch.syspath_prepend(tmp_path)
    plug(f"from helping import Own\nfrom trainer.models.registry import regressor\n\n@regressor{registered}")
    with pytest.raises(UsageError, match=r"The model of mine holds helping\.Own, and loading that could run any code"):
        trained(*few, "probe", "height=64", "width=96", "regressor=mine")


def test_a_regressor_of_scikit_learn_that_needs_an_argument_or_more_photos_is_one_sentence(
    few: tuple[Directories, Version],
) -> None:
    with pytest.raises(UsageError, match="without an argument; a function with @regressor"):
        trained(*few, "probe", "height=64", "width=96", "regressor=sklearn.ensemble:StackingRegressor")
    near = ("regressor=sklearn.neighbors:KNeighborsRegressor", "options.n_neighbors=9999")
    with pytest.raises(UsageError, match="cannot answer: ValueError: Expected n_neighbors"):
        trained(*few, "probe", "height=64", "width=96", *near)


@pytest.mark.parametrize(("kind", "name"), [("model", "svr"), ("regressor", "ridge"), ("head", "bins")])
def test_a_name_of_paddock_itself_is_not_given_twice(plug: Plug, kind: str, name: str) -> None:
    plug(f"from trainer.models.registry import {kind}\n{kind}({name!r})(print)")
    with pytest.raises(UsageError, match=rf"mine.py: Two {kind}s are called {name}; rename one of them\.$"):
        plugins.load_plugins()


def test_a_script_that_ends_itself_does_not_end_the_command(plug: Plug) -> None:
    plug("import sys\nsys.exit(0)")
    with pytest.raises(UsageError, match=r"mine\.py cannot be imported: SystemExit: 0\.$"):
        plugins.load_plugins()


def test_a_plugin_that_a_run_has_no_part_of_leaves_its_answers_kept(
    few: tuple[Directories, Version], plug: Plug
) -> None:
    run, _, material = trained(*few, "first-cnn", *TINY)
    folds = make_folds(material.table, pool(material.table), 2)
    answer_out_of_fold(run, material, CPU, folds)
    plug(LOSS)
    assert not missing_folds(run, material, folds)
    own = network_of(loss="mine")
    before = digest_of_added(own)
    plug(LOSS + "# changed\n")
    assert before != digest_of_added(own)
    assert digest_of_added(run.config) == digest_of_added(make_config("probe", ("regressor=sklearn.svm:SVR",))) == ""


def test_a_run_whose_plugin_has_changed_is_not_resumed_and_says_so(
    few: tuple[Directories, Version], plug: Plug
) -> None:
    directories, version = few
    plug(STRIPES)
    run = start(directories, version, network_of(network="mine"))
    material = gather(version, run.config, directories.cache)

    with pytest.raises(KeyboardInterrupt):
        learn(run, material, CPU, Report(stopping=lambda: True))
    plug(STRIPES.replace("(3, 4", "(3, 16").replace("width=16", "width=64"))
    with pytest.raises(UsageError, match=r"The checkpoint of run-\w+ does not fit .* mine"):
        learn(run, material, CPU, Report())
