"""`model.summary()`: the table of layers, shapes and parameter counts, from shapes alone; `_summary_view` draws it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import jax
import numpy as np

from .._graph._dimensions import is_symbolic
from .._graph._symbolic import Node
from .._layer._bound_sublayers import Path
from .._layer._layer import Layer, WeightFacts, default_name
from .._layer._sublayers import sublayers_of
from .._layer._variables import counted
from .._words._errors import explain
from .._words._given_instead import variables_in
from .._words._program_cost import Cost
from .._words._tree_view import size_text
from ..typing import PyTree, Variables, VariablesLike
from ._layer_costs import layer_costs
from ._looking_inside import LooksInside
from ._which_weights_train import weight_facts

#: What has a row: a layer, or the call of an op, which has no weights.
Shown: TypeAlias = Layer | Node


@dataclasses.dataclass(frozen=True)
class Summary:
    """A model's table.

    Attributes:
        title: what the model is.
        headers: the names of the columns.
        rows: the cells, a row for each layer, and for each call of an op in a graph, as in Keras.
        depths: how deep each row's layer lies, from 1.
        totals: `(label, text)` of the lines below the table.
        branching: whether a column says what feeds what.
        hint: the line to write to see more; may be empty.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    depths: tuple[int, ...]
    totals: tuple[tuple[str, str], ...]
    branching: bool
    hint: str = ""


def summary_of(
    model: LooksInside,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    variables: VariablesLike | None = None,
    cost: bool | int = False,
) -> Summary:
    """A model's layers, output shapes and numbers of parameters; the arguments are those of `Model.summary`."""
    try:
        tree = counted(model.abstract_variables() if variables is None else variables_in(variables))
    except ValueError:  # the model has not seen an input's shape yet
        tree = None
    facts = _recorded_facts(model)
    branching = _branches(model)
    costs = layer_costs(model, 1 if cost is True else cost) if cost else {}
    headers = [
        "Layer (type)",
        "Output Shape",
        "Param #",
        *["Connected to"] * branching,
        *["Trainable"] * show_trainable,
        *["FLOPs", "Bytes"] * bool(cost),
    ]
    listed = _listed(model, (), expand_nested, layer_range)
    layers = dict(listed)
    rows = []
    for path, layer in listed:
        own = None if tree is None else [_at(part, path) for part in tree.values()]
        row = [
            f"{path[-1]} ({_kind(layer)})",
            _shape_text(layers.get(path[:-1], model), layer, path, facts),
            "? (unbuilt)" if own is None else f"{_count(own):,}",
        ]
        if branching:
            row.append(_sources(model, layer) if len(path) == 1 else "-")
        if show_trainable:
            row.append(_trainable_mark(layer, path, facts, tree))
        if cost:
            own_cost = costs.get(path, Cost())
            is_op = isinstance(layer, Node)  # what lies between layers is in the whole model's cost alone
            row += ["-", "-"] if is_op else [f"{own_cost.flops:,.0f}", f"{own_cost.bytes:,.0f}"]
        rows.append(tuple(row))
    return Summary(
        f'Model: "{default_name(model)}"',
        tuple(headers),
        tuple(rows),
        tuple(len(path) for path, _ in listed),
        (*_totals(facts, tree), *_cost_totals(costs, int(cost))),
        branching,
        _hint(model, tree, facts),
    )


def _recorded_facts(model: LooksInside) -> Mapping[Path, WeightFacts]:
    """What the layers said when they last ran abstractly, if they ever did."""
    if model.graph is not None:
        return weight_facts(model, ())
    return next((node.facts for node in model._recorded_nodes()), {})


# ------------------------------------------------------------------ rows and columns
def _kind(shown: Shown) -> str:
    """A layer's class, and how often it runs the one in it, where each time has weights of its own; an op's name."""
    if isinstance(shown, Node):
        return "".join(part.capitalize() for part in shown.operation.name.rpartition(".")[2].split("_"))
    blocks = shown._stacked_blocks
    return type(shown).__name__ + (f", {blocks} blocks" if blocks else "")


def _branches(model: LooksInside) -> bool:
    """Whether the graph is more than a chain, so that the table says what feeds what."""
    if model.graph is None or model._is_chain:
        return False
    inputs = [node.inputs for node in model.graph.nodes]
    sources = [id(tensor.node) for tensors in inputs for tensor in tensors]
    return any(len(tensors) != 1 for tensors in inputs) or len(set(sources)) < len(sources)


