"""What is kept of notebooks is small, of no one machine, and leads on; `make test-notebooks` executes them."""

import json
import re
import tomllib

import nbformat
import pytest

from .notebooks import NOTEBOOKS, REPOSITORY, ROOT, address, codes


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
