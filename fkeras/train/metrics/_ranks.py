"""Where a class stands among the predictions: by comparing all of them with its own, in one pass over the classes.

A search for the largest prediction goes over the same entries, but compares in order. On a CPU it takes ten times as
long where the classes are a vocabulary.
"""

from __future__ import annotations

import jax.numpy as jnp

from ...core.typing import Array, Bool, Int, Num, Shaped
from ..losses._classes import are_split, numbers, of_class

# So many yeses are counted in one byte.
_IN_A_BYTE = 64


def is_first(labels: Num[Array, "*rows"], y_pred: Shaped[Array, "*rows classes"]) -> Bool[Array, "*rows"]:
    """Whether the label's prediction is where `argmax` finds the largest one: of equal ones the first, and NaN first.

    Args:
        labels: class numbers; what is no class is nowhere.
        y_pred: a number for each class.

    >>> is_first(jnp.array([0, 1, 7]), jnp.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]))
    Array([ True, False, False], dtype=bool)
    """
    index, is_class = class_index(labels, y_pred.shape[-1])
    own = of_class(y_pred, index)[..., None]
    earlier = numbers(y_pred) < index[..., None]
    beaten = (y_pred > own) | ((y_pred == own) & earlier)
    if jnp.issubdtype(y_pred.dtype, jnp.floating):
        beaten |= jnp.isnan(y_pred) & (earlier | ~jnp.isnan(own))
    return is_class & ~jnp.any(beaten, axis=-1)


def is_among(labels: Num[Array, "*rows"], y_pred: Num[Array, "*rows classes"], k: int) -> Bool[Array, "*rows"]:
    """Whether fewer than `k` predictions are larger than the label's; NaN is below everything, as in Keras.

    >>> is_among(jnp.array([0, 0]), jnp.array([[0.2, 0.3, 0.5], [0.3, 0.2, 0.5]]), 2)
    Array([False,  True], dtype=bool)
    """
    index, is_class = class_index(labels, y_pred.shape[-1])
    own = of_class(y_pred, index)[..., None]
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return is_class & (count_true(y_pred > own) < k)


def class_index(labels: Num[Array, "*rows"], classes: int) -> tuple[Int[Array, "*rows"], Bool[Array, "*rows"]]:
    """Labels of any dtype as class numbers, 0 for those that are none, and which of them are some."""
    index = labels.astype(jnp.int32)
    is_class = (index >= 0) & (index < classes) & (labels == index.astype(labels.dtype))
    return jnp.where(is_class, index, 0), is_class


def count_true(x: Bool[Array, "*rows entries"]) -> Int[Array, "*rows"]:
    """How many entries of the last axis are true: in bytes first, since a sum in 32 bits first makes an array of them.

    >>> count_true(jnp.arange(200) < 130)
    Array(130, dtype=int32)
    """
    count = x.shape[-1]
    if count > _IN_A_BYTE and not are_split(x):
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -count % _IN_A_BYTE)])
        parts = jnp.sum(x.reshape(*x.shape[:-1], -1, _IN_A_BYTE), axis=-1, dtype=jnp.int8)
        return jnp.sum(parts, axis=-1, dtype=jnp.int32)
    return jnp.sum(x, axis=-1, dtype=jnp.int32)
