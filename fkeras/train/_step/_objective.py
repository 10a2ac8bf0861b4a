"""What is minimised and what is measured, as `compile` was given it, and matched to a model's outputs.

`compile` accepts losses and metrics as one value, a list or a dict by output name. `Objective` is that; `Objective.of`
matches it to outputs once, and the result adds up running sums: `{"losses": …, "added": …, "metrics": …}`, a pytree
that goes into each step and comes out of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ...core import explain
from ...core.typing import ArrayLike, Batch, PyTree
from .. import losses as fk_losses
from .. import metrics as fk_metrics
from ..losses._base import SUMS
from ._batch import rows, unpack
from ._outputs import Comparison, Outputs, by_output

Sums = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True, eq=False)
class Objective:
    """Losses and metrics as they were given to `compile`.

    Attributes:
        loss: a loss, or losses by output.
        loss_weights: a factor for each output's loss.
        metrics: metrics that ignore sample weights, and
        weighted_metrics: metrics that use them; by output.
    """

    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any

    def of(self, outputs: Outputs) -> OutputObjective:
        """The losses and metrics of these outputs.

        Raises:
            ValueError: a loss or metric for an output that the model does not have.
        """
        losses = by_output(self.loss, outputs.names, "loss")
        given = by_output(self.loss_weights, outputs.names, "loss_weights")
        factors = tuple(1.0 if factor is None else factor for factor in given)
        return OutputObjective(outputs.names, tuple(losses), factors, tuple(self._measured(outputs, losses)))

    def _measured(self, outputs: Outputs, losses: Sequence[Any]) -> Iterator[MeasuredMetric]:
        taken: list[str] = []
        for spec, weighted, what in (
            (self.metrics, False, "metrics"),
            (self.weighted_metrics, True, "weighted_metrics"),
        ):
            for i, listed in enumerate(_metrics_by_output(spec, outputs.names, what)):
                for given in listed:
                    metric = fk_metrics.resolve(given, None, tuple(outputs.shapes[i].shape), losses[i])
                    prefix = "" if len(outputs.names) == 1 else f"{outputs.names[i]}_"
                    name = f"{prefix}{metric.name}"
                    if weighted and name in taken:  # Keras's name for a metric that is given both ways
                        name = f"{prefix}weighted_{metric.name}"
                    taken.append(_unique(name, taken))
                    yield MeasuredMetric(taken[-1], metric, i, weighted)

    @property
    def is_of_outputs(self) -> bool:
        """Whether there is a loss or a metric at all, so that a model's outputs matter."""
        return any(jax.tree.leaves(part) for part in (self.loss, self.metrics, self.weighted_metrics))

    def without_metrics(self) -> Objective:
        """The losses alone."""
        return dataclasses.replace(self, metrics=None, weighted_metrics=None)

    def given_losses(self) -> list[Any]:
        """The losses, without their outputs."""
        return jax.tree.leaves(self.loss, is_leaf=lambda part: isinstance(part, fk_losses.Loss))

    def takes_padding(self) -> bool:
        """Whether rows of weight 0 change no metric."""
        return all(metric._takes_padding for metric in self._given_metrics())

    def has_on_host(self) -> bool:
        """Whether a metric needs the whole set on the host."""
        return any(isinstance(metric, fk_metrics.OnHost) for metric in self._given_metrics())

    def _given_metrics(self) -> list[fk_metrics.Metric]:
        """The metrics that were given as objects, without their outputs."""
        given = (self.metrics, self.weighted_metrics)
        leaves = jax.tree.leaves(given, is_leaf=lambda part: isinstance(part, fk_metrics.Metric))
        return [metric for metric in leaves if isinstance(metric, fk_metrics.Metric)]

    def weight_of(self, batch: Batch) -> jax.Array:
        """What a batch's loss weighs beside those of other batches: what its own sum was divided by."""
        x, _, sample_weight = unpack(batch)
        kinds = {loss.reduction for loss in self.given_losses() if isinstance(loss, fk_losses.Loss)}
        if kinds and kinds <= set(SUMS):
            return jnp.float32(1)
        if kinds == {"mean_with_sample_weight"} and hasattr(sample_weight, "shape"):
            return jnp.asarray(sample_weight, jnp.float32).sum()
        return jnp.float32(rows(x))


