"""Losses of probabilities: what a prediction costs in nats, as functions."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from ...core import explain
from ...core.typing import Array, Num
from ._classes import log_normalizer, of_class
from ._inputs import EPSILON, loss_function


def _clip(p: jax.Array) -> jax.Array:
    return jnp.clip(p, EPSILON, 1 - EPSILON)


def _probabilities(y_pred: jax.Array, axis: int) -> jax.Array:
    """Predictions that sum to 1 along an axis, clipped away from 0 and 1, as Keras does."""
    return _clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))


def _smooth(y_true: jax.Array, smoothing: float, classes: int) -> jax.Array:
    return y_true * (1 - smoothing) + smoothing / classes if smoothing else y_true


# ------------------------------------------------------------------ one of several classes
@loss_function(one_shape=True)
def categorical_crossentropy(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    r"""$-\sum_k y_k \log p_k$ over the classes, for one-hot targets.

    Args:
        y_true: one-hot targets or probabilities, of the shape of `y_pred`, any dtype.
        y_pred: probabilities (normalised, and clipped to $[10^{-7}, 1 - 10^{-7}]$), or logits.
        from_logits: which of the two.
        label_smoothing: $s$ in $y (1 - s) + s / K$, with $K$ the size of the last axis, as in Keras.
        axis: the axis of the classes.

    Returns:
        The shape of `y_pred` without that axis.

    Raises:
        ValueError: shapes that differ.

    >>> categorical_crossentropy(jnp.eye(2), jnp.array([[0.5, 0.5], [0.25, 0.75]])).round(4)
    Array([0.6931, 0.2877], dtype=float32)

    As in Keras, what smoothing spreads over is counted along the last axis whatever `axis` is: with the classes on
    another one, smoothed targets sum to 1 only where both axes are as long.
    """
    y_true = _smooth(y_true, label_smoothing, y_pred.shape[-1])
    if not from_logits:
        return -jnp.sum(y_true * jnp.log(_probabilities(y_pred, axis)), axis=axis)
    m, z = log_normalizer(y_pred, axis)  # log p_k = x_k - m - z
    return z * jnp.sum(y_true, axis=axis) - jnp.sum(y_true * (y_pred - jnp.expand_dims(m, axis)), axis=axis)


@loss_function(one_shape=True)
def categorical_focal_crossentropy(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    r"""$-\sum_k \alpha (1 - p_k)^\gamma y_k \log p_k$: what is easy counts less.

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: as for `categorical_crossentropy`.
        alpha: the weight of each class, one for all or one a class.
        gamma: how much less.

    Returns:
        The shape of `y_pred` without that axis.

    >>> categorical_focal_crossentropy(jnp.eye(2)[:1], jnp.array([[0.5, 0.5]])).round(4)
    Array([0.0433], dtype=float32)

    Reference: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    y_true = _smooth(y_true, label_smoothing, y_pred.shape[-1])
    p = _probabilities(jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    weight = jnp.asarray(alpha, p.dtype)
    weight = weight.reshape((1,) * (p.ndim - weight.ndim) + weight.shape)
    return -jnp.sum(weight * jnp.power(1 - p, gamma) * y_true * jnp.log(p), axis=axis)


@loss_function(labels=True)
def sparse_categorical_crossentropy(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    r"""$-\log p_y$, for integer targets.

    Args:
        y_true: class numbers, of the shape of `y_pred` without its classes (or with an axis of 1 there). A number
            that is no class costs nothing.
        y_pred: probabilities (normalised, and clipped to $[10^{-7}, 1 - 10^{-7}]$), or logits.
        from_logits: which of the two.
        ignore_class: a class number that costs nothing; the class form leaves it out of the mean as well.
        axis: the axis of the classes.

    Returns:
        The shape of `y_pred` without that axis.

    Raises:
        ValueError: shapes that do not fit.

    >>> sparse_categorical_crossentropy(jnp.array([1, 0]), jnp.array([[0.25, 0.75], [0.5, 0.5]])).round(4)
    Array([0.2877, 0.6931], dtype=float32)

    Unlike Keras, any `axis` works.
    """
    labels = class_numbers("sparse_categorical_crossentropy", y_true, y_pred, axis)
    y_pred = jnp.moveaxis(y_pred, axis, -1)
    is_class = (labels >= 0) & (labels < y_pred.shape[-1])
    seen = y_pred
    if ignore_class is not None:
        is_class &= labels != ignore_class
        seen = jnp.where(is_class[..., None], y_pred, 1)  # predictions that are ignored get no gradient, NaN included
    own = jnp.where(is_class, of_class(y_pred, jnp.where(is_class, labels, 0)), 1)
    if from_logits:
        m, z = log_normalizer(seen)
        value = z - (own - m)
    else:
        value = -jnp.log(_clip(own / jnp.sum(seen, axis=-1)))
    return jnp.where(is_class, value, 0)


def class_numbers(name: str, y_true: Num[Array, "batch ..."], y_pred: jax.Array, axis: int = -1) -> jax.Array:
    """Integer targets in the shape of the predictions without their classes.

    Raises:
        ValueError: shapes that do not fit.
    """
    labels = jnp.asarray(y_true)
    axis %= y_pred.ndim
    if labels.ndim == y_pred.ndim and 1 in (labels.shape[axis], labels.shape[-1]):
        labels = jnp.squeeze(labels, axis if labels.shape[axis] == 1 else -1)
    if labels.shape != y_pred.shape[:axis] + y_pred.shape[axis + 1 :]:
        if labels.shape == y_pred.shape:
            usually, write = "the targets are one-hot.", 'y = y.argmax(-1), or loss="categorical_crossentropy"'
        else:
            usually = "an output layer of another shape than the targets."
            write = "class numbers of shape (batch,) for predictions of shape (batch, classes)"
        raise ValueError(
            explain(
                f"{name} needs one class number for each prediction.",
                received=f"y_true {jnp.shape(y_true)}, y_pred {y_pred.shape}",
                usually=usually,
                write=write,
            )
        )
    return labels.astype(jnp.int32)


@loss_function(labels=True, by_row=False)
def categorical_generalized_cross_entropy(
    y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."], q: float
) -> jax.Array:
    r"""$(1 - p_y^q) / q$ for integer targets: between crossentropy ($q \to 0$) and mean absolute error ($q = 1$).

    Labels of shape `(batch, 1)` meet every prediction of the batch, as in Keras, and all that is learnt is how often a
    class occurs: give labels as `(batch,)`.

    Args:
        y_true: class numbers `(batch, …)`.
        y_pred: probabilities `(batch, …, classes)`; they are neither normalised nor clipped.
        q: in (0, 1); larger bears more noise in the labels.

    Returns:
        The shape of `y_true`; for labels `(batch, 1)`, `(batch, batch)`, of label i and prediction j.

    >>> categorical_generalized_cross_entropy(jnp.array([1]), jnp.array([[0.75, 0.25]]), 0.5)
    Array([1.], dtype=float32)

    Reference: Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels,
    arXiv:1805.07836.
    """
    if jnp.ndim(y_true) == y_pred.ndim == 2 and jnp.shape(y_true)[1] == 1:
        count = len(y_pred)
        y_true, y_pred = jnp.broadcast_to(y_true, (count, count)), jnp.broadcast_to(y_pred, (count, *y_pred.shape))
    labels = class_numbers("categorical_generalized_cross_entropy", y_true, y_pred)
    is_class = (labels >= 0) & (labels < y_pred.shape[-1])
    p = jnp.take_along_axis(y_pred, jnp.where(is_class, labels, 0)[..., None], axis=-1)[..., 0]
    seen = is_class & (p > 0)  # the derivative of p^q is infinite at p = 0
    return (1 - jnp.where(seen, jnp.power(jnp.where(seen, p, 1), q), 0)) / q


# ------------------------------------------------------------------ yes or no
@loss_function("bce", "BCE", elementwise=True, one_shape=True)
def binary_crossentropy(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    r"""$-(y \log p + (1 - y) \log(1 - p))$, the mean over an axis.

    Args:
        y_true: targets in [0, 1], of the shape of `y_pred`, any dtype.
        y_pred: probabilities (clipped to $[10^{-7}, 1 - 10^{-7}]$), or logits.
        from_logits: which of the two.
        label_smoothing: $s$ in $y (1 - s) + s / 2$.
        axis: the axis of the mean.

    Returns:
        The shape of `y_pred` without that axis.

    >>> binary_crossentropy(jnp.array([[1, 0]]), jnp.array([[0.5, 0.5]])).round(4)
    Array([0.6931], dtype=float32)
    """
    return jnp.mean(_binary(_smooth(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


def _binary(y_true: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    if from_logits:
        return optax.sigmoid_binary_cross_entropy(y_pred, y_true)
    p = _clip(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


@loss_function(elementwise=True, one_shape=True)
def binary_focal_crossentropy(
    y_true: Num[Array, "batch ..."],
    y_pred: Num[Array, "batch ..."],
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    r"""Binary crossentropy times $(1 - p_t)^\gamma$, $p_t$ the probability of what is true: what is easy counts less.

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: as for `binary_crossentropy`.
        apply_class_balancing: whether positives weigh `alpha` and negatives `1 - alpha`.
        alpha: that weight.
        gamma: how much less.

    Returns:
        The shape of `y_pred` without that axis.

    >>> binary_focal_crossentropy(jnp.array([[1]]), jnp.array([[0.5]])).round(4)
    Array([0.1733], dtype=float32)

    Reference: Lin et al., Focal Loss for Dense Object Detection, arXiv:1708.02002.
    """
    y_true = _smooth(y_true, label_smoothing, 2)
    # From logits too Keras takes the sigmoid and clips it, where optax.sigmoid_focal_loss does not.
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    value = jnp.power(1 - (y_true * p + (1 - y_true) * (1 - p)), gamma) * _binary(y_true, p, False)
    if apply_class_balancing:
        value *= y_true * alpha + (1 - y_true) * (1 - alpha)
    return jnp.mean(value, axis=axis)


# ------------------------------------------------------------------ distributions and counts
@loss_function("kld", "KLD")
def kl_divergence(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\sum_k y_k \log(y_k / p_k)$ over the last axis, both clipped to $[10^{-7}, 1]$.

    >>> kl_divergence(jnp.array([[1.0, 0.0]]), jnp.array([[0.5, 0.5]])).round(4)
    Array([0.6931], dtype=float32)
    """
    y_true, y_pred = (jnp.clip(y, EPSILON, 1) for y in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@loss_function(elementwise=True)
def poisson(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    r"""$\hat y - y \log(\hat y + 10^{-7})$, the mean over the last axis: counts, up to a constant.

    >>> poisson(jnp.ones((1, 1)), jnp.full((1, 1), 2.0)).round(4)
    Array([1.3069], dtype=float32)
    """
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + EPSILON), axis=-1)


def crossentropy(y_true: Num[Array, "batch ..."], y_pred: Num[Array, "batch ..."]) -> jax.Array:
    """The crossentropy that the shapes ask for, as Keras's `compile(loss="crossentropy")` picks it."""
    return crossentropy_for(jnp.shape(y_true), jnp.shape(y_pred))(y_true, y_pred)


def crossentropy_for(y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> Callable[..., jax.Array]:
    """Binary where the predictions' last axis is 1, sparse where the targets have no classes, else categorical.

    >>> crossentropy_for((8,), (8, 10)).__name__
    'sparse_categorical_crossentropy'
    """
    match kind_of(y_true, y_pred):
        case "binary":
            return binary_crossentropy
        case "sparse":
            return sparse_categorical_crossentropy
    return categorical_crossentropy


def kind_of(y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> str:
    """`"binary"`, `"sparse"` or `"categorical"`: what kind of labels two shapes speak of, by Keras's rule."""
    if y_pred is not None and len(y_pred) and y_pred[-1] == 1:
        return "binary"
    if y_true is None or y_pred is None or len(y_true) < len(y_pred) or y_true[-1] == 1:
        return "sparse"
    return "categorical"
