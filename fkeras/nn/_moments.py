"""Arithmetic over moments whose gradient is computed from its arguments and its moments alone.

The plain gradient of a normalisation ends in a mean that is added to every entry. XLA's CPU backend fuses an addition
of that kind into each of its uses and computes it again there, with all that it depends on. On a residual stream those
are all blocks behind it, so that the program grows faster than the number of blocks. `jax.checkpoint` separates what a
layer takes, and what comes back to it, from the rest, so that each is computed once. JAX still has derivatives of every
kind and order, forward ones included, which a gradient written by hand would not have.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from ..core.typing import Array, Float, Num
from ._shapes import along

P = ParamSpec("P")
R = TypeVar("R")

# A network normalises at many places and few shapes: under `jit` each of these functions is traced, and differentiated,
# once for each shape and not once for each layer.
by_shape = functools.partial(jax.jit, inline=True)

_MOMENT = "moment"
_KEPT = jax.checkpoint_policies.save_only_these_names(_MOMENT)


def moment(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`x`, a mean over many entries: it is kept for the gradient, since it is small and depends on all of the input."""
    return checkpoint_name(x, _MOMENT)


def from_moments(*static: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator for arithmetic whose gradient is computed from its arguments and its `moment`s.

    Args:
        static: the names of arguments that are no arrays; they are given by name.

    Returns:
        The decorator.

    >>> @from_moments("axis")
    ... def centred(x, *, axis):
    ...     return x - moment(x.mean(axis, keepdims=True))
    >>> jax.grad(lambda x: centred(x, axis=0)[0])(jnp.ones(2))
    Array([ 0.5, -0.5], dtype=float32)
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*arrays: Any, **settings: Any) -> Any:
            return jax.checkpoint(functools.partial(function, **settings), policy=_KEPT)(*arrays)

        return by_shape(run, static_argnames=static)

    return decorate


# ------------------------------------------------------------------ of each example
def _wide(x: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The input in float32, or in its own dtype where that is wider."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _weighted(
    x: Float[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    beta: Float[Array, "*sizes"] | None,
    channels: tuple[int, ...],
) -> Float[Array, "*shape"]:
    if gamma is not None:
        x = x * along(gamma.astype(x.dtype), channels, x)
    return x if beta is None else x + along(beta.astype(x.dtype), channels, x)


def _standard(
    x: Float[Array, "*shape"], mean: Callable[[jax.Array], jax.Array], epsilon: float
) -> Float[Array, "*shape"]:
    """`(x - mean) / sqrt(var + epsilon)`, in two passes: E[x^2] - E[x]^2 cancels for large means."""
    x = x - moment(mean(x))
    return x * jax.lax.rsqrt(moment(mean(jnp.square(x))) + epsilon)


@from_moments("axes", "epsilon")
def standardised(
    x: Num[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    beta: Float[Array, "*sizes"] | None,
    *,
    axes: tuple[int, ...],
    epsilon: float,
) -> Float[Array, "*shape"]:
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments over some axes, which the weights have too."""
    mean = functools.partial(jnp.mean, axis=axes, keepdims=True)
    return _weighted(_standard(_wide(x), mean, epsilon), gamma, beta, axes)


@from_moments("axis", "groups", "epsilon")
def standardised_in_groups(
    x: Num[Array, "*shape"],
    gamma: Float[Array, " channels"] | None,
    beta: Float[Array, " channels"] | None,
    *,
    axis: int,
    groups: int,
    epsilon: float,
) -> Float[Array, "*shape"]:
    """The same with the moments of each example's groups of channels."""
    x = _wide(x)
    grouped = x.reshape((*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :]))
    others = tuple(i for i in range(1, grouped.ndim) if i not in (axis, axis + 1))

    def mean(x: jax.Array) -> jax.Array:
        # First over what all channels have in common: a mean over the split axis and the others at once takes longer.
        return jnp.mean(jnp.mean(x, axis=others, keepdims=True), axis=axis + 1, keepdims=True)

    return _weighted(_standard(grouped, mean, epsilon).reshape(x.shape), gamma, beta, (axis,))


@from_moments("axes", "epsilon")
def scaled_by_deviation(
    x: Num[Array, "*shape"], gamma: Float[Array, "*sizes"] | None, *, axes: tuple[int, ...], epsilon: float
) -> Float[Array, "*shape"]:
    """`gamma x / sqrt(var + epsilon)`."""
    x = _wide(x)
    return _weighted(x * jax.lax.rsqrt(moment(jnp.var(x, axis=axes, keepdims=True)) + epsilon), gamma, None, axes)


@from_moments("axes", "epsilon")
def scaled_by_root_mean_square(
    x: Num[Array, "*shape"], gamma: Float[Array, "*sizes"] | None, *, axes: tuple[int, ...], epsilon: float
) -> Float[Array, "*shape"]:
    """`gamma x / sqrt(mean(x^2) + epsilon)`."""
    x = _wide(x)
    square = moment(jnp.mean(jnp.square(x), axis=axes, keepdims=True))
    return _weighted(x * jax.lax.rsqrt(square + epsilon), gamma, None, axes)


@from_moments("axes")
def scaled_by_norm(x: Num[Array, "*shape"], *, axes: tuple[int, ...]) -> Float[Array, "*shape"]:
    """`x / max(||x||, 1e-12)`."""
    x = _wide(x)
    return x * jax.lax.rsqrt(jnp.maximum(moment(jnp.sum(jnp.square(x), axis=axes, keepdims=True)), 1e-24))
