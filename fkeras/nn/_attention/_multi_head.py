"""Attention in several heads."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen

from ...core import Layer, explain, field, register
from ...core.typing import Array, Bool, Config, Float, Num, PyTree, Training
from .. import _arguments as arg
from .._sequence_masks import MaskLike, check_mask
from .._shapes import known_axis
from . import _projections_and_masks as parts


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
        flash_attention: `True` asks for cuDNN's kernel, which a GPU takes in half precision; elsewhere XLA chooses.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `query`, `value`, `key` (the value by default), `query_mask`, `value_mask`, `key_mask`,
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`.

    Raises:
        ValueError: sizes that are not positive, inputs that are no sequences, keys and values of different lengths, a
            causal mask or a window over several axes, flash attention with dropout or with scores returned.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> x = jnp.ones((1, 5, 8))
    >>> variables = fk.nn.MultiHeadAttention(2, 3).init(jax.random.key(0), x, x)
    >>> jax.tree.map(jnp.shape, variables["params"]["query"])
    {'bias': (2, 3), 'kernel': (8, 2, 3)}

    Reference: Vaswani et al., arXiv:1706.03762.
    https://keras.io/api/layers/attention_layers/multi_head_attention/
    Unlike Keras, which reads the query's mask off the tensor alone, a `query_mask` that is passed counts.
    """

    num_heads: int = arg.positive("num_heads")
    key_dim: int = arg.positive("key_dim")
    value_dim: int | None = None
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    use_bias: bool = True
    output_shape: arg.SizesLike = field(None, convert=parts.feature_shape)
    attention_axes: arg.SizesLike | None = field(
        None, convert=lambda a: (a,) if isinstance(a, int) else a if a is None else tuple(a)
    )
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
        value_dim = self.key_dim if self.value_dim is None else arg.positive_int(self.value_dim, "value_dim")
        object.__setattr__(self, "value_dim", value_dim)
        super().__post_init__()
        parts.check_flash(self)

    def call(
        self,
        query: Num[Array, "batch *targets features"],
        value: Num[Array, "batch *sources features_of_values"],
        key: Num[Array, "batch *sources features_of_keys"] | None = None,
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
        axes = tuple(
            known_axis(self, a, query, "attention_axes") for a in self.attention_axes or range(1, query.ndim - 1)
        )
        query_mask, value_mask, key_mask = parts.check_sequence_masks(
            self, (query, query_mask), (value, value_mask), (key, key_mask), axes=axes
        )
        given = self._given(attention_mask, query, value, axes)
        mask = self._mask(query, value, axes, query_mask, value_mask, key_mask, given, use_causal_mask)
        value_dim = self.value_dim or self.key_dim
        q = parts.project(self, "query", query, 1, (self.num_heads, self.key_dim))
        k = parts.project(self, "key", key, 1, (self.num_heads, self.key_dim))
        gate = None
        if self.use_gate:
            gate = parts.project(self, "gate", query, 1, (self.num_heads, value_dim), "sigmoid")
        v = parts.project(self, "value", value, 1, (self.num_heads, value_dim))
        scale = 1 / math.sqrt(self.key_dim)
        scores = None
        if query.ndim == 3 and not self.dropout and not return_attention_scores and value_dim == self.key_dim:
            mixed = parts.fused(self, q, k, v, mask, scale)
        else:
            mixed, scores = self._attend(q * scale, k, v, axes, mask, training)
        mixed = mixed if gate is None else mixed * gate
        # The activity regularizer applies to the output once, and `Layer` applies it.
        outputs = parts.project(self, "out", mixed, 2, self.output_shape or (query.shape[-1],), activity=False)
        return (outputs, scores) if return_attention_scores else outputs

    # ------------------------------------------------------------------ parts, in the order of `call`
    def _given(
        self, mask: MaskLike, query: Num[Array, "*target"], value: Num[Array, "*source"], axes: tuple[int, ...]
    ) -> Bool[Array, "*pairs"] | None:
        """`attention_mask`: of targets and sources, with or without the batch, other axes and the heads in front."""
        if mask is None:
            return None
        pair = (*(query.shape[a] for a in axes), *(value.shape[a] for a in axes))
        others = [query.shape[i] for i in range(1, query.ndim - 1) if i not in axes]
        front = [(), (query.shape[0],), (query.shape[0], *others), (query.shape[0], *others, self.num_heads)]
        if not others:
            front.append((query.shape[0], self.num_heads))
        shapes = [(*f, *pair) for f in dict.fromkeys(front)]
        shapes.sort(key=lambda s: s != (query.shape[0], *pair))  # messages name the first shape
        return jnp.asarray(check_mask(self, mask, *shapes, what="attention_mask"), bool)

    def _mask(
        self,
        query: Num[Array, "*target"],
        value: Num[Array, "*source"],
        axes: tuple[int, ...],
        query_mask: MaskLike,
        value_mask: MaskLike,
        key_mask: MaskLike,
        given: Bool[Array, "*pairs"] | None,
        use_causal_mask: bool,
    ) -> parts.Visible:
        """All masks as one that broadcasts against the scores, or `None`."""
        count = len(axes)
        if count > 1 and (use_causal_mask or self.sliding_window is not None):
            raise ValueError(
                explain(
                    f"{self.path_text()}: over several axes there is no order of time.",
                    received=f"attention_axes={axes}, use_causal_mask={use_causal_mask}, "
                    f"sliding_window={self.sliding_window}",
                    write="attention_mask of shape (batch, *targets, *sources)",
                )
            )
        if given is not None and given.ndim == 2 * count:  # one mask for the whole batch
            given = given[None]
        mask = parts.both(parts.of_sequences(query_mask, value_mask, key_mask, count), given)
        t, s = query.shape[axes[0]], value.shape[axes[0]]
        if use_causal_mask:
            mask = parts.both(mask, parts.causal(t, s))
        if self.sliding_window is not None:
            mask = parts.both(mask, parts.within(self.sliding_window, t, s))
        return parts.by_head(mask, query.ndim + count, 2 * count)

    def _attend(
        self,
        q: Float[Array, "batch *targets heads size"],
        k: Float[Array, "batch *sources heads size"],
        v: Float[Array, "batch *sources heads value_size"],
        axes: Sequence[int],
        mask: parts.Visible,
        training: Training,
    ) -> tuple[Float[Array, "batch *targets heads value_size"], Float[Array, "batch ..."]]:
        """`softmax(q k^T) v` over the attended axes; scores are `(batch, …, heads, target…, source…)`."""
        names = string.ascii_lowercase[: q.ndim]
        source = "".join(n.upper() if i in axes else n for i, n in enumerate(names))
        batch = "".join(n for i, n in enumerate(names[:-2]) if i not in axes)
        attended = "".join(names[a] for a in axes)
        weights = batch + names[-2] + attended + attended.upper()
        scores = parts.masked_softmax(jnp.einsum(f"{names},{source}->{weights}", q, k), mask, len(axes))
        used = parts.drop(self, scores, training)
        return jnp.einsum(f"{weights},{source[:-1]}Z->{names[:-1]}Z", used, v), scores

    @linen.nowrap
    def _regularised(self, outputs: PyTree) -> list[jax.Array]:
        return jax.tree.leaves(outputs)[:1]  # the outputs, without the scores

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return mask

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
