"""What losses and metrics compute of many classes, in a form that a program makes once for all of them.

With the classes of a vocabulary an array of one number for each class is most of what a step reads and writes. So a
crossentropy makes no array of log-probabilities: it needs one sum over the classes and the entry of the right one, and
its gradient, `softmax - onehot`, follows entry by entry from the logits. Metrics of the same predictions ask for the
same numbers in the same words, and XLA computes what is written twice once.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core.typing import Array, Float, Int, Num, Shaped


def log_normalizer(
    logits: Float[Array, "*shape"], axis: int = -1
) -> tuple[Float[Array, "*rows"], Float[Array, "*rows"]]:
    r"""`(m, z)` with $\log \sum_k e^{x_k} = m + z$: the largest logit, and what the others add to it.

    The two are not added here: $z - (x_y - m)$ keeps the digits that $(m + z) - x_y$ loses where logits are large.
    Derivatives are those of the sum with $m$ as a constant, on which it does not depend.

    Args:
        logits: `(…, classes)`, at least float32.
        axis: the axis of the classes.

    Returns:
        The two, without that axis.

    >>> [round(float(x), 4) for x in log_normalizer(jnp.array([1000.0, 1000.0]))]
    [1000.0, 0.6931]
    """
    m = jax.lax.stop_gradient(jnp.max(logits, axis=axis, keepdims=True))
    return jnp.squeeze(m, axis), jnp.log(jnp.sum(jnp.exp(logits - m), axis=axis))


def of_class(x: Num[Array, "*rows classes"], labels: Int[Array, "*rows"]) -> Num[Array, "*rows"]:
    """The entries of the labels' classes.

    The derivative is taken entry by entry: a gradient by position would be written into an array of zeros.

    Args:
        x: a number for each class.
        labels: int32 class numbers, all of them classes.

    >>> of_class(jnp.array([[0.25, 0.75], [0.5, 0.5]]), jnp.array([1, 0]))
    Array([0.75, 0.5 ], dtype=float32)
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return _summed(x, labels) if are_split(x) else _taken(x, labels)
    return _of_class(x, labels)


@jax.custom_jvp
def _of_class(x: Float[Array, "*rows classes"], labels: Int[Array, "*rows"]) -> Float[Array, "*rows"]:
    # On an accelerator a sum is made along with the other sums over the classes; what is taken by position has to be
    # in memory first, which predictions in half precision are not in float32.
    if are_split(x):
        return _summed(x, labels)
    return jax.lax.platform_dependent(x, labels, cpu=_taken, default=_summed)


@_of_class.defjvp
def _of_class_jvp(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    return _of_class(*primals), _summed(tangents[0], primals[1])


def _taken(x: jax.Array, labels: jax.Array) -> jax.Array:
    return jnp.take_along_axis(x, labels[..., None], axis=-1)[..., 0]


def _summed(x: jax.Array, labels: jax.Array) -> jax.Array:
    return jnp.sum(jnp.where(labels[..., None] == numbers(x), x, 0), axis=-1)


def numbers(x: Shaped[Array, "*rows classes"]) -> Int[Array, "*ones classes"]:
    """The number of each class, in the rank of `x`.

    >>> numbers(jnp.zeros((2, 3)))
    Array([[0, 1, 2]], dtype=int32)
    """
    return jax.lax.broadcasted_iota(jnp.int32, (*(1 for _ in x.shape[:-1]), x.shape[-1]), x.ndim - 1)


def are_split(x: Shaped[Array, "*rows classes"]) -> bool:
    """Whether the classes are explicitly sharded, so that none can be taken by its position."""
    return jax.typeof(x).sharding.spec[-1] is not None
