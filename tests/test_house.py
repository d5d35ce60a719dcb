"""The house can be read: no module has two jobs, and every function fits on a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

LONGEST_MODULE, LONGEST_TEST_MODULE, LONGEST_FUNCTION = 300, 400, 40  # lines
MODULES = sorted(path for program in ("collector", "trainer") for path in (ROOT / program).rglob("*.py"))
TEST_MODULES = sorted((ROOT / "tests").rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """The functions of a module, with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


def longer_than(most: int, modules: list[Path]) -> dict[str, int]:
    """The modules that have more lines, with their lines."""
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    return {name: count for name, count in lines.items() if count > most}


def test_no_module_is_long() -> None:
    assert longer_than(LONGEST_MODULE, MODULES) == {}


def test_no_test_module_is_long() -> None:
    assert longer_than(LONGEST_TEST_MODULE, TEST_MODULES) == {}


def test_no_function_is_long() -> None:
    found = {(str(path.relative_to(ROOT)), name): count for path in MODULES for name, count in functions(path)}
    assert {function: count for function, count in found.items() if count > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize(
    "package", sorted({path.parent for path in MODULES}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_room_says_what_it_is_for(package: Path) -> None:
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
