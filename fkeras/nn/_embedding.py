"""Embeddings: a vector for each integer, and back."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ..core import Layer, explain, field, register
from ..core.typing import Array, ArrayLike, Config, DTypeLike, Float, Key, Num, PyTree
from . import _arguments as arg


def _matrix(value: ArrayLike | Sequence[ArrayLike] | None) -> np.ndarray | None:
    """A converter: a matrix, or a list that holds one, as Keras's `set_weights` takes it."""
    if value is None:
        return None
    matrix = np.asarray(value[0] if isinstance(value, list) and len(value) == 1 else value)
    if (matrix.ndim == 2 and np.issubdtype(matrix.dtype, np.number)) or matrix.dtype == jnp.bfloat16:
        return matrix
    raise ValueError(
        explain(
            "`weights` is a matrix, or a list that holds one.",
            received=f"weights={value!r:.80}",
            usually="the weights of another layer, or words in place of their vectors.",
            write="weights=[matrix], or embeddings_initializer=fk.initializers.Constant(matrix)",
        )
    )


@register("keras.layers")
class Embedding(Layer):
    """Integers become vectors: `embedding[inputs]`.

    Args:
        input_dim: the number of rows of the table; inputs are in `[0, input_dim)`.
        output_dim: the vectors' size.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 is padding, which later layers leave out.
        weights: the matrix that the table starts from, or a list of it; as in Keras it is in no config, and a file has
            the table as it is then.
        lora_rank, lora_alpha, quantization_config: as for `Dense`.

    Input shape: any, integers. Output shape: the input's, with `output_dim` behind it.

    >>> import fkeras as fk, jax, jax.numpy as jnp
    >>> variables = fk.nn.Embedding(10, 4).init(jax.random.key(0), jnp.zeros((1, 3), int))
    >>> jax.tree.map(jnp.shape, variables)
    {'params': {'embedding': (10, 4)}}

    Reference: https://keras.io/api/layers/core_layers/embedding/
    """

    input_dim: int = arg.positive("input_dim")
    output_dim: int = arg.positive("output_dim")
    embeddings_initializer: arg.InitializerLike = arg.initializer("uniform")
    embeddings_regularizer: arg.RegularizerLike = arg.regularizer()
    embeddings_constraint: arg.ConstraintLike = arg.constraint()
    mask_zero: bool = False
    weights: np.ndarray | None = field(None, convert=_matrix)
    lora_rank: int | None = field(None, convert=arg.counted("lora_rank"))
    lora_alpha: float | None = None
    quantization_config: arg.QuantizationLike = field(None, convert=arg.quantization)
    activity_regularizer: arg.RegularizerLike = arg.regularizer()  # Keras takes it by keyword and always writes it

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = (self.input_dim, self.output_dim)
        if self.weights is not None and self.weights.shape != shape:
            raise ValueError(
                explain(
                    f"{self.path_text()}: `weights` is a matrix of shape (input_dim, output_dim).",
                    received=f"an array of shape {self.weights.shape} for {shape}",
                    usually="the rows of padding or of unknown words are missing.",
                    write="fk.nn.Embedding(*matrix.shape, weights=[matrix])",
                )
            )

    @linen.nowrap
    def _cast(self, args: PyTree) -> PyTree:
        # Integers may come as float32 (an Input without a dtype); in bfloat16 large ones would be rounded.
        return args

    def call(self, inputs: Num[Array, "*shape"]) -> Float[Array, "*shape features"]:
        return self._look_up(self._table(), inputs)

    def _table(self) -> Float[Array, "numbers features"]:
        return self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer if self.weights is None else self._given,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embedding",
        )

    def _given(self, key: Key, shape: tuple[int, ...], dtype: DTypeLike) -> jax.Array:
        """An initializer: the matrix that the constructor was given."""
        return jnp.asarray(self.weights, dtype)

    def _look_up(
        self, table: Float[Array, "numbers features"], inputs: Num[Array, "*shape"]
    ) -> Float[Array, "*shape features"]:
        if not jnp.issubdtype(inputs.dtype, jnp.integer):
            if not jnp.issubdtype(inputs.dtype, jnp.floating):
                raise ValueError(
                    explain(
                        f"{self.path_text()} looks up integers.",
                        received=f"dtype {inputs.dtype}",
                        write="x.astype(int)",
                    )
                )
            inputs = inputs.astype(jnp.int32)  # as Keras does: an Input without a dtype is float32
        return jnp.take(table, inputs, axis=0)

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> Config:
        config = {k: v for k, v in super().get_config().items() if k != "weights"}
        return arg.without_lora(config, self.lora_rank)


