"""The reference has every public name: its pages are the list, and the package says what has to stand on it."""

import pathlib
import re
import sys

import pytest

EXTENSION = pathlib.Path(__file__).parents[2] / "docs" / "_ext"


@pytest.fixture(scope="module")
def pages():
    sys.path.insert(0, str(EXTENSION))
    try:
        from fkeras_docs import pages
    finally:
        sys.path.remove(str(EXTENSION))
    return pages


def test_every_public_name_has_an_entry(pages):
    missing = [f"{name} on {pages.page_for(name)}" for name in pages.without_entry()]
    assert missing == [], (
        f"add a line for each to a block `reference` of the page it belongs on, docs/reference: {missing}"
    )


def test_every_entry_is_public_and_stands_once(pages):
    assert pages.not_public() == []
    assert pages.described_twice() == []


def test_every_namespace_is_shown(pages):
    from fkeras_docs.names import namespaces, public

    assert {name for name in namespaces() if public(name)} == pages.listed_namespaces()


def test_every_page_stands_once_in_the_navigation(pages):
    blocks = re.findall(r"^```{toctree}\n(.*?)^```$", (pages.FOLDER / "index.md").read_text(), re.M | re.S)
    listed = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    assert sorted(listed) == sorted({page.stem for page in pages.FOLDER.glob("*.md")} - {"index"})


def test_a_name_that_is_taken_off_the_list_is_missed(pages, tmp_path, monkeypatch):
    page = (pages.FOLDER / "random.md").read_text()
    for other in pages.FOLDER.glob("*.md"):
        (tmp_path / other.name).write_text(other.read_text())
    (tmp_path / "random.md").write_text(page.replace("fk.random.normal\n", "", 1))
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    pages.homes.cache_clear()
    assert pages.without_entry() == ["fk.random.normal"]
    pages.homes.cache_clear()
