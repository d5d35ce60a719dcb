"""A sweep: one job for each combination of presets and settings. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from collector.errors import UsageError
from trainer.runs.preset_file import as_settings

MOST = 500  # jobs


@dataclass(frozen=True, slots=True)
class Combination:
    """One run of a sweep."""

    preset: str
    settings: tuple[str, ...]

    @property
    def words(self) -> str:
        """The preset and the settings, in a line."""
        return " ".join((self.preset, *self.settings))


def combine(presets: Sequence[str], given: Sequence[str]) -> list[Combination]:
    """Every preset with every combination of values; `key=a,b` gives a key two values.

    Raises:
        UsageError: a preset or setting is not valid, a key is named twice, or there are more than `MOST`.
    """
    keys = [setting.partition("=")[0] for setting in given]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        raise UsageError(f"--set {twice}: name all of its values at once, {twice}=a,b.")
    values = [_values(setting) for setting in given]
    found = [Combination(*as_settings(preset, chosen)) for preset in presets for chosen in product(*values)]
    if len(found) > MOST:
        raise UsageError(f"These are {len(found)} runs, more than {MOST}; name fewer values.")
    return found


def _values(setting: str) -> list[str]:
    key, equals, values = setting.partition("=")
    if not equals or not values:
        raise UsageError(f"--set {setting}: write it as key=value, or key=value,value.")
    return [f"{key}={value}" for value in values.split(",")]
