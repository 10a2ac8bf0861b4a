"""The coefficient of determination."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from ...core import did_you_mean, explain
from ...core.typing import ArrayLike, Num, Shaped
from ..losses._frozen import DTypeSpec
from ..losses._inputs import check_shapes, match_ranks
from ._base import Metric, State, register_metric
from ._weights import weights_like

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


@register_metric()
@dataclasses.dataclass(frozen=True, eq=False)
class R2Score(Metric):
    r"""$1 - \sum w (y - \hat y)^2 / \sum w (y - \bar y)^2$: which part of the variance is explained.

    Args:
        class_aggregation: `None` (one score an output), `"uniform_average"` or `"variance_weighted_average"`.
        num_regressors: how many inputs the model has, for the adjusted score; 0 does not adjust.
        name: the name in the logs.
        dtype: what it computes in; float32 by default.
        num_outputs: the number of outputs, read off the data by default (a state that goes through `jax.lax.scan`
            needs it). Not in Keras, and not in the config.

    Raises:
        ValueError: an unknown aggregation, or a negative number of regressors.

    >>> metric = R2Score()
    >>> metric.compute(metric.update(metric.empty(), jnp.array([[1], [2], [3]]), jnp.array([[1.0], [2.0], [4.0]])))
    Array(0.5, dtype=float32)

    Reference: https://keras.io/api/metrics/regression_metrics/
    As in Keras 3.15 the adjusted score counts every entry of the targets as a sample. Unlike in 3.15, and as in
    later versions, entries of weight 0 are not counted.
    """

    goal = "max"

    class_aggregation: str | None = "uniform_average"
    num_regressors: int = 0
    name: str | None = "r2_score"
    dtype: DTypeSpec = None
    num_outputs: int | None = None

    _not_keras = ("num_outputs",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_aggregation not in AGGREGATIONS:
            raise ValueError(
                explain(
                    f"R2Score got an unknown class_aggregation {self.class_aggregation!r}.",
                    received=repr(self.class_aggregation),
                    usually=did_you_mean(self.class_aggregation, [str(a) for a in AGGREGATIONS]),
                    write='R2Score(class_aggregation="uniform_average")',
                )
            )
        if self.num_regressors < 0:
            raise ValueError(
                explain(
                    "R2Score needs a number of regressors that is not negative.",
                    received=f"num_regressors={self.num_regressors}",
                    write="R2Score(num_regressors=0)",
                )
            )

    def sized_for(self, y_true: tuple[int, ...] | None, y_pred: tuple[int, ...] | None) -> Metric:
        if self.num_outputs is not None or not y_pred:
            return self
        return dataclasses.replace(self, num_outputs=y_pred[-1])

    def empty(self) -> State:
        shape = () if self.num_outputs is None else (self.num_outputs,)
        sums = {name: jnp.zeros(shape, jnp.float32) for name in ("sum", "squared_sum", "residual", "count")}
        return {**sums, "num_samples": jnp.zeros((), jnp.float32)}

    def update(
        self,
        state: State,
        y_true: Shaped[ArrayLike, "batch ..."],
        y_pred: Shaped[ArrayLike, "batch ..."],
        sample_weight: Num[ArrayLike, " ..."] | None = None,
        mask: Shaped[ArrayLike, " ..."] | None = None,
    ) -> State:
        y_true, y_pred = match_ranks(*(jnp.asarray(y).astype(self._compute_dtype) for y in (y_true, y_pred)))
        check_shapes("r2_score", y_true, y_pred, one_shape=True)
        if y_true.ndim != 2:
            raise ValueError(
                explain(
                    "R2Score needs targets and predictions (batch, outputs).",
                    received=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                    write="y_true[:, None], y_pred[:, None]",
                )
            )
        weights = weights_like(y_true, sample_weight, mask, self._compute_dtype)
        seen = weights != 0
        y_true, error = (jnp.where(seen, a, 0) for a in (y_true, y_true - y_pred))
        terms = {
            "sum": y_true * weights,
            "squared_sum": jnp.square(y_true) * weights,
            "residual": jnp.square(error) * weights,
            "count": weights,
        }
        new = {name: state[name] + jnp.sum(f, axis=0) for name, f in terms.items()}
        return {**new, "num_samples": state["num_samples"] + jnp.sum(seen.astype(jnp.float32))}

    def compute(self, state: State) -> jax.Array:
        total = state["squared_sum"] - state["sum"] * (state["sum"] / state["count"])
        score = 1 - state["residual"] / total
        score = jnp.where(jnp.isinf(score), 0, score)
        if self.class_aggregation == "uniform_average":
            score = jnp.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = jnp.sum(total * score) / jnp.sum(total)
        if not self.num_regressors:
            return score
        n = state["num_samples"]
        free = n - self.num_regressors - 1  # without a degree of freedom left, the plain score stands
        return jnp.where(free > 0, 1 - (1 - score) * (n - 1) / jnp.where(free > 0, free, 1), score)
