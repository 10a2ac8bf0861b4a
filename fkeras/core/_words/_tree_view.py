"""A tree of arrays as a folded tree: names, shapes, dtypes and bytes, and never a number that is in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np

from ..typing import PyTree
from ._array_differences import show_spec
from ._paths import KeyPath
from ._views import html_code, html_faint, html_folded, html_text

# How many lines a part has in text, and in HTML; a line says how many are left out.
_LINES, _ENTRIES = 24, 400


@dataclasses.dataclass
class Branch:
    """A part of a tree.

    Attributes:
        parts: what is in it by name; an array is the text of its dtype and shape.
        arrays, numbers, nbytes: how many arrays it holds, how many numbers these have, and their bytes.
    """

    parts: dict[str, Branch | str] = dataclasses.field(default_factory=dict)
    arrays: int = 0
    numbers: int = 0
    nbytes: int = 0

    @property
    def told(self) -> str:
        """Its size in a few words."""
        if not self.arrays:
            return "empty"
        return f"{self.arrays:,} array{'s' * (self.arrays != 1)}, {self.numbers:,} numbers, {size_text(self.nbytes)}"


def branch_of(tree: PyTree) -> Branch:
    """A pytree by its names. Arrays on any device, deleted ones, tracers and mere shapes will do.

    >>> branch_of({"dense": {"kernel": np.zeros((3, 2), "float32")}}).told
    '1 array, 6 numbers, 24.00 B'
    """
    root = Branch()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        keys = names_of(path) or ["value"]
        count, nbytes = _numbers(leaf), 0
        nbytes = count * _itemsize(leaf)
        here = root
        for key in keys[:-1]:
            here = _add(here, count, nbytes)
            inner = here.parts.setdefault(key, Branch())
            here = inner if isinstance(inner, Branch) else Branch()
        _add(here, count, nbytes).parts[keys[-1]] = _spec(leaf)
    return root


def names_of(path: KeyPath) -> list[str]:
    """The names on the way to a leaf."""
    return [jax.tree_util.keystr((key,), simple=True) for key in path]


def _add(branch: Branch, numbers: int, nbytes: int) -> Branch:
    branch.arrays, branch.numbers, branch.nbytes = branch.arrays + 1, branch.numbers + numbers, branch.nbytes + nbytes
    return branch


def _spec(leaf: PyTree) -> str:
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        return type(leaf).__name__
    return show_spec((tuple(leaf.shape), str(leaf.dtype)))


def _numbers(leaf: PyTree) -> int:
    sizes = [dim if isinstance(dim, int) else 1 for dim in getattr(leaf, "shape", ())]  # an unknown size counts once
    return int(np.prod(sizes, dtype=object))


def _itemsize(leaf: PyTree) -> int:
    return int(getattr(getattr(leaf, "dtype", None), "itemsize", 0))


def size_text(count: float) -> str:
    """A number of bytes as one reads it.

    >>> size_text(1000), size_text(3 * 2**20)
    ('1000.00 B', '3.00 MB')
    """
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} TB"


# ------------------------------------------------------------------ text
def text_lines(branch: Branch, indent: str = "  ") -> list[str]:
    """A line for each part that holds arrays, with the arrays in it; the rest after so many lines is counted."""
    lines = list(_lines(branch, indent))
    if len(lines) > _LINES:
        return [*lines[: _LINES - 1], f"{indent}… {len(lines) - _LINES + 1} more lines"]
    return lines


def _lines(branch: Branch, indent: str) -> Iterator[str]:
    arrays = [f"{name} {part}" for name, part in branch.parts.items() if isinstance(part, str)]
    if arrays:
        shown = ", ".join(arrays[:6]) + (f", … {len(arrays) - 6} more" if len(arrays) > 6 else "")
        yield f"{indent}{shown}"
    for name, part in branch.parts.items():
        if not isinstance(part, Branch):
            continue
        name, part = _straight(name, part)
        inner = list(_lines(part, indent + "  "))
        if len(inner) == 1:
            yield f"{indent}{name}: {inner[0].strip()}"
        else:
            yield f"{indent}{name}"
            yield from inner


def _straight(name: str, part: Branch) -> tuple[str, Branch]:
    """A part that holds nothing but another part is one with it."""
    while len(part.parts) == 1:
        ((inner, only),) = part.parts.items()
        if not isinstance(only, Branch):
            break
        name, part = f"{name}/{inner}", only
    return name, part


# ------------------------------------------------------------------ HTML
def html_of(branch: Branch, name: str, opened: bool = False) -> str:
    """A part of the tree that opens by a click."""
    title = f"{html_code(name)} {html_faint(html_text(branch.told))}"
    if not branch.arrays:
        return f"<div>{title}</div>"
    parts = [_straight(key, part) for key, part in branch.parts.items() if isinstance(part, Branch)]
    arrays = [f"{html_code(key)} {html_text(part)}<br>" for key, part in branch.parts.items() if isinstance(part, str)]
    entries = [*arrays, *(html_of(part, key) for key, part in parts)]
    if len(entries) > _ENTRIES:
        entries = [*entries[:_ENTRIES], html_faint(f"… {len(entries) - _ENTRIES} more")]
    return html_folded(title, "".join(entries), opened)
