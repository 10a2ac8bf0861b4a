"""Attending: the weighted sum by way of the weights, and the choice of what computes it."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ...core.typing import Array, Float, Training
from ._by_jax import by_jax
from ._kernel import by_kernel, cannot_be_had
from ._projections import AttentionLayer, ProjectingLayer
from ._seen import Seen, Visible


def attend(
    layer: ProjectingLayer,
    query: Float[Array, "batch *targets heads size"],
    key: Float[Array, "batch *sources shared_heads size"],
    value: Float[Array, "batch *sources shared_heads value_size"],
    seen: Seen,
    axes: Sequence[int],
    training: Training,
    scores: bool,
) -> tuple[Float[Array, "batch *targets heads value_size"], Float[Array, "batch ..."] | None]:
    """`softmax(q k^T / sqrt(size)) v` over the attended axes.

    The weights are made where they are dropped, returned, or of several axes; else nobody needs them whole.

    Args:
        layer: the layer that attends.
        query, key, value: after their projections; several heads of the query may share one of key and value.
        seen: which sources a target sees.
        axes: the axes attended over.
        training: whether weights are dropped.
        scores: whether the weights are returned.

    Returns:
        What each target gets, and the weights `(batch, …, heads, targets…, sources…)` where they were made.
    """
    scale = 1 / math.sqrt(query.shape[-1])
    if query.ndim == 4 and not layer.dropout and not scores and value.shape[-1] == key.shape[-1]:
        return fused(layer, query, key, value, seen, scale), None
    if layer.flash_attention and not layer.is_initializing():
        raise cannot_be_had(layer, "it is for one axis of time, and values of the keys' size.", query, key)
    shared = query.shape[-2] // key.shape[-2]
    if shared > 1:
        key, value = (jnp.repeat(a, shared, axis=-2) for a in (key, value))
    rank = query.ndim - 1 + len(axes)
    mask = seen.array(query.shape[axes[0]], key.shape[axes[0]], rank, len(axes))
    weights = softmax_of(query * scale, key, mask, axes)
    return weighted(drop(layer, weights, training), value, axes), weights


# ------------------------------------------------------------------ by way of the weights
def softmax_of(
    query: Float[Array, "batch *targets heads size"],
    key: Float[Array, "batch *sources heads size"],
    mask: Visible,
    axes: Sequence[int] = (1,),
) -> Float[Array, "batch ..."]:
    """The weights, `(batch, …, heads, targets…, sources…)`."""
    names, source, weights = _letters(query.ndim, axes)
    return masked_softmax(jnp.einsum(f"{names},{source}->{weights}", query, key), mask, len(axes))


def weighted(
    weights: Float[Array, "batch ..."],
    value: Float[Array, "batch *sources heads value_size"],
    axes: Sequence[int] = (1,),
) -> Float[Array, "batch *targets heads value_size"]:
    """The values' sum by weights."""
    names, source, pairs = _letters(value.ndim, axes)
    return jnp.einsum(f"{pairs},{source[:-1]}Z->{names[:-1]}Z", weights, value)


def _letters(rank: int, axes: Sequence[int]) -> tuple[str, str, str]:
    """The letters of targets, sources and weights; an attended axis of sources has a capital."""
    names = string.ascii_lowercase[:rank]
    source = "".join(n.upper() if i in axes else n for i, n in enumerate(names))
    batch = "".join(n for i, n in enumerate(names[:-2]) if i not in axes)
    attended = "".join(names[a] for a in axes)
    return names, source, batch + names[-2] + attended + attended.upper()


def masked_softmax(scores: Float[Array, "*pairs"], mask: Visible, count: int) -> Float[Array, "*pairs"]:
    """A softmax over the last `count` axes, 0 where the mask is: all of a row that is masked altogether."""
    shape = scores.shape
    if mask is not None:
        # the numbers that Keras uses
        scores = jnp.where(mask, scores, jnp.asarray(-3e4 if scores.dtype == jnp.float16 else -1e9, scores.dtype))
    flat = scores.reshape((*shape[: len(shape) - count], math.prod(shape[len(shape) - count :])))
    weights = jax.nn.softmax(flat, axis=-1).reshape(shape)
    return weights if mask is None else jnp.where(mask, weights, jnp.zeros_like(weights))


def drop(layer: AttentionLayer, weights: Float[Array, "*pairs"], training: Training) -> Float[Array, "*pairs"]:
    """Attention weights dropped in training."""
    if not training or not layer.dropout:
        return weights
    if layer.dropout == 1:
        return jnp.zeros_like(weights)
    keep = jax.random.bernoulli(layer.make_rng("dropout"), 1 - layer.dropout, weights.shape)
    return jnp.where(keep, weights / (1 - layer.dropout), jnp.zeros_like(weights))


# ------------------------------------------------------------------ where nobody needs the weights
def fused(
    layer: ProjectingLayer,
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    seen: Seen,
    scale: float,
) -> Float[Array, "batch targets heads size"]:
    """`softmax(scale q k^T) v`, where no weights are dropped or asked for.

    A target that sees nothing gets the mean of all values, as in Keras, which calls `jax.nn.dot_product_attention`.

    Args:
        layer: the layer that attends.
        query, key, value: after their projections; several heads of the query may share one of key and value.
        seen: which sources a target sees.
        scale: of the scores.

    Returns:
        What each target gets, of the query's shape.
    """

    def elsewhere(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        return by_xla(q, k, v, seen, scale, layer.flash_attention is not False)

    return by_kernel(layer, query, key, value, seen, scale, elsewhere, layer.flash_attention)


def by_xla(
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    seen: Seen,
    scale: float,
    chosen: bool = True,
) -> Float[Array, "batch targets heads size"]:
    """The same for any platform and dtype; `chosen` says whether something may be chosen by platform.

    A target that sees nothing has its scores set to zero for every source, as the runtimes do not agree on a softmax
    over nothing. Single precision with a key for each head goes by way of the weights: that is what JAX's own function
    does there, but its gradient has six transposes more, and a stack of them takes longer to compile.
    """
    targets, sources = query.shape[1], key.shape[1]
    mask = seen.array(targets, sources)
    if mask is not None and not seen.leaves_none_blind(targets, sources):
        sees = mask.any(axis=-1, keepdims=True)
        mask = mask | ~sees
        query = jnp.where(jnp.swapaxes(sees, 1, 2), query, jnp.zeros_like(query))
    if query.dtype in (jnp.float32, jnp.float64) and query.shape[2] == key.shape[2]:
        return weighted(softmax_of(query * scale, key, mask), value)
    return by_jax(query, key, value, mask=mask, scale=scale, chosen=chosen)
