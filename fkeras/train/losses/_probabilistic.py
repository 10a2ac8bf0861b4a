"""Losses of probabilities: crossentropies, their focal forms, divergences."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ...core import explain, register
from ._base import MODULE, Loss, same_rank
from ._regression import EPSILON, fill


def _clip(p: jax.Array) -> jax.Array:
    return jnp.clip(p, EPSILON, 1 - EPSILON)


def _one_hot_targets(y_true: Any, y_pred: Any, axis: int, smoothing: float) -> tuple[jax.Array, jax.Array]:
    """Targets and predictions of one shape, the targets smoothed."""
    y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            explain(
                "A categorical crossentropy needs one-hot targets, of the predictions' shape.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="the targets are integer labels.",
                write='loss="sparse_categorical_crossentropy"',
            )
        )
    if smoothing:
        y_true = y_true * (1 - smoothing) + smoothing / y_pred.shape[axis]
    return y_true, y_pred


@register(MODULE)
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """`-sum(y_true log(p))` over the classes, for one-hot targets.

    Args:
        y_true: targets, one-hot or probabilities.
        y_pred: probabilities (normalised and clipped to `[1e-7, 1 - 1e-7]`), or logits.
        from_logits: which of the two.
        label_smoothing: `y_true` becomes `(1 - s) y_true + s / classes`.
        axis: the classes' axis.

    >>> categorical_crossentropy(jnp.eye(2), jnp.array([[0.5, 0.5], [0.5, 0.5]])).round(4)
    Array([0.6931, 0.6931], dtype=float32)
    """
    y_true, y_pred = _one_hot_targets(y_true, y_pred, axis, label_smoothing)
    if from_logits:
        return -jnp.sum(y_true * jax.nn.log_softmax(y_pred, axis=axis), axis=axis)
    p = _clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))
    return -jnp.sum(y_true * jnp.log(p), axis=axis)


@register(MODULE, aliases=("scce",))
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> jax.Array:
    """`-log(p[y_true])`, for integer targets.

    Args:
        y_true: class numbers, `(batch, …)` or with a last axis of 1; what is out of range costs nothing.
        y_pred: probabilities or logits, with one axis more.
        from_logits: which of the two.
        ignore_class: a class number that costs nothing.
        axis: the classes' axis.

    Raises:
        ValueError: shapes that do not fit.

    >>> sparse_categorical_crossentropy(jnp.array([1]), jnp.array([[0.25, 0.75]])).round(4)
    Array([0.2877], dtype=float32)
    """
    labels, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    rest = y_pred.shape[:axis] + (y_pred.shape[axis + 1 :] if axis != -1 else ())
    if labels.shape != rest:
        raise ValueError(
            explain(
                "A sparse categorical crossentropy needs one class number for each prediction.",
                received=f"y_true {jnp.shape(y_true)}, y_pred {y_pred.shape}",
                usually="the targets are one-hot.",
                write='loss="categorical_crossentropy", or y.argmax(-1)',
            )
        )
    labels = labels.astype(jnp.int32)
    if from_logits:
        logs = jax.nn.log_softmax(y_pred, axis=axis)
    else:
        logs = jnp.log(_clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))
    logs = jnp.moveaxis(logs, axis, -1)
    known = (labels >= 0) & (labels < logs.shape[-1])
    if ignore_class is not None:
        known &= labels != ignore_class
    safe = jnp.where(known, labels, 0)
    return jnp.where(known, -jnp.take_along_axis(logs, safe[..., None], axis=-1)[..., 0], 0)


@register(MODULE, aliases=("bce", "BCE"))
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """`-mean(y log(p) + (1 - y) log(1 - p))` over an axis.

    Args:
        y_true: targets in [0, 1].
        y_pred: probabilities (clipped to `[1e-7, 1 - 1e-7]`), or logits.
        from_logits: which of the two.
        label_smoothing: `y_true` becomes `(1 - s) y_true + s / 2`.
        axis: the axis of the mean.

    >>> binary_crossentropy(jnp.array([[1.0]]), jnp.array([[0.5]])).round(4)
    Array([0.6931], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    return jnp.mean(_binary(y_true, y_pred, from_logits), axis=axis)


def _binary(y_true: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    if from_logits:
        return optax.sigmoid_binary_cross_entropy(y_pred, y_true)
    p = _clip(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


@register(MODULE)
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """The binary crossentropy times `(1 - p_t)^gamma`, so that easy examples count less.

    Args:
        apply_class_balancing: whether positives weigh `alpha` and negatives `1 - alpha`.
        alpha, gamma: the paper's.

    >>> binary_focal_crossentropy(jnp.array([[1.0]]), jnp.array([[0.5]])).round(4)
    Array([0.1733], dtype=float32)

    Reference: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    value = _binary(y_true, p, False) * jnp.power(1 - (y_true * p + (1 - y_true) * (1 - p)), gamma)
    if apply_class_balancing:
        value *= y_true * alpha + (1 - y_true) * (1 - alpha)
    return jnp.mean(value, axis=axis)


@register(MODULE)
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum(alpha (1 - p)^gamma y_true log(p))` over the classes.

    Args:
        alpha, gamma: the paper's.

    >>> categorical_focal_crossentropy(jnp.eye(2)[:1], jnp.array([[0.5, 0.5]])).round(4)
    Array([0.0433], dtype=float32)

    Reference: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    y_true, y_pred = _one_hot_targets(y_true, y_pred, axis, label_smoothing)
    p = jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = _clip(p / jnp.sum(p, axis=axis, keepdims=True))
    return jnp.sum(alpha * jnp.power(1 - p, gamma) * -y_true * jnp.log(p), axis=axis)


@register(MODULE, aliases=("kld", "KLD"))
def kl_divergence(y_true: Any, y_pred: Any) -> jax.Array:
    """`sum(y_true log(y_true / y_pred))`, both clipped to `[1e-7, 1]`.

    >>> kl_divergence(jnp.array([[0.5, 0.5]]), jnp.array([[0.5, 0.5]]))
    Array([0.], dtype=float32)
    """
    y_true, y_pred = (jnp.clip(y, EPSILON, 1) for y in same_rank(y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@register(MODULE)
def poisson(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(y_pred - y_true log(y_pred + 1e-7))` over the last axis.

    >>> poisson(jnp.array([[1.0]]), jnp.array([[1.0]])).round(4)
    Array([1.], dtype=float32)
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + EPSILON), axis=-1)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class CategoricalCrossentropy(Loss):
    """The crossentropy of one-hot targets.

    Args:
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].
        axis: the classes' axis.

    >>> CategoricalCrossentropy()(jnp.eye(2), jnp.full((2, 2), 0.5)).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        own = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        fill(self, **own, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class SparseCategoricalCrossentropy(Loss):
    """The crossentropy of integer targets.

    Args:
        from_logits: whether the predictions are logits.
        ignore_class: a class number that counts for nothing; the mean is over the others.
        axis: the classes' axis.

    >>> SparseCategoricalCrossentropy()(jnp.array([0, 1]), jnp.full((2, 2), 0.5)).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Any = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        own = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        fill(self, **own, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def own_mask(self, y_true: Any, y_pred: Any) -> Any:
        if self.ignore_class is None:
            return None
        labels = jnp.asarray(y_true)
        labels = labels[..., 0] if labels.ndim == jnp.ndim(y_pred) and labels.shape[-1] == 1 else labels
        return labels.astype(jnp.int32) != self.ignore_class

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {k: v for k, v in config.items() if k != "axis" or v != -1}  # Keras's config has no axis


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class BinaryCrossentropy(Loss):
    """The crossentropy of yes-or-no targets.

    Args:
        from_logits: whether the predictions are logits.
        label_smoothing: in [0, 1].
        axis: the axis of the mean.

    >>> BinaryCrossentropy()(jnp.array([1.0, 0.0]), jnp.array([0.5, 0.5])).round(4)
    Array(0.6931, dtype=float32)

    Reference: https://keras.io/api/losses/probabilistic_losses/
    """

    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        own = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        fill(self, **own, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class BinaryFocalCrossentropy(Loss):
    """The binary crossentropy with easy examples counting less.

    Args:
        apply_class_balancing, alpha, gamma: see `binary_focal_crossentropy`.
        from_logits, label_smoothing, axis: as for `BinaryCrossentropy`.

    >>> BinaryFocalCrossentropy()(jnp.array([[1.0]]), jnp.array([[0.5]])).round(4)
    Array(0.1733, dtype=float32)
    """

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        own = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        shared = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        fill(self, **own, **shared, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        own = (self.apply_class_balancing, self.alpha, self.gamma)
        return binary_focal_crossentropy(y_true, y_pred, *own, self.from_logits, self.label_smoothing, self.axis)


@register(MODULE)
@dataclasses.dataclass(frozen=True, init=False)
class CategoricalFocalCrossentropy(Loss):
    """The categorical crossentropy with easy examples counting less.

    Args:
        alpha, gamma: see `categorical_focal_crossentropy`.
        from_logits, label_smoothing, axis: as for `CategoricalCrossentropy`.

    >>> CategoricalFocalCrossentropy()(jnp.eye(2), jnp.full((2, 2), 0.5)).round(4)
    Array(0.0433, dtype=float32)
    """

    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    axis: int = -1

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        own = {"alpha": alpha, "gamma": gamma, "from_logits": from_logits}
        fill(self, **own, label_smoothing=label_smoothing, axis=axis, reduction=reduction, name=name, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        own = (self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis)
        return categorical_focal_crossentropy(y_true, y_pred, *own)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class KLDivergence(Loss):
    """The Kullback-Leibler divergence of the predictions from the targets.

    >>> KLDivergence()(jnp.full((2, 2), 0.5), jnp.full((2, 2), 0.5))
    Array(0., dtype=float32)
    """

    name: str | None = "kl_divergence"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return kl_divergence(y_true, y_pred)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class Poisson(Loss):
    """The negative log-likelihood of counts, up to a constant.

    >>> Poisson()(jnp.ones((2, 1)), jnp.ones((2, 1))).round(4)
    Array(1., dtype=float32)
    """

    name: str | None = "poisson"

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return poisson(y_true, y_pred)
