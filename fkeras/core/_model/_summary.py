"""`model.summary()`: the table of layers, shapes and parameter counts, from shapes alone."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from .._graph._dimensions import is_symbolic
from .._layer._layer import Layer, default_name
from .._layer._variables import counted
from .._words._errors import explain
from ._sublayers import Path, children, weight_facts


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
    try:
        tree = counted(variables if variables is not None else model.abstract_variables())
    except ValueError:  # the model has not seen an input's shape yet
        tree = None
    facts = _known_facts(model)
    branching = _branches(model)
    headers = [
        "Layer (type)",
        "Output Shape",
        "Param #",
        *["Connected to"] * branching,
        *["Trainable"] * show_trainable,
    ]
    width = line_length or (100 if branching else 80)
    table = Table(width=width, show_lines=True)
    for i, (header, share) in enumerate(zip(headers, _shares(positions, len(headers), branching), strict=True)):
        table.add_column(
            header, ratio=share, justify="right" if i == 2 else "center" if header == "Trainable" else "left"
        )
    for path, layer in _listed(model, (), expand_nested, layer_range):
        own = None if tree is None else [_at(part, path) for part in tree.values()]
        row = [
            "   " * (len(path) - 1) + "└ " * (len(path) > 1) + f"{path[-1]} ({type(layer).__name__})",
            _shape_text(model, layer, path, facts),
            "? (unbuilt)" if own is None else f"{_count(own):,}",
        ]
        if branching:
            row.append(_sources(model, layer) if len(path) == 1 else "-")
        if show_trainable:
            row.append("-" if not _count(own) else "Y" if layer.trainable and _trains(facts, path) else "N")
        table.add_row(*row)
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, force_terminal=False, legacy_windows=False)
    console.print(f'Model: "{default_name(model)}"', markup=False, highlight=False)
    console.print(table, markup=False, highlight=False)
    for line in _totals(facts, tree):
        console.print(line, markup=False, highlight=False)
    (print_fn or print)(buffer.getvalue().rstrip("\n"))


def _known_facts(model: Any) -> dict[Path, Any]:
    """What the layers said when they last ran abstractly, if they ever did."""
    if getattr(model, "graph", None) is not None:
        return weight_facts(model, ())
    nodes = model._recorded_nodes()
    return next((n.facts for n in nodes if n is not None), {})


def _branches(model: Any) -> bool:
    """Whether the graph is more than a chain, so that the table says what feeds what."""
    graph = getattr(model, "graph", None)
    if graph is None or "layers" in type(model).__dataclass_fields__:
        return False
    sources = [id(t.node) for n in graph.nodes for t in n.inputs]
    return any(len(n.inputs) != 1 for n in graph.nodes) or len(set(sources)) < len(sources)


def _shares(positions: Any, count: int, branching: bool) -> list[int]:
    """Relative widths of the columns; Keras's `positions` say where each ends."""
    if positions:
        ends = [*positions, *[1.0] * (count - len(positions))]
        if all(b >= a for a, b in itertools.pairwise(ends)):
            ends = [e - b for e, b in zip(ends, [0.0, *ends], strict=False)]
        return [max(1, round(100 * share)) for share in ends[:count]]
    base = [30, 24, 14, 24] if branching else [42, 32, 18]
    return base + [10] * (count - len(base))


def _listed(model: Any, path: Path, expand: bool, layer_range: Any) -> list[tuple[Path, Layer]]:
    """The layers to show with their paths, in order."""
    rows: list[tuple[Path, Layer]] = []
    inside = children(model)
    if "layers" in type(model).__dataclass_fields__:
        inside = [(layer.name, layer) for layer in model.layers]
    for name, layer in _ranged(inside, layer_range) if layer_range is not None else inside:
        rows.append(((*path, name), layer))
        if expand:
            rows += _listed(layer, (*path, name), expand, None)
    return rows


def _ranged(layers: list[tuple[str, Layer]], layer_range: Any) -> list[tuple[str, Layer]]:
    if len(layer_range) != 2:
        raise ValueError(
            explain("layer_range takes two names, of the first and of the last layer.", received=repr(layer_range))
        )
    found = []
    for pattern in layer_range:
        at = [i for i, (name, _) in enumerate(layers) if re.match(pattern, name)]
        if not at:
            raise ValueError(
                explain(
                    f"layer_range: no layer's name matches {pattern!r}.",
                    received=repr(layer_range),
                    usually=f"the layers are {[n for n, _ in layers]}",
                )
            )
        found.append(at)
    low, high = sorted((min(found[0]), max(found[1])))
    return layers[low : high + 1]


def _shape_text(model: Any, layer: Layer, path: Path, facts: dict[Path, Any]) -> str:
    """Output shapes in Keras's spelling."""
    graph = getattr(model, "graph", None)
    calls = graph.calls_of_index.get(id(layer), []) if graph is not None and len(path) == 1 else []
    if calls:
        shapes = [s.shape for s in jax.tree.leaves(calls[0].outputs)]
    elif path in facts:
        shapes = facts[path].output_shapes
    elif hasattr(layer, "batch_shape"):
        shapes = [layer.batch_shape]
    else:
        return "?"
    return ", ".join(str(tuple(d if isinstance(d, int) else None for d in shape)) for shape in shapes)


def _sources(model: Any, layer: Layer) -> str:
    graph = model.graph
    tensors = [t for n in graph.calls_of_index.get(id(layer), []) for t in n.inputs]
    return ", ".join(f"{graph.tensor_name(t)}[{t.index}]" for t in tensors) or "-"


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree.get(key, {}) if hasattr(tree, "get") else {}
    return tree


def _count(tree: Any) -> int:
    return sum(_size_of(leaf) for leaf in jax.tree.leaves(tree))


def _size_of(leaf: Any) -> int:
    """How many numbers an array holds; a size that follows from the input counts once."""
    return int(np.prod([1 if is_symbolic(d) else d for d in leaf.shape]))


def _bytes(tree: Any) -> int:
    return sum(_size_of(leaf) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


def _trains(facts: dict[Path, Any], path: Path) -> bool:
    """Whether the innermost layer that is known at or above a path trains."""
    known = next((facts[path[:i]] for i in range(len(path), -1, -1) if path[:i] in facts), None)
    return known is None or known.trainable


def _totals(facts: dict[Path, Any], tree: Any) -> list[str]:
    if tree is None:
        return [" Total params: unknown until the model has seen an input's shape"]
    moves: list[Any] = []
    rests: list[Any] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        collection, *keys = (str(getattr(k, "key", k)) for k in path)
        (moves if collection == "params" and _trains(facts, tuple(keys)) else rests).append(leaf)
    parts = (("Total", moves + rests), ("Trainable", moves), ("Non-trainable", rests))
    return [f" {label} params: {_count(part):,} ({_size(_bytes(part))})" for label, part in parts]


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
