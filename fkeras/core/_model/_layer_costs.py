"""What each layer of a model costs: XLA's analysis of its calls, on the shapes that a call of the model gives them."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import numpy as np
from flax import linen

from .._layer._bound_sublayers import Path
from .._layer._sublayers import walk
from .._words._errors import explain
from .._words._program_cost import Cost, cost_of
from ..typing import PyTree
from ._looking_inside import LooksInside
from ._text_on_host import takes_text


def layer_costs(model: LooksInside, batch_size: int) -> dict[Path, Cost]:
    """The cost of one call of a model in inference mode, by the path of each layer; the whole model's at `()`.

    Args:
        model: a model that was described with an `Input`.
        batch_size: how many rows.

    Raises:
        ValueError: the shape of an input is not known, it is text, or no number of rows.
    """
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
        raise ValueError(
            explain("cost= is a number of rows.", received=f"cost={batch_size!r}", write="model.summary(cost=32)")
        )
    inputs = _inputs(model, batch_size)
    variables = jax.tree.map(_struct, model.abstract_variables())
    calls: list[tuple[Path, int, Callable[..., PyTree], PyTree]] = []

    blocks = {path: layer._stacked_blocks or 1 for path, layer in walk(model)}

    def intercept(
        run: Callable[..., PyTree],
        args: tuple[PyTree, ...],
        kwargs: dict[str, PyTree],
        context: linen.module.InterceptorContext,
    ) -> PyTree:
        if context.method_name == "__call__":
            module = context.module
            own = jax.tree.map(_struct, dict(module.variables))
            rounds = math.prod(blocks.get(module.path[:i], 1) for i in range(1, len(module.path)))
            calls.append((module.path, rounds, *_alone(module.clone(parent=None), own, args, kwargs)))
        return run(*args, **kwargs)

    with linen.intercept_methods(intercept):
        jax.eval_shape(model.apply, variables, inputs)
    costs: dict[Path, Cost] = {}
    for path, rounds, function, arguments in calls:
        one = cost_of(function, *arguments)
        # a loop's body may be traced more than once, and a layer that is shared is called more than once
        costs[path] = one.times(rounds) if rounds > 1 else costs.get(path, Cost()) + one
    return costs


def _alone(
    module: linen.Module, variables: PyTree, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]
) -> tuple[Callable[..., PyTree], PyTree]:
    """One call of a module by itself: a function of its variables and the arrays it was given, and their shapes."""
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array | np.ndarray)]
    shapes = [_struct(leaves[i]) for i in places]
    constants = [None if i in places else leaf for i, leaf in enumerate(leaves)]

    def call(variables: PyTree, arrays: list[jax.Array]) -> PyTree:
        filled = list(constants)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        its_args, its_kwargs = jax.tree.unflatten(treedef, filled)
        return module.apply(variables, *its_args, **its_kwargs)

    return call, (variables, shapes)


def _struct(leaf: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)


def _inputs(model: LooksInside, batch_size: int) -> PyTree:
    """The shapes of a model's inputs for so many rows."""
    tensors = None if model.graph is None else model.input
    if tensors is None or any(None in tensor.shape[1:] for tensor in jax.tree.leaves(tensors)):
        raise ValueError(
            explain(
                "summary(cost=...) needs the shape of every input.",
                received="a model without a graph" if tensors is None else "an Input with a length that stays open",
                usually="what a layer costs follows from the sizes that it is called on.",
                write="fk.Input((128, 64)), with a number for each size but the batch's",
            )
        )
    if takes_text(model):
        raise ValueError(
            explain(
                "summary(cost=...) asks XLA, which takes no text.",
                received="an Input of text",
                usually="layers of text read it on the host; what they make of it are numbers.",
                write="the summary of a model that begins behind them: fk.Model(tokens, outputs)",
            )
        )
    return jax.tree.map(lambda t: jax.ShapeDtypeStruct((batch_size, *t.shape[1:]), t.dtype), tensors)
