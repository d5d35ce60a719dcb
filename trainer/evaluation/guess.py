"""`trainer guess`: measures human level.

A person estimates how far the horses on photos would stay, and the answers are kept for `trainer diagnose`.
"""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.dataset.examples import Side
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version
from trainer.directories import for_us_alone, make_folder
from trainer.evaluation.scores import Bootstrap, Score, square


class Asked(NamedTuple):
    """A photo of a quiz."""

    photo: str
    horse_id: str
    label: float  # 0..1
    body: bytes
    media_type: str
    width: int  # px
    height: int


@dataclass(slots=True)
class Quiz:
    """The photos of a quiz, in random order, and how many were answered."""

    photos: list[Asked]
    path: Path  # of the file of answers, one JSON line each
    token: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    answered: int = 0

    @property
    def over(self) -> bool:
        """Whether all photos were answered."""
        return self.answered >= len(self.photos)

    def say(self, value: float) -> None:
        """Keep the answer to the current photo and go on to the next one."""
        asked = self.photos[self.answered]
        answer = {"photo": asked.photo, "horse_id": asked.horse_id, "label": asked.label, "guess": value}
        make_folder(self.path.parent)
        with open(self.path, "a", encoding="utf-8", opener=for_us_alone) as file:
            file.write(json.dumps(answer) + "\n")
        self.answered += 1


def guesses_path(home: Path, version: str) -> Path:
    """Where the answers to a data set version's photos are kept."""
    return home / "guesses" / f"{version}.jsonl"


def choose(version: Version, count: int, path: Path, side: Side = Side.VALIDATION) -> Quiz:
    """A quiz of random photos that have no answer yet, one photo a horse."""
    asked = {json.loads(line)["photo"] for line in path.read_text().splitlines()} if path.exists() else set()
    names: dict[str, str] = {}
    key = version.manifest.label().key
    for shard in version.manifest.shards:
        if shard.side == side:
            for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False):
                if row["photo"] not in asked and row["labels"].get(key):
                    names.setdefault(row["horse_id"], row["photo"])
    drawn = np.random.default_rng().permutation(sorted(names.values()))[:count]
    found = {}
    for shard in version.manifest.shards:
        if shard.side == side:
            for row, body in read_shard(Format(version.manifest.format), version.folder / shard.path):
                if row["photo"] in drawn:
                    its = (row["media_type"], row["width"], row["height"])
                    found[row["photo"]] = Asked(row["photo"], row["horse_id"], row["labels"][key]["value"], body, *its)
    return Quiz([found[photo] for photo in drawn], path)


def human_level(path: Path) -> Score | None:
    """The MSE of all answers so far on the scale 1..10, resampled by horse; None without answers."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not lines:
        return None
    guess, label = (np.array([line[key] for line in lines]) for key in ("guess", "label"))
    return Bootstrap(np.array([line["horse_id"] for line in lines])).mean(square(guess, label))
