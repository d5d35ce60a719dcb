"""A frozen backbone sees a photo once; its answers come from the features that are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.trainer.conftest import CPU, start
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.evaluation.crossfit import answer_out_of_fold
from trainer.evaluation.evaluate import evaluate
from trainer.evaluation.folds import Fold
from trainer.models.answers import answer
from trainer.models.backbones import Backbone
from trainer.models.features import BATCH, answer_version, keeps_features
from trainer.models.networks import Network
from trainer.runs.config import make_config
from trainer.runs.runs import Run
from trainer.training.learn import Report, learn
from trainer.training.material import Material, gather

SMALL = ("weights=none", "backbone=resnet10t", "height=32", "width=48")


@contextmanager
def counted() -> Iterator[list[int]]:
    """The sizes of the batches that a backbone sees meanwhile."""
    seen: list[int] = []

    def count(module: Any, given: Any) -> None:
        if isinstance(module, Backbone) and len(given[0]) > 1:
            seen.append(len(given[0]))

    hook = register_module_forward_pre_hook(count)
    try:
        yield seen
    finally:
        hook.remove()


def learnt(few: tuple[Directories, Version], cache: Path, preset: str, *settings: str) -> tuple[Network, Material, Run]:
    """A trained network, its data, and its run."""
    config = make_config(preset, (*SMALL, *settings))
    run = start(*few, config)
    material = gather(few[1], config, cache)
    return learn(run, material, CPU, Report()), material, run


def test_a_probe_sees_each_photo_once(few: tuple[Directories, Version], tmp_path: Path) -> None:
    with counted() as seen:
        _, material, _ = learnt(few, tmp_path, "probe")
        assert sum(seen) == -(-len(material.table) // BATCH) * BATCH
        seen.clear()
        learnt(few, tmp_path, "probe")
        assert not seen


def test_judging_a_probe_sees_no_photo_again(few: tuple[Directories, Version], tmp_path: Path) -> None:
    _, material, run = learnt(few, few[0].cache, "probe", "mirror_answers=true")
    with counted() as seen:
        evaluate(run, Side.VALIDATION, few[0], CPU)
        folds = [Fold(1, material.table.on(Side.TRAIN), material.table.on(Side.VALIDATION))]
        mirrored = answer_out_of_fold(run, material, CPU, folds)[0]
    assert not seen
    _, material, run = learnt(few, few[0].cache, "probe")
    assert not np.array_equal(answer_out_of_fold(run, material, CPU, folds)[0].value, mirrored.value)


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("probe", ()),
        ("probe", ("mirror_answers=true",)),
        ("finetune", ("freeze=backbone.*", "epochs=1", "head=bins", "bins=8", "mirror_answers=true")),
        ("finetune", ("epochs=1", "freeze=backbone.*", "seeds=2", "weights=none")),
        ("finetune", ("epochs=1",)),
    ],
)
def test_answers_of_kept_features_are_those_of_the_photos(
    few: tuple[Directories, Version], preset: str, settings: tuple[str, ...]
) -> None:
    network, material, _ = learnt(few, few[0].cache, preset, *settings)
    outside = material.table.on(Side.VALIDATION)
    config = make_config(preset, (*SMALL, *settings))
    assert keeps_features(config) is (settings != ("epochs=1",))
    kept = answer_version(network, config, material.version, material.pixels, CPU, few[0].cache, outside)[0]
    seen = answer(network, material.pixels, CPU, outside)[0]
    np.testing.assert_allclose(kept.value, seen.value, atol=1e-5)
    assert (kept.spread is None) == (seen.spread is None)
    if kept.spread is not None and seen.spread is not None:
        np.testing.assert_allclose(kept.spread, seen.spread, atol=1e-4)
