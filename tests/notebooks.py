"""Notebooks as they are kept: executed from the top, with the outputs that one sees.

`python -m tests.notebooks` executes all of them and writes their outputs; the tests execute them again, and compare.
"""

from __future__ import annotations

import pathlib
import re

import nbformat
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

#: Where fkeras lies on this machine, in a frame of a traceback.
_PLACE = re.compile(r"(File (?:\x1b\[[0-9;]*m)*)\S*/(?=fkeras/)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def execute(path: pathlib.Path) -> nbformat.NotebookNode:
    """A notebook with the outputs of a run from the top; a cell tagged `raises-exception` may raise.

    Paths of this machine and the times of cells are left out, so that another machine gives the same file but for the
    times that a run prints.
    """
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    where = {"metadata": {"path": ROOT}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where, coalesce_streams=True).execute()
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                output.traceback = _PLACE.sub(r"\1", "\n".join(output.traceback)).split("\n")
    return notebook


def answer_of(cell: nbformat.NotebookNode) -> tuple[str, str] | None:
    """The kind and the text of the error that a cell shows; `None` where it shows none."""
    errors = [output for output in cell.get("outputs", ()) if output.output_type == "error"]
    return (errors[-1].ename, errors[-1].evalue) if errors else None


def shown(cell: nbformat.NotebookNode) -> list[str]:
    """The lines that a cell's error shows, without colours."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return _COLOURS.sub("", "\n".join("\n".join(error.traceback) for error in errors)).split("\n")


def line_to_write(answer: str) -> str:
    """What stands behind `Write:` in an answer, without the indent of its further lines.

    >>> line_to_write("It is wrong.\\n  Write:    a = 1\\n            b = 2")
    'a = 1\\nb = 2'
    """
    _, found, line = answer.partition("\n  Write:    ")
    return line.replace("\n" + " " * 12, "\n") if found else ""


if __name__ == "__main__":
    for notebook in NOTEBOOKS:
        nbformat.write(execute(notebook), notebook)
