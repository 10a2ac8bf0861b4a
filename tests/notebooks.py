"""Notebooks as they are kept: executed from the top, with the outputs that one sees.

`python -m tests.notebooks` executes all of them, each in a kernel of its own, and writes their outputs; names of some
may follow. `check_notebooks.py` executes them again, one after the other in few kernels, and compares.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: Each notebook has it in its badge, and in the line that installs fkeras.
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]

#: Where fkeras lies on this machine, in a frame of a traceback.
_PLACE = re.compile(r"(File (?:\x1b\[[0-9;]*m)*)\S*/(?=fkeras/)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@contextlib.contextmanager
def one_kernel() -> Iterator[Callable[[pathlib.Path], nbformat.NotebookNode]]:
    """`execute` for one notebook after the other in one process, which imports JAX once.

    Each begins without the names of those before it, in the folder of the repository. One that says how many devices
    its process has (`jax_num_cpu_devices`) gets a process of its own.
    """
    manager = AsyncKernelManager(kernel_name="python3")

    def run(path: pathlib.Path) -> nbformat.NotebookNode:
        return execute(path, None if "jax_num_cpu_devices" in path.read_text() else manager)

    try:
        yield run
    finally:
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)


def execute(path: pathlib.Path, kernel: AsyncKernelManager | None = None) -> nbformat.NotebookNode:
    """A notebook with the outputs of a run from the top; a cell tagged `raises-exception` may raise.

    Paths of this machine and the times of cells are left out, so that another machine gives the same file but for the
    times that a run prints. Without `kernel` it has a process of its own.
    """
    notebook = nbformat.read(path, as_version=4)
    metadata = dict(notebook.metadata)
    where = {"metadata": {"path": ROOT}}
    if kernel is not None:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {ROOT}"))
    client = NotebookClient(
        notebook, kernel, timeout=300, kernel_name="python3", resources=where, coalesce_streams=True
    )
    client.execute()
    if kernel is not None:
        client.kc.stop_channels()
        del notebook.cells[0]
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                output.traceback = _PLACE.sub(r"\1", "\n".join(output.traceback)).split("\n")
    return notebook


def codes(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells with code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def address(host: str, path: pathlib.Path) -> str:
    """Where a host that opens notebooks of repositories has this one."""
    return f"https://{host}/{REPOSITORY.removeprefix('https://github.com/')}/blob/main/{path.relative_to(ROOT)}"


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
        if not sys.argv[1:] or notebook.stem in sys.argv[1:]:
            began = time.perf_counter()
            nbformat.write(execute(notebook), notebook)
            print(f"{time.perf_counter() - began:5.1f} s  {notebook.relative_to(ROOT)}", flush=True)
