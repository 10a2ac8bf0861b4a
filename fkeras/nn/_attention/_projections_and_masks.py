"""The parts of attention layers: projections, masks, and the masked softmax."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core import explain
from ...core.typing import Array, Bool, Float, Int, Key, Num, Training
from .. import _arguments as arg
from .._einsum import EinsumDense
from .._sequence_masks import MaskLike, check_mask
from .._shapes import NamedLayer

#: True where a target may see a source, `(batch, …, targets, sources)`; `None` where each sees all.
Visible: TypeAlias = 'Bool[Array, "..."] | None'


@runtime_checkable
class AttentionLayer(NamedLayer, Protocol):
    """A layer that attends, as the functions below see it."""

    @property
    def dropout(self) -> float:
        """The share of the weights that training leaves out."""

    def make_rng(self, name: str) -> Key:
        """A key of its own for each call."""


@runtime_checkable
class ProjectingLayer(AttentionLayer, Protocol):
    """A layer that attends between projections."""

    trainable: bool
    dtype: str | None
    use_bias: bool
    flash_attention: bool | None
    kernel_initializer: arg.InitializerLike
    bias_initializer: arg.InitializerLike
    kernel_regularizer: arg.RegularizerLike
    bias_regularizer: arg.RegularizerLike
    activity_regularizer: arg.RegularizerLike
    kernel_constraint: arg.ConstraintLike
    bias_constraint: arg.ConstraintLike


# ------------------------------------------------------------------ projections
def project(
    layer: ProjectingLayer,
    name: str,
    x: Num[Array, "batch ..."],
    bound: int,
    shape: tuple[int, ...],
    activation: arg.ActivationLike = None,
    activity: bool = True,
) -> Num[Array, "batch ..."]:
    """The last `bound` axes of `x` turned into axes of the given shape, by a kernel and bias of their own.

    Keras has the layer's activity regularizer on each of these projections; `activity` says whether on this one.
    """
    letters = string.ascii_lowercase
    inputs, outputs = letters[:bound], letters[bound : bound + len(shape)]
    dense = EinsumDense(
        f"...{inputs},{inputs}{outputs}->...{outputs}",
        output_shape=shape,
        activation=activation,
        bias_axes=outputs if layer.use_bias else None,
        kernel_initializer=layer.kernel_initializer,
        bias_initializer=layer.bias_initializer,
        kernel_regularizer=layer.kernel_regularizer,
        bias_regularizer=layer.bias_regularizer,
        activity_regularizer=layer.activity_regularizer if activity else None,
        kernel_constraint=layer.kernel_constraint,
        bias_constraint=layer.bias_constraint,
        trainable=layer.trainable,
        dtype=layer.dtype,
        name=name,
    )
    return dense(x)


# ------------------------------------------------------------------ masks: True where a target may see a source
def both(a: Visible, b: Visible) -> Visible:
    """Two masks as one; either may be `None`, and the shorter gets axes after its batch."""
    if a is None or b is None:
        return b if a is None else a
    rank = max(a.ndim, b.ndim)
    a, b = (m.reshape((m.shape[0], *(1,) * (rank - m.ndim), *m.shape[1:])) for m in (a, b))
    return a & b


def of_sequences(query_mask: MaskLike, value_mask: MaskLike, key_mask: MaskLike, axes: int = 1) -> Visible:
    """The masks of the sequences, `(batch, …, time)`, as one of `(batch, …, targets, sources)`, or `None`.

    Args:
        query_mask, value_mask, key_mask: which positions are none of padding; each may be `None`.
        axes: how many axes are attended over.

    Returns:
        The mask.
    """
    mask = None
    if query_mask is not None:
        targets = jnp.asarray(query_mask, bool)
        mask = targets.reshape(targets.shape + (1,) * axes)
    for other in (value_mask, key_mask):
        if other is not None:
            sources = jnp.asarray(other, bool)
            place = sources.ndim - axes
            mask = both(mask, sources.reshape(sources.shape[:place] + (1,) * axes + sources.shape[place:]))
    return mask


def check_sequence_masks(
    layer: NamedLayer, *pairs: tuple[jax.Array, MaskLike], axes: tuple[int, ...] = (1,)
) -> list[jax.Array | np.ndarray | None]:
    """The masks of query, value and key, each checked against its sequence.

    Args:
        layer: the layer that attends.
        *pairs: each sequence `(batch, …, features)` and its mask: of all its axes but the last, or of the batch and
            the attended ones.
        axes: the axes attended over.

    Returns:
        The three masks; `None` for one that was not given.
    """
    return [
        check_mask(layer, mask, x.shape[:-1], (x.shape[0], *(x.shape[a] for a in axes)), what=f"{name}_mask")
        for name, (x, mask) in zip(("query", "value", "key"), pairs, strict=True)
    ]


def causal(targets: int, sources: int) -> Bool[Array, "1 targets sources"]:
    """The mask of sources at the target's position or before it."""
    return (_positions(targets)[:, None] >= _positions(sources)[None, :])[None]


