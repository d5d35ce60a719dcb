"""Trains with timm on a folder of photos: with timm's own script, or with the parts that its script is made of.

    train_with_timm.py --script PATH ARGUMENTS    that script, as it is, with these arguments
    train_with_timm.py ARGUMENTS                  timm's parts in the order in which its script uses them
    train_with_timm.py --fixed ARGUMENTS          its model on one fixed batch: forward, loss, backward, step

ARGUMENTS are those of timm's script.
"""

import argparse
import json
import runpy
import sys
from contextlib import nullcontext, suppress
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.backbones import import_timm

timm = import_timm()
data, optim, scheduler, utils = (import_module(f"timm.{name}") for name in ("data", "optim", "scheduler", "utils"))


def parse(words: list[str]) -> argparse.Namespace:
    """`--lr 0.1 --amp --scale 1 1` as attributes, numbers as numbers."""
    found: dict[str, list[Any]] = {}
    for word in words:
        if word.startswith("--"):
            found[word[2:].replace("-", "_")] = []
            continue
        value: Any = word
        with suppress(ValueError):
            value = json.loads(word)
        found[list(found)[-1]].append(value)
    one = {name: values[0] if len(values) == 1 else values or True for name, values in found.items()}
    return argparse.Namespace(**one)


class Training:
    """A training whose every step is what a step of timm's script is."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        torch.backends.cudnn.benchmark = True
        self.model = timm.create_model(asked.model, num_classes=asked.num_classes, drop_rate=asked.drop)
        self.model.to(device=asked.device).to(memory_format=torch.channels_last)
        self.optimiser = optim.create_optimizer_v2(self.model, **optim.optimizer_kwargs(asked))
        self.loss = nn.CrossEntropyLoss()

    def loader(self, split: str) -> Any:
        asked, learning = self.asked, split == "train"
        how = data.resolve_data_config(vars(asked), model=self.model)
        more = {name: getattr(asked, name) for name in ("scale", "ratio", "hflip", "color_jitter")} if learning else {}
        photos = data.create_dataset("", root=asked.data_dir, split=split, is_training=learning)
        return data.create_loader(
            photos, input_size=how["input_size"], batch_size=asked.batch_size, is_training=learning, mean=how["mean"],
            std=how["std"], interpolation=how["interpolation"], num_workers=asked.workers,
            device=torch.device(asked.device), pin_memory="pin_mem" in asked, **more,
        )  # fmt: skip

    def answer(self, model: nn.Module, photos: Tensor) -> Tensor:
        with torch.autocast(self.asked.device, torch.bfloat16) if "amp" in self.asked else nullcontext():
            return model(photos.contiguous(memory_format=torch.channels_last))

    def step(self, photos: Tensor, target: Tensor, clip: float | None) -> None:
        self.loss(self.answer(self.model, photos), target).backward()
        if clip:
            utils.dispatch_clip_grad(self.model.parameters(), clip)
        self.optimiser.step()
        self.optimiser.zero_grad()

    def mark(self, epoch: int, batch: int, steps: int) -> None:
        if batch % self.asked.log_interval == 0:
            if self.asked.device != "cpu":
                torch.accelerator.synchronize()
            print(f"Train: {epoch} [{batch}/{steps}]", flush=True)

    @torch.no_grad()
    def validate(self, model: nn.Module, loader: Any) -> float:
        model.eval()
        right = utils.AverageMeter()
        for photos, target in loader:
            right.update(utils.accuracy(self.answer(model, photos), target)[0].item(), len(target))
        return right.avg

    def train(self) -> None:
        asked, model = self.asked, self.model
        average = utils.ModelEmaV3(model, decay=asked.model_ema_decay)
        training, validation = self.loader("train"), self.loader("validation")
        saver = utils.CheckpointSaver(model, self.optimiser, asked, average, checkpoint_dir=asked.output)
        steps, settings = len(training), scheduler.scheduler_kwargs(asked)
        rate, epochs = scheduler.create_scheduler_v2(self.optimiser, **settings, updates_per_epoch=steps)
        for epoch in range(epochs):
            model.train()
            for batch, (photos, target) in enumerate(training):
                self.step(photos, target, asked.clip_grad)
                average.update(model, step=epoch * steps + batch + 1)
                self.mark(epoch, batch, steps)
                rate.step_update(epoch * steps + batch + 1)
            self.validate(model, validation)
            right = self.validate(average.module, validation)
            saver.save_checkpoint(epoch, metric=right)
            rate.step(epoch + 1, right)

    def step_on_one_batch(self) -> None:
        loader = self.loader("train")
        (photos, target), steps = next(iter(loader)), len(loader)
        del loader  # and its processes with it
        self.model.train()
        for number in range(self.asked.epochs * steps):
            self.step(photos, target, None)
            self.mark(*divmod(number, steps), steps)


def main() -> None:
    words = sys.argv[1:]
    if words[0] == "--script":
        sys.argv = words[1:]
        runpy.run_path(words[1], run_name="__main__")
    elif words[0] == "--fixed":
        Training(parse(words[1:])).step_on_one_batch()
    else:
        Training(parse(words)).train()
    if torch.cuda.is_available():
        print(f"GPU {torch.cuda.max_memory_allocated() / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
