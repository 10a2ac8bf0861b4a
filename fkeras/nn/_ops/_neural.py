"""Losses and attention as functions, with Keras's arguments."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ...core import explain
from ...core.typing import Array, ArrayLike, Bool, Float, Num
from .. import activations
from .._attention._by_jax import by_jax
from ._ctc import ctc_decode, ctc_loss
from ._types import Table

_EPSILON = 1e-7


def _probabilities(output: Array, axis: int) -> Array:
    return jnp.clip(output / jnp.sum(output, axis, keepdims=True), _EPSILON, 1 - _EPSILON)


def categorical_crossentropy(
    target: Num[ArrayLike, "*batch classes"], output: Float[ArrayLike, "*batch classes"], from_logits: bool = False,
    axis: int = -1,
) -> Float[Array, "*batch"]:  # fmt: skip
    """`-sum(target log(output))` along an axis."""
    output = jnp.asarray(output)
    logs = jax.nn.log_softmax(output, axis) if from_logits else jnp.log(_probabilities(output, axis))
    return -jnp.sum(jnp.asarray(target) * logs, axis=axis)


def sparse_categorical_crossentropy(
    target: Num[ArrayLike, "*batch"], output: Float[ArrayLike, "*batch classes"], from_logits: bool = False,
    axis: int = -1,
) -> Float[Array, "*batch"]:  # fmt: skip
    """`-log(output[target])` along an axis."""
    target, output = jnp.asarray(target).astype(jnp.int32), jnp.asarray(output)
    target = target[..., 0] if target.ndim == output.ndim and target.shape[-1] == 1 else target
    return categorical_crossentropy(jax.nn.one_hot(target, output.shape[axis], axis=axis), output, from_logits, axis)


def binary_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False) -> Array:
    """`-target log(output) - (1 - target) log(1 - output)`."""
    target, output = jnp.asarray(target), jnp.asarray(output)
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1.0 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, _EPSILON, 1 - _EPSILON)
    return -(target * jnp.log(output) + (1.0 - target) * jnp.log(1.0 - output))


def psnr(x1: ArrayLike, x2: ArrayLike, max_val: ArrayLike) -> Float[Array, ""]:
    """The peak signal-to-noise ratio in decibels."""
    error = jnp.mean(jnp.square(jnp.asarray(x1) - jnp.asarray(x2)))
    return 20 * jnp.log10(jnp.asarray(max_val, error.dtype)) - 10 * jnp.log10(error)


def dot_product_attention(
    query: Float[ArrayLike, "batch queries heads size"], key: Float[ArrayLike, "batch keys heads size"],
    value: Float[ArrayLike, "batch keys heads size"], bias: Float[ArrayLike, "batch heads queries keys"] | None = None,
    mask: Bool[ArrayLike, "batch heads queries keys"] | None = None, scale: float | None = None,
    is_causal: bool = False, flash_attention: bool | None = None, attn_logits_soft_cap: float | None = None,
) -> Float[Array, "batch queries heads size"]:  # fmt: skip
    """`softmax(scale q k^T + bias) v`, for `(batch, time, heads, size)`; XLA chooses the implementation."""
    if attn_logits_soft_cap is not None:
        raise ValueError(
            explain("dot_product_attention: attn_logits_soft_cap is for TPU kernels.", received=attn_logits_soft_cap)
        )
    q, k, v = (jnp.asarray(a) for a in (query, key, value))
    return by_jax(q, k, v, bias, mask, scale, is_causal)


def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """`x * Phi(x)`; approximate by default, as `keras.ops.gelu` is and `keras.activations.gelu` is not."""
    return activations.gelu(x, approximate)


OWN: Table = {
    f.__name__: f
    for f in (
        categorical_crossentropy, sparse_categorical_crossentropy, binary_crossentropy, ctc_loss, ctc_decode, psnr,
        dot_product_attention, gelu,
    )
}  # fmt: skip