def within(window: int, targets: int, sources: int) -> Bool[Array, "1 targets sources"]:
    """The mask of sources fewer than `window` positions away from the target."""
    return (jnp.abs(_positions(targets)[:, None] - _positions(sources)[None, :]) < window)[None]


def _positions(count: int) -> Int[Array, " count"]:
    """0, 1, … ; `jnp.arange` of an open length has a shape that the converter to ONNX cannot index."""
    return lax.iota(jnp.int32, count)


def by_head(mask: Visible, rank: int, pairs: int) -> Visible:
    """A mask with axes for heads and batch put in, so that it has the scores' rank.

    Args:
        mask: its last `pairs` axes are targets and sources, those before are batch axes.
        rank: the scores' rank.
        pairs: how many axes of targets and sources there are.

    Returns:
        The mask.
    """
    if mask is None:
        return None
    place = max(mask.ndim - pairs, 0)
    return mask.reshape(mask.shape[:place] + (1,) * (rank - mask.ndim) + mask.shape[place:])


# ------------------------------------------------------------------ attending
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


def fused(
    layer: ProjectingLayer,
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources shared_heads size"],
    value: Float[Array, "batch sources shared_heads size"],
    mask: Visible,
    scale: float,
) -> Float[Array, "batch targets heads size"]:
    """`softmax(scale q k^T) v`, where no weights are dropped or asked for.

    A target that sees nothing gets the mean of all values, as in Keras, which calls `jax.nn.dot_product_attention`. Its
    scores are set to zero for every source, as the kernels and runtimes do not agree on a softmax over nothing.

    Args:
        layer: the layer that attends.
        query, key, value: after their projections; several heads of the query may share one of key and value.
        mask: which sources a target sees.
        scale: of the scores.

    Returns:
        What each target gets, of the query's shape.
    """
    if mask is not None:
        sees = mask.any(axis=-1, keepdims=True)
        mask = mask | ~sees
        query = jnp.where(jnp.swapaxes(sees, 1, 2), query, jnp.zeros_like(query))
    whole = query.dtype in (jnp.float32, jnp.float64)
    if whole and not layer.flash_attention and query.shape[2] == key.shape[2]:
        return _by_einsum(query, key, value, mask, scale)
    half = query.dtype in (jnp.float16, jnp.bfloat16)  # cuDNN's kernel takes these dtypes alone
    kernel: Literal["cudnn"] | None = (
        "cudnn" if layer.flash_attention and half and jax.default_backend() == "gpu" else None
    )
    return jax.nn.dot_product_attention(query, key, value, mask=mask, scale=scale, implementation=kernel)


def _by_einsum(
    query: Float[Array, "batch targets heads size"],
    key: Float[Array, "batch sources heads size"],
    value: Float[Array, "batch sources heads size"],
    mask: Visible,
    scale: float,
) -> Float[Array, "batch targets heads size"]:
    """JAX's own function in single precision and with a key for each head, without what its other cases need.

    Its gradient has six transposes fewer, so that a stack compiles in the time that Linen's attention takes.
    """
    scores = jnp.einsum("bthd,bshd->bhts", query * scale, key)
    return jnp.einsum("bhts,bshd->bthd", masked_softmax(scores, mask, 1), value)


# ------------------------------------------------------------------ arguments
def feature_shape(value: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """A converter: the size, or the sizes, of the output's features; `None` for the query's."""
    if value is None:
        return None
    return tuple(arg.positive_int(s, "output_shape") for s in ((value,) if isinstance(value, int) else value))


def check_flash(layer: ProjectingLayer, return_attention_scores: bool = False) -> None:
    """Refuse what flash attention, which never makes the weights, cannot do.

    Raises:
        ValueError: dropout of the weights, or the weights asked for.
    """
    if layer.flash_attention and (layer.dropout or return_attention_scores):
        raise ValueError(
            explain(
                f"{type(layer).__name__}: flash attention makes no attention weights to drop or to return.",
                received=f"flash_attention=True, dropout={layer.dropout}, "
                f"return_attention_scores={return_attention_scores}",
                write="flash_attention=None, or dropout=0.0",
            )
        )


def check_sequences(
    layer: NamedLayer, query: Num[Array, "*target"], value: Num[Array, "*source"], key: Num[Array, "*source_of_keys"]
) -> None:
    """Refuse inputs that are no sequences, and keys that are not one a value.

    Raises:
        ValueError: naming the layer and the shapes.
    """
    if query.ndim < 3 or value.ndim != query.ndim or key.ndim != query.ndim:
        raise ValueError(
            explain(
                f"{layer.path_text()} needs sequences: (batch, time, features).",
                received=f"query of shape {tuple(query.shape)}, value of shape {tuple(value.shape)}",
                write="x[:, None, :]",
            )
        )
    pairs = zip(value.shape[1:-1], key.shape[1:-1], strict=True)
    if any(isinstance(v, int) and isinstance(k, int) and v != k for v, k in pairs):
        raise ValueError(
            explain(
                f"{layer.path_text()} needs one key for each value.",
                received=f"value of shape {tuple(value.shape)}, key of shape {tuple(key.shape)}",
                usually="the arguments in another order: Keras's is query, value, key.",
                write="layer(query, value, key)",
            )
        )
