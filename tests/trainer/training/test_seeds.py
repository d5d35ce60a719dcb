"""Networks of several random seeds, which answer together."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.conftest import CPU, start, trained
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.errors import Diverged
from trainer.inference.serving import Predictor, export_onnx
from trainer.models.answers import answer, load_model
from trainer.runs.config import make_config
from trainer.training import step as stepping
from trainer.training.learn import Report, learn
from trainer.training.material import gather

Few = tuple[Directories, Version]
TINY = ("height=16", "width=24", "epochs=2", "batch=32")


@pytest.mark.parametrize("head", ["plain", "bins"])
def test_the_answer_is_the_mean_of_what_each_seed_answers(few: Few, head: str) -> None:
    run, network, material = trained(*few, "first-cnn", *TINY, f"head={head}", "seeds=2", "random_seed=3")
    outside = material.table.on(Side.VALIDATION)
    alone = [trained(*few, "first-cnn", *TINY, f"head={head}", f"random_seed={seed}")[1] for seed in (3, 4)]
    singles = [answer(its, material.pixels, CPU, outside)[0] for its in alone]
    together = answer(network, material.pixels, CPU, outside)[0]
    assert together.value == pytest.approx(np.mean([single.value for single in singles], 0), abs=1e-5)
    assert not np.allclose(singles[0].value, singles[1].value, atol=1e-4)
    if head == "bins":
        spreads = np.array([single.spread for single in singles])
        values = np.array([single.value for single in singles])
        expected = np.sqrt((spreads**2 + values**2).mean(0) - values.mean(0) ** 2)
        assert together.spread == pytest.approx(expected, abs=1e-4)
    loaded, _ = load_model(run, CPU)
    assert answer(loaded, material.pixels, CPU, outside)[0].value == pytest.approx(together.value, abs=1e-6)
    assert run.facts.words.startswith("The mean of 2 networks")
    assert not list(run.folder.glob("seed-*"))
    predictor = Predictor(run, CPU)
    predictor.quicken()
    quick = [prediction.value for prediction, _ in predictor.see(material.pixels[outside[:3]])]
    assert quick == pytest.approx(together.value[:3].tolist(), abs=1e-3)


def test_it_goes_on_with_the_seed_at_which_it_was_stopped(few: Few) -> None:
    config = make_config("first-cnn", (*TINY, "seeds=3"))
    directories, version = few
    run = start(directories, version, config)
    material = gather(version, config, directories.cache)
    begun: list[str] = []

    def stop(words: str) -> None:
        begun.append(words)
        if words.startswith("Random seed 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(run, material, CPU, Report(message=stop))
    assert run.facts.status == "stopped"
    first = (run.folder / "seed-0" / "model.safetensors").read_bytes()
    begun.clear()
    lines: list[dict[str, Any]] = []
    network = learn(run, material, CPU, Report(message=begun.append, metrics=lines.append))
    assert [(line["seed"], line["epoch"]) for line in lines] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [words.partition(",")[0] for words in begun] == ["Random seed 1", "Random seed 2"]
    assert first
    whole = trained(directories, version, "first-cnn", *TINY, "seeds=3")[1]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name


def test_a_seed_that_diverged_is_trained_again_and_not_taken_for_its_best_epoch(
    few: Few, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("first-cnn", (*TINY, "seeds=2"))
    run, material = start(*few, config), gather(few[1], config, few[0].cache)
    steps = -(-len(material.on(Side.TRAIN)) // config.batch)
    with monkeypatch.context() as patch:
        patch.setattr(stepping, "rate_at", lambda step, *_: 1.0 if step < steps else 1e30)
        with pytest.raises(Diverged, match="the best epoch so far, 1, is kept"):
            learn(run, material, CPU, Report())
    assert (run.facts.status, run.ready) == ("diverged", False)
    begun: list[str] = []
    network = learn(run, material, CPU, Report(message=begun.append))
    assert begun[0].startswith("Random seed 0")
    whole = trained(*few, "first-cnn", *TINY, "seeds=2")[1]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name


def test_the_file_for_other_programs_has_all_networks(few: Few) -> None:
    run, _, material = trained(*few, "first-cnn", *TINY, "seeds=2")
    assert export_onnx(run, run.folder / "model.onnx", material.pixels[:2]) < 1e-3
