"""Arithmetic over moments whose gradient is computed from its arguments and its moments alone.

The plain gradient of a normalisation ends in a mean that is added to every entry. XLA's CPU backend fuses an addition
of that kind into each of its uses and computes it again there, with all that it depends on. On a residual stream those
are all blocks behind it, so that the program grows faster than the number of blocks. `jax.checkpoint` separates what a
layer takes, and what comes back to it, from the rest, so that each is computed once. JAX still has derivatives of every
kind and order, forward ones included, which a gradient written by hand would not have.

On an accelerator a normalisation takes as long as it reads and writes, and what it does between is free. There it reads
its input once for both moments and once to normalise it, and in the gradient once for all sums and once for the result.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from ..core.typing import Array, Float, Num
from ._shapes import along

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# A network normalises at many places and few shapes: under `jit` each of these functions is traced, and differentiated,
# once for each shape and not once for each layer.
by_shape = functools.partial(jax.jit, inline=True)

#: A mean over some axes, which become axes of 1.
Mean: TypeAlias = Callable[[jax.Array], jax.Array]
#: `(input, mean, axes of the mean) -> (mean, or the input without it; variance)`.
Moments: TypeAlias = Callable[[jax.Array, Mean, tuple[int, ...]], tuple[jax.Array, jax.Array]]

_MOMENT = "moment"
_KEPT = jax.checkpoint_policies.save_only_these_names(_MOMENT)


def moment(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`x`, a mean over many entries: it is kept for the gradient, since it is small and depends on all of the input."""
    return checkpoint_name(x, _MOMENT)


