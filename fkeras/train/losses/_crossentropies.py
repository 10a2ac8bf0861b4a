"""Losses of probabilities, as classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp  # noqa: F401 - the examples use it
import numpy as np

from ...core import explain, register
from ...core.typing import PyTree
from . import _probabilistic as functions
from ._base import SUM_OVER_BATCH_SIZE, FunctionLoss
from ._frozen import DTypeSpec, set_fields
from ._inputs import MODULE


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class BinaryCrossentropy(FunctionLoss):
    """The crossentropy of yes-or-no targets; see `binary_crossentropy`.

    Args:
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].
        axis: the axis of the mean.
        reduction, name, dtype: see `Loss`.

    >>> BinaryCrossentropy()(jnp.array([[1], [0]]), jnp.array([[0.5], [0.5]])).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "binary_crossentropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.binary_crossentropy)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class BinaryFocalCrossentropy(FunctionLoss):
    """The crossentropy of yes-or-no targets where what is easy counts less; see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing, alpha, gamma: see the function.
        from_logits, label_smoothing, axis: as for `BinaryCrossentropy`.
        reduction, name, dtype: see `Loss`.

    >>> BinaryFocalCrossentropy()(jnp.array([[1]]), jnp.array([[0.5]])).round(4)
    Array(0.1733, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "binary_focal_crossentropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.binary_focal_crossentropy)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalCrossentropy(FunctionLoss):
    """The crossentropy of one-hot targets; see `categorical_crossentropy`.

    Args:
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].
        axis: the axis of the classes.
        reduction, name, dtype: see `Loss`.

    >>> CategoricalCrossentropy()(jnp.eye(2), jnp.full((2, 2), 0.5)).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "categorical_crossentropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.categorical_crossentropy)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalFocalCrossentropy(FunctionLoss):
    """The crossentropy of one-hot targets where what is easy counts less; see `categorical_focal_crossentropy`.

    Args:
        alpha, gamma: see the function.
        from_logits, label_smoothing, axis: as for `CategoricalCrossentropy`.
        reduction, name, dtype: see `Loss`.

    >>> CategoricalFocalCrossentropy()(jnp.eye(2), jnp.full((2, 2), 0.5)).round(4)
    Array(0.0433, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    alpha: float | Sequence[float] | np.ndarray = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "categorical_focal_crossentropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.categorical_focal_crossentropy)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.alpha, list):  # JSON has lists only, and a list does not hash
            set_fields(self, alpha=tuple(self.alpha))


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class SparseCategoricalCrossentropy(FunctionLoss):
    """The crossentropy of integer targets; see `sparse_categorical_crossentropy`.

    Args:
        from_logits: whether the predictions are logits.
        ignore_class: a class number that counts for nothing: the mean is over the others.
        axis: the axis of the classes.
        reduction, name, dtype: see `Loss`.

    >>> SparseCategoricalCrossentropy()(jnp.array([0, 1]), jnp.full((2, 2), 0.5)).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    Unlike Keras's, the config keeps `axis` (where it is not -1); Keras reads it.
    """

    from_logits: bool = False
    ignore_class: int | None = None
    reduction: str | None = SUM_OVER_BATCH_SIZE
    axis: int = -1
    name: str | None = "sparse_categorical_crossentropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.sparse_categorical_crossentropy)
    _keras_forgets = ("axis",)

    def values_and_mask(self, y_true: PyTree, y_pred: PyTree) -> tuple[jax.Array, jax.Array | None]:
        values = self.call(y_true, y_pred)
        if self.ignore_class is None:
            return values, None
        return values, functions.class_numbers(str(self.name), y_true, y_pred, self.axis) != self.ignore_class


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """A crossentropy that bears wrong labels; see `categorical_generalized_cross_entropy`.

    Args:
        q: in (0, 1); larger bears more.
        reduction, name, dtype: see `Loss`.

    Raises:
        ValueError: `q` outside (0, 1).

    >>> CategoricalGeneralizedCrossEntropy()(jnp.array([1]), jnp.array([[0.75, 0.25]]))
    Array(1., dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    As in Keras, labels of shape `(batch, 1)` meet every prediction of the batch, which teaches nothing about a row:
    give them as `(batch,)`.
    """

    q: float = 0.5
    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "categorical_generalized_cross_entropy"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.categorical_generalized_cross_entropy)

    @property
    def by_row(self) -> bool:
        return False  # labels of shape (batch, 1) are broadcast against all rows, as in Keras

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.q < 1:
            raise ValueError(
                explain(
                    "CategoricalGeneralizedCrossEntropy needs q between 0 and 1.",
                    received=f"q={self.q!r}",
                    usually="q=0 is SparseCategoricalCrossentropy, q=1 a mean absolute error.",
                    write="CategoricalGeneralizedCrossEntropy(q=0.5)",
                )
            )


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class KLDivergence(FunctionLoss):
    """The Kullback-Leibler divergence of the predictions from the targets; see `kl_divergence`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> KLDivergence()(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.5]])).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "kl_divergence"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.kl_divergence)


@register(MODULE)
@dataclasses.dataclass(frozen=True, eq=False)
class Poisson(FunctionLoss):
    """The negative log-likelihood of counts, up to a constant; see `poisson`.

    Args:
        reduction, name, dtype: see `Loss`.

    >>> Poisson()(jnp.ones((2, 1)), jnp.full((2, 1), 2.0)).round(4)
    Array(1.3069, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    reduction: str | None = SUM_OVER_BATCH_SIZE
    name: str | None = "poisson"
    dtype: DTypeSpec = None

    _function = staticmethod(functions.poisson)
