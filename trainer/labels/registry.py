"""The label definitions by name: those of this package, those that are installed beside it, and files."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from collector.errors import UsageError
from trainer.labels.comment import Comment
from trainer.labels.definition import Definition, Wanted
from trainer.labels.label_file import WORD, read_label_file
from trainer.labels.poll import Poll
from trainer.labels.results import RESULTS, RESULTS_AFTER, RESULTS_PLACED

GROUP = "paddock.labels"  # of entry points: each names a Definition


@cache
def definitions() -> dict[str, Definition]:
    """All definitions by name.

    Raises:
        UsageError: an installed one cannot be loaded, or two have the same name.
    """
    ours = (Poll(), RESULTS, RESULTS_PLACED, RESULTS_AFTER, Comment())
    found: dict[str, Definition] = {one.name: one for one in ours}
    for entry in entry_points(group=GROUP):
        try:
            definition: Definition = entry.load()
            name, _ = definition.name, definition.scales
        except (ImportError, AttributeError) as error:
            raise UsageError(f"The label definition {entry.name} ({entry.value}) cannot be loaded: {error}.") from error
        if name in found:
            raise UsageError(f"Two label definitions are called {name}; one is {entry.value}. Remove one of them.")
        found[name] = definition
    return found


def wanted_labels(
    names: Sequence[str], axes: Sequence[str], min_reviews: int = 1, *, keep_unreviewed: bool = False
) -> list[Wanted]:
    """Each definition on each of the axes that it has; a name is a definition's or the path of a CSV.

    Raises:
        UsageError: a name is neither, a file does not fit, an axis is not a word, or a definition has none of the axes.
    """
    if wrong := next((axis for axis in axes if not WORD.fullmatch(axis)), None):
        raise UsageError(f"--axis {wrong!r} is not an axis: write one in letters, digits, - and _.")
    found: list[Wanted] = []
    for name in names:
        definition = _named(name, tuple(axes))
        if isinstance(definition, Poll):
            definition = replace(definition, min_reviews=min_reviews, keep_unreviewed=keep_unreviewed)
        its = [Wanted(definition, axis) for axis in axes if axis in definition.scales]
        if not its:
            raise UsageError(
                f"--label {name} has no axis {' or '.join(axes)}; its axes are {', '.join(definition.scales)}."
            )
        found += its
    keys = [one.key for one in found]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise UsageError(f"--label and --axis give {twice} twice.")
    return found


def _named(name: str, axes: tuple[str, ...]) -> Definition:
    if definition := definitions().get(name):
        return definition
    path = Path(name).expanduser()
    if path.is_file():
        named = read_label_file(path, axes)
        if named.name in definitions():
            raise UsageError(f"{name}: a label definition is called {named.name} already; give the file another name.")
        return named
    raise UsageError(
        f"--label {name} is neither a definition ({', '.join(definitions())}) nor a file that can be read."
    )
