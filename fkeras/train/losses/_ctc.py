"""The loss of label sequences whose alignment is not known."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import optax

from ...core import explain, register
from ...core.typing import Array, Num
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec
from ._inputs import MODULE, loss_function


@loss_function(labels=True)
def ctc(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""Connectionist temporal classification: $-\log$ of the probability of all alignments of the labels.

    Args:
        y_true: labels `(batch, label length)`, integers; class 0 is the blank, and pads short rows.
        y_pred: logits `(batch, length, classes)`, all of whose steps count.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: shapes of another rank.

    >>> ctc(jnp.array([[1, 0]]), jnp.zeros((1, 2, 2))).round(4)
    Array([0.2877], dtype=float32)

    Reference: Graves et al., Connectionist Temporal Classification (ICML 2006).
    """
    if y_true.ndim != 2 or y_pred.ndim != 3 or y_true.shape[0] != y_pred.shape[0]:
        raise ValueError(
            explain(
                "ctc needs labels (batch, label length) and logits (batch, length, classes).",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="one-hot labels, or a model whose last layer drops the time axis.",
                write="y_true of integers, padded with 0",
            )
        )
    labels = y_true.astype(jnp.int32)
    length = jnp.sum(labels != 0, axis=-1)
    padding = (jnp.arange(labels.shape[1])[None, :] >= length[:, None]).astype(y_pred.dtype)
    return optax.ctc_loss(y_pred, jnp.zeros(y_pred.shape[:2], y_pred.dtype), labels, padding, blank_id=0)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CTC(FunctionLoss):
    """Connectionist temporal classification; see `ctc`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> CTC()(jnp.array([[1, 0]]), jnp.zeros((1, 2, 2))).round(4)
    Array(0.2877, dtype=float32)

    Reference: https://keras.io/api/losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "ctc"
    dtype: DTypeSpec = None

    _function = staticmethod(ctc)
