"""Attention of one head, without projections: Luong's and Bahdanau's."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ...core import Layer, explain, field, register
from ...core.typing import Array, Float, PyTree, Training
from .. import _arguments as arg
from .._sequence_masks import MaskLike, check_mask
from ._attend import drop
from ._kernel import by_kernel
from ._seen import Seen


class _Attention(Layer):
    """`softmax(scores(query, key)) value`."""

    def _scores(
        self, query: Float[Array, "batch ... targets features"], key: Float[Array, "batch ... sources features"]
    ) -> Float[Array, "batch ... targets sources"]:
        """How well each source answers each target."""
        raise NotImplementedError

    def _check_lists(self, inputs: Sequence[jax.Array], mask: Sequence[MaskLike] | None) -> None:
        """Refuse inputs and masks that are no lists of two or three."""
        if not isinstance(inputs, list | tuple) or len(inputs) not in (2, 3):
            raise ValueError(
                explain(
                    f"{self.path_text()} takes a list [query, value] or [query, value, key].",
                    received=f"{type(inputs).__name__}"
                    + (f" of {len(inputs)}" if isinstance(inputs, list | tuple) else ""),
                    write="layer([query, value])",
                )
            )
        if mask is not None and (not isinstance(mask, list | tuple) or len(mask) not in (2, 3)):
            raise ValueError(
                explain(
                    f"{self.path_text()} takes a list of masks, [query_mask, value_mask].",
                    received=type(mask).__name__,
                    write="layer([query, value], mask=[None, value_mask])",
                )
            )

    def call(
        self,
        inputs: Sequence[jax.Array],
        mask: Sequence[MaskLike] | None = None,
        training: Training = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array | None]:
        self._check_lists(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) == 3 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask is not None else (None, None)
        query_mask = check_mask(self, query_mask, query.shape[:-1], what="query_mask")
        steps = (value.shape[0], value.shape[-2])
        value_mask = check_mask(self, value_mask, value.shape[:-1], steps, what="value_mask")
        sources = () if value_mask is None else (value_mask.astype(bool),)
        seen = Seen(sources=sources, causal=bool(use_causal_mask))
        outputs, weights = self._attend(query, key, value, seen, training, return_attention_scores)
        if query_mask is not None:
            outputs = jnp.where(jnp.asarray(query_mask, bool)[..., None], outputs, jnp.zeros_like(outputs))
        return (outputs, weights) if return_attention_scores else outputs

    def _attend(
        self,
        query: Float[Array, "batch ... targets features"],
        key: Float[Array, "batch ... sources features"],
        value: Float[Array, "batch ... sources size"],
        seen: Seen,
        training: Training,
        return_attention_scores: bool,
    ) -> tuple[Float[Array, "batch ... targets size"], Float[Array, "batch ... targets sources"] | None]:
        """The outputs, and the weights where they were made."""
        scores = self._scores(query, key)
        visible = seen.array(scores.shape[-2], scores.shape[-1], scores.ndim)
        if visible is not None:
            # As Keras, a large number is subtracted, so that a row in which all is masked keeps its softmax.
            scores = jnp.where(visible, scores, scores - (65504.0 if scores.dtype == jnp.float16 else 1e9))
        weights = jax.nn.softmax(scores, axis=-1)
        return jnp.einsum("...ts,...sd->...td", drop(self, weights, training), value), weights

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return None if mask is None or mask[0] is None else jnp.asarray(mask[0])


@register("keras.layers")
class Attention(_Attention):
    """Luong's attention: `softmax(q k^T) v`.

    Args:
        use_scale: whether the scores are multiplied by a number that is learnt.
        score_mode: `"dot"`, or `"concat"` for `w sum(tanh(q + k))` with a learnt `w`.
        dropout: the rate at which attention weights are dropped in training.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: `inputs` `[query, value]` or `[query, value, key]`, each `(batch, time, features)`; `mask`
    `[query_mask, value_mask]`; `return_attention_scores`; `use_causal_mask`; `training`.

    In half precision `"dot"` without a scale, dropout and scores is cuDNN's kernel on a GPU that takes it.

    Raises:
        ValueError: another mode, or something other than two or three inputs.

    >>> import fkeras as fk
    >>> fk.nn.Attention()([fk.Input((4, 8)), fk.Input((6, 8))]).shape
    (None, 4, 8)

    Reference: Luong et al., arXiv:1508.04025. https://keras.io/api/layers/attention_layers/attention/
    """

    use_scale: bool = False
    score_mode: str = field("dot", convert=arg.one_of("score_mode", "dot", "concat"))
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    seed: int | None = None

    def _scores(
        self, query: Float[Array, "batch ... targets features"], key: Float[Array, "batch ... sources features"]
    ) -> Float[Array, "batch ... targets sources"]:
        scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        if self.score_mode == "dot":
            scores = jnp.einsum("...td,...sd->...ts", query, key)
            return scores if scale is None else scores * scale
        weight = self.add_weight((), "ones", name="concat_score_weight")
        both = query[..., :, None, :] + key[..., None, :, :]
        return weight * jnp.sum(jnp.tanh(both if scale is None else scale * both), axis=-1)

    def _attend(
        self,
        query: Float[Array, "batch ... targets features"],
        key: Float[Array, "batch ... sources features"],
        value: Float[Array, "batch ... sources size"],
        seen: Seen,
        training: Training,
        return_attention_scores: bool,
    ) -> tuple[Float[Array, "batch ... targets size"], Float[Array, "batch ... targets sources"] | None]:
        by_scores = super()._attend
        plain = self.score_mode == "dot" and not self.use_scale and not self.dropout and not return_attention_scores
        if not plain or query.ndim != 3 or query.dtype not in (jnp.float16, jnp.bfloat16):
            return by_scores(query, key, value, seen, training, return_attention_scores)

        def of_one_head(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
            return by_scores(q[:, :, 0], k[:, :, 0], v[:, :, 0], seen, training, False)[0][:, :, None]

        q, k, v = (a[:, :, None] for a in (query, key, value))
        return by_kernel(self, q, k, v, seen, 1.0, of_one_head)[:, :, 0], None


@register("keras.layers")
class AdditiveAttention(_Attention):
    """Bahdanau's attention: `softmax(sum(scale tanh(q + k))) v`.

    Args:
        use_scale: whether there is a scale, one number a feature, that is learnt.
        dropout: the rate at which attention weights are dropped in training.
        seed: accepted for Keras's sake; randomness comes from `rngs={"dropout": key}`.

    Call arguments: as for `Attention`.

    >>> import fkeras as fk
    >>> fk.nn.AdditiveAttention()([fk.Input((4, 8)), fk.Input((6, 8))]).shape
    (None, 4, 8)

    Reference: Bahdanau et al., arXiv:1409.0473. https://keras.io/api/layers/attention_layers/additive_attention/
    """

    use_scale: bool = True
    dropout: float = field(0.0, convert=arg.fraction("dropout"))
    seed: int | None = None

    def _scores(
        self, query: Float[Array, "batch ... targets features"], key: Float[Array, "batch ... sources features"]
    ) -> Float[Array, "batch ... targets sources"]:
        both = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        if self.use_scale:
            scale = self.add_weight((query.shape[-1],), "glorot_uniform", name="scale")
            both = scale.reshape((1,) * (both.ndim - 1) + (-1,)) * both
        return jnp.sum(both, axis=-1)
