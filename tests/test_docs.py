"""What the pages for contributors name is there: files, links, targets of the Makefile."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))


@every_page
def test_files_that_a_page_names_are_there(page):
    named = re.findall(r"`((?:fkeras|tests|benchmarks|examples|docs|\.ci|\.github)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


@every_page
def test_links_lead_somewhere(page):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    here = [link for link in links if link and not link.startswith(("http:", "https:"))]
    assert [link for link in here if not (page.parent / link).exists()] == []


@every_page
def test_targets_that_a_page_names_are_in_the_makefile(page):
    assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= TARGETS


def test_the_workflow_runs_targets_of_the_makefile():
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    run = set(re.findall(r"make PYTHON=python ([a-z-]+)", text)) | set(re.findall(r"target: ([a-z-]+) }", text))
    for listed in re.findall(r"target: \[([^]]+)\]", text):
        run |= set(listed.split(", "))
    assert run
    assert run <= TARGETS


def test_every_decision_is_listed():
    pages = {p.name for p in (ROOT / "docs" / "decisions").glob("*.md")} - {"README.md"}
    listed = re.findall(r"\]\((\w+\.md)\)", (ROOT / "docs" / "decisions" / "README.md").read_text())
    assert sorted(listed) == sorted(pages)
