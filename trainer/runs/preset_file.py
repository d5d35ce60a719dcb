"""A preset of one's own: a TOML file with the settings that differ from a built-in preset, its `base`, or from the
defaults; it may name the `network` of a plug-in."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.errors import UsageError
from trainer.runs.config import CLOSED, LISTS, OPTIONS, PRESETS, RunConfig, UnfitSetting, change, make_config, settle

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def is_file(preset: str) -> bool:
    """Whether `--preset` names a file and not a built-in preset."""
    return preset.endswith(".toml") or "/" in preset


def name_of(preset: str) -> str:
    """The name that a run gives its preset; a file's is its own without `.toml`."""
    return Path(preset).stem if is_file(preset) else preset


def config_of(preset: str, settings: Sequence[str] = (), freeze: Sequence[str] = ()) -> RunConfig:
    """The configuration of a built-in preset or of a file, with changed settings (`key=value`).

    Raises:
        UsageError: the preset or a key does not exist, or a value is not valid.
    """
    if not is_file(preset):
        return make_config(preset, settings, freeze)
    path = Path(preset)
    given = _read(path)
    base, network = given.pop("base", None), given.pop("network", None)
    if base not in PRESETS and (base is not None or network is None):
        said = "it names no base" if base is None else f"its base {base!r} is not a preset"
        raise UsageError(
            f"{path}: {said}; write base = with one of {', '.join(PRESETS)}, or network = with a model of a plug-in."
        )
    name = name_of(preset)
    if not NAME.fullmatch(name) or name in PRESETS:
        raise UsageError(
            f"{path}: the run would be called {name!r}; name the file in letters, digits, - and _, and not as a preset."
        )
    for key in LISTS:
        if isinstance(given.get(key), str):
            given[key] = given[key].split(",")
    whole = {"preset": base or name} | (PRESETS[base] if base else {}) | ({"network": network} if network else {})
    try:
        if network is not None and (not isinstance(network, str) or network in CLOSED):
            raise UnfitSetting("network", f"{network!r} is not a model of a plug-in; a preset is named by base =.")
        settle(name, whole, given)
    except UnfitSetting as error:
        raise UsageError(f"{path}{_line_of(path, error.key)}: {error.key}: {error.reason}") from error
    return change(name, whole | given, settings, freeze)


def as_settings(preset: str, settings: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    """A built-in preset and settings (`key=value`) that say the same without the file, for a machine that has no such
    file.

    Raises:
        UsageError: as for `config_of`; or the file names a network of a plug-in, which no preset has.
    """
    config_of(preset, settings)
    if not is_file(preset):
        return preset, tuple(settings)
    given = _read(Path(preset))
    if "network" in given:
        raise UsageError(f"{preset} names a network of a plug-in, which a job cannot take: use `trainer train`.")
    options = given.pop(OPTIONS, {})
    own = {key: _spelled(value) for key, value in given.items() if key != "base"}
    own |= {f"{OPTIONS}.{key}": json.dumps(value) for key, value in options.items()}
    changed = {setting.partition("=")[0] for setting in settings}
    kept = [f"{key}={value}" for key, value in own.items() if key not in changed]
    return given["base"], (*kept, *settings)


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"The file of a preset {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text in UTF-8, as a preset has to be.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error


def _line_of(path: Path, key: str) -> str:
    """Where a key stands in the file, in words."""
    place = re.compile(rf"""\s*\[?["']?{re.escape(key)}["']?\s*[\]=.]""")
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if place.match(line):
            return f", line {number}"
    return ""
