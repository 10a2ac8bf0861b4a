"""The list of the reference: which public name has its entry on which page.

The pages of `docs/reference` are the list. A block `reference` names what is described there, and a block `namespace`
shows all names of a namespace, those that are described elsewhere as links.
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Iterator

from .names import find, namespaces, public

FOLDER = pathlib.Path(__file__).parents[2] / "reference"

_BLOCK = re.compile(r"^```\{(reference|namespace)\}[^\n]*\n(.*?)^```$", re.M | re.S)


def entries() -> dict[str, pathlib.Path]:
    """Every name that is described, with its page."""
    return {name: page for page, kind, names in _blocks() if kind == "reference" for name in names}


def listed_namespaces() -> set[str]:
    """Every namespace whose names a page shows."""
    return {name for _, kind, names in _blocks() if kind == "namespace" for name in names}


@functools.cache
def homes() -> dict[int, str]:
    """The name under which each object is described, by the object's identity."""
    return {id(find(name)): name for name in entries()}


def without_entry() -> list[str]:
    """Public names whose object is described nowhere."""
    known = homes()
    missing = {
        id(value): f"{namespace}.{name}"
        for namespace in namespaces()
        for name, value in public(namespace).items()
        if id(value) not in known
    }
    return sorted(missing.values())


def page_for(name: str) -> str:
    """The page where names of the same namespace stand, for what has none yet."""
    namespace = name.rpartition(".")[0]
    alike = [page.name for other, page in entries().items() if other.rpartition(".")[0] == namespace]
    return max(set(alike), key=alike.count, default="a new page")


def not_public() -> list[str]:
    """Entries that name nothing public."""
    found = {f"{namespace}.{name}" for namespace in namespaces() for name in public(namespace)}
    return sorted(set(entries()) - found)


def described_twice() -> list[str]:
    """Names in more than one block, or of an object that another entry has."""
    names = [name for _, kind, listed in _blocks() if kind == "reference" for name in listed]
    ids = [id(find(name)) for name in names]
    return sorted(name for name, own in zip(names, ids, strict=True) if ids.count(own) > 1)


def _blocks() -> Iterator[tuple[pathlib.Path, str, list[str]]]:
    for page in sorted(FOLDER.glob("*.md")):
        for kind, lines in _BLOCK.findall(page.read_text()):
            yield page, kind, lines.split()
