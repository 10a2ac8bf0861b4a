"""float16: losses scaled up so that small gradients survive, and steps that overflow skipped."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen

from ...core import Layer
from ...core.typing import PyTree
from ..optimizers import LossScaleOptimizer
from ..optimizers._numbers import as_made


def computes_in_float16(model: linen.Module) -> bool:
    """Whether a model, or a layer in it, has the policy `mixed_float16`.

    >>> import fkeras as fk
    >>> computes_in_float16(fk.Sequential([fk.Input((3,)), fk.nn.Dense(1, dtype="mixed_float16")]))
    True
    """
    if not isinstance(model, Layer):
        return False
    if model.dtype_policy.name == "mixed_float16":
        return True
    return any(computes_in_float16(layer) for layer in getattr(model, "layers", ()))


def with_loss_scale(optimizer: optax.GradientTransformation) -> Any:
    """An optimizer with dynamic loss scaling, unless it scales the loss itself."""
    made = as_made(optimizer)
    scales = isinstance(made, LossScaleOptimizer) or getattr(made, "loss_scale_factor", None) is not None
    return optimizer if scales or optimizer is None else LossScaleOptimizer(optimizer)


def is_dynamic(optimizer: optax.GradientTransformation) -> bool:
    """Whether an optimizer skips the steps that overflow."""
    return isinstance(as_made(optimizer), LossScaleOptimizer)


def all_finite(tree: PyTree) -> jax.Array:
    """Whether no array of a tree holds an infinity or a NaN."""
    return jnp.array([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)], bool).all()
