"""Losses of overlap between masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ...core import register
from ...core.typing import Array, Num
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec, set_fields
from ._inputs import EPSILON, MODULE, loss_function


def _axes(axis: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    return tuple(axis) if isinstance(axis, Sequence) else axis


def _by_row(axis: int | Sequence[int] | None) -> bool:
    """Whether a sum over `axis` leaves the batch's rows apart."""
    axes = _axes(axis)
    return axes is not None and all(a > 0 for a in (axes if isinstance(axes, tuple) else (axes,)))


@loss_function(by_row=False)
def dice(
    y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."], axis: int | Sequence[int] | None = None
) -> jax.Array:
    r"""$1 - 2 \sum y p / (\sum y + \sum p + 10^{-7})$: one minus the Dice coefficient.

    Args:
        y_true: masks, any dtype.
        y_pred: predictions in [0, 1], of the same shape.
        axis: the axes to sum over; `None` sums over all, the batch too, and gives one number.

    Returns:
        The shape of `y_pred` without those axes.

    >>> dice(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]])).round(4)
    Array(0.3333, dtype=float32)
    """
    axis = _axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    return 1 - 2 * overlap / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + EPSILON)


@loss_function(by_row=False)
def tversky(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> jax.Array:
    r"""$1 - t / (t + \alpha \sum y (1 - p) + \beta \sum (1 - y) p + 10^{-7})$ with $t = \sum y p$.

    Args:
        y_true, y_pred, axis: as for `dice`, which this is with `alpha = beta = 0.5`.
        alpha: the weight of what was missed.
        beta: the weight of what was found but is not there.

    Returns:
        The shape of `y_pred` without those axes.

    >>> tversky(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]]), beta=1.0)
    Array(0.5, dtype=float32)

    Reference: Salehi et al., Tversky loss function for image segmentation, arXiv:1706.05721. As in Keras, `alpha`
    weighs `y_true (1 - y_pred)`, which the paper gives to beta.
    """
    axis = _axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis)
    extra = jnp.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - overlap / (overlap + missed * alpha + extra * beta + EPSILON)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Dice(FunctionLoss):
    """One minus the Dice coefficient; see `dice`.

    Args:
        reduction, name, dtype: see `Loss`.
        axis: the axes to sum over; `None`: all, so that the loss is one number for the batch.

    >>> Dice(axis=1)(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]])).round(4)
    Array(0.3333, dtype=float32)

    Reference: https://keras.io/api/losses/segmentation_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "dice"
    axis: int | Sequence[int] | None = None
    dtype: DTypeSpec = None

    _function = staticmethod(dice)

    def __post_init__(self) -> None:
        super().__post_init__()
        set_fields(self, axis=_axes(self.axis))

    @property
    def by_row(self) -> bool:
        return _by_row(self.axis)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Tversky(FunctionLoss):
    """One minus the Tversky index; see `tversky`.

    Args:
        alpha, beta: see the function.
        reduction, name, dtype: see `Loss`.
        axis: the axes to sum over; `None`: all, so that the loss is one number for the batch.

    >>> Tversky(beta=1.0, axis=1)(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]]))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/losses/segmentation_losses/
    """

    alpha: float = 0.5
    beta: float = 0.5
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "tversky"
    axis: int | Sequence[int] | None = None
    dtype: DTypeSpec = None

    _function = staticmethod(tversky)

    def __post_init__(self) -> None:
        super().__post_init__()
        set_fields(self, axis=_axes(self.axis))

    @property
    def by_row(self) -> bool:
        return _by_row(self.axis)
