"""Attention."""

from __future__ import annotations

import math
import string
from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import _arguments as arg
from ._attention_parts import Projection, all_masks, both, causal, masked_softmax, positive_window, within


@register("keras.layers")
class MultiHeadAttention(Layer):
    """`softmax(q k^T / sqrt(key_dim)) v` in several heads, between learnt projections.

    Args:
        num_heads: how many heads.
        key_dim: the size of each head's queries and keys.
        value_dim: of its values; `key_dim` by default.
        dropout: the rate at which attention weights are dropped in training.
        use_bias: whether the projections have a bias.
        output_shape: the output's feature shape; the query's last axis by default.
        attention_axes: the axes attended over; all but the batch and the features by default.
        sliding_window: a query sees the positions that are fewer than this away from its own.
        flash_attention: accepted for Keras's sake; XLA chooses.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `query`, `value`, `key` (the value by default), `query_mask`, `value_mask`, `key_mask`,
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> x = jnp.ones((1, 5, 8))
    >>> variables = fk.nn.MultiHeadAttention(2, 3).init(jax.random.key(0), x, x)
    >>> jax.tree.map(jnp.shape, variables["params"]["query"])
    {'bias': (2, 3), 'kernel': (8, 2, 3)}

    Reference: Vaswani et al., arXiv:1706.03762.
    https://keras.io/api/layers/attention_layers/multi_head_attention/
    """

    num_heads: int = arg.positive("num_heads")
    key_dim: int = arg.positive("key_dim")
    value_dim: Any = None
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    use_bias: bool = True
    output_shape: Any = field(None, convert=lambda s: (s,) if isinstance(s, int) else s if s is None else tuple(s))
    attention_axes: Any = field(None, convert=lambda a: (a,) if isinstance(a, int) else a if a is None else tuple(a))
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
        if self.value_dim is None:
            object.__setattr__(self, "value_dim", self.key_dim)
        super().__post_init__()

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
        if query.ndim < 3:
            raise ValueError(
                explain(
                    f"{self.path_text()} needs sequences: (batch, time, features).",
                    received=f"query of shape {tuple(query.shape)}",
                    write="x[:, None, :]",
                )
            )
        axes = tuple(a % query.ndim for a in self.attention_axes or range(1, query.ndim - 1))
        q = self._project("query", query, self.key_dim) * (1 / math.sqrt(self.key_dim))
        k = self._project("key", key, self.key_dim)
        v = self._project("value", value, self.value_dim)
        mask = self._mask(query, value, axes, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        mixed, scores = self._attend(q, k, v, axes, mask, training)
        if self.use_gate:
            mixed = mixed * self._project("gate", query, self.value_dim, "sigmoid")
        outputs = self._output(mixed, self.output_shape or (query.shape[-1],))
        return (outputs, scores) if return_attention_scores else outputs

    # ------------------------------------------------------------------ parts, in the order of `call`
    def _dense(
        self, name: str, x: jax.Array, equation: str, shape: Any, bias_shape: Any, activation: Any = None
    ) -> jax.Array:
        """An einsum with a kernel and a bias of its own, under `name`."""
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

    def _project(self, name: str, x: jax.Array, size: int, activation: Any = None) -> jax.Array:
        head = (self.num_heads, size)
        return self._dense(name, x, "...d,dhk->...hk", (x.shape[-1], *head), head, activation)

    def _output(self, mixed: jax.Array, shape: Any) -> jax.Array:
        letters = string.ascii_lowercase[8 : 8 + len(shape)].replace("k", "z").replace("h", "y")
        heads = (self.num_heads, self.value_dim)
        return self._dense("out", mixed, f"...hk,hk{letters}->...{letters}", (*heads, *shape), shape)

    def _attend(self, q: Any, k: Any, v: Any, axes: Any, mask: Any, training: Any) -> tuple[jax.Array, jax.Array]:
        """`softmax(q k^T) v` over the attended axes; scores are `(batch, …, heads, target…, source…)`."""
        rank = q.ndim
        names = string.ascii_lowercase
        batch = [names[i] for i in range(rank - 2) if i not in axes]
        target = [names[i] for i in range(rank)]
        source = [names[i].upper() if i in axes else names[i] for i in range(rank)]
        h = target[-2]
        value = [*source[:-1], "Z"]
        t_axes, s_axes = [names[a] for a in axes], [names[a].upper() for a in axes]
        weights = "".join([*batch, h, *t_axes, *s_axes])
        scores = jnp.einsum(f"{''.join(target)},{''.join(source)}->{weights}", q, k)
        scores = masked_softmax(scores, mask, len(s_axes))
        used = scores
        if training and self.dropout:
            keep = jax.random.bernoulli(self.make_rng("dropout"), 1 - self.dropout, scores.shape)
            used = jnp.where(keep, scores / (1 - self.dropout), jnp.zeros_like(scores))
        return jnp.einsum(f"{weights},{''.join(value)}->{''.join([*target[:-1], 'Z'])}", used, v), scores

    def _mask(
        self,
        query: Any,
        value: Any,
        axes: Any,
        query_mask: Any,
        value_mask: Any,
        key_mask: Any,
        given: Any,
        use_causal_mask: bool,
    ) -> Any:
        """All masks as one that broadcasts against the scores, or `None`."""
        mask = all_masks(query_mask, value_mask, key_mask, given)
        t, s = query.shape[axes[0]], value.shape[axes[0]]
        if use_causal_mask:
            mask = both(mask, causal(t, s))
        if self.sliding_window is not None:
            mask = both(mask, within(self.sliding_window, t, s))
        if mask is None:
            return None
        # batch axes, heads, targets, sources
        rank = (query.ndim - 1 - len(axes)) + 1 + 2 * len(axes)
        pairs = 2 * len(axes)
        lead = mask.shape[: mask.ndim - pairs]
        return mask.reshape(lead + (1,) * (rank - pairs - len(lead)) + mask.shape[mask.ndim - pairs :])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
