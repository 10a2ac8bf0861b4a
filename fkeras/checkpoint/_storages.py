"""Which layers of a model keep their weights how: choosing them by path, and moving variables over."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from ..core import (
    InputLayer,
    Layer,
    Model,
    check_patterns,
    explain,
    join_path,
    map_layers_with_path,
    matches_path,
    named_leaves,
    split_path,
    walk,
)
from ..nn import FakeQuantizedWeights, FlaxLayer, JaxLayer, PlainWeights, SpectralNormalization

Path = tuple[str, ...]


def store(model: Layer, storage_at: Callable[[Layer, Path], Any]) -> Any:
    """The model with each layer's weights kept as `storage_at(layer, path)` says; models only hold layers."""

    def change(layer: Layer, path: Path) -> Layer:
        if isinstance(layer, Model | InputLayer):
            return layer
        storage = storage_at(layer, path)
        return layer if storage is None and layer._weights_as is None else layer.stored_as(storage)

    return map_layers_with_path(model, change)


def chosen(model: Layer, filters: Any, what: str) -> Callable[[Layer, Path], bool]:
    """Whether `filters` choose a layer: `None`, patterns of whole paths, or a function of the layer.

    Raises:
        ValueError: a pattern that matches no layer.
    """
    if callable(filters):
        return lambda layer, path: bool(filters(layer))
    if filters is None:
        return lambda layer, path: True
    patterns = (filters,) if isinstance(filters, str) else tuple(filters)
    check_patterns(model, patterns, f"{what}=", f'{what}="backbone/.*"')
    return lambda layer, path: any(matches_path(p, path) for p in patterns)


def unsuitable(model: Layer) -> set[Path]:
    """Paths of layers whose weights another layer, or another library, reads past them, so that they stay plain."""
    around = [path for path, layer in walk(model) if isinstance(layer, SpectralNormalization | FlaxLayer | JaxLayer)]
    return {path for path, _ in walk(model) if any(path[: len(a)] == a for a in around)}


def storages(model: Layer) -> dict[Path, Any]:
    """How each layer of a model keeps its weights, by path."""
    return {path: layer._weights_as for path, layer in walk(model) if layer._weights_as is not None}


def storage_for(table: Mapping[Path, Any], path: Path) -> Any:
    """The storage of the innermost layer around a weight that names one."""
    return next((table[path[:i]] for i in range(len(path), 0, -1) if path[:i] in table), PlainWeights())


def convert(model: Layer, variables: Mapping[str, Any], known: Any = ()) -> dict[str, Any]:
    """Variables of the float model in the form in which `model`, made from it, keeps them.

    Args:
        model: the model.
        variables: those of the float model.
        known: the paths of the model's own variables, so far as they are known: what is among them stays as it is,
            weights of Linen modules above all.
    """
    table = storages(model)
    moved: dict[str, dict[str, Any]] = {}
    for name, leaf in named_leaves(dict(variables)).items():
        collection, *path, last = split_path(name)
        if collection == "params" and name not in known:
            made = storage_for(table, tuple(path)).convert(last, leaf)
            if (collection, last) not in made or len(made) > 1:
                moved[name] = {join_path((c, *path, n)): value for (c, n), value in made.items()}
    kept = _without(dict(variables), moved, ())
    return with_leaves(kept, {name: value for made in moved.values() for name, value in made.items()})


def _without(tree: Mapping[str, Any], names: Container[str], path: Path) -> dict[str, Any]:
    """A tree's dicts without the leaves of these names, and without what is empty then."""
    kept = {}
    for key, value in tree.items():
        here = (*path, str(key))
        if isinstance(value, Mapping):
            value = _without(value, names, here)
        if join_path(here) not in names and not (isinstance(value, dict) and not value):
            kept[key] = value
    return kept


def with_leaves(tree: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A tree of dicts with more leaves, by name; variables always have `params`."""
    made = {"params": {}, **tree}
    for name, value in more.items():
        *parents, last = split_path(name)
        place = made
        for key in parents:
            place[key] = dict(place.get(key, {}))
            place = place[key]
        place[last] = value
    return made


def check_float(model: Layer, verb: str) -> None:
    """Refuse a model whose weights were put into another form already."""
    for path, storage in storages(model).items():
        if not isinstance(storage, PlainWeights | FakeQuantizedWeights):
            raise ValueError(
                explain(
                    f"`{verb}` needs a model with plain weights.",
                    received=f"{'/'.join(path)!r} keeps its weights as {type(storage).__name__}",
                    usually="the model was quantised, or given LoRA, before.",
                    write=f"model.{verb}(...) on the float model; or merge_lora(variables) first",
                )
            )
