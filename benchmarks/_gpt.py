"""A decoder as GPT-2 has it, once in Keras's words, for Keras and for fkeras, and once by hand in Flax."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """How large it is: `width` in `heads`, `blocks` of them, `time` tokens of `vocabulary`."""

    width: int = 768
    heads: int = 12
    blocks: int = 12
    time: int = 512
    vocabulary: int = 32_768

    def flops(self, batch: int) -> float:
        """Of one training step, with the causal half of the attention."""
        weights = 12 * self.blocks * self.width**2 + self.vocabulary * self.width
        return batch * self.time * (6 * weights + 6 * self.blocks * self.width * self.time)


def gpt(library: Any, p: Any, size: Size) -> Any:
    """The model, without an embedding of positions."""
    inputs = library.Input((size.time,), dtype="int32")
    x = p.Embedding(size.vocabulary, size.width)(inputs)
    for _ in range(size.blocks):
        h = p.LayerNormalization(epsilon=1e-5)(x)
        h = p.MultiHeadAttention(size.heads, size.width // size.heads)(h, h, use_causal_mask=True)
        x = p.Add()([x, h])
        h = p.Dense(4 * size.width, activation="gelu")(p.LayerNormalization(epsilon=1e-5)(x))
        x = p.Add()([x, p.Dense(size.width)(h)])
    return library.Model(inputs, p.Dense(size.vocabulary)(p.LayerNormalization(epsilon=1e-5)(x)))


class Linen(nn.Module):
    """The same by hand.

    Attributes:
        size: how large it is.
        dtype: of what is computed.
        implementation: of the attention: `"cudnn"` on a GPU.
    """

    size: Size
    dtype: Any = jnp.float32
    implementation: Any = None

    @nn.compact
    def __call__(self, tokens):
        size, heads = self.size, (self.size.heads, self.size.width // self.size.heads)
        dense, norm = partial(nn.Dense, dtype=self.dtype), partial(nn.LayerNorm, epsilon=1e-5, dtype=self.dtype)
        x = nn.Embed(size.vocabulary, size.width, dtype=self.dtype)(tokens)
        for _ in range(size.blocks):
            h = norm()(x)
            q, k, v = (nn.DenseGeneral(heads, dtype=self.dtype)(h) for _ in range(3))
            h = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=self.implementation)
            x = x + nn.DenseGeneral(size.width, axis=(-2, -1), dtype=self.dtype)(h)
            h = nn.gelu(dense(4 * size.width)(norm()(x)), approximate=False)
            x = x + dense(size.width)(h)
        return dense(size.vocabulary)(norm()(x))
