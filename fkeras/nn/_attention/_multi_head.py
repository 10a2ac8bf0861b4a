"""Attention in several heads."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen

from ...core import Layer, explain, field, register
from ...core.typing import Array, Bool, Config, Float, Num, PyTree, Training
from .. import _arguments as arg
from .._sequence_masks import MaskLike, check_mask
from .._shapes import known_axis
from . import _projections as parts
from . import _seen as seeing
from ._attend import attend
from ._cache import cast_each_once, extended


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
        flash_attention: `None` takes cuDNN's kernel in half precision where the program is lowered for a GPU that has
            it, and XLA's operations elsewhere; `True` runs with the kernel or not at all, `False` never with it.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `query`, `value`, `key` (the value by default), `query_mask`, `value_mask`, `key_mask`,
    `attention_mask` `(batch, target, source)`, `return_attention_scores`, `training`, `use_causal_mask`. With
    `use_causal_mask` it goes on from a cache of keys and values, where the variables have one: see `init_cache`.

    Raises:
        ValueError: sizes that are not positive, inputs that are no sequences, keys and values of different lengths, a
            causal mask or a window over several axes, flash attention with dropout, with scores returned or without a
            kernel.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> x = jnp.ones((1, 5, 8))
    >>> variables = fk.nn.MultiHeadAttention(2, 3).init(jax.random.key(0), x, x)
    >>> jax.tree.map(jnp.shape, variables["params"]["query"])
    {'bias': (2, 3), 'kernel': (8, 2, 3)}

    Reference: Vaswani et al., arXiv:1706.03762.
    https://keras.io/api/layers/attention_layers/multi_head_attention/
    Unlike Keras, which reads the query's mask off the tensor alone, a `query_mask` that is passed counts.
    The kernel has no forward-mode derivative: for `jax.jvp` of a program on a GPU, `flash_attention=False`.
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
        seen = seeing.of_sequences(self, (query, query_mask), (value, value_mask), (key, key_mask), axes=axes)
        seen = self._seen(seen, self._given(attention_mask, query, value, axes), use_causal_mask, axes)
        q, k, v, gate = self._projected(query, key, value)
        k, v, seen = extended(self, k, v, seen, to_itself=value is query)
        mixed, scores = attend(self, q, k, v, seen, axes, training, return_attention_scores)
        outputs = self._out(query, mixed, gate)
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

    def _seen(
        self, seen: seeing.Seen, given: seeing.Visible, use_causal_mask: bool, axes: tuple[int, ...]
    ) -> seeing.Seen:
        """All masks: of the sequences, the one that was given, what is after a target, and the window."""
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
        return seen._replace(pairs=given, causal=bool(use_causal_mask), window=self.sliding_window)

    def _projected(
        self,
        query: Num[Array, "batch *targets features"],
        key: Num[Array, "batch *sources features_of_keys"],
        value: Num[Array, "batch *sources features_of_values"],
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array | None]:
        """Query, key and value with axes for the heads, and the gate; in Keras's order of variables."""
        q = parts.project(self, "query", query, 1, (self.num_heads, self.key_dim))
        k = parts.project(self, "key", key, 1, (self.num_heads, self.key_dim))
        gate = None
        if self.use_gate:
            gate = parts.project(self, "gate", query, 1, (self.num_heads, self._value_dim), "sigmoid")
        v = parts.project(self, "value", value, 1, (self.num_heads, self._value_dim))
        return q, k, v, gate

    def _out(
        self,
        query: Num[Array, "batch *targets features"],
        mixed: Float[Array, "batch *targets heads value_size"],
        gate: Float[Array, "batch *targets heads value_size"] | None,
    ) -> Float[Array, "batch *targets ..."]:
        """What the heads found, gated and projected."""
        mixed = mixed if gate is None else mixed * gate
        # The activity regularizer applies to the output once, and `Layer` applies it.
        return parts.project(self, "out", mixed, 2, self.output_shape or (query.shape[-1],), activity=False)

    @property
    def _value_dim(self) -> int:
        return self.value_dim or self.key_dim

    @linen.nowrap
    def _regularised(self, outputs: PyTree) -> list[jax.Array]:
        return jax.tree.leaves(outputs)[:1]  # the outputs, without the scores

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return mask

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        return cast_each_once(super()._cast, args)

    def get_config(self) -> Config:
        return {k: v for k, v in super().get_config().items() if k != "flash_attention"}
