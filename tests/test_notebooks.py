"""Every notebook runs from top to bottom, and shows what is kept in it."""

import functools
import itertools
import json
import re
import tomllib

import nbformat
import pytest

from .notebooks import NOTEBOOKS, REPOSITORY, ROOT, address, answer_of, line_to_write, one_kernel, shown
from .written_lines import contains

SLIPS = ROOT / "notebooks" / "twenty_slips.ipynb"
#: Lines of an answer with its traceback. Most have fewer than twenty; those with a class to write have more.
LONGEST = 30


@pytest.fixture(scope="module")
def run():
    with one_kernel() as execute:
        yield functools.cache(execute)


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_slip(cell):
    return "raises-exception" in cell.metadata.get("tags", ())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(run, path):
    notebook = run(path)
    assert all(cell.outputs or "print" not in cell.source for cell in codes(notebook))
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not any("\r" in text for text in texts)  # a bar is one output, and no line after line of a terminal


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_what_is_kept_in_a_notebook_is_what_it_shows(run, path):
    for kept, cell in zip(codes(nbformat.read(path, as_version=4)), codes(run(path)), strict=True):
        of_a_kind = [[(output.output_type, set(output.get("data", ()))) for output in c.outputs] for c in (kept, cell)]
        assert of_a_kind[0] == of_a_kind[1], f"python -m tests.notebooks   # {kept.source}"
        assert answer_of(kept) == answer_of(cell), f"python -m tests.notebooks   # {kept.source}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_can_be_opened_elsewhere_and_leads_on(path):
    first, install, *_, last = nbformat.read(path, as_version=4).cells
    assert f"]({address('colab.research.google.com/github', path)})" in first.source.split("\n\n")[1]
    extras = re.search(r'%pip install --quiet "fkeras(?:\[([a-z,]+)\])? @ git\+(\S+)"', install.source)
    assert extras[2] == REPOSITORY
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set((extras[1] or "demo").split(",")) <= set(known)
    links = re.findall(r"^- \[.+?\]\((\S+)\)", last.source, re.M)
    assert last.source.startswith("## Where to go on")
    assert len(links) == 3
    for cell in nbformat.read(path, as_version=4).cells:
        linked = re.findall(r"\]\((?!http)([^)#]+)", cell.source) if cell.cell_type == "markdown" else []
        assert all((path.parent / link).exists() for link in linked), linked


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_what_is_kept_is_small_and_of_no_one_machine(path):
    assert path.stat().st_size < 100_000
    for cell in codes(nbformat.read(path, as_version=4)):
        kept = "".join(json.dumps(output) for output in cell.outputs)
        assert not any(output.get("name") == "stderr" for output in cell.outputs), cell.source
        assert not re.search(r"(?<![\w.])/(home|tmp|root|work|Users|usr)/|0x[0-9a-f]{6}|Warning\b", kept), cell.source
        images = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", ())]
        assert all(len(image) < 60_000 for image in images)


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
