"""Embedding: a vector for each number."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..core import Layer, explain, field, register
from . import _arguments as arg


@register("keras.layers")
class Embedding(Layer):
    """`embedding[inputs]`: integers become vectors.

    Args:
        input_dim: how many numbers there are; inputs are in `[0, input_dim)`.
        output_dim: the vectors' size.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 stands for padding, which later layers leave out.
        weights: part of Keras's signature; weights are given to `apply`.
        lora_rank, lora_alpha, quantization_config: part of Keras's configs; only `None` is taken here.

    Input shape: any, integers. Output shape: the input's, with `output_dim` behind it.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.Embedding(10, 4).init(jax.random.key(0), jnp.zeros((1, 3), int))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'embedding': (10, 4)}}

    Reference: https://keras.io/api/layers/core_layers/embedding/
    """

    input_dim: int = arg.positive("input_dim")
    output_dim: int = arg.positive("output_dim")
    embeddings_initializer: Any = arg.initializer("uniform")
    embeddings_regularizer: Any = arg.regularizer()
    activity_regularizer: Any = arg.regularizer()
    embeddings_constraint: Any = arg.constraint()
    mask_zero: bool = False
    weights: Any = field(None, convert=arg.absent("weights"))
    lora_rank: Any = field(None, convert=arg.absent("lora_rank"))
    lora_alpha: Any = None
    quantization_config: Any = field(None, convert=arg.absent("quantization_config"))

    def call(self, inputs: jax.Array) -> jax.Array:
        table = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embedding",
        )
        if not jnp.issubdtype(inputs.dtype, jnp.integer):
            if not jnp.issubdtype(inputs.dtype, jnp.floating):
                raise ValueError(
                    explain(
                        f"{self.path_text()} looks up integers.",
                        received=f"dtype {inputs.dtype}",
                        write="x.astype(int)",
                    )
                )
            inputs = inputs.astype(jnp.int32)  # Keras casts: an Input without a dtype is float32
        return jnp.take(table, inputs, axis=0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        return arg.without_lora({k: v for k, v in super().get_config().items() if k != "weights"})
