"""What an optimizer may ask for beside the gradients."""

from __future__ import annotations

import inspect
from typing import Any

import optax

from ...core.typing import PyTree


def update(
    optimizer: optax.GradientTransformation, grads: PyTree, state: PyTree, params: PyTree, **extra: Any
) -> tuple[PyTree, PyTree]:
    """`optimizer.update`, given those of the further arguments that it takes.

    Args:
        optimizer: any optax transformation.
        grads, state, params: as for `optimizer.update`.
        extra: `value`, `grad` and `value_fn` for line searches and step sizes by the loss; `obj_fn` for Hessians;
            `batch_weight`, what this batch weighs among those whose gradients are accumulated.

    Returns:
        `(what is added to the parameters, the new state)`.

    >>> import jax.numpy as jnp
    >>> optimizer = optax.sgd(0.1)
    >>> update(optimizer, jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.ones(1), value=2.0)[0]
    Array([-0.1], dtype=float32)
    """
    if not isinstance(optimizer, optax.GradientTransformationExtraArgs):
        return optimizer.update(grads, state, params)
    arguments = inspect.signature(optimizer.update).parameters
    if not any(a.kind is inspect.Parameter.VAR_KEYWORD for a in arguments.values()):
        extra = {name: value for name, value in extra.items() if name in arguments}
    return optimizer.update(grads, state, params, **extra)
