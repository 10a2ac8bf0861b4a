"""`model.summary()`: the table of layers, shapes and parameter counts, from shapes alone."""

from __future__ import annotations

import io
import re
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from ._errors import explain
from ._layer import Layer, default_name
from ._structure import children
from ._symbolic import SymbolicTensor


def summary(
    model: Any,
    line_length: int | None,
    positions: Any,
    print_fn: Any,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Any,
    variables: Any,
) -> None:
    """Render the table and hand it to `print_fn`, or print it."""
    tree = variables if variables is not None else _known_variables(model)
    branching = _branches(model)
    headers = ["Layer (type)", "Output Shape", "Param #", *["Connected to"] * branching, *["Trainable"] * show_trainable]
    width = line_length or (100 if branching else 80)
    table = Table(width=width, show_lines=True)
    for i, (header, share) in enumerate(zip(headers, _shares(positions, len(headers), branching), strict=True)):
        table.add_column(header, ratio=share, justify="right" if i == 2 else "center" if header == "Trainable" else "left")
    for row in _rows(model, tree, expand_nested, layer_range, branching, show_trainable, 0):
        table.add_row(*row)
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, force_terminal=False, legacy_windows=False)
    console.print(f'Model: "{default_name(model)}"', markup=False, highlight=False)
    console.print(table, markup=False, highlight=False)
    for line in _totals(model, tree):
        console.print(line, markup=False, highlight=False)
    (print_fn or print)(buffer.getvalue().rstrip("\n"))


def _known_variables(model: Any) -> Any:
    try:
        return model.abstract_variables()
    except ValueError:
        return None


def _branches(model: Any) -> bool:
    """Whether the graph is more than a chain, so that the table says what feeds what."""
    graph = getattr(model, "graph", None)
    if graph is None or "layers" in type(model).__dataclass_fields__:
        return False
    return any(len(n.inputs) != 1 for n in graph.nodes) or len({id(n.inputs[0].node) for n in graph.nodes}) < len(graph.nodes)


def _shares(positions: Any, count: int, branching: bool) -> list[int]:
    if positions:
        ends = list(positions) + [1.0] * (count - len(positions))
        if ends[0] > 0 and all(b >= a for a, b in zip(ends, ends[1:], strict=False)):  # Keras: where columns end
            ends = [e - b for e, b in zip(ends, [0.0, *ends], strict=False)]
        return [max(1, round(100 * share)) for share in ends[:count]]
    return ([30, 24, 14, 24] if branching else [42, 32, 18])[: 4 if branching else 3] + [10] * (count - 3 - branching)


def _rows(
    model: Any, tree: Any, expand: bool, layer_range: Any, branching: bool, show_trainable: bool, depth: int
) -> list[list[str]]:
    graph = getattr(model, "graph", None)
    layers = [(layer.name or name, layer) for name, layer in children(model)]
    if "layers" in type(model).__dataclass_fields__:
        layers = [(layer.name, layer) for layer in model.layers]
    if layer_range is not None:
        layers = _ranged(layers, layer_range)
    rows = []
    for name, layer in layers:
        own = _part(tree, name)
        calls = graph.calls_of_index.get(id(layer), []) if graph is not None else []
        indent = "   " * depth + "└ " * (depth > 0)
        count = "?" if tree is None else f"{_count(own):,}"
        row = [f"{indent}{name} ({type(layer).__name__})", _shape_text(layer, calls), count]
        if branching:
            row.append(", ".join(f"{graph.tensor_name(t)}[{t.index}]" for n in calls for t in n.inputs) or "-")
        if show_trainable:
            row.append("-" if tree is not None and not _count(own) else "Y" if layer.trainable else "N")
        rows.append(row)
        if expand and children(layer):
            rows += [
                r + [""] * (len(row) - len(r))
                for r in _rows(layer, own if tree is not None else None, expand, None, False, False, depth + 1)
            ] if not show_trainable else _with_trainable(layer, own, tree, expand, branching, depth)
    return rows


def _with_trainable(layer: Any, own: Any, tree: Any, expand: bool, branching: bool, depth: int) -> list[list[str]]:
    rows = _rows(layer, own if tree is not None else None, expand, None, False, True, depth + 1)
    return [[*r[:3], *["-"] * branching, *r[3:]] for r in rows]


def _ranged(layers: list[tuple[str, Layer]], layer_range: Any) -> list[tuple[str, Layer]]:
    if len(layer_range) != 2:
        raise ValueError(
            explain("layer_range takes two names, of the first and of the last layer.", received=repr(layer_range))
        )
    first = [i for i, (n, _) in enumerate(layers) if re.match(layer_range[0], n)]
    last = [i for i, (n, _) in enumerate(layers) if re.match(layer_range[1], n)]
    if not first or not last:
        missing = layer_range[0] if not first else layer_range[1]
        raise ValueError(
            explain(
                f"layer_range: no layer's name matches {missing!r}.",
                received=repr(layer_range),
                usually=f"the layers are {[n for n, _ in layers]}",
            )
        )
    low, high = min(first), max(last)
    return layers[min(low, high) : max(low, high) + 1]


def _shape_text(layer: Layer, calls: list[Any]) -> str:
    if calls:
        shapes = [_plain(s.shape) for s in jax.tree.leaves(calls[0].outputs)]
    else:
        try:
            shapes = [t.shape for t in jax.tree.leaves(layer.output) if isinstance(t, SymbolicTensor)]
        except AttributeError:
            return "?"
    return ", ".join(str(s) for s in shapes)


def _plain(shape: Any) -> tuple[int | None, ...]:
    return tuple(d if isinstance(d, int) else None for d in shape)


def _part(tree: Any, name: str) -> Any:
    return {c: sub.get(name, {}) for c, sub in (tree or {}).items() if hasattr(sub, "get")}


def _count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


def _bytes(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


def _totals(model: Any, tree: Any) -> list[str]:
    if tree is None:
        return [" Total params: unknown until the model has seen an input's shape"]
    trainable, frozen = {}, {}
    try:
        facts = model.weight_facts()
    except ValueError:
        facts = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        keys = tuple(str(k.key) for k in path if hasattr(k, "key"))
        owner = next((facts[keys[1:i]] for i in range(len(keys), 0, -1) if keys[1:i] in facts), None)
        moves = keys[0] == "params" and (owner is None or owner.trainable)
        (trainable if moves else frozen)[keys] = leaf
    parts = (("Total", {**trainable, **frozen}), ("Trainable", trainable), ("Non-trainable", frozen))
    return [f" {label} params: {_count(part):,} ({_size(_bytes(part))})" for label, part in parts]


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            return f"{count:.2f} {unit}"
        count /= 1024
    raise AssertionError
