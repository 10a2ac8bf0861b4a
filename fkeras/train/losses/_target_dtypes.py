"""The dtype in which a loss of the user's own sees its targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp

from ...core.typing import DTypeLike, PyTree

T = TypeVar("T")


def of_cast_targets(loss: Callable[[PyTree], T], y_true: PyTree, dtype: DTypeLike) -> T:
    """`loss(y_true)` with the targets cast as Keras casts them; as they came, where the loss cannot take them cast.

    Keras hands every loss floats. `optax.softmax_cross_entropy_with_integer_labels` and whatever else indexes with its
    labels want integers and refuse floats, so there is no other meaning that the integers could have.

    Args:
        loss: a function of targets.
        y_true: targets, a pytree of arrays.
        dtype: what Keras casts them to.

    Returns:
        What the loss returns.

    >>> of_cast_targets(lambda y: y.dtype, jnp.array([1, 0]), "float32")
    dtype('float32')
    >>> of_cast_targets(lambda y: jnp.array([5.0, 6.0])[y], jnp.array([1, 0]), "float32")
    Array([6., 5.], dtype=float32)
    """
    cast = jax.tree.map(lambda t: t.astype(dtype), y_true)
    as_they_came = sorted({str(leaf.dtype) for leaf in jax.tree.leaves(y_true) if leaf.dtype != dtype})
    try:
        return loss(cast)
    except (TypeError, ValueError, AssertionError) as error:
        if not as_they_came:
            raise
        refused = f"{type(error).__name__}: {error}"
    try:
        return loss(y_true)
    except Exception as error:
        error.add_note(
            f"The targets came as {', '.join(as_they_came)}. The loss was called with them as {jnp.dtype(dtype)}, as "
            f"Keras does, and raised {refused}; then as they came, and raised this error."
        )
        raise