class MeasuredMetric(NamedTuple):
    """A metric of one output.

    Attributes:
        name: what its number is called in the logs.
        metric: the metric, resolved for the output's shape.
        output: the place of the output.
        weighted: whether it uses the sample weights.
    """

    name: str
    metric: fk_metrics.Metric
    output: int
    weighted: bool

    @property
    def on_host(self) -> bool:
        """Whether it needs the whole set on the host, and no step measures it."""
        return isinstance(self.metric, fk_metrics.OnHost)


@dataclasses.dataclass(frozen=True, eq=False)
class OutputObjective:
    """Losses and metrics matched to a model's outputs, one entry for each.

    Attributes:
        names: the outputs' names.
        losses: the loss of each output, `None` where there is none.
        factors: what each output's loss counts in the sum.
        metrics: what is measured.
    """

    names: tuple[str, ...]
    losses: tuple[Any, ...]
    factors: tuple[Any, ...]
    metrics: tuple[MeasuredMetric, ...]

    def empty(self) -> dict[str, Any]:
        """The sums before any batch."""
        losses = [name for name, loss in zip(self.names, self.losses, strict=True) if loss is not None]
        return {
            "losses": {name: no_sums() for name in losses or ["output"]},
            "added": no_sums(),
            "metrics": {measured.name: measured.metric.empty() for measured in self.metrics},
        }

    def batch_loss(self, batch: Comparison) -> tuple[jax.Array | None, dict[str, jax.Array]]:
        """`(weighted sum of the outputs' losses, each output's loss)`; `None` without any loss."""
        parts: dict[str, jax.Array] = {}
        total = None
        for i, (name, loss) in enumerate(zip(self.names, self.losses, strict=True)):
            if loss is None:
                continue
            _check_target(name, batch.y_true[i], batch.y_pred[i], loss)
            value = loss(batch.y_true[i], batch.y_pred[i], sample_weight=batch.weights[i], mask=batch.masks[i])
            parts[name] = jnp.sum(value).astype(jnp.float32) if jnp.ndim(value) else value.astype(jnp.float32)
            total = self.factors[i] * parts[name] + (0.0 if total is None else total)
        return total, parts

    def exact_loss(self, batch: Comparison, valid: jax.Array | None) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Each output's loss as `(numerator, denominator)` over the valid rows, so that batches add up exactly."""
        found = {}
        for i, (name, loss) in enumerate(zip(self.names, self.losses, strict=True)):
            if loss is not None:
                _check_target(name, batch.y_true[i], batch.y_pred[i], loss)
                found[name] = fk_losses.weighted_sum_and_count(
                    loss, batch.y_true[i], batch.y_pred[i], sample_weight=batch.weights[i], mask=batch.masks[i],
                    valid=valid,
                )  # fmt: skip
        return found

    def update_metrics(
        self, sums: Mapping[str, PyTree], batch: Comparison, valid: jax.Array | None = None
    ) -> dict[str, Any]:
        """The metrics' sums after one more batch; rows that are not `valid` count for nothing."""
        new = dict(sums)
        for name, metric, i, weighted in self.metrics:
            _check_target(self.names[i], batch.y_true[i])
            weight = batch.weights[i] if weighted else None
            if valid is not None:
                weight = valid.astype(jnp.float32) if weight is None else _by_row(weight, valid)
            new[name] = metric.update(
                sums_of(sums, name), batch.y_true[i], batch.y_pred[i], sample_weight=weight, mask=batch.masks[i]
            )
        return new

    def logs(self, sums: Mapping[str, PyTree]) -> dict[str, jax.Array]:
        """The numbers to show: loss, each output's loss, metrics."""
        factors = dict(zip(self.names, self.factors, strict=True))
        logs: dict[str, jax.Array] = {"loss": mean_of(sums["added"])}
        for name, part in sums["losses"].items():
            logs["loss"] += factors.get(name, 1.0) * mean_of(part)
            if len(self.names) > 1 and name in factors:  # a loss of one's own may be of no output
                logs[f"{name}_loss"] = mean_of(part)
        for measured in self.metrics:
            if not measured.on_host:
                value = measured.metric.compute(sums["metrics"][measured.name])
                logs |= value if isinstance(value, Mapping) else {measured.name: value}  # several numbers have names
        return logs

    def on_host(self, batch: Comparison) -> dict[str, float]:
        """The metrics that need a whole set, of arrays on the host."""
        return {
            name: metric.of(batch.y_true[i], batch.y_pred[i], batch.weights[i] if weighted else None)
            for name, metric, i, weighted in self.metrics
            if isinstance(metric, fk_metrics.OnHost)
        }


