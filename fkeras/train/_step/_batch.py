"""A batch: what a step takes beside the state, in any of Keras's forms."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import describe, explain
from ...core.typing import PyTree

Batch = tuple[Any, Any, Any]


def unpack(batch: Any) -> Batch:
    """`(x, y, sample_weight)` of a batch in any of Keras's forms.

    >>> unpack((1, 2))
    (1, 2, None)
    """
    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        if batch is None:
            raise _no_batch(batch)
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            explain(
                "A batch is (x,), (x, y) or (x, y, sample_weight).",
                received=f"a tuple of {len(batch)}",
                usually="several inputs in one tuple.",
                write="((x1, x2), y), or a dict of inputs",
            )
        )
    return (*batch, *(None,) * (3 - len(batch)))


def as_given(batch: Any) -> Any:
    """A batch as its user gave it: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, without what there is none of.

    What is no tuple or list was handed to a step by the user, and stays what it is.

    >>> as_given((1, 2, None)), as_given({"x": 1})
    ((1, 2), {'x': 1})
    """
    if not isinstance(batch, tuple | list):
        return batch
    x, y, sample_weight = unpack(batch)
    return (x, y, sample_weight) if sample_weight is not None else (x, y) if y is not None else (x,)


def rows(tree: PyTree) -> int:
    """The batch size of a pytree of arrays."""
    if isinstance(tree, np.ndarray) and tree.ndim:
        return len(tree)
    return next((int(np.shape(leaf)[0]) for leaf in jax.tree.leaves(tree) if np.ndim(leaf)), 1)


def spec(tree: PyTree, size: int) -> PyTree:
    """Shapes and dtypes of so many rows of arrays, as a device has them."""

    def one(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((size, *leaf.shape[1:]), jax.dtypes.canonicalize_dtype(leaf.dtype))

    return jax.tree.map(one, tree)


def pad(tree: PyTree, size: int) -> PyTree:
    """Arrays with rows appended up to `size`, copies of the last one: finite wherever the data is."""

    def one(leaf: Any) -> Any:
        short = size - leaf.shape[0]
        if short > 0 and isinstance(leaf, jax.Array):
            return jnp.concatenate([leaf, jnp.repeat(leaf[-1:], short, axis=0)])
        return leaf if short <= 0 else np.concatenate([leaf, np.repeat(leaf[-1:], short, axis=0)])

    return jax.tree.map(one, tree)


def _no_batch(batch: object) -> TypeError:
    return TypeError(
        explain(
            "The data yielded something that is no batch.",
            received=describe(batch),
            usually="a `return` or `yield` without a value.",
            write="yield x, y",
        )
    )
