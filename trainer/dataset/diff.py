"""What changed between two data set versions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version


@dataclass(frozen=True, slots=True)
class Difference:
    """Photos by what happened to them between two versions."""

    added: list[str]
    removed: list[str]
    relabelled: dict[str, tuple[float, float]]  # photo -> label before, after
    moved: dict[str, tuple[str, str]]  # photo -> side before, after
    repainted: list[str]  # their bytes are others
    settings: dict[str, tuple[Any, Any]]  # what was asked differently

    @property
    def nothing(self) -> bool:
        """Whether the two hold the same."""
        return not any(asdict(self).values())

    def as_json(self) -> dict[str, Any]:
        """The difference as `--json` prints it."""
        return asdict(self)


def compare(one: Version, other: Version) -> Difference:
    """What changed from one version to another."""
    before, after = _photos(one), _photos(other)
    both = [photo for photo in before if photo in after]
    return Difference(
        added=[photo for photo in after if photo not in before],
        removed=[photo for photo in before if photo not in after],
        relabelled={
            photo: (before[photo][0], after[photo][0]) for photo in both if before[photo][0] != after[photo][0]
        },
        moved={photo: (before[photo][1], after[photo][1]) for photo in both if before[photo][1] != after[photo][1]},
        repainted=[photo for photo in both if before[photo][2] != after[photo][2]],
        settings=_settings(one, other),
    )


def _photos(version: Version) -> Mapping[str, tuple[float, str, str]]:
    return {
        f"{row['source']} {row['photo']}": (row["label"], shard.side, row["digest"])
        for shard in version.manifest.shards
        for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False)
    }


def _settings(one: Version, other: Version) -> dict[str, tuple[Any, Any]]:
    def flat(version: Version) -> dict[str, Any]:
        manifest = version.manifest
        plain = {"axis": manifest.axis, "split": manifest.split, "format": manifest.format}
        return manifest.query | plain | {f"code {key}": value for key, value in manifest.code.items()}

    before, after = flat(one), flat(other)
    return {key: (before[key], after.get(key)) for key in before if before[key] != after.get(key)}
