"""Every notebook runs from top to bottom."""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((pathlib.Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert all(cell.outputs or "print" not in cell.source for cell in notebook.cells if cell.cell_type == "code")
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not any("\r" in text for text in texts)  # a bar is one output, and no line after line of a terminal
