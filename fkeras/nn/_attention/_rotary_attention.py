"""Grouped attention whose queries and keys are turned by their positions: that of Llama and its kin."""

from __future__ import annotations

import jax

from ...core import Layer, field, register
from ...core.typing import Array, Float, Num
from .._wrappers import as_layer
from . import _projections as parts
from ._grouped_query import GroupedQueryAttention
from ._positions import RotaryEmbedding


def _turning(value: object) -> Layer:
    """A converter: the layer that was given, or else one of its own, as a layer has one place in a model."""
    return RotaryEmbedding() if value is None else as_layer(value)


@register("fkeras")
class RotaryAttention(GroupedQueryAttention):
    """Attention in groups of heads, where queries and keys are turned by an angle that grows with the position.

    `softmax(turn(q) turn(k)^T / sqrt(head_dim)) v`: what a token sees depends on how far away it is.

    Args:
        head_dim, num_query_heads, num_key_value_heads, dropout, use_bias, sliding_window, flash_attention,
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint, use_gate, seed: as for `GroupedQueryAttention`.
        rotary: the layer that turns queries and keys, `(batch, time, heads, head_dim)`; a `RotaryEmbedding()` by
            default.
        use_output_bias: whether the last projection has a bias; as `use_bias` says by default. In Qwen2 it has none,
            and the others have one.

    Call arguments: as for `GroupedQueryAttention`. Query, key and value are one sequence: positions are counted from
    its first token, or go on from a cache.

    >>> import fkeras as fk
    >>> x = fk.Input((5, 8))
    >>> attention = fk.nn.RotaryAttention(4, num_query_heads=4, num_key_value_heads=2, use_bias=False)
    >>> attention(x, x, use_causal_mask=True).shape
    (None, 5, 8)

    Reference: Touvron et al., arXiv:2302.13971; Su et al., arXiv:2104.09864.
    Keras has none; KerasHub has one for each of its models.
    """

    rotary: Layer = field(None, convert=_turning)
    use_output_bias: bool | None = None

    def _projected(
        self,
        query: Num[Array, "batch targets features"],
        key: Num[Array, "batch sources features_of_keys"],
        value: Num[Array, "batch sources features_of_values"],
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array | None]:
        q, k, v, gate = super()._projected(query, key, value)
        return self.rotary(q).astype(q.dtype), self.rotary(k).astype(k.dtype), v, gate

    def _out(
        self,
        query: Num[Array, "batch targets features"],
        mixed: Float[Array, "batch targets heads size"],
        gate: Float[Array, "batch targets heads size"] | None,
    ) -> Float[Array, "batch targets features"]:
        mixed = mixed if gate is None else mixed * gate
        return parts.project(self, "out", mixed, 2, (query.shape[-1],), use_bias=self.use_output_bias)
