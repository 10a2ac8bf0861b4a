"""Where Keras keeps each weight: tables of orders and names, and the walk that follows Keras's own.

Keras numbers a layer's own weights in the order in which it makes them, trainable ones first, and finds the layers
inside by attribute name; in a list or dict, by class name with a count.
Reference: https://keras.io/api/models/model_saving_apis/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ...core import (
    TRANSIENT,
    Layer,
    Model,
    Part,
    WeightFacts,
    escape_key,
    join_path,
    named_leaves,
    snake_case,
    split_path,
    weight_facts,
)
from ...core.typing import PyTree, Variables
from ._quantized import KEPT_SO, order_in_few_bits
from ._sublayers import Held, Path, PlacedLayer, by_name, inside, listed

# Collections that Keras does not save: a stateful recurrent layer from its files starts at zero.
_NOT_SAVED = ("recurrent_state",)

# A layer's own weights in Keras's order, for layers whose weights fkeras makes in another order. These tables have the
# names of classes and not the classes, so that a save imports no families of layers that the model does not use.
_ORDER: dict[str, tuple[str, ...]] = {
    "BatchNormalization": (
        "params/scale",
        "params/bias",
        "batch_stats/mean",
        "batch_stats/var",
        "batch_stats/stddev",
        "batch_stats/renorm_mean",
        "batch_stats/renorm_stddev",
    ),
    # Keras tracks the wrapped kernel twice: as the wrapper's own and as the layer's
    "SpectralNormalization": ("params/layer/kernel", "params/layer/embedding", "non_trainable/vector_u"),
    "Normalization": ("non_trainable/mean", "non_trainable/variance", "non_trainable/count"),
}

_PROJECTION = ("params/kernel", "params/bias")
_ATTENTION = (
    ("query_dense", "query", _PROJECTION),
    ("key_dense", "key", _PROJECTION),
    ("_gate_dense", "gate", _PROJECTION),
    ("value_dense", "value", _PROJECTION),
    ("output_dense", "out", _PROJECTION),
)
_CELL = (("cell", "", ("params/kernel", "params/recurrent_kernel", "params/bias")),)

# Layers that Keras keeps inside a layer and fkeras does not: (Keras's attribute, scope here, own weights in order).
_INNER: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "MultiHeadAttention": _ATTENTION,
    "GroupedQueryAttention": tuple((f"_{name.removeprefix('_')}", at, own) for name, at, own in _ATTENTION),
    "LSTM": _CELL,
    "GRU": _CELL,
    "SimpleRNN": _CELL,
    "ConvLSTM1D": _CELL,
    "ConvLSTM2D": _CELL,
    "ConvLSTM3D": _CELL,
}


# Layers that run another library's module, whose tree of weights is numbered as one list.
_TREES = ("FlaxLayer", "JaxLayer", "EquinoxLayer")

# The group of the weights that Keras's files have no place for; no attribute can have this name, so Keras passes it.
TREE = "fkeras.tree"


@dataclasses.dataclass
class _Walk:
    """One walk over a model, as Keras's saving walks it."""

    leaves: Mapping[str, PyTree]  # by name, in the order of the tree
    own: Mapping[Path, list[str]]  # leaves by the path of their layer
    facts: Mapping[Path, WeightFacts]
    by_name: bool = True  # whether in the order in which Keras finds weights; else in that of its `weights`
    places: dict[str, str] = dataclasses.field(default_factory=dict)
    placed: set[str] = dataclasses.field(default_factory=set)
    layers: dict[str, Layer | Part] = dataclasses.field(default_factory=dict)
    visited: set[int | Path] = dataclasses.field(default_factory=set)

    def layer(self, placed: PlacedLayer, at: str) -> None:
        layer, path = placed.layer, placed.path
        identities: set[int | Path] = {id(layer)} if isinstance(layer, Layer) else set()
        identities |= set() if path is None else {path}
        if identities & self.visited:
            return
        self.visited |= identities
        self.layers[at] = layer
        parts = inside(placed, self.facts[path].inside if path is not None and path in self.facts else {})
        if path is not None:
            self._weights(placed, path, at, parts)
        attributes: Mapping[str, Held] = by_name(placed, parts) if self.by_name else {"": list(listed(parts))}
        for attribute, value in attributes.items():
            if isinstance(value, PlacedLayer):
                self.layer(value, _join(at, attribute))
            elif value is not None:
                self._container(value, _join(at, attribute))

    def _container(self, value: list[Held] | dict[str, Held], at: str) -> None:
        used: dict[str, int] = {}
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, PlacedLayer):
                self.layer(item, _join(at, _counted(snake_case(_keras_class(item.kind)), used)))
            elif isinstance(item, list | dict):
                self._container(item, _join(at, _counted("container", used)))

    def _weights(self, placed: PlacedLayer, path: Path, at: str, parts: Mapping[str, Held]) -> None:
        """A layer's own weights, and those of the layers that only Keras keeps in it."""
        kind = placed.kind
        if _ours(kind, _TREES):
            mine = [leaf for leaf in self.leaves if split_path(leaf)[1 : len(path) + 1] == path]
            self._number(sorted(mine, key=lambda leaf: not leaf.startswith("params/")), at)
            return
        inner = _INNER.get(_ours(kind, _INNER), ())
        taken = {name for _, scope, names in inner for name in _at(names, (*path, scope) if scope else path)}
        self._number(self._own(placed, path, taken, parts), at)
        for attribute, scope, names in inner:
            where = (*path, scope) if scope else path
            in_few_bits = order_in_few_bits(self.own.get(where, ()), self.leaves) if scope else []
            self._number(in_few_bits or _at(names, where), _join(at, attribute))

    def _own(self, placed: PlacedLayer, path: Path, taken: set[str], parts: Mapping[str, Held]) -> list[str]:
        """A layer's own weights in Keras's order."""
        order = getattr(placed.layer, "_keras_order", None) or _ORDER.get(_ours(placed.kind, _ORDER))
        own_leaves = self.own.get(path, ()) if _ours(placed.kind, KEPT_SO) else ()
        in_few_bits = order_in_few_bits(own_leaves, self.leaves)
        if in_few_bits:
            names = in_few_bits
        elif order is not None:
            scopes = {
                (*path, name): part.path for name, part in parts.items() if isinstance(part, PlacedLayer) and part.path
            }
            names = [
                join_path((keys[0], *scopes.get(keys[1:-1], keys[1:-1]), keys[-1]))
                for keys in map(split_path, _at(order, path))
            ]
        else:
            fact = self.facts.get(path)
            own = list(map(escape_key, fact.constraints)) if fact is not None else []
            kept = [f"{c}/{n}" for c in ("params", "non_trainable") for n in own]
            names = _at(kept, path)
        rest = sorted(p for p in self.own.get(path, ()) if p not in {*names, *taken} and p not in self.placed)
        rest.sort(key=lambda p: not p.startswith("params/"))
        return [*(n for n in names if n not in taken), *rest]

    def _number(self, names: list[str], at: str) -> None:
        for i, name in enumerate(n for n in names if n in self.leaves):
            self.placed.add(self.places.setdefault(_join(at, f"vars/{i}"), name))