# ------------------------------------------------------------------ mean and variance
def wide(x: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The input in float32, or in its own dtype where that is wider."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def in_two_passes(x: Float[Array, "*shape"], mean: Mean, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    r"""Mean and biased variance: the mean $\mu$ first, then $E[(x - s)^2] - (\mu - s)^2$ with $s = \mu$ as a constant.

    The second term is 0. It stands for what the mean in the first one adds to derivatives: to those of the first order
    nothing, so that the gradient need not sum it over the input.

    Args:
        x: the input, in the dtype of the arithmetic.
        mean: the mean over the axes of the moments, which keeps them as axes of 1.
        axes: those axes.

    Returns:
        The two moments, which are kept for the gradient.
    """
    del axes
    m = moment(mean(x))
    near = jax.lax.stop_gradient(m)
    return m, moment(mean(jnp.square(x - near)) - jnp.square(m - near))


def in_one_pass(x: Float[Array, "*shape"], mean: Mean, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    r"""The same as $s + E[x - s]$ and $E[(x - s)^2] - E[x - s]^2$ with an entry $s$ of the input: one pass over it.

    Both means are summed while the input is read once, where the memory's speed is what counts. The identity holds for
    each $s$, so that derivatives of every order are those of the variance. In floating point the difference loses a
    relative $\epsilon (1 + (\mu - s)^2 / \sigma^2)$. With $s = 0$, as Linen has it, this is all where the mean is large
    beside the deviation. With an entry it is that entry's square distance from the mean in deviations, about 1, and
    below the number of entries whatever they hold; the mean loses $\epsilon |\mu - s|$.

    Where the axes of the moments are explicitly sharded no device has the entry, and two passes are taken.

    Reference: Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, 1983 (shifted data).
    """
    if any(jax.typeof(x).sharding.spec[a] is not None for a in axes):
        return in_two_passes(x, mean, axes)
    near = moment(jax.lax.stop_gradient(_an_entry(x, axes)))
    distance = moment(mean(x - near))
    var = mean(jnp.square(x - near)) - jnp.square(distance)
    var += jax.lax.stop_gradient(jnp.maximum(-var, 0))  # not below 0 by rounding; the derivative stays
    return near + distance, moment(var)


def _an_entry(x: Float[Array, "*shape"], axes: tuple[int, ...]) -> Float[Array, "*ones"]:
    """The entry in the middle of some axes, which become axes of 1: the borders of images are less like the rest."""
    if 0 in (x.shape[a] for a in axes):
        return jnp.zeros([1 if a in axes else n for a, n in enumerate(x.shape)], x.dtype)
    for a in axes:
        middle = x.shape[a] // 2 if isinstance(x.shape[a], int) else 0  # an exported function may not know its sizes
        x = jax.lax.slice_in_dim(x, middle, middle + 1, axis=a)
    return x


# ------------------------------------------------------------------ gradients from moments
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
    return lambda function: _by_platform(function, function, function, static)


def from_moments_by(cpu: T, default: T, *static: str) -> Callable[[Callable[Concatenate[T, P], R]], Callable[P, R]]:
    """The same for arithmetic that takes, before its arrays, the way in which the moments are computed.

    Args:
        cpu: that way on a CPU.
        default: and elsewhere. A program gets the one of the platform that it is lowered for.
        static: as above.

    >>> @from_moments_by(in_two_passes, in_one_pass)
    ... def variance(moments, x):
    ...     return moments(x, lambda x: x.mean(keepdims=True), (0,))[1]
    >>> variance(jnp.array([9999.0, 10000.0, 10001.0]))
    Array([0.6666667], dtype=float32)
    """

    def decorate(function: Callable[Concatenate[T, P], R]) -> Callable[P, R]:
        return _by_platform(function, functools.partial(function, cpu), functools.partial(function, default), static)

    return decorate


def _by_platform(
    function: Callable[..., R], on_cpu: Callable[P, R], elsewhere: Callable[P, R], static: tuple[str, ...]
) -> Callable[P, R]:
    """What is computed on a CPU and what elsewhere, with a gradient from arguments and moments.

    Only a CPU needs the separation. On an accelerator what comes back would have to be written to memory for it, where
    XLA otherwise computes it, the gradient of a relu for instance, while it is read.
    """

    @functools.wraps(function)
    def run(*arrays: Any, **settings: Any) -> Any:
        cpu = jax.checkpoint(functools.partial(on_cpu, **settings), policy=_KEPT)
        default = jax.checkpoint(functools.partial(elsewhere, **settings), policy=_KEPT, prevent_cse=False)
        return jax.lax.platform_dependent(*arrays, cpu=cpu, default=default)

    return by_shape(run, static_argnames=static)


# ------------------------------------------------------------------ of each example
def _weighted(
    x: Float[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    beta: Float[Array, "*sizes"] | None,
    channels: tuple[int, ...],
) -> Float[Array, "*shape"]:
    if gamma is not None:
        x = x * along(gamma.astype(x.dtype), channels, x)
    return x if beta is None else x + along(beta.astype(x.dtype), channels, x)


def _centred_in_two_passes(x: jax.Array, mean: Mean, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """`(x - mean, variance)`. A row of an example stays in a CPU's cache from one pass to the next."""
    del axes
    x = x - moment(mean(x))
    return x, moment(mean(jnp.square(x)))


def _centred_in_one_pass(x: jax.Array, mean: Mean, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """The same with the moments of `in_one_pass`."""
    m, var = in_one_pass(x, mean, axes)
    return x - m, var


@from_moments_by(_centred_in_two_passes, _centred_in_one_pass, "axes", "epsilon")
def standardised(
    centred: Moments,
    x: Num[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    beta: Float[Array, "*sizes"] | None,
    *,
    axes: tuple[int, ...],
    epsilon: float,
) -> Float[Array, "*shape"]:
    """`gamma (x - mean) / sqrt(var + epsilon) + beta`, with the moments over some axes, which the weights have too."""
    mean = functools.partial(jnp.mean, axis=axes, keepdims=True)
    x, var = centred(wide(x), mean, axes)
    return _weighted(x * jax.lax.rsqrt(var + epsilon), gamma, beta, axes)


@from_moments_by(_centred_in_two_passes, _centred_in_one_pass, "axis", "groups", "epsilon")
def standardised_in_groups(
    centred: Moments,
    x: Num[Array, "*shape"],
    gamma: Float[Array, " channels"] | None,
    beta: Float[Array, " channels"] | None,
    *,
    axis: int,
    groups: int,
    epsilon: float,
) -> Float[Array, "*shape"]:
    """The same with the moments of each example's groups of channels."""
    x = wide(x)
    grouped = x.reshape((*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :]))
    others = tuple(i for i in range(1, grouped.ndim) if i not in (axis, axis + 1))

    def mean(x: jax.Array) -> jax.Array:
        # First over what all channels have in common: a mean over the split axis and the others at once takes longer.
        return jnp.mean(jnp.mean(x, axis=others, keepdims=True), axis=axis + 1, keepdims=True)

    grouped, var = centred(grouped, mean, (*others, axis + 1))
    return _weighted((grouped * jax.lax.rsqrt(var + epsilon)).reshape(x.shape), gamma, beta, (axis,))


@from_moments_by(in_two_passes, in_one_pass, "axes", "epsilon")
def scaled_by_deviation(
    moments: Moments,
    x: Num[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    *,
    axes: tuple[int, ...],
    epsilon: float,
) -> Float[Array, "*shape"]:
    """`gamma x / sqrt(var + epsilon)`."""
    x = wide(x)
    _, var = moments(x, functools.partial(jnp.mean, axis=axes, keepdims=True), axes)
    return _weighted(x * jax.lax.rsqrt(var + epsilon), gamma, None, axes)


@from_moments("axes", "epsilon")
def scaled_by_root_mean_square(
    x: Num[Array, "*shape"],
    gamma: Float[Array, "*sizes"] | None,
    *,
    axes: tuple[int, ...],
    epsilon: float,
) -> Float[Array, "*shape"]:
    """`gamma x / sqrt(mean(x^2) + epsilon)`."""
    x = wide(x)
    square = moment(jnp.mean(jnp.square(x), axis=axes, keepdims=True))
    return _weighted(x * jax.lax.rsqrt(square + epsilon), gamma, None, axes)


@from_moments("axes")
def scaled_by_norm(x: Num[Array, "*shape"], *, axes: tuple[int, ...]) -> Float[Array, "*shape"]:
    """`x / max(||x||, 1e-12)`."""
    x = wide(x)
    return x * jax.lax.rsqrt(jnp.maximum(moment(jnp.sum(jnp.square(x), axis=axes, keepdims=True)), 1e-24))
