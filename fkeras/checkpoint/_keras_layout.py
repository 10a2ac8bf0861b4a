"""Where Keras keeps each weight: the one table of orders and names, and the walk that follows Keras's own.

Keras numbers a layer's own weights in the order in which it makes them, trainable ones first, and finds the layers
inside by attribute name; in a list or dict, by class name with a count.
Reference: https://keras.io/api/models/model_saving_apis/
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

from ..core import TRANSIENT, Layer, Model, snake_case, weight_facts

# What Keras does not save: the states of stateful recurrent layers start at zero again.
_NOT_SAVED = ("recurrent_state",)

# Own weights in Keras's order, where fkeras makes them in another or keeps them in several collections.
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


# In the place of a subclassed model's attribute `layers`, which Keras makes.
_LISTED = object()


@dataclasses.dataclass
class _Walk:
    """One walk over a model, as Keras's saving walks it."""

    leaves: set[str]
    own: Mapping[tuple[str, ...], list[str]]  # leaves by the path of their layer
    facts: Mapping[Any, Any]
    places: dict[str, str]
    layers: dict[str, Layer]
    visited: set[int]
    by_name: bool = True

    def layer(self, layer: Layer, at: str, path: tuple[str, ...]) -> None:
        if id(layer) in self.visited:
            return
        self.visited.add(id(layer))
        self.layers[at] = layer
        kind = _keras_class(layer)
        inner = _INNER.get(kind, ())
        taken = {name for _, scope, names in inner for name in _at(names, (*path, scope) if scope else path)}
        self._own(kind, layer, at, path, taken)
        for attribute, scope, names in inner:
            self._number(_at(names, (*path, scope) if scope else path), _join(at, attribute))
        for attribute, value in _attributes(layer, self.by_name):
            if value is _LISTED:
                self._listed(layer, at, path)
            elif isinstance(value, Layer):
                self.layer(value, _join(at, attribute), (*path, _scope(layer, attribute, value)))
            else:
                self._container(value, _join(at, attribute), path, layer, attribute)

    def _own(self, kind: str, layer: Layer, at: str, path: tuple[str, ...], taken: set[str]) -> None:
        if kind in _ORDER:
            names = _at(_ORDER[kind], path)
        else:
            fact = self.facts.get(path)
            made = list(fact.constraints) if fact is not None else []
            kept = [f"{c}/{n}" for c in ("params", "non_trainable") for n in made]
            if layer._weights_as is not None:  # Keras keeps the places of the float weights, and puts scales after
                kept = [f"{c}/{n}" for n in made for c in ("params", "non_trainable")]
                kept += [f"non_trainable/{n}_scale" for n in made]
            names = _at(kept, path)
        names = [n for n in names if n not in taken]
        rest = sorted(p for p in self.own.get(path, ()) if p not in names and p not in taken)
        rest.sort(key=lambda p: not p.startswith("params/"))
        self._number([*names, *rest], at)

    def _number(self, names: list[str], at: str) -> None:
        present = [n for n in names if n in self.leaves]
        self.places.update({_join(at, f"vars/{i}"): name for i, name in enumerate(present)})

    def _listed(self, model: Any, at: str, path: tuple[str, ...]) -> None:
        """What Keras finds in `model.layers`, beside the attributes that come before that name."""
        scopes = dict(_scopes(model))
        used: dict[str, int] = {}
        for layer in model.layers:
            name = _counted(snake_case(_keras_class(layer)), used)
            self.layer(layer, _join(at, "layers", name), (*path, scopes.get(id(layer), str(layer.name))))

    def _container(self, value: Any, at: str, path: tuple[str, ...], owner: Layer, attribute: str) -> None:
        used: dict[str, int] = {}
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(item, Layer):
                name = _counted(snake_case(_keras_class(item)), used)
                scope = item.name if attribute == "layers" else _scope(owner, f"{attribute}_{key}", item)
                self.layer(item, _join(at, name), (*path, str(scope)))
            elif isinstance(item, list | tuple | Mapping):
                name = _counted("container", used)
                self._container(item, _join(at, name), path, owner, f"{attribute}_{key}")


def _counted(name: str, used: dict[str, int]) -> str:
    count = used.get(name, -1) + 1
    used[name] = count
    return f"{name}_{count}" if count else name


