"""Random arrays: `jax.random` under Keras's names and arguments, the key first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from ..backend import is_float_dtype, is_int_dtype
from ..core import explain
from ..core.typing import Array, ArrayLike, DTypeLike, Float, Int, Key, Num
from ._keys import key_of
from ._seed_generator import LayerSeeds

P = ParamSpec("P")
R = TypeVar("R")


def _keyed(draw: Callable[P, R]) -> Callable[P, R]:
    """A draw that says what to write where its first argument is no key, as in a call written for Keras."""

    @functools.wraps(draw)
    def keyed(*args: P.args, **kwargs: P.kwargs) -> R:
        seeds = kwargs.get("seed")
        first = 0 if isinstance(seeds, LayerSeeds) else 1  # Keras's form, in a layer, has no key first
        key = seeds.key() if isinstance(seeds, LayerSeeds) else key_of(draw, args, kwargs)
        others = {name: value for name, value in kwargs.items() if name not in ("key", "seed")}
        return draw(key, *args[first:], **others)  # type: ignore[arg-type]

    return keyed


@_keyed
def normal(
    key: Key, shape: Sequence[int], mean: ArrayLike = 0.0, stddev: ArrayLike = 1.0, dtype: DTypeLike | None = None
) -> Float[Array, ...]:
    """Numbers of a normal distribution.

    Args:
        key: a random key.
        shape: the shape of the result.
        mean, stddev: of the distribution.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    Raises:
        TypeError: the first argument is no key.

    >>> import jax
    >>> normal(jax.random.key(0), (2, 3), stddev=0.1).shape
    (2, 3)

    Reference: https://keras.io/api/random/random_ops/
    With the first key of `SeedGenerator(seed)`, this and the other draws give the numbers of Keras's `seed=seed`.
    """
    return jax.random.normal(key, shape, dtype or "float32") * stddev + mean


@_keyed
def truncated_normal(
    key: Key, shape: Sequence[int], mean: ArrayLike = 0.0, stddev: ArrayLike = 1.0, dtype: DTypeLike | None = None
) -> Float[Array, ...]:
    """Numbers of a normal distribution that lie within two standard deviations.

    Args:
        key: a random key.
        shape: the shape of the result.
        mean, stddev: of the distribution before it is cut.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    >>> import jax
    >>> bool((abs(truncated_normal(jax.random.key(0), (100,))) <= 2).all())
    True
    """
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype or "float32") * stddev + mean


@_keyed
def uniform(
    key: Key, shape: Sequence[int], minval: ArrayLike = 0.0, maxval: ArrayLike = 1.0, dtype: DTypeLike | None = None
) -> Float[Array, ...]:
    """Numbers that are as likely everywhere in `[minval, maxval)`.

    Args:
        key: a random key.
        shape: the shape of the result.
        minval, maxval: the ends of the range.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    Raises:
        ValueError: a dtype of whole numbers.

    >>> import jax
    >>> drawn = uniform(jax.random.key(0), (100,), 2.0, 3.0)
    >>> bool(((drawn >= 2) & (drawn < 3)).all())
    True
    """
    if dtype is not None and not is_float_dtype(dtype):
        raise ValueError(
            explain(
                "fk.random.uniform draws floats.",
                received=f"dtype={dtype!r}",
                usually="whole numbers are another draw.",
                write="fk.random.randint(key, shape, minval, maxval)",
            )
        )
    return jax.random.uniform(key, shape, dtype or "float32", minval, maxval)


@_keyed
def randint(
    key: Key, shape: Sequence[int], minval: ArrayLike, maxval: ArrayLike, dtype: DTypeLike = "int32"
) -> Int[Array, ...]:
    """Whole numbers that are as likely everywhere from `minval` to `maxval - 1`.

    Args:
        key: a random key.
        shape: the shape of the result.
        minval, maxval: the ends of the range.
        dtype: a dtype of whole numbers.

    Returns:
        An array of `shape`.

    Raises:
        ValueError: a dtype of floats.

    >>> import jax
    >>> sorted(set(randint(jax.random.key(0), (100,), 0, 3).tolist()))
    [0, 1, 2]
    """
    if not is_int_dtype(dtype):
        raise ValueError(
            explain(
                "fk.random.randint draws whole numbers.",
                received=f"dtype={dtype!r}",
                usually="floats are another draw.",
                write="fk.random.uniform(key, shape, minval, maxval)",
            )
        )
    return jax.random.randint(key, shape, minval, maxval, dtype)


@_keyed
def categorical(
    key: Key, logits: Float[ArrayLike, "batch classes"], num_samples: int, dtype: DTypeLike = "int32"
) -> Int[Array, "batch samples"]:
    """Classes, each as often as its logit says.

    Args:
        key: a random key.
        logits: logarithms of what is proportional to the probabilities, a row for each example.
        num_samples: how many classes to draw for each row.
        dtype: the dtype of the result.

    Returns:
        Indices of classes.

    Raises:
        ValueError: logits of another rank.

    >>> import jax
    >>> categorical(jax.random.key(0), jnp.array([[0.0, -1e9], [-1e9, 0.0]]), 3).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """
    if np.ndim(logits) != 2:
        raise ValueError(
            explain(
                "fk.random.categorical takes a row of logits for each example.",
                received=f"shape {np.shape(logits)}",
                usually="one example without an axis for it.",
                write="fk.random.categorical(key, logits[None], num_samples)",
            )
        )
    rows = jnp.asarray(logits)
    return jax.random.categorical(key, rows[..., None], axis=1, shape=(rows.shape[0], num_samples)).astype(dtype)


@_keyed
def gamma(key: Key, shape: Sequence[int], alpha: ArrayLike, dtype: DTypeLike | None = None) -> Float[Array, ...]:
    """Numbers of a gamma distribution of scale 1.

    Args:
        key: a random key.
        shape: the shape of the result.
        alpha: the distribution's shape.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    >>> import jax
    >>> bool((gamma(jax.random.key(0), (10,), 2.0) > 0).all())
    True
    """
    return jax.random.gamma(key, jnp.asarray(alpha), shape, dtype or "float32")


@_keyed
def beta(
    key: Key, shape: Sequence[int], alpha: ArrayLike, beta: ArrayLike, dtype: DTypeLike | None = None
) -> Float[Array, ...]:
    """Numbers of a beta distribution.

    Args:
        key: a random key.
        shape: the shape of the result.
        alpha, beta: the distribution's parameters.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    >>> import jax
    >>> drawn = beta(jax.random.key(0), (10,), 2.0, 3.0)
    >>> bool(((drawn > 0) & (drawn < 1)).all())
    True
    """
    return jax.random.beta(key, jnp.asarray(alpha), jnp.asarray(beta), shape, dtype or "float32")


@_keyed
def binomial(
    key: Key, shape: Sequence[int], counts: ArrayLike, probabilities: ArrayLike, dtype: DTypeLike | None = None
) -> Float[Array, ...]:
    """How many of some trials succeed.

    Args:
        key: a random key.
        shape: the shape of the result.
        counts: how many trials there are.
        probabilities: how likely each succeeds.
        dtype: a dtype of floats; float32 by default.

    Returns:
        An array of `shape`.

    >>> import jax
    >>> binomial(jax.random.key(0), (3,), 10.0, 1.0).tolist()
    [10.0, 10.0, 10.0]
    """
    return jax.random.binomial(key, jnp.asarray(counts), jnp.asarray(probabilities), shape, dtype or "float32")


@_keyed
def dropout(
    key: Key, inputs: Num[ArrayLike, "*shape"], rate: float, noise_shape: Sequence[int | None] | None = None
) -> Num[Array, "*shape"]:
    """The inputs with a part of them set to zero, and the others scaled so that their mean stays.

    Args:
        key: a random key.
        inputs: any array.
        rate: which part is set to zero, from 0 to 1.
        noise_shape: the shape of the mask, which is broadcast; `None` in it is the size of the inputs.

    Returns:
        An array of the inputs' shape.

    Raises:
        ValueError: a rate that is no part.

    >>> import jax
    >>> sorted(set(dropout(jax.random.key(0), jnp.ones(100), 0.5).tolist()))
    [0.0, 2.0]
    """
    x = jnp.asarray(inputs)
    if isinstance(rate, float | int) and not 0 <= rate <= 1:
        raise ValueError(
            explain(
                "fk.random.dropout sets a part of its inputs to zero.",
                received=f"rate={rate}",
                usually="a percentage, or how many are kept.",
                write="fk.random.dropout(key, inputs, rate=0.5)",
            )
        )
    if rate == 0.0:
        return x
    if rate == 1.0:
        return jnp.zeros_like(x)
    sizes = x.shape
    if noise_shape is not None:
        sizes = tuple(x.shape[i] if size is None else size for i, size in enumerate(noise_shape))
    mask = jnp.broadcast_to(jax.random.bernoulli(key, 1.0 - rate, sizes), x.shape)
    return jnp.where(mask, x / (1.0 - rate), jnp.zeros_like(x))


@_keyed
def shuffle(key: Key, x: Num[ArrayLike, "*shape"], axis: int = 0) -> Num[Array, "*shape"]:
    """The entries along an axis in another order, each line for itself.

    Args:
        key: a random key.
        x: any array.
        axis: along which entries change places.

    Returns:
        An array of the same entries.

    >>> import jax
    >>> sorted(shuffle(jax.random.key(0), jnp.arange(4)).tolist())
    [0, 1, 2, 3]

    Lines are shuffled apart, as Keras does on JAX; `jax.random.permutation(key, x)` keeps rows whole.
    """
    return jax.random.permutation(key, jnp.asarray(x), axis, independent=True)
