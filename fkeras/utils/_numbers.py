"""Classes as rows of zeros and ones, and arrays of length one."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from ..core import describe, explain
from ..core.typing import Array, ArrayLike, Float, Num
from ..nn import ops


def to_categorical(
    x: Num[ArrayLike, "*batch"] | Sequence[object], num_classes: int | None = None
) -> Float[np.ndarray, "*batch classes"] | Float[Array, "*batch classes"]:
    """Classes as rows with a one at the class and zeros elsewhere, what a categorical crossentropy takes.

    Args:
        x: whole numbers from 0 to `num_classes - 1`; a last axis of size 1 is dropped.
        num_classes: how many classes there are; one more than the largest by default, for what is no array of JAX.

    Returns:
        The rows: a float64 array of numpy, and of JAX, float32, where `x` is of JAX.

    Raises:
        ValueError: a class that is no whole number, or out of the range; an array of JAX without `num_classes`.

    >>> print(to_categorical([0, 2], num_classes=3))
    [[1. 0. 0.]
     [0. 0. 1.]]

    Reference: https://keras.io/api/utils/python_utils/
    Unlike Keras, -1 is not the last class, and 0.5 is not class 0.
    """
    if isinstance(x, jax.Array):
        if num_classes is None:
            raise _no_classes(x, "num_classes", "fk.utils.to_categorical(x, num_classes=10)")
        rows: Float[Array, "*batch classes"] = ops.one_hot(
            x[..., 0] if x.ndim > 1 and x.shape[-1] == 1 else x, num_classes
        )
        return rows
    given = np.asarray(x)
    classes = given.astype("int64") if given.dtype.kind in "iufb" else None
    if classes is None or not np.array_equal(classes, given):
        raise _no_classes(x, "whole numbers", 'fk.nn.StringLookup(output_mode="one_hot").adapt(x)')
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = num_classes or (int(classes.max()) + 1 if classes.size else 0)
    if classes.size and not (classes.min() >= 0 and classes.max() < count):
        raise _no_classes(
            f"classes from {classes.min()} to {classes.max()}",
            f"classes from 0 to {count - 1}",
            f"fk.utils.to_categorical(x, num_classes={int(classes.max()) + 1})",
        )
    return np.eye(count)[classes]


def _no_classes(x: object, needed: str, line: str) -> ValueError:
    return ValueError(
        explain(
            f"fk.utils.to_categorical needs {needed}.",
            received=x if isinstance(x, str) else describe(x),
            usually="labels that are no classes, or fewer classes than there are.",
            write=line,
        )
    )


def normalize(x: Num[ArrayLike, "*shape"], axis: int = -1, order: int = 2) -> Num[ArrayLike, "*shape"]:
    """An array divided by its norms along an axis; where a norm is 0 it stays 0.

    Args:
        x: numbers.
        axis: along which the norms are.
        order: 2 for lengths, 1 for sums of absolute values.

    Returns:
        An array of the same shape, of numpy where `x` is, else of JAX.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])

    Reference: https://keras.io/api/utils/python_utils/
    Unlike Keras, `axis=0` divides columns: there the norms of a numpy array's columns divide its rows.
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(ops.convert_to_tensor(x), axis=axis, order=order)
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, 1, norms)