def _join(*parts: str) -> str:
    return "/".join(p for p in parts if p)


def _at(names: Any, path: tuple[str, ...]) -> list[str]:
    """`params/kernel` of the layer at a path: `params/dense/kernel`."""
    return [_join(n.split("/")[0], *path, n.split("/", 1)[1]) for n in names]


def _parent(place: str) -> tuple[str, ...]:
    return tuple(place.split("/")[1:-1])


def _scope(owner: Layer, name: str, layer: Layer) -> str:
    """The name under which Linen keeps a layer that is an attribute."""
    return str(layer.name) if getattr(type(owner), "preserve_adopted_names", False) and layer.name else name


def _keras_class(layer: Layer) -> str:
    name = type(layer).__name__
    return "Functional" if name == "Model" and type(layer).__module__.startswith("fkeras.") else name


def _attributes(layer: Layer, by_name: bool) -> Iterator[tuple[str, Any]]:
    """What Keras would look into, in its order: a model's layers, then attributes by name, private ones last.

    Or else, not by name, in the order in which they were made, in which Keras lists a model's weights.
    """
    if getattr(layer, "graph", None) is not None:
        yield "layers", layer.layers
    inside: Callable[[], Mapping[str, Any]] | None = getattr(layer, "_keras_attributes", None)
    if inside is not None:  # the layer says what Keras calls its parts
        found = dict(inside())
    else:
        skip = ("parent", "name", "graph", "_description")
        found = {f.name: getattr(layer, f.name, None) for f in dataclasses.fields(layer) if f.name not in skip}
        if layer._description is not None:
            found.update(layer._description.attributes or {})
    if by_name and isinstance(layer, Model) and getattr(layer, "graph", None) is None:
        found.setdefault("layers", _LISTED)
    order = sorted(found, key=lambda n: f"~{n}" if n.startswith("_") else n) if by_name else list(found)
    for name in order:
        if found[name] is _LISTED or isinstance(found[name], Layer | list | tuple | Mapping):
            yield name, found[name]


def _scopes(model: Layer) -> Iterator[tuple[int, str]]:
    """The name under which Linen keeps each layer that is an attribute, or in lists and dicts that are."""

    def within(name: str, value: Any) -> Iterator[tuple[int, str]]:
        if isinstance(value, Layer):
            yield id(value), _scope(model, name, value)
        elif isinstance(value, list | tuple | Mapping):
            for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
                yield from within(f"{name}_{key}", item)

    for name, value in _attributes(model, by_name=False):
        yield from within(name, value)


def layout(
    model: Layer, spec: Mapping[str, Any], args: tuple[Any, ...] = ()
) -> tuple[dict[str, str], dict[str, Layer]]:
    """Where Keras keeps a model's weights.

    Args:
        model: the model.
        spec: the model's variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.

    Returns:
        `{dataset path: variables path}`, and every layer by its group's path.
    """
    walk = _walk(model, spec, args, by_name=True)
    return walk.places, walk.layers


def weight_order(model: Layer, spec: Mapping[str, Any], args: tuple[Any, ...] = ()) -> list[str]:
    """The paths of a model's variables in the order of Keras's `model.weights`, which its optimizers follow too.

    Args:
        model: the model.
        spec: the model's variables, as arrays or shapes.
        args: the call's inputs, for a model without a graph.
    """
    return list(dict.fromkeys(_walk(model, spec, args, by_name=False).places.values()))


def _walk(model: Layer, spec: Mapping[str, Any], args: tuple[Any, ...], by_name: bool) -> _Walk:
    tree = {c: t for c, t in spec.items() if c not in (*TRANSIENT, *_NOT_SAVED)}
    paths = jax.tree_util.tree_leaves_with_path(tree)
    leaves = {jax.tree_util.keystr(p, simple=True, separator="/") for p, _ in paths}
    own: dict[tuple[str, ...], list[str]] = {}
    for leaf in leaves:
        own.setdefault(_parent(leaf), []).append(leaf)
    walk = _Walk(leaves, own, weight_facts(model, args), {}, {}, set(), by_name)
    walk.layer(model, "", ())
    return walk