def _listed(layer: Layer, path: Path, expand: bool, layer_range: Sequence[str] | None) -> list[tuple[Path, Shown]]:
    """What is shown, with its path, in order."""
    inside: list[tuple[str, Shown]]
    if isinstance(layer, LooksInside) and layer._is_chain:  # Keras shows a row of layers without its input
        inside = [(str(sub.name), sub) for sub in layer.layers]
    elif layer.graph is not None and not path:  # as in Keras, what is nested is shown without its ops
        graph = layer.graph
        inside = [(graph.name_of(o) if isinstance(o, Node) else str(o.name), o) for o in graph.operations]
    else:
        inside = list(sublayers_of(layer).items())
    rows: list[tuple[Path, Shown]] = []
    for name, sub in _ranged(inside, layer_range) if layer_range is not None else inside:
        rows.append(((*path, name), sub))
        if expand and isinstance(sub, Layer):
            rows += _listed(sub, (*path, name), expand, None)
    return rows


def _ranged(layers: list[tuple[str, Shown]], layer_range: Sequence[str]) -> list[tuple[str, Shown]]:
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


def _shape_text(around: Shown, layer: Shown, path: Path, facts: Mapping[Path, WeightFacts]) -> str:
    """Output shapes in Keras's spelling: those of the graph of the model around the layer, where it has one.

    What a trace found stands in for the rest. It may have been made with sizes in place of open ones.
    """
    graph = around.graph if isinstance(around, LooksInside) else None
    calls = graph.calls_of_index.get(id(layer), ()) if graph is not None else ()
    if calls:  # those of a layer, or the one of an op
        shapes = [struct.shape for struct in jax.tree.leaves(calls[0].outputs)]
    elif path in facts:
        shapes = list(facts[path].output_shapes)
    elif hasattr(layer, "batch_shape"):
        shapes = [layer.batch_shape]
    else:
        return "?"
    return ", ".join(str(tuple(dim if isinstance(dim, int) else None for dim in shape)) for shape in shapes)


def _sources(model: LooksInside, layer: Shown) -> str:
    """What feeds a layer or an op of a graph."""
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


def _trainable_mark(layer: Shown, path: Path, facts: Mapping[Path, WeightFacts], tree: Variables | None) -> str:
    """`Y` where some of what is in a layer trains, `N` where nothing does, `-` where there are no weights."""
    if isinstance(layer, Node) or tree is None or not any(_count(_at(part, path)) for part in tree.values()):
        return "-"
    weights = jax.tree_util.tree_leaves_with_path(_at(tree.get("params", {}), path))
    if not weights:  # moments and the like: the layer's own flag says it, as in Keras
        return "Y" if layer.trainable and _trains(facts, path) else "N"
    return "Y" if any(_trains(facts, (*path, *_keys(place))) for place, _ in weights) else "N"


def _keys(place: Sequence[object]) -> Path:
    """A leaf's place as the names on the way to it."""
    return tuple(str(getattr(key, "key", key)) for key in place)


def _totals(facts: Mapping[Path, WeightFacts], tree: Variables | None) -> list[tuple[str, str]]:
    if tree is None:
        return [("Total params", "unknown until the model has seen an input's shape")]
    trainable: list[jax.Array] = []
    frozen: list[jax.Array] = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        collection, *keys = _keys(path)
        (trainable if collection == "params" and _trains(facts, tuple(keys)) else frozen).append(leaf)
    parts = (("Total", trainable + frozen), ("Trainable", trainable), ("Non-trainable", frozen))
    return [(f"{label} params", f"{_count(part):,} ({size_text(_bytes(part))})") for label, part in parts]


def _cost_totals(costs: Mapping[Path, Cost], batch_size: int) -> list[tuple[str, str]]:
    """What the whole model costs by XLA, and its layers one by one: what lies between layers is in the first alone."""
    if not costs:
        return []
    layers = sum((found for path, found in costs.items() if len(path) == 1), Cost())
    rows = f"{batch_size} row{'s' * (batch_size != 1)}"
    return [
        (f"FLOPs of {rows}", f"{costs[()].flops:,.0f} (its layers, one by one: {layers.flops:,.0f})"),
        (f"Bytes of {rows}", f"{costs[()].bytes:,.0f} (its layers, one by one: {layers.bytes:,.0f})"),
    ]


def _hint(model: LooksInside, tree: Variables | None, facts: Mapping[Path, WeightFacts]) -> str:
    """The line to write for a model that has not seen an input."""
    if facts:
        return ""
    if model._is_chain:
        return "fk.Sequential([fk.Input(x.shape[1:]), ...])   # x: the data"
    if model.graph is not None or (tree is not None and not model.layers):
        return ""
    line = "y = model(fk.Input(x.shape[1:])); model.summary()   # x: the data"
    return line if tree is not None else f"model.summary(state), with the state of a run; or {line}"
