"""Python modules of one's own that add to Paddock: installed beside it, or named by PADDOCK_PLUGINS."""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from collector.errors import UsageError

GROUP = "paddock.plugins"  # of entry points: each names a module
SETTING = "PADDOCK_PLUGINS"

_named: tuple[str, ...] = ()


def name_plugins(names: Sequence[str]) -> None:
    """Set the modules that are loaded besides the installed ones: paths of .py files, or names to import."""
    global _named  # noqa: PLW0603  (a process has one set of them, as it has one set of installed packages)
    _named = tuple(names)


def load_plugins() -> list[ModuleType]:
    """Import all modules, each once; what they register by decorators is known from then on.

    Raises:
        UsageError: one cannot be imported; the message names it.
    """
    installed = [
        _load(entry.module, f"The plug-in {entry.name} ({entry.value})") for entry in entry_points(group=GROUP)
    ]
    return installed + [_load(name, f"{SETTING}: {name}") for name in _named]


def digest_of_plugins() -> str:
    """A digest of the files of all plug-ins; empty if there are none."""
    paths = sorted(module.__file__ for module in load_plugins() if module.__file__)
    whole = hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths))
    return whole.hexdigest() if paths else ""


def in_words(error: BaseException) -> str:
    """What others' code raised, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}."


def place_in_plugin(error: BaseException) -> str:
    """Where in a plug-in an error was raised, in words; empty if it was not in one."""
    files = {module.__file__ for module in load_plugins()}
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f" in line {lines[-1].lineno} of {Path(lines[-1].filename).name}" if lines else ""


@cache
def _load(name: str, words: str) -> ModuleType:
    try:
        return _load_file(Path(name).expanduser()) if name.endswith(".py") else importlib.import_module(name)
    except FileNotFoundError as error:
        raise UsageError(f"{words} is not a file that can be read.") from error
    except UsageError as error:
        raise UsageError(f"{words}: {error}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"{words} cannot be imported: {in_words(error)}") from error


def _load_file(path: Path) -> ModuleType:
    """A module by its path; it is known to Python by the file's name, so that objects of it can be loaded again."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    if path.stem in sys.modules:
        raise ImportError(f"a module is called {path.stem} already; give the file another name")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