def _counted(name: str, used: dict[str, int]) -> str:
    count = used.get(name, -1) + 1
    used[name] = count
    return f"{name}_{count}" if count else name


def _join(*parts: str) -> str:
    return "/".join(p for p in parts if p)


def _at(names: Iterable[str], path: Path) -> list[str]:
    """`params/kernel` of the layer at a path: `params/dense/kernel`."""
    return [_join(n.split("/")[0], join_path(path), n.split("/", 1)[1]) for n in names]


def _keras_class(kind: type) -> str:
    return "Functional" if kind is Model else kind.__name__


def _ours(kind: type, names: Iterable[str]) -> str:
    """The first of these names that a class of fkeras, or one that it derives from, has; `""` where none has one."""
    wanted = set(names)
    bases = (c.__name__ for c in kind.__mro__ if c.__module__.startswith("fkeras."))
    return next((name for name in bases if name in wanted), "")


def layout(
    model: Layer, spec: Variables, args: tuple[PyTree, ...] = ()
) -> tuple[dict[str, str], dict[str, Layer | Part]]:
    """Where a Keras file keeps a model's weights: each of them has a place.

    Args:
        model: the model.
        spec: the model's variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.

    Returns:
        `{dataset path: variables path}`, and every layer by its group's path. What Keras has no place for, as it finds
        layers by attribute and has no Linen modules, is kept under the tree's own path.
    """
    walk = _walk(model, spec, args, by_name=True)
    beside = {f"{TREE}/{leaf}": leaf for leaf in named_leaves(_saved(spec)) if leaf not in walk.placed}
    return {**walk.places, **beside}, walk.layers


def layers_at(model: Layer) -> dict[str, Layer | Part]:
    """The layers of a model's description by the path of their groups."""
    walk = _Walk({}, {}, {})
    walk.layer(PlacedLayer(model, ()), "")
    return walk.layers


def weight_order(model: Layer, spec: Variables, args: tuple[PyTree, ...] = ()) -> list[str]:
    """The paths of a model's variables in the order of Keras's `model.weights`, which its optimizers follow too.

    Args:
        model: the model.
        spec: the model's variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.

    Returns:
        Every one of them; those that Keras would not know come last.
    """
    walk = _walk(model, spec, args, by_name=False)
    return list(dict.fromkeys([*walk.places.values(), *walk.leaves]))


def optional(place: str) -> bool:
    """Whether a file may lack what belongs at a place: Keras does not save it."""
    return place.startswith(tuple(f"{TREE}/{collection}/" for collection in _NOT_SAVED))


def _saved(spec: Variables) -> dict[str, PyTree]:
    return {c: tree for c, tree in spec.items() if c not in TRANSIENT}


def _walk(model: Layer, spec: Variables, args: tuple[PyTree, ...], by_name: bool) -> _Walk:
    leaves = named_leaves({c: tree for c, tree in _saved(spec).items() if c not in _NOT_SAVED})
    own: dict[Path, list[str]] = {}
    for leaf in leaves:
        own.setdefault(split_path(leaf)[1:-1], []).append(leaf)
    walk = _Walk(leaves, own, weight_facts(model, args), by_name)
    walk.layer(PlacedLayer(model, ()), "")
    return walk
