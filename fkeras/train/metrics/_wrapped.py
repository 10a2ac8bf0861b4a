"""Metrics that are the mean of a loss function."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp

from .. import losses
from ._base import State, register_metric, sample_values
from ._reduction import MeanMetricWrapper, _Average


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -losses.cosine_similarity(y_true, y_pred, axis)


def _make(cls_name: str, function: Any, name: str, aliases: tuple[str, ...] = (), **defaults: Any) -> Any:
    """One class for one loss function: Keras's constructor, `(name, dtype, <the function's arguments>)`."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        names = ("name", "dtype", *defaults)
        if len(args) > len(names) or set(kwargs) - set(names):
            unknown = sorted(set(kwargs) - set(names)) or f"{len(args)} positional arguments"
            raise TypeError(f"{cls_name} takes ({', '.join(names)}), got {unknown}")
        values = {"name": name, "dtype": None, **defaults, **dict(zip(names, args, strict=False)), **kwargs}
        own = {k: values[k] for k in defaults}
        MeanMetricWrapper.__init__(self, function, values["name"] or name, values["dtype"], **own)

    doc = f"""The mean of `{function.__name__.lstrip('_')}` over the samples.

    Args:
        name: the name in the logs.
        dtype: accepted for Keras's sake.
        **kwargs: {', '.join(defaults) or 'none'}; see the loss function.

    >>> import fkeras as fk
    >>> fk.metrics.{cls_name}().name
    {name!r}

    Reference: https://keras.io/api/metrics/
    """
    made = type(cls_name, (MeanMetricWrapper,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})
    return register_metric(name, *aliases)(dataclasses.dataclass(frozen=True, init=False, eq=True)(made))


MeanSquaredError = _make("MeanSquaredError", losses.mean_squared_error, "mean_squared_error", ("mse", "MSE"))
MeanAbsoluteError = _make("MeanAbsoluteError", losses.mean_absolute_error, "mean_absolute_error", ("mae", "MAE"))
MeanAbsolutePercentageError = _make(
    "MeanAbsolutePercentageError",
    losses.mean_absolute_percentage_error,
    "mean_absolute_percentage_error",
    ("mape", "MAPE"),
)
MeanSquaredLogarithmicError = _make(
    "MeanSquaredLogarithmicError",
    losses.mean_squared_logarithmic_error,
    "mean_squared_logarithmic_error",
    ("msle", "MSLE"),
)
LogCoshError = _make("LogCoshError", losses.log_cosh, "logcosh", ("log_cosh",))
CosineSimilarity = _make("CosineSimilarity", _cosine, "cosine_similarity", axis=-1)
KLDivergence = _make("KLDivergence", losses.kl_divergence, "kl_divergence", ("kld", "KLD"))
Poisson = _make("Poisson", losses.poisson, "poisson")
Hinge = _make("Hinge", losses.hinge, "hinge")
SquaredHinge = _make("SquaredHinge", losses.squared_hinge, "squared_hinge")
CategoricalHinge = _make("CategoricalHinge", losses.categorical_hinge, "categorical_hinge")
BinaryCrossentropy = _make(
    "BinaryCrossentropy",
    losses.binary_crossentropy,
    "binary_crossentropy",
    ("bce", "BCE"),
    from_logits=False,
    label_smoothing=0,
)
CategoricalCrossentropy = _make(
    "CategoricalCrossentropy",
    losses.categorical_crossentropy,
    "categorical_crossentropy",
    from_logits=False,
    label_smoothing=0,
    axis=-1,
)
SparseCategoricalCrossentropy = _make(
    "SparseCategoricalCrossentropy",
    losses.sparse_categorical_crossentropy,
    "sparse_categorical_crossentropy",
    from_logits=False,
    ignore_class=None,
    axis=-1,
)


@register_metric()
@dataclasses.dataclass(frozen=True)
class RootMeanSquaredError(_Average):
    """`sqrt(mean((y_true - y_pred)^2))` over all entries.

    >>> metric = RootMeanSquaredError()
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros(2), jnp.full(2, 3.0)))
    Array(3., dtype=float32)
    """

    name: str | None = "root_mean_squared_error"

    def update(self, state: State, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> State:
        y_true, y_pred = losses.same_rank(y_true, y_pred)
        weighted, weights = sample_values(jnp.square(y_true - y_pred), sample_weight, mask)
        return {"total": state["total"] + jnp.sum(weighted), "count": state["count"] + jnp.sum(weights)}

    def compute(self, state: State) -> Any:
        return jnp.sqrt(super().compute(state))
