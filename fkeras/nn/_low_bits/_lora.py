"""LoRA: a model whose weights are frozen, and small changes of low rank that train."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np

from ...core import (
    NON_TRAINABLE,
    Layer,
    Model,
    Storage,
    as_leaf,
    check_arrays,
    check_variables,
    explain,
    join_path,
    map_layers_with_path,
    named_leaves,
    path_name,
    split_path,
    stacks_around,
    tell_at,
    training_paths,
    walk,
)
from ...core.typing import KeyLike, PyTree, Variables, VariablesLike
from ._chosen_layers import LayerFilter, LayerPath, always_plain, chosen, storage_for, storages, with_storage
from ._stored_variables import convert_variables, mapped_over_blocks
from ._weight_storage import LowRankWeights, PlainWeights, QuantizedWeights, is_large


def with_lora(model: Model, rank: int, filters: LayerFilter = None, alpha: float | None = None) -> Model:
    """A model with frozen weights and a low-rank change beside each kernel and table: `W + alpha / rank · A B`.

    Args:
        model: a model, or a quantised one (QLoRA).
        rank: of the changes.
        filters: which layers get one: a pattern of whole paths, several, or `layer -> bool`; all by default.
        alpha: the changes' factor is `alpha / rank`; the rank by default.

    Returns:
        The model; `lora_variables` makes its variables. `params` holds the changes alone (and the weights of Linen
        modules, which are frozen), so any Trainer trains them and nothing else.

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
    Unlike Keras's `enable_lora` this returns a new model, and biases are frozen too.
    """
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer) or rank < 1:
        raise ValueError(explain("rank is a positive integer.", received=repr(rank), write="model.with_lora(rank=4)"))
    for path, storage in storages(model).items():
        if isinstance(storage, LowRankWeights):
            raise ValueError(
                explain(
                    "The model has low-rank changes already.",
                    received=f"{'/'.join(path)!r}",
                    write="model, variables = lmodel.merge_lora(lvariables)",
                )
            )
        if not isinstance(storage, PlainWeights | QuantizedWeights):
            raise ValueError(
                explain(
                    "Layers whose own arguments say few bits, or LoRA, take their rank as an argument too.",
                    received=f"{'/'.join(path)!r} keeps its weights as {type(storage).__name__}",
                    write=f"model.map_layers(lambda layer: layer.replace(lora_rank={rank}) if ... else layer)",
                )
            )
    is_chosen, plain, trained = chosen(model, filters), always_plain(model), training_paths(model)

    def storage_at(layer: Layer, path: LayerPath) -> Storage:
        base = layer._weights_as if isinstance(layer._weights_as, QuantizedWeights) else None
        own_rank = int(rank) if is_chosen(layer, path) and path not in plain else 0
        return LowRankWeights(own_rank, float(rank if alpha is None else alpha), base, path in trained)

    changed = with_storage(model, storage_at)
    # each is told for itself: a Repeat that has no change of its own rests, and the chosen layers in it train
    told = {path: storage.trainable and storage.rank > 0 for path, storage in _changes(changed).items()}
    return tell_at(changed, {**_models_that_train(model), **told})


def lora_variables(model: Model, variables: VariablesLike, key: KeyLike = 0, *args: PyTree) -> Variables:
    """The variables of a model that `with_lora` made: the weights as given, and changes that add nothing yet.

    Args:
        model: what `with_lora` returned.
        variables: those of the model it was made from, or the state of its run.
        key: a seed or a `jax.random.key` for the changes' first factors.
        *args: an example input, for a model without a graph.

    Returns:
        New variables.

    Raises:
        ValueError: variables of another model.
    """
    variables = check_arrays(variables, "lora_variables", "variables")
    fresh = model.init(key, *args)
    expected = named_leaves(fresh)
    given = named_leaves(convert_variables(model, variables, expected))
    missing = [p for p in expected if p not in given and "/lora_" not in p]
    unknown = [p for p in given if p not in expected]
    wrong = [p for p in given if p in expected and given[p].shape != expected[p].shape]
    if missing or unknown or wrong:
        raise ValueError(
            explain(
                f"These variables are not those of the model that {model.path_text()} was made from.",
                received=f"missing {missing[:5]}, unknown {unknown[:5]}, of another shape {wrong[:5]}",
                usually="another model's variables, or those of the model before it was quantised.",
                write="lmodel = qmodel.with_lora(4); lvariables = lmodel.lora_variables(qvariables)",
            )
        )
    filled = jax.tree_util.tree_map_with_path(lambda path, leaf: as_leaf(given.get(path_name(path), leaf), leaf), fresh)
    return {"params": {}, **filled}


def merge_lora(model: Model, variables: VariablesLike, *args: PyTree) -> tuple[Model, Variables]:
    """The float model and variables that compute what a model with low-rank changes does.

    Args:
        model: what `with_lora` returned.
        variables: its variables, or the state of a run.
        *args: an example input, for a model without a graph.

    Returns:
        `(model, variables)`: plain weights, each with its change added. Quantised weights are floats again, and inputs
        that were rounded (mode `"int8"`, say) no longer are.

    Raises:
        ValueError: a model without low-rank changes, or variables that are not its own.
    """
    table = storages(model)
    if not any(isinstance(s, LowRankWeights) for s in table.values()):
        raise ValueError(
            explain(
                f"{model.path_text()} has no low-rank changes to merge.",
                usually="the float model was passed.",
                write="lmodel.merge_lora(lvariables)   # lmodel = model.with_lora(rank)",
            )
        )
    variables = check_variables(model, variables, "merge_lora", "variables")
    plain = _without_changes(model)
    leaves = named_leaves(dict(variables))

    def merged(path: jax.tree_util.KeyPath, spec: jax.ShapeDtypeStruct) -> jax.Array:
        name = path_name(path)
        collection, *keys, last = split_path(name)
        if collection != "params" or name in leaves:
            return leaves[name]
        storage = storage_for(table, tuple(keys))
        if not isinstance(storage, LowRankWeights):
            raise TypeError(f"{name} is kept as {type(storage).__name__}")
        own = {c: leaves[at] for c, at in _kept_as(tuple(keys), last).items() if at in leaves}
        one = jax.ShapeDtypeStruct(spec.shape[stacks_around(model, tuple(keys)) :], spec.dtype)
        return mapped_over_blocks(model, tuple(keys), lambda own: _merged_weight(storage, own, last, one))(own)

    return plain, {"params": {}, **jax.tree_util.tree_map_with_path(merged, plain.abstract_variables(*args))}


def _kept_as(path: LayerPath, name: str) -> dict[str, str]:
    """Where the parts of a weight are."""
    return {
        "value": join_path((NON_TRAINABLE, *path, name)),
        "scale": join_path((NON_TRAINABLE, *path, f"{name}_scale")),
        **{side: join_path(("params", *path, f"lora_{name}_{side}")) for side in "ab"},
    }


def _merged_weight(
    storage: LowRankWeights, parts: Mapping[str, jax.Array], name: str, spec: jax.ShapeDtypeStruct
) -> jax.Array:
    """A weight as a plain array, with its low-rank change where it has one."""
    value = parts["value"]
    if isinstance(storage.base, QuantizedWeights) and is_large(name, len(spec.shape)):
        value = storage.base.read(name, value, parts["scale"], spec.shape, spec.dtype)
    if "a" not in parts:
        return value
    return value + storage.change(parts["a"], parts["b"]).astype(value.dtype)


def _without_changes(model: Model) -> Model:
    """The model that a model with low-rank changes was made from, its weights plain."""
    changes = _changes(model)
    plain = map_layers_with_path(model, lambda layer, path: layer.stored_as(None) if path in changes else layer)
    told = {path: storage.trainable for path, storage in changes.items()}
    return tell_at(plain, {**_models_that_train(model), **told})


def _models_that_train(model: Model) -> dict[LayerPath, bool]:
    """Whether each model inside a model trains, by path: they hold layers, and have no weights to be kept anyhow."""
    trained = training_paths(model)
    return {path: path in trained for path, layer in walk(model) if isinstance(layer, Model)}


def _changes(model: Model) -> dict[LayerPath, LowRankWeights]:
    """How the layers of a model with low-rank changes keep their weights, by path."""
    return {path: storage for path, storage in storages(model).items() if isinstance(storage, LowRankWeights)}
