"""An ensemble: the members of `fit_many` as one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Input, Model, explain
from ..core.typing import PyTree, Variables
from ..nn import Average, ops
from ._step._forward import graph_of
from ._step._many import count_of, member
from ._step._state import TrainState

How = Literal["mean", "vote", "variance"]
_HOW = ("mean", "vote", "variance")


def ensemble(
    model: Model, states: TrainState, how: How = "mean", members: Sequence[int] | None = None
) -> tuple[Model, Variables]:
    """A model that asks all members, and its variables.

    Args:
        model: the model that was trained; its outputs follow from its graph.
        states: what `fit_many` returned.
        how: `"mean"`: the mean of the members' outputs. `"vote"`: for each class the share of members whose largest
            output it is; of one output for each row, as in a binary classification, the share that is above 0.5.
            `"variance"`: how far the members differ, the variance of their outputs.
        members: the numbers of those that are asked; all by default.

    Returns:
        `(model, variables)`: an ordinary functional model in which each member is a model by itself, so that it
        applies, predicts, saves and exports as any other.

    Raises:
        ValueError: another `how`, no members, or a model without a graph.
        TypeError: no states of many members.

    >>> import fkeras as fk
    >>> model = fk.Sequential([fk.Input((3,)), fk.nn.Dense(2)])
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    >>> states, _ = model.compile("sgd", "mse").fit_many(x, y, seeds=range(3), verbose=0)
    >>> together, variables = fk.ensemble(model, states)
    >>> together.apply(variables, x).shape, sorted(variables["params"])
    ((8, 2), ['member_0', 'member_1', 'member_2'])

    Reference: Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles, 2017
    Keras has none; its users average predictions by hand.
    """
    if how not in _HOW:
        raise ValueError(explain("how is 'mean', 'vote' or 'variance'.", received=repr(how)[:80], write='how="mean"'))
    places = list(range(count_of(states)) if members is None else members)
    if not places:
        raise ValueError(explain("An ensemble has members.", received="members=[]", write="members=[0, 1]"))
    if graph_of(model) is None:
        raise ValueError(
            explain(
                "An ensemble is made of a model with a graph.",
                received=f"{type(model).__name__}, whose shapes follow from a call",
                usually="a subclassed model, or a Sequential without an Input.",
                write="fk.Sequential([fk.Input((784,)), ...]); or trainer.predict_many(states, x).mean(0)",
            )
        )
    inputs = jax.tree.map(
        lambda t: Input(shape=tuple(t.shape)[1:], dtype=jnp.dtype(t.dtype).name, name=f"{t.name}"), model.input
    )
    # layers of its own for each member: one layer in several models would be one set of weights
    copies = [model.map_layers(lambda layer: layer.replace()).replace(name=f"member_{place}") for place in places]
    outputs = [copy(inputs) for copy in copies]
    combined = jax.tree.map(lambda *parts: _combined(how, list(parts)), *outputs)
    made: Callable[..., Model] = Model  # of inputs and outputs, a functional one
    together = made(inputs, combined, name=f"{model.name}_ensemble")
    return together, _variables(states, places)


def _variables(states: TrainState, places: Sequence[int]) -> Variables:
    found: dict[str, dict[str, PyTree]] = {}
    for place in places:
        for collection, tree in member(states, place).variables.items():
            found.setdefault(collection, {})[f"member_{place}"] = tree
    return found


def _combined(how: How, parts: list[PyTree]) -> PyTree:
    """One output of all members."""
    if len(parts) == 1:
        parts = parts * 2  # the mean of a member and itself
    if how == "mean":
        return Average()(parts)
    stacked = ops.stack(parts, axis=0)
    if how == "variance":
        return ops.var(stacked, axis=0)
    classes = np.shape(parts[0])[-1] if len(parts[0].shape) > 1 else 1
    if classes == 1:
        return ops.mean(ops.cast(ops.greater(stacked, 0.5), "float32"), axis=0)
    return ops.mean(ops.one_hot(ops.argmax(stacked, axis=-1), classes), axis=0)
