"""Every notebook runs from top to bottom, and shows what is kept in it: `make test-notebooks`."""

import functools
import itertools

import nbformat
import pytest

from .notebooks import NOTEBOOKS, ROOT, answer_of, codes, line_to_write, one_kernel, shown
from .written_lines import contains

SLIPS = ROOT / "notebooks" / "twenty_slips.ipynb"
#: Lines of an answer with its traceback. Most have fewer than twenty; those with a class to write have more.
LONGEST = 30


@pytest.fixture(scope="session")
def run():
    with one_kernel() as execute:
        yield functools.cache(execute)


def is_slip(cell):
    return "raises-exception" in cell.metadata.get("tags", ())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_kept_in_it(run, path):
    notebook = run(path)
    assert all(cell.outputs or "print" not in cell.source for cell in codes(notebook))
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not any("\r" in text for text in texts)  # a bar is one output, and no line after line of a terminal
    for kept, cell in zip(codes(nbformat.read(path, as_version=4)), codes(notebook), strict=True):
        of_a_kind = [[(output.output_type, set(output.get("data", ()))) for output in c.outputs] for c in (kept, cell)]
        assert of_a_kind[0] == of_a_kind[1], f"python -m tests.notebooks   # {kept.source}"
        assert answer_of(kept) == answer_of(cell), f"python -m tests.notebooks   # {kept.source}"


def test_each_slip_is_answered_with_the_line_that_then_works(run):
    cells = codes(run(SLIPS))
    slips = [(cell, after) for cell, after in itertools.pairwise(cells) if is_slip(cell)]
    assert len(slips) == 20
    for cell, after in slips:
        answer = answer_of(cell)
        assert answer is not None, f"nothing is said of: {cell.source}"
        line = line_to_write(answer[1])
        assert contains(after.source, line), f"{line!r} is not what is written: {after.source}"
        assert not contains(cell.source, line), f"{line!r} is what was written: {cell.source}"
        assert not is_slip(after)
        assert answer_of(after) is None


def test_the_answer_to_a_slip_is_short(run):
    for cell in filter(is_slip, codes(run(SLIPS))):
        lines = shown(cell)
        assert len(lines) <= LONGEST, "\n".join(lines)
        files = [line for line in lines if line.startswith("File ")]
        assert all(line.startswith("File fkeras/") for line in files), files
        assert not any("another exception" in line or "direct cause" in line for line in lines), lines
