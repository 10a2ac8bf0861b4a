"""Decisions at thresholds, counted."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._inputs import EPSILON, check_shapes, match_ranks
from ._weights import weights_like

KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def even_cuts(count: int, beyond: float) -> np.ndarray:
    """`count` thresholds spread evenly over [0, 1], the first and the last moved outwards by `beyond`."""
    inner = [(i + 1) / (count - 1) for i in range(count - 2)]
    return np.asarray([0.0 - beyond, *inner, 1.0 + beyond], np.float32)


def are_even(cuts: np.ndarray) -> bool:
    """Whether thresholds are spread evenly over [0, 1]: then they are buckets, as in Keras, and not compared."""
    count = len(cuts)
    return count >= 3 and bool(np.allclose(cuts, np.arange(count, dtype=np.float32) / (count - 1), atol=EPSILON))


def count_decisions(
    y_true: Shaped[ArrayLike, "batch ..."],
    y_pred: Shaped[ArrayLike, "batch ..."],
    cuts: np.ndarray,
    sample_weight: Num[ArrayLike, " ..."] | None = None,
    mask: Shaped[ArrayLike, " ..."] | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    *,
    even: bool | None = None,
    by_label: bool = False,
    label_weights: Sequence[float] | np.ndarray | None = None,
) -> dict[str, jax.Array]:
    """True and false positives and negatives, weighted, at each threshold.

    Args:
        y_true: 0 or not, any dtype.
        y_pred: predictions of the same shape.
        cuts: thresholds `(t,)`; positive is what is strictly above.
        sample_weight: `(batch,)`, or any shape that broadcasts.
        mask: likewise.
        top_k: only the `k` largest along the last axis can be positive.
        class_id: the one entry of the last axis to look at.
        even: whether the thresholds are evenly spread; looked up by default.
        by_label: whether to count each entry of the last axis by itself.
        label_weights: `(labels,)`, multiplied into the weights.

    Returns:
        One array `(t,)`, or `(t, labels)`, for each of `KINDS`.
    """
    y_true, y_pred = match_ranks(jnp.asarray(y_true), jnp.asarray(y_pred).astype(jnp.float32))
    check_shapes("a confusion metric", y_true, y_pred, one_shape=True)
    weights = weights_like(y_pred, sample_weight, mask)
    if label_weights is not None:
        ones = (1,) * (y_pred.ndim - 1)
        weights = weights * jnp.asarray(label_weights, jnp.float32).reshape((*ones, -1))
    if top_k is not None:
        _, best = jax.lax.top_k(y_pred, top_k)
        chosen = jnp.sum(jax.nn.one_hot(best, y_pred.shape[-1]), axis=-2) > 0
        y_pred = jnp.where(chosen, y_pred, -1e10)
    if class_id is not None:
        _check_classes(y_pred, class_id)
        y_true, y_pred, weights = (a[..., class_id, None] for a in (y_true, y_pred, weights))
    labels = y_pred.shape[-1] if by_label else 1
    positive, y_pred, weights = (a.reshape(-1, labels) for a in (y_true != 0, y_pred, weights))
    of_true, of_false = jnp.where(positive, weights, 0), jnp.where(positive, 0, weights)
    above = _above_even if (are_even(cuts) if even is None else even) else _above
    tp, fp = above(y_pred, of_true, cuts), above(y_pred, of_false, cuts)
    tn, fn = jnp.sum(of_false, axis=0)[None] - fp, jnp.sum(of_true, axis=0)[None] - tp
    counts = dict(zip(KINDS, (tp, fp, tn, fn), strict=True))
    return counts if by_label else {kind: count[:, 0] for kind, count in counts.items()}


def _above(y_pred: jax.Array, weights: jax.Array, cuts: np.ndarray) -> jax.Array:
    """The weight of what is above each threshold, `(t, labels)`."""
    return jnp.sum(jnp.where(y_pred[None] > jnp.asarray(cuts)[:, None, None], weights[None], 0), axis=1)


def _above_even(y_pred: jax.Array, weights: jax.Array, cuts: np.ndarray) -> jax.Array:
    """The same in one pass: each prediction falls between two thresholds, and counts for all below."""
    count = len(cuts)
    bucket = jnp.ceil(jnp.clip(y_pred, 0, 1) * (count - 1)).astype(jnp.int32) - 1
    if cuts[0] < 0:
        bucket = jnp.maximum(bucket, 0)  # a prediction of 0 is above the first threshold, which is negative
    # Predictions that are not above the first threshold get a bucket past the last one, which is dropped.
    row = jnp.where(bucket < 0, count, bucket)
    sums = jax.vmap(lambda w, r: jax.ops.segment_sum(w, r, num_segments=count), in_axes=1, out_axes=1)(weights, row)
    return jnp.flip(jnp.cumsum(jnp.flip(sums, axis=0), axis=0), axis=0)


def _check_classes(y_pred: jax.Array, class_id: int) -> None:
    if y_pred.ndim < 2 or class_id >= y_pred.shape[-1]:
        raise ValueError(
            explain(
                f"class_id={class_id} needs predictions (batch, classes) with that many classes.",
                received=f"y_pred {y_pred.shape}",
                usually="a model with one output, or a class counted from 1.",
                write="class_id between 0 and classes - 1",
            )
        )
