"""The variables of each layer on an example, from the table that the tests hold against every layer."""

from __future__ import annotations

import functools
import json
import pathlib

import fkeras as fk

from .names import find

_RECORDED = pathlib.Path(__file__).parents[3] / "tests" / "conformance" / "parameters.json"


def variables_of(path: str) -> str:
    """A layer's parameter tree as Markdown: a row for each leaf, with its shape and dtype."""
    cls = find(path)
    rows = _rows().get(cls, ())
    if not rows:
        return ""
    row = next((row for row in rows if _leaves()[row.id]), rows[0])
    leaves = _leaves()[row.id]
    made = f"`fk.nn.{row.layer(fk.nn)!r}` on {_inputs(row)}"
    if not leaves:
        return f"**Variables**\n\nNone, of {made}."
    lines = [f"| `{leaf}` | `{_shape(shape)}` | {dtype} |" for leaf, (shape, dtype) in leaves.items()]
    return "\n".join([f"**Variables** of {made}\n", "| path | shape | dtype |", "| --- | --- | --- |", *lines])


def _inputs(row: object) -> str:
    shapes = row.shapes if isinstance(row.shapes, list) else [row.shapes]  # type: ignore[attr-defined]
    return "inputs of " * (len(shapes) > 1) + ", ".join(f"`{_shape(shape)}`" for shape in shapes)


def _shape(shape: object) -> str:
    return str(tuple(shape))  # type: ignore[call-overload]


@functools.cache
def _leaves() -> dict[str, dict[str, tuple[list[int], str]]]:
    return json.loads(_RECORDED.read_text())


@functools.cache
def _rows() -> dict[object, list]:
    from tests.conformance.descriptors import rows  # the repository is the root of the build

    found: dict[object, list] = {}
    for row in rows():
        found.setdefault(getattr(fk.nn, row.cls), []).append(row)
    return found
