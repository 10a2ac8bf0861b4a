"""Targets and predictions brought together: ranks, dtypes, and errors that name both shapes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import describe, explain, register
from ...core.typing import ArrayLike, PyTree

MODULE = "keras.losses"

# Keras's epsilon: the least distance from 0 of probabilities, denominators and arguments of logarithms.
EPSILON = 1e-7

# Functions that are the mean over the last axis of something elementwise, and so can be taken
# for each row of shape (n,) alone; and functions for which each row's value depends on that row alone.
_ELEMENTWISE: set[Callable[..., jax.Array]] = set()
_BY_ROW: set[Callable[..., jax.Array]] = set()


def match_ranks(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Drop or add a last axis of 1 where the ranks differ by one, as Keras does: `(n,)` meets `(n, 1)` as `(n, 1)`.

    >>> [x.shape for x in match_ranks(jnp.ones(3), jnp.ones((3, 1)))]
    [(3, 1), (3, 1)]
    >>> [x.shape for x in match_ranks(jnp.ones((3, 5, 1)), jnp.ones((3, 5)))]
    [(3, 5), (3, 5)]
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def widen(x: ArrayLike) -> jax.Array:
    """An array to compute with: half precision as float32, integers and booleans as float32, the rest as they are."""
    x = jnp.asarray(x)
    wide = jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize >= 4
    return x if wide else x.astype(jnp.float32)


def loss_function(
    *aliases: str, elementwise: bool = False, one_shape: bool = False, labels: bool = False, by_row: bool = True
) -> Callable[[Callable[..., jax.Array]], Callable[..., jax.Array]]:
    """Make a formula of `(y_true, y_pred, …)` one of Keras's loss functions.

    The formula gets floating arrays of one rank and dtype, half precision widened to float32, and its result goes
    back in the dtype of the predictions.

    Args:
        *aliases: further strings that name the function.
        elementwise: whether it is the mean over the last axis of elementwise values.
        one_shape: whether both shapes must be equal, and not just broadcast.
        labels: whether `y_true` holds labels, which are handed on as they are.
        by_row: whether each row's value depends on that row alone.

    Returns:
        A decorator, which gives the function of array-likes.
    """

    def decorate(formula: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        name = formula.__name__

        @functools.wraps(formula)
        def function(y_true: ArrayLike, y_pred: ArrayLike, *args: Any, **kwargs: Any) -> jax.Array:
            y_true, y_pred = one_array(name, "y_true", y_true), one_array(name, "y_pred", y_pred)
            dtype = y_pred.dtype if jnp.issubdtype(y_pred.dtype, jnp.floating) else jnp.float32
            y_pred = widen(y_pred)
            if not labels:
                y_true, y_pred = match_ranks(y_true.astype(y_pred.dtype), y_pred)
                check_shapes(name, y_true, y_pred, one_shape)
            return formula(y_true, y_pred, *args, **kwargs).astype(dtype)

        if elementwise:
            _ELEMENTWISE.add(function)
        if by_row:
            _BY_ROW.add(function)
        return register(MODULE, aliases=aliases)(function)

    return decorate


def one_array(name: str, what: str, value: ArrayLike | PyTree) -> jax.Array:
    """Targets or predictions as an array.

    Raises:
        TypeError: a structure of arrays, or nothing.
    """
    if hasattr(value, "shape"):
        return jnp.asarray(value)
    try:
        return jnp.asarray(None if isinstance(value, Mapping) else value)
    except (TypeError, ValueError):
        raise TypeError(
            explain(
                f"{name} takes one array as {what}.",
                received=describe(value),
                usually="what belongs to several outputs, or has another name than the output's.",
                write=f"{what} as an array, or {{name of the output: array}}",
            )
        ) from None


def is_by_row(function: object) -> bool:
    """Whether each row's value of a loss function depends on that row alone; not known of a user's own."""
    return function in _BY_ROW


def check_shapes(name: str, y_true: jax.Array, y_pred: jax.Array, one_shape: bool = False) -> None:
    """Raise an error that names both shapes where they do not fit."""
    pairs = list(zip(y_true.shape, y_pred.shape, strict=False))
    fits = y_true.ndim == y_pred.ndim and all(a == b or (not one_shape and 1 in (a, b)) for a, b in pairs)
    if fits:
        return
    categorical = name.startswith("categorical_") and "hinge" not in name
    if categorical and y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
        raise ValueError(
            explain(
                f"{name} needs one-hot targets, of the shape of the predictions.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="the targets are integer labels.",
                write='loss="sparse_categorical_crossentropy"; or, where the outputs are logits, '
                "loss=fk.losses.SparseCategoricalCrossentropy(from_logits=True)",
            )
        )
    raise ValueError(
        explain(
            f"{name} got targets and predictions whose shapes do not fit.",
            received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
            usually="an output layer of another size than the targets; or integer labels, for which one uses "
            "SparseCategoricalCrossentropy.",
            write=f"Dense({y_true.shape[-1] if y_true.ndim > 1 else 1}) as the last layer, or other targets",
        )
    )


def rows_as_columns(function: object, y_true: PyTree, y_pred: PyTree) -> tuple[PyTree, PyTree]:
    """`(n,)` targets and predictions as `(n, 1)`, so that an elementwise function gives one value for each row.

    Over two arrays of shape `(n,)` Keras's functions take the mean of all rows, which weights for each row can no
    longer change. So where there are weights, a mask or padding, each row is an array of one entry.
    """
    flat = getattr(y_true, "ndim", 0) == 1 and getattr(y_pred, "ndim", 0) == 1
    if flat and function in _ELEMENTWISE:
        return jnp.asarray(y_true)[:, None], jnp.asarray(y_pred)[:, None]
    return y_true, y_pred


def fill_rows(valid: jax.Array, tree: PyTree) -> PyTree:
    """The rows that are not valid, replaced by the first valid one, so that nothing depends on what they held.

    >>> fill_rows(jnp.array([False, True, True]), jnp.array([[9.0], [1.0], [2.0]])).ravel()
    Array([1., 1., 2.], dtype=float32)
    """
    first = jnp.argmax(valid)

    def fill(x: ArrayLike) -> jax.Array:
        x = jnp.asarray(x)
        return jnp.where(valid.reshape(valid.shape + (1,) * (x.ndim - 1)), x, x[first][None])

    return jax.tree.map(fill, tree)
