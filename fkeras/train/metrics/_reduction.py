"""Means and sums of values, and of functions of targets and predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp

from ...core import address_of, call_with_config, deserialize, keyword_texts, serialize
from ...core.typing import ArrayLike, Config, CustomObjects, Num, PyTree, Shaped
from ..losses import Loss
from ..losses._frozen import DTypeSpec, set_fields
from ..losses._get import function_config
from ..losses._hinge import hinge, squared_hinge
from ..losses._inputs import MODULE as LOSSES
from ..losses._inputs import fill_rows, rows_as_columns
from ..losses._weighing import combine, divide_no_nan
from ._base import FUNCTIONS, Metric, State, register_metric
from ._weights import samplewise


class Averaged(Metric):
    """`total / count`: the state and the value of every mean."""

    def empty(self) -> State:
        return {"total": jnp.zeros((), self._compute_dtype), "count": jnp.zeros((), self._compute_dtype)}

    def _add(
        self,
        state: State,
        values: Num[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None,
        mask: Shaped[ArrayLike, " ..."] | None,
    ) -> State:
        values, weights = samplewise(jnp.asarray(values).astype(self._compute_dtype), sample_weight, mask, jnp.mean)
        rows = values.shape[0] if values.ndim else 1
        count = jnp.asarray(rows, self._compute_dtype) if weights is None else jnp.sum(weights)
        return {"total": state["total"] + jnp.sum(values), "count": state["count"] + count}

    def compute(self, state: State) -> jax.Array:
        return divide_no_nan(state["total"], state["count"])


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Mean(Averaged):
    r"""The weighted mean of values: $\sum w v / \sum w$.

    Args:
        name: the name in the logs.
        dtype: what it sums in; float32 by default.

    >>> metric = Mean()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1.0, 3.0]), sample_weight=jnp.array([3.0, 1.0])))
    Array(1.5, dtype=float32)

    Reference: https://keras.io/api/metrics/reduction_metrics/
    """

    name: str | None = "mean"
    dtype: DTypeSpec = None

    def update(  # type: ignore[override]  # of values alone
        self,
        state: State,
        values: Num[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        """The state after more values `(batch, …)`, or one value; weights and mask as for every metric."""
        return self._add(state, values, sample_weight, mask)


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class Sum(Metric):
    r"""The weighted sum of values: $\sum w v$.

    Args:
        name: the name in the logs.
        dtype: what it sums in; float32 by default.

    >>> metric = Sum()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([1.0, 3.0])))
    Array(4., dtype=float32)

    Reference: https://keras.io/api/metrics/reduction_metrics/
    """

    name: str | None = "sum"
    dtype: DTypeSpec = None

    def empty(self) -> State:
        return {"total": jnp.zeros((), self._compute_dtype)}

    def update(  # type: ignore[override]  # of values alone
        self,
        state: State,
        values: Num[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        """The state after more values `(batch, …)`, or one value; weights and mask as for every metric."""
        values, _ = samplewise(jnp.asarray(values).astype(self._compute_dtype), sample_weight, mask, jnp.sum)
        return {"total": state["total"] + jnp.sum(values)}

    def compute(self, state: State) -> jax.Array:
        return state["total"]


class FunctionMetric(Averaged):
    """The mean of a function `(y_true, y_pred, …)` over the samples; its fields are the further arguments."""

    _function: ClassVar[Callable[..., jax.Array]]

    def _arguments(self) -> Mapping[str, Any]:
        names = (f.name for f in dataclasses.fields(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if name not in ("name", "dtype")}

    def _values(self, y_true: PyTree, y_pred: PyTree) -> jax.Array:
        return self._function(y_true, y_pred, **self._arguments())

    def update(
        self,
        state: State,
        y_true: PyTree,
        y_pred: PyTree,
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        y_true, y_pred = jax.tree.map(jnp.asarray, y_true), jax.tree.map(_not_half, y_pred)
        weights, _ = combine(sample_weight, (mask,), self._compute_dtype)
        if weights is None:
            return self._add(state, self._values(y_true, y_pred), None, None)
        by_row = jnp.shape(weights)[:1] == jnp.shape(jax.tree.leaves(y_true)[0])[:1]
        if by_row and self._function in (
            hinge,
            squared_hinge,
        ):  # they look at all labels at once, and must not see padding
            y_true = fill_rows((weights != 0).reshape(weights.shape[0], -1).any(axis=1), y_true)
        y_true, y_pred = rows_as_columns(self._function, y_true, y_pred)
        values = self._values(y_true, y_pred)
        if jnp.ndim(values) == 0:  # the function takes the mean of the batch by itself, so it is called for each row
            values = jax.vmap(lambda t, p: self._values(*jax.tree.map(lambda a: a[None], (t, p))))(y_true, y_pred)
        return self._add(state, values, weights, self._left_out(y_true, y_pred))

    def _left_out(self, y_true: PyTree, y_pred: PyTree) -> jax.Array | None:
        """A mask of values that the function itself leaves out of a weighted mean."""
        del y_true, y_pred
        return None


@register_metric()
class MeanMetricWrapper(FunctionMetric):
    """The mean of a function `(y_true, y_pred, **kwargs)` over the samples.

    Args:
        fn: the function; returns one value for each sample, or finer. A `Loss` gives its unreduced values.
        name: the name in the logs.
        dtype: what it sums in; float32 by default.
        **kwargs: further arguments of the function.

    >>> metric = MeanMetricWrapper(lambda y, p: jnp.abs(y - p), name="distance")
    >>> metric.compute(metric.update(metric.empty(), jnp.zeros(2), jnp.array([1.0, 2.0])))
    Array(1.5, dtype=float32)

    Reference: https://keras.io/api/metrics/reduction_metrics/
    Unlike in Keras, a function that returns the mean of the batch may have weights: it is taken row by row then.
    """

    fn: Callable[..., jax.Array]
    kwargs: Mapping[str, Any]

    def __init__(
        self, fn: Callable[..., jax.Array], name: str | None = None, dtype: DTypeSpec = None, **kwargs: Any
    ) -> None:
        set_fields(self, fn=fn, kwargs=kwargs)
        super().__init__(dtype=dtype, name=name)

    @property
    def goal(self) -> str | None:  # type: ignore[override]
        """Less of a loss is better, more of any other function of Keras's; of a user's own nobody knows."""
        module, _ = (LOSSES, "") if isinstance(self.fn, Loss) else address_of(self.fn) or ("", "")
        return {LOSSES: "min", FUNCTIONS: "max"}.get(module)

    @property
    def _function(self) -> Callable[..., jax.Array] | None:  # type: ignore[override]
        return self.fn._formula() if isinstance(self.fn, Loss) else self.fn

    def _values(self, y_true: PyTree, y_pred: PyTree) -> jax.Array:
        if isinstance(self.fn, Loss):
            return self.fn._values(y_true, y_pred, separate_rows=False)[0]
        return self.fn(y_true, y_pred, **self.kwargs)

    def get_config(self) -> Config:
        config = function_config(self.fn) if not hasattr(self.fn, "get_config") else serialize(self.fn)
        return {**super().get_config(), "fn": config, **serialize(dict(self.kwargs))}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects | None = None) -> Self:
        modules = (FUNCTIONS, "keras.losses")
        return call_with_config(cls, {k: deserialize(v, custom_objects, modules) for k, v in config.items()})

    def __repr__(self) -> str:
        name = getattr(self.fn, "__name__", None)
        told = [("name", self.name)] if self.name != name else []
        return f"MeanMetricWrapper({', '.join([str(name or self.fn), *keyword_texts([*told, *self.kwargs.items()])])})"


def _not_half(y_pred: PyTree) -> jax.Array:
    """Half precision as float32: a mean over many samples needs it."""
    y_pred = jnp.asarray(y_pred)
    half = jnp.issubdtype(y_pred.dtype, jnp.floating) and y_pred.dtype.itemsize < 4
    return y_pred.astype(jnp.float32) if half else y_pred
