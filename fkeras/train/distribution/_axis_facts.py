"""The names that a model gives the axes of its weights, at its layers and in Linen's boxes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
from flax import linen

from ...core import Layer, explain, inferred_names, mode_arguments
from ...core.typing import PyTree

#: The names of each weight's axes by path; `None` for an axis without one.
AxisFacts: TypeAlias = "Mapping[str, tuple[Any, ...]]"


def axis_facts(model: linen.Module, x: PyTree = None) -> dict[str, tuple[Any, ...]]:
    """The names of the axes of a model's weights, by path.

    They are what layers say, `fk.nn.Dense(8, kernel_axes=("embed", "mlp"))`, and what `linen.with_partitioning` and
    `linen.with_logical_partitioning` say of an initializer, in a Linen module or in
    `fk.nn.Dense(8, kernel_initializer=linen.with_partitioning(init, ("embed", "mlp")))`. The boxes that hold them are
    taken off when variables are made, so that a state has plain arrays.

    Args:
        model: an fkeras model or a Linen module.
        x: an example input, or its shapes, for a model that does not know its input's shape.

    Returns:
        Names for each weight that has some.

    Raises:
        ValueError: the model needs `x`, and none was given.
    """
    graph = getattr(model, "graph", None)
    if graph is not None:
        inputs = (jax.tree.map(lambda t: t.struct, graph.inputs),)
    elif x is None:
        raise ValueError(
            explain(
                "What the axes of the model's weights are called follows from an example input.",
                received="a model that does not know its input's shape, and no example",
                usually="a state that was made from variables.",
                write="trainer.init(0, x[:1], variables=variables)",
            )
        )
    else:
        inputs = x if isinstance(x, tuple) and not isinstance(model, Layer) else (x,)
    mode = {} if isinstance(model, Layer) else mode_arguments(type(model).__call__, False, model)
    return {path: names for path, names in inferred_names(model, inputs, mode).items() if any(names)}


def warn_of_idle_names(model: linen.Module, x: PyTree, layout: object) -> None:
    """Warn that a layout does not look at the names of a model's axes, where there are some."""
    names = axis_facts(model, x)
    if names:
        path, first = next(iter(names.items()))
        known = ", ".join(f'"{name}": None' for name in dict.fromkeys(n for ns in names.values() for n in ns if n))
        warnings.warn(
            explain(
                f"{type(layout).__name__} does not look at the names of axes, which some weights of the model have.",
                received=f"{len(names)} such weights; {first} for {path}",
                usually="kernel_axes= or linen.with_partitioning in a model, and a layout by path or by size.",
                write=f"trainer.distribute(mesh, fk.distribution.LogicalAxes({{{known}}}))   # axes of the mesh",
            ),
            UserWarning,
            stacklevel=5,
        )