# ------------------------------------------------------------------ running sums
def no_sums(shape: tuple[int, ...] = ()) -> Sums:
    """Running sums before any batch, of numbers of a shape."""
    return {"total": jnp.zeros(shape, jnp.float32), "count": jnp.zeros((), jnp.float32)}


def add_to(sums: Sums, total: jax.Array, count: ArrayLike) -> Sums:
    """Running sums after one more batch."""
    return {"total": sums["total"] + total, "count": sums["count"] + count}


def sums_of(sums: Mapping[str, PyTree], name: str) -> Any:
    """The running sums of a name.

    Raises:
        ValueError: there are none.
    """
    if name not in sums:
        raise ValueError(
            explain(
                f"The state holds no running sums of {name!r}.",
                received=f"sums of {sorted(sums)}",
                usually="the state was made by a trainer with other losses or metrics, or reset without an example.",
                write="state.replace(metrics=trainer.reset_metrics(state, x))",
            )
        )
    return sums[name]


def mean_of(sums: Sums) -> jax.Array:
    """`total / count`; a total that nothing counts is a sum (a loss with `reduction="sum"`)."""
    return sums["total"] / jnp.where(sums["count"] > 0, sums["count"], 1.0)


def _by_row(weight: jax.Array, valid: jax.Array) -> jax.Array:
    return jnp.asarray(weight, jnp.float32) * valid.astype(jnp.float32).reshape(
        valid.shape + (1,) * (jnp.ndim(weight) - 1)
    )


# ------------------------------------------------------------------ what was given
def _metrics_by_output(spec: Any, names: Sequence[str], what: str) -> list[list[Any]]:
    if spec is None:
        return [[] for _ in names]
    if isinstance(spec, Mapping) or (len(names) > 1 and isinstance(spec, list | tuple)):
        return [_listed(given) for given in by_output(spec, names, what)]
    if isinstance(spec, list | tuple) and len(spec) == 1 and isinstance(spec[0], list | tuple):
        spec = spec[0]
    return [_listed(spec)] + [[] for _ in names[1:]]


def _listed(given: Any) -> list[Any]:
    return [] if given is None else list(given) if isinstance(given, list | tuple) else [given]


def _unique(name: str, taken: Sequence[str]) -> str:
    count, free = 1, name
    while free in taken:
        free, count = f"{name}_{count}", count + 1
    return free


def _check_target(name: str, y_true: PyTree, y_pred: PyTree = None, loss: Any = None) -> None:
    if y_true is None:
        raise ValueError(
            explain(
                f"The output {name!r} has a loss or metric, but the batch has no target for it.",
                received="y=None",
                usually="`fit` or `evaluate` was called without y, or the data yields only inputs.",
                write="trainer.fit(state, x, y), or batches (x, y)",
            )
        )
    counts = [a.shape[0] for a in (y_true, y_pred) if getattr(a, "ndim", 0)]
    if loss is not None and len(set(counts)) > 1 and fk_losses.is_known(loss):
        raise ValueError(
            explain(
                f"The batch has another number of targets than of examples for the output {name!r}.",
                received=f"y of shape {tuple(y_true.shape)}, outputs of shape {tuple(y_pred.shape)}",
                usually="y was split or filtered apart from x; one target would be taken for all.",
                write="batches (x, y) whose first axes are equally long",
            )
        )
