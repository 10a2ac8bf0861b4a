"""Attention in which several queries share a key and a value."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen

from ...core import Layer, explain, field, register
from ...core.typing import Array, Config, Float, Num, PyTree, Training
from .. import _arguments as arg
from .._sequence_masks import MaskLike, check_mask
from .._shapes import check_rank
from . import _projections as parts
from . import _seen as seeing
from ._attend import attend
from ._cache import cast_each_once, extended


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
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`. With
    `use_causal_mask` it goes on from a cache of keys and values, where the variables have one: see `init_cache`.

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
        seen = seeing.of_sequences(self, (query, query_mask), (value, value_mask), (key, key_mask))
        given = self._given(attention_mask, query, value)
        seen = seen._replace(pairs=given, causal=bool(use_causal_mask), window=self.sliding_window)
        q, k, v, gate = self._projected(query, key, value)
        k, v, seen = extended(self, k, v, seen, to_itself=value is query)
        mixed, scores = attend(self, q, k, v, seen, (1,), training, return_attention_scores)
        outputs = self._out(query, mixed, gate)
        return (outputs, scores) if return_attention_scores else outputs

    # ------------------------------------------------------------------ parts, in the order of `call`
    def _given(
        self, mask: MaskLike, query: Num[Array, "batch targets _"], value: Num[Array, "batch sources _"]
    ) -> seeing.Visible:
        """`attention_mask`: of targets and sources, with or without the batch and the heads in front."""
        if mask is None:
            return None
        pair, batch = (query.shape[1], value.shape[1]), query.shape[0]
        shapes = (batch, *pair), pair, (batch, self.num_query_heads, *pair)
        given = jnp.asarray(check_mask(self, mask, *shapes, what="attention_mask"), bool)
        return given[None] if given.ndim == 2 else given

    def _projected(
        self,
        query: Num[Array, "batch targets features"],
        key: Num[Array, "batch sources features_of_keys"],
        value: Num[Array, "batch sources features_of_values"],
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array | None]:
        """Query, key and value with axes for the heads, and the gate; in Keras's order of variables."""
        heads, shared = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        q = parts.project(self, "query", query, 1, heads)
        k = parts.project(self, "key", key, 1, shared)
        gate = parts.project(self, "gate", query, 1, heads, "sigmoid") if self.use_gate else None
        v = parts.project(self, "value", value, 1, shared)
        return q, k, v, gate

    def _out(
        self,
        query: Num[Array, "batch targets features"],
        mixed: Float[Array, "batch targets heads size"],
        gate: Float[Array, "batch targets heads size"] | None,
    ) -> Float[Array, "batch targets features"]:
        """What the heads found, gated and projected."""
        mixed = mixed if gate is None else mixed * gate
        return parts.project(self, "out", mixed, 2, (query.shape[-1],))

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        return cast_each_once(super()._cast, args)

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
