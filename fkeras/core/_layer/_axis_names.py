"""What a layer calls the axes of its weights: `Dense(64, kernel_axes=("embed", "mlp"))`.

The names are a fact of the layer that changes nothing of what it computes. A layout goes by them
(`fk.distribution.LogicalAxes`), as by the boxes of Linen's `with_partitioning`. A layer has them by `<weight>_axes=`,
or those of several weights, also of layers inside it, by `weight_axes={"query/kernel": ("embed", "heads", None)}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import jax
import numpy as np

from .._words._errors import did_you_mean, explain, nearest
from ..typing import Config
from ._lifted_transforms import loops_around

if TYPE_CHECKING:
    from ._layer import Layer

#: The names of a weight's axes; `None` for an axis without one.
Names: TypeAlias = "tuple[str | tuple[str, ...] | None, ...]"
#: Those of a layer's weights, by the weights' paths from the layer.
WeightAxes: TypeAlias = "tuple[tuple[str, Names], ...]"

ARGUMENT, _ENDING = "weight_axes", "_axes"


def is_axes_argument(cls: type[Layer], name: str) -> bool:
    """Whether an argument names axes; one that a class has itself, as `EinsumDense` its `bias_axes`, is the class's."""
    return name.endswith(_ENDING) and cls._takes_input_shape and name not in cls.__dataclass_fields__


def with_axes(cls: type[Layer], values: dict[str, object], before: WeightAxes | None = None) -> dict[str, object]:
    """A constructor's arguments, of which those that name axes are one field.

    Args:
        cls: the layer's class.
        values: the arguments by name.
        before: the names that a layer has already, which is copied.

    Raises:
        TypeError: names that are none.
    """
    if values.keys() <= cls.__dataclass_fields__.keys():  # as of every layer that is bound
        return values
    told = [name for name in values if is_axes_argument(cls, name)]
    if not told:
        return values
    found = dict(before or ())
    of_all = values.get(ARGUMENT, ())
    if of_all is None or isinstance(of_all, Mapping):
        found = {str(path): _names(cls, path, names) for path, names in (of_all or {}).items()}
        told.remove(ARGUMENT)
    for name in told:
        weight = name.removesuffix(_ENDING)
        if values[name] is None:
            found.pop(weight, None)
        else:
            found[weight] = _names(cls, weight, values[name])
    rest = {name: value for name, value in values.items() if not is_axes_argument(cls, name)}
    return {**rest, "_weight_axes": tuple(sorted(found.items())) or None}


def _names(cls: type[Layer], weight: str, given: object) -> Names:
    if isinstance(given, Sequence | jax.sharding.PartitionSpec) and not isinstance(given, str):
        names = tuple(tuple(name) if isinstance(name, list) else name for name in given)
        if all(name is None or isinstance(name, str) or _are_names(name) for name in names):
            return names
    raise TypeError(
        explain(
            f"{cls.__name__}: the names of a weight's axes are one name, or None, for each axis.",
            received=f"{given!r} for {weight!r}"[:80],
            usually="one name in place of a tuple of them." if isinstance(given, str) else "",
            write=f'{cls.__name__}(..., {weight if weight.isidentifier() else "kernel"}_axes=("embed", "mlp"))',
        )
    )


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


def axes_config(layer: Layer) -> Config:
    """The names of a layer as an argument of its config; nothing where it has none.

    Keras's layers take no such argument: what is written for Keras has it beside the config, see `serialize_object`.
    """
    found = layer._weight_axes
    if not found:
        return {}
    return {ARGUMENT: {path: [list(n) if isinstance(n, tuple) else n for n in names] for path, names in found}}


def axes_texts(layer: Layer) -> list[tuple[str, object]]:
    """The names of a layer as arguments that one would write."""
    found = layer._weight_axes or ()
    if all(path.isidentifier() for path, _ in found):
        return [(f"{path}{_ENDING}", names) for path, names in found]
    return [(ARGUMENT, dict(found))]


def names_of_weights(layer: Layer) -> dict[str, Names]:
    """The names of the axes of a bound layer's weights, by their whole paths, when it has run.

    Of a layer that runs in a loop the arrays are stacked: they have an axis without a name in front.

    Raises:
        ValueError: names for a weight that the layer does not have, or as many as the weight has no axes.
    """
    told = layer._weight_axes
    if not told or layer.scope is None:
        return {}
    weights = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(dict(layer.variables))
    }
    by_weight = {path.partition("/")[2]: path for path in weights}
    place, stacked = "/".join(layer.path), (None,) * loops_around(layer)
    found: dict[str, Names] = {}
    for weight, names in told:
        if weight not in by_weight:
            if layer._storage_told() is not None:  # a form of several arrays, which the names are not of
                continue
            raise ValueError(_no_such_weight(layer, weight, names, list(by_weight)))
        path = by_weight[weight]
        shape = np.shape(weights[path])
        if len(names) != len(shape):
            raise ValueError(
                explain(
                    f"{layer.path_text()} has a weight {weight!r} of {len(shape)} axes, and names for {len(names)}.",
                    received=f"{names!r} for shape {tuple(shape)}",
                    usually="a convolution's axes of space, or heads, which have an axis each.",
                    write=_written(weight, [*names, *[None] * len(shape)][: len(shape)]),
                )
            )
        collection = path.partition("/")[0]
        found["/".join(filter(None, (collection, place, weight)))] = (*stacked, *names)
    return found


def _no_such_weight(layer: Layer, weight: str, names: Names, known: list[str]) -> str:
    near = nearest(weight, known)
    return explain(
        f"{layer.path_text()} has no weight {weight!r} whose axes could have names.",
        received=f"{names!r} for {weight!r}",
        usually=did_you_mean(weight, known) if known else "a layer without weights.",
        write=_written((near or known)[0], names) if known else "the argument at the layer that has the weight",
    )


def _written(weight: str, names: Sequence[object]) -> str:
    text = repr(tuple(names))
    return f"{weight}{_ENDING}={text}" if weight.isidentifier() else f"{ARGUMENT}={{{weight!r}: {text}}}"
