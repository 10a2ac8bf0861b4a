"""Metric: `empty() -> update(state, …) -> compute(state)`, pure functions over a small pytree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import Configured, explain, register, serialize
from ...core import get as get_object
from .. import losses as fk_losses

MODULE = "keras.metrics"
State = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Metric(Configured):
    """The base of metrics. A metric is frozen; what it has seen is a pytree that goes in and comes out.

    Override `empty()`, `update(state, y_true, y_pred, sample_weight=None, mask=None)` and `compute(state)`. The
    default `merge` adds states, which is right for sums and counts.

    Args:
        name: the name in the logs.
        dtype: accepted for Keras's sake; states are float32.

    >>> import fkeras as fk, jax.numpy as jnp
    >>> metric = fk.metrics.Mean()
    >>> state = metric.update(metric.empty(), jnp.array([1.0, 3.0]))
    >>> metric.compute(metric.merge(state, metric.update(metric.empty(), jnp.array([5.0]))))
    Array(3., dtype=float32)

    Reference: https://keras.io/api/metrics/base_metric/
    """

    name: str | None = None
    dtype: Any = None

    _config_modules = (MODULE, "keras.losses")

    def __post_init__(self) -> None:
        if self.name is None:
            object.__setattr__(self, "name", _snake(type(self).__name__))

    def empty(self) -> Any:
        """The state before any data."""
        raise NotImplementedError(f"{type(self).__name__} has no `empty()` method.")

    def update(self, state: Any, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Any:
        """The state after one more batch; rows of weight 0 change nothing."""
        raise NotImplementedError(f"{type(self).__name__} has no `update` method.")

    def compute(self, state: Any) -> Any:
        """The metric's value."""
        raise NotImplementedError(f"{type(self).__name__} has no `compute(state)` method.")

    def merge(self, a: Any, b: Any) -> Any:
        """The state of both parts of the data together."""
        return jax.tree.map(jnp.add, a, b)

    def get_config(self) -> dict[str, Any]:
        """Keras's config: name, dtype, and the metric's own arguments."""
        own = {f.name: serialize(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {**own, "name": self.name, "dtype": self.dtype or "float32"}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        if isinstance(config.get("dtype"), Mapping):
            config["dtype"] = config["dtype"].get("config", {}).get("name")
        return super().from_config(config, custom_objects)


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() and i and not name[i - 1].isupper() else c.lower() for i, c in enumerate(name))


def sample_values(values: Any, sample_weight: Any, mask: Any = None) -> tuple[jax.Array, jax.Array]:
    """`(values, weights)`, one of each for each sample, as Keras's reduction metrics see them.

    Trailing axes that the weights lack are averaged; with a mask they are averaged over what it keeps.
    """
    values = jnp.asarray(values, jnp.float32)
    if mask is not None:
        keep = fk_losses.fit_to(jnp.asarray(mask, jnp.float32), values)
        sample_weight = keep if sample_weight is None else fk_losses.fit_to(jnp.asarray(sample_weight), values) * keep
    if sample_weight is None:
        values = values.reshape(values.shape[0], -1).mean(-1) if values.ndim > 1 else values
        return values, jnp.ones(values.shape, jnp.float32)
    weights = jnp.asarray(sample_weight, jnp.float32)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if values.ndim > weights.ndim:
        values = values.mean(axis=tuple(range(weights.ndim, values.ndim)))
    weights = fk_losses.fit_to(weights, values)
    # A value behind a weight of 0 is padding: it may be anything, so it is not multiplied.
    values = jnp.where(weights != 0, values * weights, 0)
    if values.ndim > 1:
        axes = tuple(range(1, values.ndim))
        values, weights = values.mean(axis=axes), weights.mean(axis=axes)
    return values, weights


def divide(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a / b`, and 0 where `b` is 0."""
    return jnp.where(b != 0, a / jnp.where(b != 0, b, 1), 0)


def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A metric from a name, a config, a function or a metric.

    >>> import fkeras as fk
    >>> fk.metrics.get("auc").name
    'auc'
    """
    from ._reduction import MeanMetricWrapper

    found = get_object(MODULE, identifier, custom_objects)
    if found is None or isinstance(found, Metric):
        return found
    if not callable(found):
        raise ValueError(explain("This is no metric.", received=repr(found)[:80], write='"mae", or a function (y_true, y_pred)'))
    if isinstance(found, fk_losses.Loss):
        return MeanMetricWrapper(found.values, name=found.name)
    return MeanMetricWrapper(found, name=getattr(found, "__name__", "metric"))


def serialize_metric(metric: Any) -> Any:
    """A metric as Keras's config."""
    return serialize(metric)


def deserialize_metric(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that a config describes."""
    return get(config, custom_objects)


def register_metric(*aliases: str) -> Any:
    """Register a metric class under Keras's address and the strings that name it."""
    return lambda cls: register(MODULE, aliases=aliases)(cls)
