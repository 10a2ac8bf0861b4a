"""`model.summary()`: the table of layers, shapes and parameter counts, from shapes alone."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from .._graph._dimensions import is_symbolic
from .._layer._bound_sublayers import Path
from .._layer._layer import Layer, WeightFacts, default_name
from .._layer._sublayers import sublayers_of
from .._layer._variables import counted
from .._words._errors import explain
from ..typing import PyTree, Variables
from ._looking_inside import LooksInside
from ._which_weights_train import weight_facts


def summary(
    model: LooksInside,
    line_length: int | None,
    positions: Sequence[float] | None,
    print_fn: Callable[[str], object] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
    variables: Variables | None,
) -> None:
    """Render the table and hand it to `print_fn`, or print it; the arguments are those of `Model.summary`."""
    try:
        tree = counted(model.abstract_variables() if variables is None else variables)
    except ValueError:  # the model has not seen an input's shape yet
        tree = None
    facts = _recorded_facts(model)
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
    text = _rendered(table, f'Model: "{default_name(model)}"', _totals(facts, tree), width)
    (print_fn or print)(text)


def _rendered(table: Table, title: str, totals: list[str], width: int) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=width, force_terminal=False, legacy_windows=False)
    console.print(title, markup=False, highlight=False)
    console.print(table, markup=False, highlight=False)
    for line in totals:
        console.print(line, markup=False, highlight=False)
    return buffer.getvalue().rstrip("\n")


def _recorded_facts(model: LooksInside) -> Mapping[Path, WeightFacts]:
    """What the layers said when they last ran abstractly, if they ever did."""
    if model.graph is not None:
        return weight_facts(model, ())
    return next((node.facts for node in model._recorded_nodes()), {})


# ------------------------------------------------------------------ rows and columns
def _branches(model: LooksInside) -> bool:
    """Whether the graph is more than a chain, so that the table says what feeds what."""
    if model.graph is None or model._is_chain:
        return False
    inputs = [node.inputs for node in model.graph.nodes]
    sources = [id(tensor.node) for tensors in inputs for tensor in tensors]
    return any(len(tensors) != 1 for tensors in inputs) or len(set(sources)) < len(sources)


def _shares(positions: Sequence[float] | None, count: int, branching: bool) -> list[int]:
    """Relative widths of the columns; Keras's `positions` say where each ends."""
    if positions:
        ends = [*positions, *[1.0] * (count - len(positions))]
        if all(b >= a for a, b in itertools.pairwise(ends)):
            ends = [end - before for end, before in zip(ends, [0.0, *ends], strict=False)]
        return [max(1, round(100 * share)) for share in ends[:count]]
    base = [30, 24, 14, 24] if branching else [42, 32, 18]
    return base + [10] * (count - len(base))


def _listed(layer: Layer, path: Path, expand: bool, layer_range: Sequence[str] | None) -> list[tuple[Path, Layer]]:
    """The layers to show with their paths, in order."""
    if isinstance(layer, LooksInside) and layer._is_chain:  # Keras shows a row of layers without its input
        inside = [(str(sub.name), sub) for sub in layer.layers]
    else:
        inside = list(sublayers_of(layer).items())
    rows: list[tuple[Path, Layer]] = []
    for name, sub in _ranged(inside, layer_range) if layer_range is not None else inside:
        rows.append(((*path, name), sub))
        if expand:
            rows += _listed(sub, (*path, name), expand, None)
    return rows


def _ranged(layers: list[tuple[str, Layer]], layer_range: Sequence[str]) -> list[tuple[str, Layer]]:
    if len(layer_range) != 2:
        raise ValueError(
            explain("layer_range takes two names, of the first and of the last layer.", received=repr(layer_range))
        )
    places = []
    for pattern in layer_range:
        at = [i for i, (name, _) in enumerate(layers) if re.match(pattern, name)]
        if not at:
            raise ValueError(
                explain(
                    f"layer_range: no layer's name matches {pattern!r}.",
                    received=repr(layer_range),
                    usually=f"the layers are {[name for name, _ in layers]}",
                )
            )
        places.append(at)
    low, high = sorted((min(places[0]), max(places[1])))
    return layers[low : high + 1]


def _shape_text(model: LooksInside, layer: Layer, path: Path, facts: Mapping[Path, WeightFacts]) -> str:
    """Output shapes in Keras's spelling."""
    calls = model.graph.calls_of_index.get(id(layer), ()) if model.graph is not None and len(path) == 1 else ()
    if calls:
        shapes = [struct.shape for struct in jax.tree.leaves(calls[0].outputs)]
    elif path in facts:
        shapes = list(facts[path].output_shapes)
    elif hasattr(layer, "batch_shape"):
        shapes = [layer.batch_shape]
    else:
        return "?"
    return ", ".join(str(tuple(dim if isinstance(dim, int) else None for dim in shape)) for shape in shapes)


def _sources(model: LooksInside, layer: Layer) -> str:
    """What feeds a layer of a graph."""
    graph = model.graph
    if graph is None:
        return "-"
    tensors = [tensor for node in graph.calls_of_index.get(id(layer), ()) for tensor in node.inputs]
    return ", ".join(f"{graph.tensor_name(tensor)}[{tensor.index}]" for tensor in tensors) or "-"


# ------------------------------------------------------------------ numbers
def _at(tree: PyTree, path: Path) -> PyTree:
    for key in path:
        tree = tree.get(key, {}) if isinstance(tree, Mapping) else {}
    return tree


def _count(tree: PyTree) -> int:
    return sum(_size_of(leaf) for leaf in jax.tree.leaves(tree))


def _size_of(leaf: jax.Array | jax.ShapeDtypeStruct) -> int:
    """How many numbers an array holds; a size that follows from the input counts once."""
    return int(np.prod([1 if is_symbolic(dim) else dim for dim in leaf.shape]))


def _bytes(tree: PyTree) -> int:
    return sum(_size_of(leaf) * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(tree))


def _trains(facts: Mapping[Path, WeightFacts], path: Path) -> bool:
    """Whether the innermost layer that is known at or above a path trains."""
    nearest = next((facts[path[:i]] for i in range(len(path), -1, -1) if path[:i] in facts), None)
    return nearest is None or nearest.trainable


def _totals(facts: Mapping[Path, WeightFacts], tree: Variables | None) -> list[str]:
    if tree is None:
        return [" Total params: unknown until the model has seen an input's shape"]
    trainable: list[jax.Array] = []
    frozen: list[jax.Array] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        collection, *keys = (str(getattr(key, "key", key)) for key in path)
        (trainable if collection == "params" and _trains(facts, tuple(keys)) else frozen).append(leaf)
    parts = (("Total", trainable + frozen), ("Trainable", trainable), ("Non-trainable", frozen))
    return [f" {label} params: {_count(part):,} ({_size(_bytes(part))})" for label, part in parts]


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"
