"""The projections of attention layers, and the checks of their arguments."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ...core import explain
from ...core.typing import Array, Key, Num
from .. import _arguments as arg
from .._einsum import EinsumDense
from .._shapes import NamedLayer


@runtime_checkable
class AttentionLayer(NamedLayer, Protocol):
    """A layer that attends, as the functions below see it."""

    @property
    def dropout(self) -> float:
        """The share of the weights that training leaves out."""

    def make_rng(self, name: str) -> Key:
        """A key of its own for each call."""

    def is_initializing(self) -> bool:
        """Whether the call is for the sake of the weights."""


@runtime_checkable
class ProjectingLayer(AttentionLayer, Protocol):
    """A layer that attends between projections."""

    trainable: bool
    dtype: str | None
    use_bias: bool
    flash_attention: bool | None
    kernel_initializer: arg.InitializerLike
    bias_initializer: arg.InitializerLike
    kernel_regularizer: arg.RegularizerLike
    bias_regularizer: arg.RegularizerLike
    activity_regularizer: arg.RegularizerLike
    kernel_constraint: arg.ConstraintLike
    bias_constraint: arg.ConstraintLike


# ------------------------------------------------------------------ projections
def project(
    layer: ProjectingLayer,
    name: str,
    x: Num[Array, "batch ..."],
    bound: int,
    shape: tuple[int, ...],
    activation: arg.ActivationLike = None,
    activity: bool = True,
    use_bias: bool | None = None,
) -> Num[Array, "batch ..."]:
    """The last `bound` axes of `x` turned into axes of the given shape, by a kernel and bias of their own.

    Keras has the layer's activity regularizer on each of these projections; `activity` says whether on this one, and
    `use_bias` whether this one has a bias, where that is not what the layer says.
    """
    letters = string.ascii_lowercase
    inputs, outputs = letters[:bound], letters[bound : bound + len(shape)]
    dense = EinsumDense(
        f"...{inputs},{inputs}{outputs}->...{outputs}",
        output_shape=shape,
        activation=activation,
        bias_axes=outputs if (layer.use_bias if use_bias is None else use_bias) else None,
        kernel_initializer=layer.kernel_initializer,
        bias_initializer=layer.bias_initializer,
        kernel_regularizer=layer.kernel_regularizer,
        bias_regularizer=layer.bias_regularizer,
        activity_regularizer=layer.activity_regularizer if activity else None,
        kernel_constraint=layer.kernel_constraint,
        bias_constraint=layer.bias_constraint,
        trainable=layer.trainable,
        dtype=layer.dtype,
        name=name,
    )
    return dense(x)


# ------------------------------------------------------------------ arguments
def feature_shape(value: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """A converter: the size, or the sizes, of the output's features; `None` for the query's."""
    if value is None:
        return None
    return tuple(arg.positive_int(s, "output_shape") for s in ((value,) if isinstance(value, int) else value))


def check_flash(layer: ProjectingLayer, return_attention_scores: bool = False) -> None:
    """Refuse what flash attention, which never makes the weights, cannot do.

    Raises:
        ValueError: dropout of the weights, or the weights asked for.
    """
    if layer.flash_attention and (layer.dropout or return_attention_scores):
        raise ValueError(
            explain(
                f"{type(layer).__name__}: flash attention makes no attention weights to drop or to return.",
                received=f"flash_attention=True, dropout={layer.dropout}, "
                f"return_attention_scores={return_attention_scores}",
                write="flash_attention=None, or dropout=0.0",
            )
        )


def check_sequences(
    layer: NamedLayer, query: Num[Array, "*target"], value: Num[Array, "*source"], key: Num[Array, "*source_of_keys"]
) -> None:
    """Refuse inputs that are no sequences, and keys that are not one a value.

    Raises:
        ValueError: naming the layer and the shapes.
    """
    if query.ndim < 3 or value.ndim != query.ndim or key.ndim != query.ndim:
        raise ValueError(
            explain(
                f"{layer.path_text()} needs sequences: (batch, time, features).",
                received=f"query of shape {tuple(query.shape)}, value of shape {tuple(value.shape)}",
                write="x[:, None, :]",
            )
        )
    pairs = zip(value.shape[1:-1], key.shape[1:-1], strict=True)
    if any(isinstance(v, int) and isinstance(k, int) and v != k for v, k in pairs):
        raise ValueError(
            explain(
                f"{layer.path_text()} needs one key for each value.",
                received=f"value of shape {tuple(value.shape)}, key of shape {tuple(key.shape)}",
                usually="the arguments in another order: Keras's is query, value, key.",
                write="layer(query, value, key)",
            )
        )
