"""Numbers of categories as vectors of zeros and ones, or of counts."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import _arguments as arg

# What Keras called two of the modes before.
_EARLIER = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def output_mode(default: str, *modes: str) -> Any:
    """The field of a layer's output mode; names of earlier versions of Keras are taken too."""
    check = arg.one_of("output_mode", *modes)
    return field(default, convert=lambda value: check(_EARLIER.get(value, value)))


def dense_only(value: Any) -> bool:
    """The converter of `sparse`, which is no mode here."""
    return _only_false("sparse", value, "JAX's layers take dense arrays; XLA fuses a one-hot into what reads it.")


def not_ragged(value: Any) -> bool:
    """The converter of `ragged`, which is no mode here."""
    return _only_false("ragged", value, "JAX has no ragged arrays; shorter rows are filled up with 0.")


def _only_false(name: str, value: Any, why: str) -> bool:
    if value:
        raise ValueError(
            explain(f"`{name}=True` is no mode of fkeras.", received=f"{name}={value!r}", usually=why,
                    write=f"{name}=False")
        )  # fmt: skip
    return False


def encode(indices: jax.Array, mode: str, depth: int, dtype: Any, weights: Any = None) -> jax.Array:
    """Indices in one of Keras's output modes; those outside of `[0, depth)` count for nothing.

    Args:
        indices: integers. A scalar is a sample of one.
        mode: `int`; `one_hot`, of each element (a last axis of 1 makes room for it); `multi_hot` or `count`, of the
            elements along axis 1 (axis 0 of a vector), as Keras.
        depth: how many categories there are.
        dtype: the result's dtype.
        weights: what each element counts, in the mode `count`.

    >>> print(encode(jnp.array([[0, 2, 2]]), "count", 4, "int32"))
    [[1 0 2 0]]
    """
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    if mode == "int":
        return indices.astype(dtype)
    indices = indices.reshape(1) if indices.ndim == 0 else indices
    if mode == "one_hot":
        last = indices.shape[-1]
        if indices.ndim > 1 and isinstance(last, int) and last == 1:
            indices = indices.reshape(indices.shape[:-1])
        return jax.nn.one_hot(indices, depth, dtype=dtype)
    return _tally(indices, mode, depth, dtype, weights)


def _tally(indices: jax.Array, mode: str, depth: int, dtype: Any, weights: Any) -> jax.Array:
    exact = jnp.promote_types(dtype, jnp.float32) if jnp.issubdtype(dtype, jnp.floating) else dtype
    each = jnp.ones(indices.shape, exact) if weights is None else jnp.broadcast_to(weights, indices.shape)
    axis = min(1, indices.ndim - 1)
    places, each = (jnp.moveaxis(a, axis, -1) for a in (jnp.where(indices < 0, depth, indices), each.astype(exact)))
    lead = places.shape[:-1]
    flat = (math.prod(lead), places.shape[-1])
    tally = jax.vmap(lambda at, by: jnp.zeros(depth, exact).at[at].add(by, mode="drop"))
    counts = tally(places.reshape(flat), each.reshape(flat)).reshape((*lead, depth))
    return (jnp.minimum(counts, 1) if mode == "multi_hot" else counts).astype(dtype)


def encoded_shape(shape: tuple[Any, ...], mode: str, depth: int) -> tuple[Any, ...]:
    """The shape of `encode`'s result; a dimension may be symbolic."""
    if mode == "int":
        return shape
    shape = shape or (1,)
    if mode == "one_hot":
        room = len(shape) > 1 and isinstance(shape[-1], int) and shape[-1] == 1
        return (*(shape[:-1] if room else shape), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)


def _number(value: Any) -> int:
    if value is None:
        raise ValueError(
            explain(
                "`num_tokens` must be given.",
                received="num_tokens=None",
                usually="it is not known beforehand: IntegerLookup learns the categories from data.",
                write="CategoryEncoding(num_tokens=10), or IntegerLookup().adapt(data)",
            )
        )
    return arg.positive_int(value, "num_tokens")


@register("keras.layers")
class CategoryEncoding(Layer):
    """Integers in `[0, num_tokens)` as one-hot, multi-hot or count vectors; others count for nothing.

    Args:
        num_tokens: how many categories there are.
        output_mode: `"multi_hot"`: which categories a sample has; `"count"`: how often; `"one_hot"`: one vector for
            each element.
        sparse: part of Keras's signature; only `False` is taken.

    Call arguments: `inputs`, integers; `count_weights`, of their shape: what each element counts, in the mode `count`.

    Input shape: `(..., elements)`. Output shape: `(..., num_tokens)`; `one_hot` keeps the elements' axis, unless it
    is 1. Of inputs of rank 3 and more the modes `multi_hot` and `count` reduce axis 1, as Keras does.

    Raises:
        ValueError: no `num_tokens`, an unknown mode, or weights in another mode than `count`.

    >>> import fkeras as fk
    >>> print(fk.nn.CategoryEncoding(4, "count")([[0, 1], [3, 3]]))
    [[1. 1. 0. 0.]
     [0. 0. 0. 2.]]

    Reference: https://keras.io/api/layers/preprocessing_layers/categorical/category_encoding/
    """

    num_tokens: Any = field(None, convert=_number)
    output_mode: Any = output_mode("multi_hot", "one_hot", "multi_hot", "count")
    sparse: bool = field(False, convert=dense_only)

    def call(self, inputs: Any, count_weights: Any = None) -> jax.Array:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    explain(
                        f"{self.path_text()} uses `count_weights` only in the mode 'count'.",
                        received=f"output_mode={self.output_mode!r}",
                        write='CategoryEncoding(num_tokens, output_mode="count")',
                    )
                )
            count_weights = jnp.asarray(count_weights).astype(self.compute_dtype)
        indices = jnp.asarray(inputs).astype(jnp.int32)
        return encode(indices, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "sparse"}
