"""The notebook of the documents runs on a small look-alike collection, and says what it says in the document.

WRITE_NOTEBOOK=1 pytest tests/test_notebook.py -n 0    writes its outputs anew
"""

import os
from typing import Any

import pytest

from tests.databases import EMPTY, copy_of
from tests.filled import SMALL, fill
from tests.paths import ROOT

NOTEBOOK = ROOT / "docs" / "collection.ipynb"
WRITE = bool(os.environ.get("WRITE_NOTEBOOK"))  # noqa: TID251
LARGEST = 20_000  # bytes: a document, not a store of outputs


def said(book: Any) -> list[Any]:
    """What the cells print, as text."""
    return [
        [
            output.get("text") or output.get("data", {}).get("text/plain") or output.output_type
            for output in cell.outputs
        ]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.usefixtures("tmp_path")
def test_the_notebook_says_what_its_document_says(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat  # takes 2.5 s to import, in each test process
    from nbclient import NotebookClient

    book = nbformat.read(NOTEBOOK, as_version=4)
    written = said(book)
    with copy_of(cluster, EMPTY) as conninfo:
        fill(conninfo, SMALL)
        monkeypatch.setenv("PADDOCK_DATABASE_URL", conninfo)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        NotebookClient(book, timeout=60, kernel_name="python3").execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # the times at which it ran
    if WRITE:
        nbformat.write(book, NOTEBOOK)
    else:
        assert said(book) == written


def test_the_notebook_is_small_and_holds_no_photo() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert "image/" not in text.replace("'image/jpeg'", "")