@register("keras.layers")
class ReversibleEmbedding(Embedding):
    """An embedding that is also applied in reverse: vectors become a score for each integer, `x · embedding^T`.

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero,
        weights: as for `Embedding`.
        tie_weights: whether the reverse uses the same table, or one of its own, `reverse_embeddings`.
        reverse_dtype: the dtype of the reverse; the layer's by default.
        logit_soft_cap: bounds the scores: `cap tanh(scores / cap)`.

    Call arguments: `inputs`; `reverse`, whether vectors become scores.

    Input shape: any, integers; in reverse `(..., output_dim)`. Output shape: the input's, with `output_dim` behind it;
    in reverse `(..., input_dim)`.

    >>> import fkeras as fk
    >>> layer = fk.nn.ReversibleEmbedding(10, 4)
    >>> layer(layer(fk.Input((3,), dtype="int32")), reverse=True).shape
    (None, 3, 10)

    Reference: https://keras.io/api/layers/core_layers/reversible_embedding/
    """

    tie_weights: bool = True
    reverse_dtype: DTypeLike | None = None
    logit_soft_cap: float | None = None

    _positional = (  # in Keras's order, where inherited arguments do not come first
        "input_dim", "output_dim", "tie_weights", "embeddings_initializer", "embeddings_regularizer",
        "embeddings_constraint", "mask_zero", "reverse_dtype", "logit_soft_cap", "activity_regularizer",
    )  # fmt: skip

    def call(self, inputs: Num[Array, "*shape"], reverse: bool = False) -> Float[Array, "*new_shape"]:
        table = self._table()
        reverse_table = None
        if not self.tie_weights:
            reverse_table = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings"
            )
        object.__setattr__(self, "_looked_up", not reverse)
        if not reverse:
            return self._look_up(table, inputs)
        if inputs.ndim < 1 or inputs.shape[-1] != self.output_dim:
            raise ValueError(
                explain(
                    f"{self.path_text()} goes back from vectors of size {self.output_dim}.",
                    received=f"shape {tuple(inputs.shape)}",
                    usually="the numbers themselves, instead of what was made of them.",
                    write="layer(hidden, reverse=True) with hidden of shape (..., output_dim)",
                )
            )
        kernel = table.T if reverse_table is None else reverse_table
        product = functools.partial(_scores, dtype=self.reverse_dtype or self.compute_dtype)
        name = "embedding" if reverse_table is None else "reverse_embeddings"
        scores = self._contract(product, "...d,dn->...n", inputs, kernel, name)
        return scores if self.logit_soft_cap is None else jnp.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: PyTree, mask: PyTree = None) -> PyTree:
        """The mask of the call that just ran: integers can be padding, vectors cannot."""
        return super().compute_mask(inputs, mask) if self.__dict__.get("_looked_up", True) else None


def _scores(
    vectors: Num[Array, "*shape features"], table: Num[Array, "features numbers"], dtype: DTypeLike, **kwargs: PyTree
) -> Num[Array, "*shape numbers"]:
    """The product of vectors and a table that lies in columns, of floats in a dtype."""
    vectors, table = (a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a for a in (vectors, table))
    return jnp.einsum("...d,dn->...n", vectors, table, **kwargs)
