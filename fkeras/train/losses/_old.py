from __future__ import annotations
from typing import Any
import jax
import jax.numpy as jnp
from ...core import explain


def fit_to(part: jax.Array, values: jax.Array) -> jax.Array:
    """Weights or a mask in the shape of the values: leading axes match, missing or unit trailing ones broadcast."""
    shape = part.shape
    while len(shape) > values.ndim and shape[-1] == 1:
        shape = shape[:-1]
    shape = shape + (1,) * (values.ndim - len(shape))
    matches = len(shape) == values.ndim and all(a == b or a == 1 for a, b in zip(shape, values.shape, strict=True))
    if not matches:
        raise ValueError(
            explain(
                "Weights or mask do not fit the loss's values.",
                received=f"shape {part.shape} for values of shape {values.shape}",
                usually="weights for each class, or for another output.",
                write="sample_weight of shape (batch,)",
            )
        )
    return jnp.broadcast_to(part.reshape(shape), values.shape)


def same_rank(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Targets in the dtype of the predictions, `(n,)` against `(n, 1)` brought together, as Keras does.

    Raises:
        ValueError: shapes that do not fit.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if not jnp.issubdtype(y_pred.dtype, jnp.floating):
        y_pred = y_pred.astype(jnp.float32)
    y_true = y_true.astype(y_pred.dtype)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true, y_pred = (y_true, y_pred[..., None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        y_true, y_pred = (y_true[..., None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    fits = y_true.ndim == y_pred.ndim and all(
        a == b or a == 1 or b == 1 for a, b in zip(y_true.shape, y_pred.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            explain(
                "Targets and predictions have shapes that do not fit.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="integer labels with a loss for one-hot targets, or an output layer of another size.",
                write="SparseCategoricalCrossentropy for integer labels; Dense(k) for k classes",
            )
        )
    return y_true, y_pred
