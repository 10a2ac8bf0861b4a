"""LoRA: a model at rest, and small changes of low rank that train."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from ..core import NON_TRAINABLE, Layer, explain, join_path, map_layers_with_path, named_leaves, path_name, split_path
from ..nn import LowRankWeights, QuantizedWeights, is_large
from . import _storages
from ._models import check_arrays, check_variables
from ._orbax import _directory


def with_lora(model: Any, rank: int, filters: Any = None, alpha: float | None = None) -> Any:
    """A model whose weights rest, with a low-rank change beside each kernel and table: `W + alpha / rank · A B`.

    Args:
        model: a model, or a quantised one (QLoRA).
        rank: of the changes.
        filters: which layers get one: a pattern of whole paths, several, or `layer -> bool`; all by default.
        alpha: the changes' factor is `alpha / rank`; the rank by default.

    Returns:
        The model; `lora_variables` makes its variables. `params` holds the changes alone (and the weights of Linen
        modules, which rest), so any Trainer trains them and nothing else.

    Raises:
        ValueError: a rank that is no positive integer, or a pattern that matches no layer.

    >>> import fkeras as fk, jax
    >>> model = fk.Sequential([fk.Input((8,)), fk.nn.Dense(4)])
    >>> variables = model.init(jax.random.key(0))
    >>> lmodel = model.with_lora(2)
    >>> lvariables = lmodel.lora_variables(variables)
    >>> jax.tree.map(lambda a: a.shape, lvariables["params"])
    {'dense': {'lora_kernel_a': (8, 2), 'lora_kernel_b': (2, 4)}}
    >>> merged, variables = lmodel.merge_lora(lvariables)
    >>> merged == model
    True

    Reference: Hu et al., arXiv:2106.09685; Dettmers et al., arXiv:2305.14314.
    Unlike Keras's `enable_lora` this returns a new model, and biases rest too.
    """
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or rank < 1:
        raise ValueError(explain("rank is a positive integer.", received=repr(rank), write="model.with_lora(rank=4)"))
    for path, storage in _storages.storages(model).items():
        if isinstance(storage, LowRankWeights):
            raise ValueError(
                explain(
                    "The model has low-rank changes already.",
                    received=f"{'/'.join(path)!r}",
                    write="model, variables = lmodel.merge_lora(lvariables)",
                )
            )
    wanted = _storages.chosen(model, filters, "filters")
    left = _storages.unsuitable(model)

    def storage_at(layer: Layer, path: Any) -> Any:
        base = layer._weights_as if isinstance(layer._weights_as, QuantizedWeights) else None
        size = int(rank) if wanted(layer, path) and path not in left else 0
        return LowRankWeights(size, float(rank if alpha is None else alpha), base, layer.trainable)

    made = _storages.store(model, storage_at)

    def rest(layer: Layer, path: Any) -> Layer:
        mine = layer._weights_as
        return layer.replace(trainable=False) if isinstance(mine, LowRankWeights) and not mine.rank else layer

    return map_layers_with_path(made, rest)


def lora_variables(model: Any, variables: Any, key: Any = 0, *args: Any) -> dict[str, Any]:
    """The variables of a model that `with_lora` made: the weights as given, and changes that add nothing yet.

    Args:
        model: what `with_lora` returned.
        variables: those of the model it was made from.
        key: a seed or a `jax.random.key` for the changes' first factors.
        *args: an example input, for a model without a graph.

    Raises:
        ValueError: variables of another model.
    """
    check_arrays(variables, "lora_variables", "state.variables, ...")
    fresh = model.init(key, *args)
    mine = named_leaves(fresh)
    given = named_leaves(_storages.convert(model, variables, mine))
    missing = [p for p in mine if p not in given and "/lora_" not in p]
    unknown = [p for p in given if p not in mine]
    wrong = [p for p in given if p in mine and given[p].shape != mine[p].shape]
    if missing or unknown or wrong:
        raise ValueError(
            explain(
                f"These variables are not those of the model that {model.path_text()} was made from.",
                received=f"missing {missing[:5]}, unknown {unknown[:5]}, of another shape {wrong[:5]}",
                usually="another model's variables, or those of the model before it was quantised.",
                write="lmodel = qmodel.with_lora(4); lvariables = lmodel.lora_variables(qvariables)",
            )
        )
    return {"params": {}, **_directory.filled(fresh, given)}


def merge_lora(model: Any, variables: Any, *args: Any) -> tuple[Any, dict[str, Any]]:
    """The float model and variables that compute what a model with low-rank changes does.

    Args:
        model: what `with_lora` returned.
        variables: its variables.
        *args: an example input, for a model without a graph.

    Returns:
        `(model, variables)`: plain weights, each with its change added; quantised ones as floats, and inputs that
        were rounded (mode `"int8"`, say) no longer are.

    Raises:
        ValueError: a model without low-rank changes, or variables that are not its own.
    """
    table = _storages.storages(model)
    if not any(isinstance(s, LowRankWeights) for s in table.values()):
        raise ValueError(
            explain(
                f"{model.path_text()} has no low-rank changes to merge.",
                usually="the float model was passed.",
                write="lmodel.merge_lora(lvariables)   # lmodel = model.with_lora(rank)",
            )
        )
    check_variables(model, variables, "merge_lora", "state.variables, ...")
    plain = _without_changes(model)
    flat = named_leaves(dict(variables))

    def merged(place: Any, spec: Any) -> Any:
        collection, *path, last = split_path(path_name(place))
        storage = _storages.storage_for(table, tuple(path))
        if collection != "params" or path_name(place) in flat:
            return flat[path_name(place)]
        value = flat[join_path((NON_TRAINABLE, *path, last))]
        base = storage.base
        if isinstance(base, QuantizedWeights) and is_large(last, spec.ndim):
            scale = flat[join_path((NON_TRAINABLE, *path, f"{last}_scale"))]
            value = base.read(last, value, scale, spec.shape, spec.dtype)
        factors = [flat.get(join_path(("params", *path, f"lora_{last}_{side}"))) for side in "ab"]
        return value if factors[0] is None else value + storage.change(*factors).astype(value.dtype)

    made = jax.tree_util.tree_map_with_path(merged, plain.abstract_variables(*args))
    return plain, {"params": {}, **made}


def _without_changes(model: Any) -> Any:
    """The model that a model with low-rank changes was made from, its weights plain."""

    def back(layer: Layer, path: Any) -> Layer:
        mine = layer._weights_as
        if not isinstance(mine, LowRankWeights):
            return layer
        layer = layer.stored_as(None)
        return layer if layer.trainable == mine.trainable else layer.replace(trainable=mine.trainable)

    return map_layers_with_path(model, back)
