"""What a step does: which weights decay, a batch in parts, activations computed twice, early and exact ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from collector.errors import UsageError
from tests.trainer.conftest import CPU, start, trained
from tests.trainer.models.test_models import digit_network, digits
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.models.answers import load_model
from trainer.models.device import Device
from trainer.models.freezing import save_memory
from trainer.models.networks import Network, build
from trainer.runs.config import make_config
from trainer.training.batches import Photos
from trainer.training.learn import Report, learn
from trainer.training.loop import Loop, train
from trainer.training.recorded import records
from trainer.training.step import make_optimiser

QUICK = ("height=16", "width=16", "epochs=3", "batch=64")
LITTLE = ("weights=none", "backbone=resnet10t", "height=32", "width=32")


def decays(network: Network, *settings: str) -> dict[str, float]:
    """The weight decay of each parameter."""
    optimiser = make_optimiser(network, make_config("finetune", settings), CPU)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {names[id(one)]: group["weight_decay"] for group in optimiser.param_groups for one in group["params"]}


def test_decay_leaves_norms_biases_and_class_tokens_out() -> None:
    for backbone in ("resnet10t", "vit_tiny_patch16_224", "resnet50_clip"):
        network = build(make_config("finetune", ("weights=none", f"backbone={backbone}", "height=32", "width=32")))
        found = decays(network, "weight_decay=0.3")
        assert found.keys() == {name for name, _ in network.named_parameters()}
        whole = {name for name, parameter in network.named_parameters() if parameter.ndim > 1}
        free = {"backbone.net.cls_token", "backbone.net.pos_embed", "backbone.attention.pos_embed"}
        assert {name for name, decay in found.items() if decay} == whole - free
        assert set(found.values()) == {0.0, 0.3}


def learn_in_parts(folder: Path, *settings: str) -> tuple[dict[str, torch.Tensor], int]:
    """An epoch on digits without batch norm; the weights after it, and the largest number of photos seen at once."""
    network = digit_network()
    network.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 16, 3, padding=1))
    config = make_config("first-cnn", ("epochs=1", "batch=100", "flip=false", "clip=1", "random_seed=3", *settings))
    seen: list[int] = []
    network.backbone.register_forward_hook(lambda _layer, given, _maps: seen.append(len(given[0])))
    photos = digits()
    torch.manual_seed(1)
    some = Photos(
        photos.pixels[:330], photos.label[:330], photos.weight[:330] + np.arange(330, dtype=np.float32)[:, None]
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    train(Loop(config, network, CPU, folder, 4), some, Photos(photos.pixels[:0], photos.label[:0], photos.weight[:0]))
    return network.state_dict(), max(seen)


def test_a_batch_seen_in_parts_teaches_what_the_whole_batch_does(tmp_path: Path) -> None:
    whole, at_once = learn_in_parts(tmp_path)
    parts, fewer = learn_in_parts(tmp_path, "accumulate=7")
    assert (at_once, fewer) == (100, 15)
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, atol=2e-4, rtol=2e-3)


@pytest.mark.parametrize("backbone", ["resnet10t", "convnext_atto"])
def test_activations_computed_twice_give_the_same_gradient(backbone: str) -> None:
    photos = 255 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    gradients, calls = [], []
    for twice in (False, True):
        network = build(make_config("finetune", ("weights=none", f"backbone={backbone}", "height=32", "width=32")))
        if twice:
            save_memory(network)
        convolution = next(layer for layer in reversed(list(network.modules())) if isinstance(layer, nn.Conv2d))
        seen: list[int] = []
        convolution.register_forward_hook(lambda _layer, _given, _maps, seen=seen: seen.append(1))
        network.train()(photos).sum().backward()
        gradients.append([parameter.grad for parameter in network.parameters() if parameter.grad is not None])
        calls.append(len(seen))
    assert calls == [1, 2]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_what_cannot_be_computed_twice_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="The preset first-cnn has no use for checkpointing"):
        make_config("first-cnn", ("checkpointing=true",))
    with pytest.raises(UsageError, match="for backbones of timm"):
        save_memory(digit_network())


def test_a_run_ends_when_its_error_no_longer_falls(directories: Directories, version: Version) -> None:
    settings = (*QUICK, "epochs=40", "rate=0", "patience=2")
    run, _, material = trained(directories, version, "first-cnn", *settings)
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3]
    assert run.facts.epoch == 1
    assert run.facts.words == "Stopped after epoch 3: no lower error for 2 epochs."
    assert load_model(run, CPU)[1].widths
    stopped = start(directories, version, run.config)
    steps = -(-len(material.table.on(Side.TRAIN)) // run.config.batch)
    checks = iter(range(10_000))
    with pytest.raises(KeyboardInterrupt):
        learn(stopped, material, CPU, Report(stopping=lambda: next(checks) + 1 >= 2 * steps + 1))
    learn(stopped, material, CPU, Report())
    assert [line["epoch"] for line in stopped.metrics()] == [1, 2, 3]


def test_a_run_stopped_at_its_early_end_takes_no_step_more(directories: Directories, version: Version) -> None:
    config = make_config("first-cnn", (*QUICK, "epochs=40", "rate=0", "patience=1"))
    _, _, material = trained(directories, version, "first-cnn", *QUICK)
    run = start(directories, version, config)
    steps = -(-len(material.table.on(Side.TRAIN)) // config.batch)
    checks = iter(range(10_000))
    with pytest.raises(KeyboardInterrupt):
        learn(run, material, CPU, Report(stopping=lambda: next(checks) + 1 >= 2 * steps))
    lines: list[int] = []
    learn(run, material, CPU, Report(metrics=lambda line: lines.append(line["epoch"])))
    assert lines == []
    assert [line["epoch"] for line in run.metrics()] == [1, 2]
    assert run.facts.status == "done"


def test_a_deterministic_run_gives_the_same_weights_each_time(directories: Directories, version: Version) -> None:
    settings = (*LITTLE, "epochs=1", "batch=32", "deterministic=true")
    asked: list[bool] = []

    def note(_line: object) -> None:
        asked.append(torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.deterministic)

    runs = [trained(directories, version, "finetune", *settings, report=Report(metrics=note)) for _ in range(2)]
    one, other = (network.state_dict() for _, network, _ in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert asked == [True, True]
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic


def test_what_torch_computes_in_no_fixed_order_is_one_sentence() -> None:
    says = r"put_ does not have a deterministic .*: leave out --set deterministic=true"
    with pytest.raises(UsageError, match=says), CPU.settled(True):
        torch.zeros(3).put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(RuntimeError, match="something else"), CPU.settled(True):
        raise RuntimeError("something else")


# --- recorded steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "settings", "recorded"),
    [
        (Device("cuda:0"), (), True),
        (Device("cuda:0"), ("record=false",), False),
        (Device("cuda:0"), ("compile=true",), False),
        (Device("cuda:0"), ("checkpointing=true",), False),
        (Device("cuda:0", processes=2), (), False),
        (Device("cpu"), (), False),
        (Device("mps"), (), False),
    ],
)
def test_steps_are_recorded_on_one_gpu_unless_they_cannot_be(
    device: Device, settings: tuple[str, ...], recorded: bool
) -> None:
    assert records(make_config("finetune", settings), device) is recorded


@pytest.mark.skipif(not torch.cuda.is_available(), reason="only a GPU records steps")
def test_recorded_steps_teach_what_launched_ones_do(tmp_path: Path) -> None:
    losses = []
    for settings in ((), ("record=false",)):
        config = make_config("first-cnn", ("epochs=3", "batch=100", "ema=0.9", "clip=1", *settings))
        photos, device = digits(), Device("cuda:0", channels_last=True)
        loop = Loop(config, digit_network(), device, tmp_path, -(-len(photos) // 100))
        train(loop, photos, Photos(photos.pixels[:64], photos.label[:64], photos.weight[:64]))
        losses.append([line["loss"] for line in loop.state.lines])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
