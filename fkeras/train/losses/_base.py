"""Loss: a pure function of targets and predictions with a reduction and a config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import Configured, address_of, did_you_mean, explain, register, serialize
from ...core import get as get_object

MODULE = "keras.losses"
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


@dataclasses.dataclass(frozen=True)
class Loss(Configured):
    """The base of losses. Override `call(self, y_true, y_pred)`, which returns one value for each sample.

    `loss(y_true, y_pred, sample_weight=None, mask=None)` weights those values and reduces them:

    * `"sum_over_batch_size"`, `"mean"`: `sum(w * l) / number of l`,
    * `"mean_with_sample_weight"`: `sum(w * l) / sum(w)`,
    * `"sum"`: `sum(w * l)`, and `"none"`: `w * l`.

    A mask drops its entries from numerator and denominator.

    Args:
        reduction: one of those.
        name: the loss's name.
        dtype: the dtype to compute in; float32 by default.

    Raises:
        ValueError: another reduction.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> class Cubic(fk.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> Cubic()(jnp.zeros((2, 1)), jnp.full((2, 1), 2.0))
    Array(8., dtype=float32)

    Reference: https://keras.io/api/losses/
    """

    reduction: Any = "sum_over_batch_size"
    name: str | None = None
    dtype: Any = None

    _config_modules = (MODULE,)

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise ValueError(
                explain(
                    f"{type(self).__name__}: unknown reduction {self.reduction!r}.",
                    received=repr(self.reduction),
                    usually=did_you_mean(self.reduction, [str(r) for r in REDUCTIONS]),
                    write='reduction="sum_over_batch_size"',
                )
            )
        if self.name is None:
            object.__setattr__(self, "name", type(self).__name__.lower())

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """One value for each sample."""
        raise NotImplementedError(f"{type(self).__name__} has no `call(self, y_true, y_pred)` method.")

    def own_mask(self, y_true: Any, y_pred: Any) -> Any:
        """Which values the loss itself leaves out (`ignore_class`), or `None`."""
        return None

    def values(self, y_true: Any, y_pred: Any) -> jax.Array:
        """One value for each sample, from targets and predictions of any dtype."""
        dtype = jnp.dtype(self.dtype or "float32")
        y_pred = jax.tree.map(lambda a: jnp.asarray(a, dtype), y_pred)
        y_true = jax.tree.map(jnp.asarray, y_true)
        return jnp.asarray(self.call(y_true, y_pred))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> jax.Array:
        """The reduced loss.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: a weight for each sample, or each value.
            mask: which values count.
        """
        values = self.values(y_true, y_pred)
        weighted, counts = weigh(values, sample_weight, mask, self.own_mask(y_true, y_pred))
        if self.reduction in ("none", None):
            return weighted
        if self.reduction == "sum":
            return jnp.sum(weighted)
        total = jnp.sum(counts[self.reduction == "mean_with_sample_weight"])
        return jnp.where(total != 0, jnp.sum(weighted) / jnp.where(total != 0, total, 1), 0)

    def get_config(self) -> dict[str, Any]:
        """Keras's config: name, reduction, and the loss's own arguments."""
        own = {
            f.name: serialize(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if f.name not in ("name", "reduction", "dtype")
        }
        return {"name": self.name, "reduction": self.reduction, **own}


def weigh(values: jax.Array, sample_weight: Any, *masks: Any) -> tuple[jax.Array, tuple[Any, Any]]:
    """`(weighted values, (what counts, its weights))`.

    Args:
        values: one for each sample, any rank.
        sample_weight: broadcast over the trailing axes it lacks.
        *masks: likewise; what one of them excludes counts for nothing, even where it is not finite.
    """
    keep = jnp.ones(values.shape, bool)
    for part in masks:
        if part is not None:
            keep &= fit(jnp.asarray(part).astype(bool), values)
    weights = jnp.ones(values.shape, values.dtype)
    if sample_weight is not None:
        weights = fit(jnp.asarray(sample_weight, values.dtype), values)
    weights = jnp.where(keep, weights, 0)
    weighted = jnp.where(keep, values, 0) * weights
    return weighted, (keep.astype(values.dtype), weights)


def fit(part: jax.Array, values: jax.Array) -> jax.Array:
    """Weights or a mask in the shape of the values: leading axes match, missing or unit trailing ones broadcast."""
    shape = part.shape
    while len(shape) > values.ndim and shape[-1] == 1:
        shape = shape[:-1]
    shape = shape + (1,) * (values.ndim - len(shape))
    matches = len(shape) == values.ndim and all(a == b or a == 1 for a, b in zip(shape, values.shape, strict=True))
    if not matches:
        raise ValueError(
            explain(
                "Weights or mask do not fit the loss's values.",
                received=f"shape {part.shape} for values of shape {values.shape}",
                usually="weights for each class, or for another output.",
                write="sample_weight of shape (batch,)",
            )
        )
    return jnp.broadcast_to(part.reshape(shape), values.shape)


def weighted_sum_and_count(
    loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None, valid: Any = None
) -> tuple[jax.Array, jax.Array]:
    """A batch's loss as `(numerator, denominator)`, so that batches add up to the loss of the whole set.

    Args:
        loss: the loss.
        y_true, y_pred, sample_weight, mask: as for the loss.
        valid: `(batch,)` booleans; rows that are padding count for nothing.

    Returns:
        Two float32 scalars; the denominator is 0 for sums, which are not divided.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> y, p, valid = jnp.zeros((3, 1)), jnp.ones((3, 1)), jnp.array([True, True, False])
    >>> fk.losses.weighted_sum_and_count(fk.losses.MeanSquaredError(), y, p, valid=valid)
    (Array(2., dtype=float32), Array(2., dtype=float32))
    """
    values = loss.values(y_true, y_pred)
    if values.ndim == 0:  # a function that reduced the batch by itself
        rows = jnp.asarray(jax.tree.leaves(y_pred)[0].shape[0], jnp.float32)
        return values.astype(jnp.float32) * rows, rows
    weighted, counts = weigh(values, sample_weight, mask, valid, loss.own_mask(y_true, y_pred))
    total = jnp.sum(weighted).astype(jnp.float32)
    if loss.reduction in ("sum", "none", None):
        return total, jnp.zeros((), jnp.float32)
    return total, jnp.sum(counts[loss.reduction == "mean_with_sample_weight"]).astype(jnp.float32)


@register(MODULE)
@dataclasses.dataclass(frozen=True)
class LossFunctionWrapper(Loss):
    """A function `(y_true, y_pred)` as a loss.

    Args:
        fn: the function; returns one value for each sample, or one number.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> fk.losses.get(lambda y, p: jnp.abs(y - p))(jnp.zeros(2), jnp.ones(2))
    Array(1., dtype=float32)
    """

    fn: Any = None

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return self.fn(y_true, y_pred)


def same_rank(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Targets in the dtype of the predictions, `(n,)` against `(n, 1)` brought together, as Keras does.

    Raises:
        ValueError: shapes that do not fit.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if not jnp.issubdtype(y_pred.dtype, jnp.floating):
        y_pred = y_pred.astype(jnp.float32)
    y_true = y_true.astype(y_pred.dtype)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        y_true, y_pred = (y_true, y_pred[..., None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
    elif y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
        y_true, y_pred = (y_true[..., None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
    fits = y_true.ndim == y_pred.ndim and all(
        a == b or a == 1 or b == 1 for a, b in zip(y_true.shape, y_pred.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            explain(
                "Targets and predictions have shapes that do not fit.",
                received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                usually="integer labels with a loss for one-hot targets, or an output layer of another size.",
                write="SparseCategoricalCrossentropy for integer labels; Dense(k) for k classes",
            )
        )
    return y_true, y_pred


def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A loss from a name, a config, a function or a loss.

    >>> import fkeras as fk
    >>> fk.losses.get("mse").name
    'mean_squared_error'
    """
    found = get_object(MODULE, identifier, custom_objects)
    if found is None or isinstance(found, Loss):
        return found
    if not callable(found):
        raise ValueError(explain("This is no loss.", received=repr(found)[:80], write='"mse", or a function (y_true, y_pred)'))
    return LossFunctionWrapper(fn=found, name=getattr(found, "__name__", "loss"))


def serialize_loss(loss: Any) -> Any:
    """A loss as Keras's config; a wrapped function by its name."""
    if isinstance(loss, LossFunctionWrapper) and loss.reduction == "sum_over_batch_size":
        return serialize(loss.fn)
    return serialize(loss)


def deserialize_loss(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that a config describes."""
    return get(config, custom_objects)


def is_known(loss: Any) -> bool:
    """Whether a loss is one of fkeras's own, which treat each row by itself."""
    return address_of(type(loss)) is not None and (not isinstance(loss, LossFunctionWrapper) or address_of(loss.fn) is not None)
