"""What changed between two data set versions."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from collector.storage.photo_ids import current_id
from trainer.dataset.examples import COLUMNS, why_skipped
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version

LISTED = ("labels", "digest")  # columns with a list of their own, or the same for all photos


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences between two versions."""

    added: list[str]
    removed: list[str]
    relabelled: dict[str, dict[str, tuple[float | None, float | None]]]  # label -> photo -> value before, after
    moved: dict[str, tuple[str, str]]  # photo -> side before, after
    repainted: list[str]  # photos with other bytes
    changed: dict[str, dict[str, tuple[Any, Any]]]  # photo -> column -> before, after; for all other columns
    left_out: dict[str, tuple[int, int]]  # Skip -> photos before, after
    settings: dict[str, tuple[Any, Any]]  # setting -> before, after

    @property
    def nothing(self) -> bool:
        """Whether the two versions are the same."""
        return not any(asdict(self).values())

    def as_json(self) -> dict[str, Any]:
        """The difference as `--json` prints it."""
        return asdict(self) | {"left_out_words": {code: why_skipped(code) for code in self.left_out}}


def compare(one: Version, other: Version) -> Difference:
    """What changed from one version to another.

    Raises:
        UsageError: a shard of one of them is damaged.
    """
    before, after = _photos(one), _photos(other)
    both = {photo: (row, after[photo]) for photo, row in before.items() if photo in after}
    changed = {photo: _changed(*rows) for photo, rows in both.items()}
    known = _definitions(one) & _definitions(other)
    return Difference(
        added=[photo for photo in after if photo not in before],
        removed=[photo for photo in before if photo not in after],
        relabelled=_relabelled(both),
        moved={photo: (was["side"], now["side"]) for photo, (was, now) in both.items() if was["side"] != now["side"]},
        repainted=[photo for photo, (was, now) in both.items() if was["digest"] != now["digest"]],
        changed={photo: columns for photo, columns in changed.items() if columns},
        left_out=_differing(one.manifest.left_out, other.manifest.left_out, 0),
        settings=_differing(_settings(one, known), _settings(other, known), None),
    )


def _relabelled(
    both: Mapping[str, tuple[dict[str, Any], dict[str, Any]]],
) -> dict[str, dict[str, tuple[float | None, float | None]]]:
    """By label, the photos whose value differs; a label that only one version has is a setting that differs."""
    found: dict[str, dict[str, tuple[float | None, float | None]]] = {}
    for photo, (was, now) in both.items():
        for name in was["labels"].keys() & now["labels"].keys():
            values = _value(was, name), _value(now, name)
            if values[0] != values[1]:
                found.setdefault(name, {})[photo] = values
    return dict(sorted(found.items()))


def _value(row: Mapping[str, Any], name: str) -> float | None:
    return (row["labels"][name] or {}).get("value")


def _photos(version: Version) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for shard in version.manifest.shards:
        for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False):
            ids = {name: current_id(row["source"], row[name] or "") or None for name in ("photo", "near_duplicate_of")}
            found[row["photo"] if ids["photo"] is None else ids["photo"]] = row | ids | {"side": shard.side}
    return found


def _changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (was[name], now[name]) for name in COLUMNS if name not in LISTED and was[name] != now[name]}


def _differing(before: dict[str, Any], after: dict[str, Any], missing: Any) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (before.get(key, missing), after.get(key, missing)) for key in before | after}
    return {key: (was, now) for key, (was, now) in pairs.items() if was != now}


def _definitions(version: Version) -> set[str]:
    """The label definitions of a version."""
    return {key.partition("/")[0] for key in version.manifest.query["labels"]}


def _settings(version: Version, definitions: Collection[str]) -> dict[str, Any]:
    """The settings of a version; of label definitions only those of `definitions`, which both versions have."""
    manifest = version.manifest
    query = {name: value for name, value in manifest.query.items() if name != "labels"}
    labels = {"labels": ", ".join(label.key for label in manifest.labels)}
    for key, its in manifest.query["labels"].items():
        definition = key.partition("/")[0]
        labels |= {f"{definition} {name}": its[name] for name in its if definition in definitions}
    plain = {"name": manifest.name, "split": manifest.split, "format": manifest.format}
    return query | labels | plain | {f"code {key}": value for key, value in manifest.code.items()}
