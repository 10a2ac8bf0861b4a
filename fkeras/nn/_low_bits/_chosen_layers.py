"""Which layers of a model keep their weights in another form, chosen by path, and the model with them changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ...core import (
    InputLayer,
    Layer,
    Model,
    Storage,
    as_patterns,
    check_patterns,
    explain,
    map_layers_with_path,
    matches_path,
    policy_of,
    walk,
)
from .._guests._equinox_layer import EquinoxLayer
from .._guests._flax_layer import FlaxLayer
from .._jax_layer import JaxLayer
from .._wrappers import SpectralNormalization
from ._weight_storage import FakeQuantizedWeights, PlainWeights

#: The names on the way from a model to a layer inside it.
LayerPath: TypeAlias = tuple[str, ...]
#: Patterns of whole paths, layers, or a function of the layer; `None` is every layer.
LayerFilter: TypeAlias = str | Layer | Sequence[str | Layer] | Callable[[Layer], bool] | None


def with_storage(model: Model, storage_at: Callable[[Layer, LayerPath], Storage]) -> Model:
    """The model with each layer's weights kept as `storage_at(layer, path)` says; models only hold layers."""

    def change(layer: Layer, path: LayerPath) -> Layer:
        return layer if isinstance(layer, Model | InputLayer) else layer.stored_as(storage_at(layer, path))

    return map_layers_with_path(model, change)


def chosen(model: Model, filters: LayerFilter) -> Callable[[Layer, LayerPath], bool]:
    """Whether `filters` choose a layer.

    Raises:
        ValueError: a pattern that matches no layer.
    """
    if callable(filters) and not isinstance(filters, Layer):
        choose = filters
        return lambda layer, path: bool(choose(layer))
    if filters is None:
        return lambda layer, path: True
    patterns = as_patterns(model, (filters,) if isinstance(filters, str | Layer) else tuple(filters))
    check_patterns(model, patterns, "filters=", 'filters="backbone/.*"')
    return lambda layer, path: any(matches_path(p, path) for p in patterns)


def always_plain(model: Model) -> set[LayerPath]:
    """Paths of layers whose weights another layer, or another library, reads directly, so that they stay plain."""
    readers = SpectralNormalization | FlaxLayer | JaxLayer | EquinoxLayer
    around = [path for path, layer in walk(model) if isinstance(layer, readers)]
    return {path for path, _ in walk(model) if is_inside(path, around)}


def is_inside(path: LayerPath, around: Sequence[LayerPath]) -> bool:
    """Whether a path is one of those in `around`, or lies below one."""
    return any(path[: len(outer)] == outer for outer in around)


def storages(model: Model) -> dict[LayerPath, Storage]:
    """How each layer of a model keeps its weights, by path, where a layer says it."""
    found = {path: layer._storage_told() for path, layer in walk(model)}
    return {path: storage for path, storage in found.items() if storage is not None}


def storage_for(table: Mapping[LayerPath, Storage], path: LayerPath) -> Storage:
    """The storage of the innermost layer around a weight that says how it is kept."""
    return next((table[path[:i]] for i in range(len(path), 0, -1) if path[:i] in table), PlainWeights())


def check_float(model: Model, verb: str) -> None:
    """Refuse a model whose weights were put into another form already.

    Raises:
        ValueError: naming the layer.
    """
    kept = {path: type(storage).__name__ for path, storage in storages(model).items() if not _is_plain(storage)}
    kept |= {path: layer.dtype for path, layer in walk(model) if policy_of(layer.dtype).quantization_mode is not None}
    for path, how in kept.items():
        raise ValueError(
            explain(
                f"`{verb}` needs a model with plain weights.",
                received=f"{'/'.join(path)!r} keeps its weights as {how}",
                usually="the model was quantised, or given LoRA, before.",
                write=f"model.{verb}(...) on the float model; or merge_lora(variables) first",
            )
        )


def _is_plain(storage: Storage) -> bool:
    return isinstance(storage, PlainWeights | FakeQuantizedWeights)
