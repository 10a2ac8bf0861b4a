"""Attention in which several queries share a key and a value."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import _arguments as arg
from ._attention_parts import Projection, all_masks, both, causal, masked_softmax, positive_window, within


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
        flash_attention: accepted for Keras's sake; XLA chooses.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `query`, `value`, `key` (the value by default), `query_mask`, `value_mask`, `key_mask`,
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`.

    Raises:
        ValueError: heads that do not divide.

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
    sliding_window: Any = field(None, convert=positive_window)
    flash_attention: Any = None
    kernel_initializer: Any = arg.initializer("glorot_uniform")
    bias_initializer: Any = arg.initializer("zeros")
    kernel_regularizer: Any = arg.regularizer()
    bias_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    kernel_constraint: Any = arg.constraint()
    bias_constraint: Any = arg.constraint()
    use_gate: bool = False
    seed: int | None = None

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
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
        query: jax.Array,
        value: jax.Array,
        key: jax.Array | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = False,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        targets, sources = query.shape[1], value.shape[1]
        mask = all_masks(query_mask, value_mask, key_mask, attention_mask)
        if use_causal_mask:
            mask = both(mask, causal(targets, sources))
        if self.sliding_window is not None:
            mask = both(mask, within(self.sliding_window, targets, sources))
        if mask is not None:  # `(batch, targets, sources)`, or with heads in front of the targets
            mask = mask[:, None] if mask.ndim == 3 else mask
        q = self._project("query", query, self.num_query_heads) * (1 / math.sqrt(self.head_dim))
        k = self._project("key", key, self.num_key_value_heads)
        gate = self._project("gate", query, self.num_query_heads, "sigmoid") if self.use_gate else None
        v = self._project("value", value, self.num_key_value_heads)
        repeats = self.num_query_heads // self.num_key_value_heads
        k, v = jnp.repeat(k, repeats, axis=2), jnp.repeat(v, repeats, axis=2)
        scores = masked_softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k), mask, 1)
        used = scores
        if training and self.dropout:
            keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - self.dropout, scores.shape)
            used = jnp.where(keep, scores / (1 - self.dropout), jnp.zeros_like(scores))
        mixed = jnp.einsum("bhqk,bkhd->bqhd", used, v)
        mixed = mixed if gate is None else mixed * gate
        features = query.shape[-1]
        heads = (self.num_query_heads, self.head_dim)
        outputs = self._dense("out", mixed, "bqhd,hdm->bqm", (*heads, features), (features,))
        return (outputs, scores) if return_attention_scores else outputs

    def _project(self, name: str, x: jax.Array, heads: int, activation: Any = None) -> jax.Array:
        shape = (heads, self.head_dim)
        return self._dense(name, x, "bqm,mhd->bqhd", (x.shape[-1], *shape), shape, activation)

    def _dense(
        self, name: str, x: Any, equation: str, shape: Any, bias_shape: Any, activation: Any = None
    ) -> jax.Array:
        dense = Projection(
            equation,
            tuple(shape),
            tuple(bias_shape) if self.use_bias else None,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            activation=activation,
            trainable=self.trainable,
            dtype=self.dtype,
            name=name,
        )
        return dense(x)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
