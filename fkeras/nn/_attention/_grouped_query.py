"""Attention in which several queries share a key and a value."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from ...core import Layer, explain, field, register
from ...core.typing import Array, Config, Num, Training
from .. import _arguments as arg
from .._sequence_masks import MaskLike, check_mask
from .._shapes import check_rank
from . import _projections_and_masks as parts


@register("keras.layers", "GroupQueryAttention")
class GroupedQueryAttention(Layer):
    """`softmax(q k^T / sqrt(head_dim)) v`, where groups of query heads share one head of keys and values.

    Args:
        head_dim: the size of each head.
        num_query_heads: how many query heads.
        num_key_value_heads: how many heads of keys and values; it divides the query heads.
        dropout: the rate at which attention weights are dropped in training.
        use_bias: whether the projections have a bias.
        sliding_window: a query sees the positions that are fewer than this away from its own.
        flash_attention: as for `MultiHeadAttention`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `query`, `value`, `key` (the value by default), `query_mask`, `value_mask`, `key_mask`,
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`.

    Raises:
        ValueError: heads that do not divide, inputs that are no sequences, keys and values of different lengths,
            flash attention with dropout or with scores returned.

    >>> import fkeras as fk
    >>> x = fk.Input((5, 8))
    >>> fk.nn.GroupQueryAttention(3, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (None, 5, 8)

    Reference: Ainslie et al., arXiv:2305.13245.
    https://keras.io/api/layers/attention_layers/group_query_attention/
    """

    head_dim: int = arg.positive("head_dim")
    num_query_heads: int = arg.positive("num_query_heads")
    num_key_value_heads: int = arg.positive("num_key_value_heads")
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    use_bias: bool = True
    sliding_window: int | None = field(None, convert=arg.counted("sliding_window"))
    flash_attention: bool | None = None
    kernel_initializer: arg.InitializerLike = arg.initializer("glorot_uniform")
    bias_initializer: arg.InitializerLike = arg.initializer("zeros")
    kernel_regularizer: arg.RegularizerLike = arg.regularizer()
    bias_regularizer: arg.RegularizerLike = arg.regularizer()
    activity_regularizer: arg.RegularizerLike = arg.regularizer()
    kernel_constraint: arg.ConstraintLike = arg.constraint()
    bias_constraint: arg.ConstraintLike = arg.constraint()
    use_gate: bool = False
    seed: int | None = None

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        parts.check_flash(self)
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                explain(
                    "GroupQueryAttention: num_key_value_heads must divide num_query_heads.",
                    received=f"{self.num_query_heads} query heads, {self.num_key_value_heads} of keys and values",
                    write="GroupQueryAttention(64, num_query_heads=8, num_key_value_heads=2)",
                )
            )

    def call(
        self,
        query: Num[Array, "batch targets features"],
        value: Num[Array, "batch sources features_of_values"],
        key: Num[Array, "batch sources features_of_keys"] | None = None,
        query_mask: MaskLike = None,
        value_mask: MaskLike = None,
        key_mask: MaskLike = None,
        attention_mask: MaskLike = None,
        return_attention_scores: bool = False,
        training: Training = False,
        use_causal_mask: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array | None]:
        key = value if key is None else key
        parts.check_flash(self, return_attention_scores)
        parts.check_sequences(self, query, value, key)
        check_rank(self, query, 3)
        targets, sources = query.shape[1], value.shape[1]
        query_mask, value_mask, key_mask = parts.check_sequence_masks(
            self, (query, query_mask), (value, value_mask), (key, key_mask)
        )
        mask = parts.of_sequences(query_mask, value_mask, key_mask)
        if attention_mask is not None:
            pair, batch = (targets, sources), query.shape[0]
            shapes = (batch, *pair), pair, (batch, self.num_query_heads, *pair)
            given = jnp.asarray(check_mask(self, attention_mask, *shapes, what="attention_mask"), bool)
            mask = parts.both(mask, given[None] if given.ndim == 2 else given)
        if use_causal_mask:
            mask = parts.both(mask, parts.causal(targets, sources))
        if self.sliding_window is not None:
            mask = parts.both(mask, parts.within(self.sliding_window, targets, sources))
        mask = parts.by_head(mask, 4, 2)
        heads, shared = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        q = parts.project(self, "query", query, 1, heads)
        k = parts.project(self, "key", key, 1, shared)
        gate = parts.project(self, "gate", query, 1, heads, "sigmoid") if self.use_gate else None
        v = parts.project(self, "value", value, 1, shared)
        scale = 1 / math.sqrt(self.head_dim)
        scores = None
        if not self.dropout and not return_attention_scores:
            mixed = parts.fused(self, q, k, v, mask, scale)  # JAX's function shares the heads
        else:
            repeats = self.num_query_heads // self.num_key_value_heads
            k, v = jnp.repeat(k, repeats, axis=2), jnp.repeat(v, repeats, axis=2)
            scores = parts.masked_softmax(jnp.einsum("bqhd,bkhd->bhqk", q * scale, k), mask, 1)
            mixed = jnp.einsum("bhqk,bkhd->bqhd", parts.drop(self, scores, training), v)
        mixed = mixed if gate is None else mixed * gate
        outputs = parts.project(self, "out", mixed, 2, (query.shape[-1],))
        return (outputs, scores) if return_attention_scores else outputs

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
