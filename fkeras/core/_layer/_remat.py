"""Layers whose values are computed again in the backward pass rather than kept: `jax.checkpoint` around their call.

It changes how a layer runs and nothing of what it is: the variables, the configs that Keras reads and the numbers stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import linen

from .._words._errors import did_you_mean, explain
from ..typing import PyTree
from ._lifted_transforms import loops_around
from ._sealing import call_state

if TYPE_CHECKING:
    from ._layer import Layer

#: What is kept where nothing is said.
NOTHING = "nothing_saveable"
# Those of `jax.checkpoint_policies` that take no arguments.
POLICIES = (
    "everything_saveable",
    NOTHING,
    "dots_saveable",
    "checkpoint_dots",
    "dots_with_no_batch_dims_saveable",
    "checkpoint_dots_with_no_batch_dims",
)


def remat_policy(value: object) -> str:
    """A policy's name, from the name, from the policy of `jax.checkpoint_policies`, or `None` for keeping nothing.

    Raises:
        ValueError: another name, or a function that has none.

    >>> remat_policy(None), remat_policy(jax.checkpoint_policies.everything_saveable)
    ('nothing_saveable', 'everything_saveable')
    """
    if value is None:
        return NOTHING
    for name in POLICIES:
        if isinstance(value, str) and value == name:
            return name
        if callable(value) and value is getattr(jax.checkpoint_policies, name):
            return name
    raise ValueError(
        explain(
            "A policy of rematerialisation is the name of one of `jax.checkpoint_policies` that takes no arguments.",
            received=repr(value)[:80],
            usually=did_you_mean(value, POLICIES) if isinstance(value, str) else "a function of one's own.",
            write='fk.nn.remat(layer, policy="dots_saveable")',
        )
    )


def run_rematerialised(
    run: Callable[..., PyTree], layer: Layer, policy: str, args: tuple[PyTree, ...], kwargs: dict[str, PyTree]
) -> PyTree:
    """A bound layer's call that keeps for the backward pass what the policy says; making variables keeps nothing.

    Args:
        run: the call as Linen wrapped it.
        layer: the layer.
        policy: the policy's name.
        args, kwargs: the call's arguments; those that are no arrays stay Python's values.
    """
    if layer.is_initializing():
        return run(layer, *args, **kwargs)
    leaves, treedef = jax.tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array | np.ndarray) and _is_numbers(leaf)]

    def call(copy: Layer, arrays: list[jax.Array]) -> tuple[PyTree, Any]:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        its_args, its_kwargs = jax.tree.unflatten(treedef, filled)
        call_state(copy).training = call_state(layer).training
        return run(copy, *its_args, **its_kwargs), call_state(copy).output_masks

    keeps = getattr(jax.checkpoint_policies, policy)
    # XLA does not take the second computation for the first in the body of a loop, so nothing has to prevent it there.
    lifted = linen.remat(call, policy=keeps, prevent_cse=not loops_around(layer))
    outputs, call_state(layer).output_masks = lifted(layer, [leaves[i] for i in places])
    return outputs


def _is_numbers(array: jax.Array | np.ndarray) -> bool:
    return isinstance(array, jax.Array) or array.dtype.kind in "biufcV"
