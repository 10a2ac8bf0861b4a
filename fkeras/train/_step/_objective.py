"""What is minimised and what is measured, output by output.

`compile` accepts losses and metrics as one value, a list or a dict by output name. Here that is matched to the
model's outputs and turned into running sums: `{"losses": …, "added": …, "metrics": …}`, a pytree that goes into
each step and comes out of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ...core import did_you_mean, explain
from .. import losses as fk_losses
from .. import metrics as fk_metrics
from ..losses._base import SUMS
from ._batch import rows, unpack

Sums = dict[str, jax.Array]


def output_names(y_pred: Any, known: list[str] | None = None) -> list[str]:
    """A name for each output leaf: dict keys, the model's own names, or `output_1`, …"""
    leaves = jax.tree_util.tree_leaves_with_path(y_pred)
    if isinstance(y_pred, Mapping):
        return [jax.tree_util.keystr(path, simple=True, separator="_") for path, _ in leaves]
    if known and len(known) == len(leaves):
        return known
    return ["output"] if len(leaves) == 1 else [f"output_{i + 1}" for i in range(len(leaves))]


def by_output(spec: Any, names: list[str], what: str) -> list[Any]:
    """One entry of `spec` for each output.

    Raises:
        ValueError: a key that is no output's name, or a list of another length.
    """
    if spec is None:
        return [None] * len(names)
    if isinstance(spec, Mapping):
        unknown = sorted(set(spec) - set(names))
        if unknown:
            raise ValueError(
                explain(
                    f"{what} has the key {unknown[0]!r}, which is no output of the model.",
                    received=f"keys {sorted(spec)}",
                    usually=did_you_mean(unknown[0], names),
                    write=f"{what}={{{', '.join(f'{n!r}: ...' for n in names)}}}",
                )
            )
        return [spec.get(n) for n in names]
    if isinstance(spec, list | tuple):
        if len(spec) != len(names):
            raise ValueError(
                explain(
                    f"{what} has {len(spec)} entries, but the model has {len(names)} outputs.",
                    received=str(spec)[:80],
                    usually=f"the outputs are {names}.",
                    write=f"{what}=[...] with one entry an output, or a dict by output name",
                )
            )
        return list(spec)
    return [spec] * len(names)


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

    # ------------------------------------------------------------------ matching outputs
    def losses_for(self, names: list[str]) -> list[Any]:
        return by_output(self.loss, names, "loss")

    def weights_for(self, names: list[str]) -> list[float]:
        given = by_output(self.loss_weights, names, "loss_weights")
        return [1.0 if w is None else w for w in given]

    def metrics_for(self, names: list[str], y_true: list[Any], y_pred: list[Any]) -> list[tuple[str, Any, int, bool]]:
        """`(log name, metric, output, weighted)` for each metric; strings are resolved by the outputs' shapes."""
        found: list[tuple[str, Any, int, bool]] = []
        losses = self.losses_for(names)
        for spec, weighted, what in (
            (self.metrics, False, "metrics"),
            (self.weighted_metrics, True, "weighted_metrics"),
        ):
            for output, given in enumerate(_metrics_by_output(spec, names, what)):
                for one in given:
                    true_shape, pred_shape = (
                        None if a is None else tuple(a.shape) for a in (y_true[output], y_pred[output])
                    )
                    metric = fk_metrics.resolve(one, true_shape, pred_shape, losses[output])
                    prefix = "" if len(names) == 1 else f"{names[output]}_"
                    name, taken = f"{prefix}{metric.name}", [f[0] for f in found]
                    if weighted and name in taken:  # Keras's name for a metric that is given both ways
                        name = f"{prefix}weighted_{metric.name}"
                    found.append((_unique(name, taken), metric, output, weighted))
        return found

    def given_losses(self) -> list[Any]:
        """The losses, without their outputs."""
        return jax.tree.leaves(self.loss, is_leaf=lambda part: isinstance(part, fk_losses.Loss))

    def weight_of(self, batch: Any) -> Any:
        """What a batch's loss weighs beside those of other batches: what its own sum was divided by."""
        x, _, sample_weight = unpack(batch)
        kinds = {loss.reduction for loss in self.given_losses() if isinstance(loss, fk_losses.Loss)}
        if kinds and kinds <= set(SUMS):
            return jnp.float32(1)
        if kinds == {"mean_with_sample_weight"} and hasattr(sample_weight, "shape"):
            return jnp.asarray(sample_weight, jnp.float32).sum()
        return jnp.float32(rows(x))

    # ------------------------------------------------------------------ running sums
    def empty(self, names: list[str], y_pred: list[Any]) -> dict[str, Any]:
        """The sums before any batch."""
        table = self.metrics_for(names, [None] * len(names), y_pred)
        losses = [n for n, loss in zip(names, self.losses_for(names), strict=True) if loss is not None]
        return {
            "losses": {n: _sums() for n in losses or ["output"]},
            "added": _sums(),
            "metrics": {name: metric.empty() for name, metric, _, _ in table},
        }

    def batch_loss(
        self, names: list[str], y_true: list[Any], y_pred: list[Any], weights: list[Any], masks: list[Any]
    ) -> tuple[jax.Array | None, dict[str, jax.Array]]:
        """`(weighted sum of the outputs' losses, each output's loss)`; `None` without any loss."""
        parts: dict[str, jax.Array] = {}
        total = None
        factors = self.weights_for(names)
        for i, (name, loss) in enumerate(zip(names, self.losses_for(names), strict=True)):
            if loss is None:
                continue
            _check_target(name, y_true[i], y_pred[i], loss)
            value = loss(y_true[i], y_pred[i], sample_weight=weights[i], mask=masks[i])
            parts[name] = jnp.sum(value).astype(jnp.float32) if jnp.ndim(value) else value.astype(jnp.float32)
            total = factors[i] * parts[name] + (0.0 if total is None else total)
        return total, parts

    def exact_loss(
        self, names: list[str], y_true: list[Any], y_pred: list[Any], weights: list[Any], masks: list[Any], valid: Any
    ) -> dict[str, tuple[jax.Array, jax.Array]]:
        """Each output's loss as `(numerator, denominator)` over the valid rows, so that batches add up exactly."""
        found = {}
        for i, (name, loss) in enumerate(zip(names, self.losses_for(names), strict=True)):
            if loss is not None:
                _check_target(name, y_true[i], y_pred[i], loss)
                found[name] = fk_losses.weighted_sum_and_count(
                    loss, y_true[i], y_pred[i], sample_weight=weights[i], mask=masks[i], valid=valid
                )
        return found

    def update_metrics(
        self,
        state: dict[str, Any],
        names: list[str],
        y_true: list[Any],
        y_pred: list[Any],
        weights: list[Any],
        masks: list[Any],
        valid: Any = None,
    ) -> dict[str, Any]:
        """The metrics' states after one batch; rows that are not `valid` count for nothing."""
        new = dict(state)
        for name, metric, i, weighted in self.metrics_for(names, y_true, y_pred):
            _check_target(names[i], y_true[i])
            weight = weights[i] if weighted else None
            if valid is not None:
                weight = valid.astype(jnp.float32) if weight is None else _by_row(weight, valid)
            new[name] = metric.update(sums_of(state, name), y_true[i], y_pred[i], sample_weight=weight, mask=masks[i])
        return new

    def logs(self, sums: dict[str, Any], names: list[str], y_pred: list[Any]) -> dict[str, jax.Array]:
        """The numbers to show: loss, each output's loss, metrics."""
        factors = dict(zip(names, self.weights_for(names), strict=True))
        logs: dict[str, jax.Array] = {"loss": _mean(sums["added"])}
        for name, part in sums["losses"].items():
            logs["loss"] += factors.get(name, 1.0) * _mean(part)
            if len(names) > 1:
                logs[f"{name}_loss"] = _mean(part)
        for name, metric, _, _ in self.metrics_for(names, [None] * len(names), y_pred):
            if not isinstance(metric, fk_metrics.OnHost):
                logs[name] = metric.compute(sums["metrics"][name])
        return logs

    def has_on_host(self) -> bool:
        """Whether a metric needs the whole set on the host."""
        given = jax.tree.leaves(
            (self.metrics, self.weighted_metrics), is_leaf=lambda m: isinstance(m, fk_metrics.OnHost)
        )
        return any(isinstance(metric, fk_metrics.OnHost) for metric in given)

    def on_host(self, names: list[str], y_true: list[Any], y_pred: list[Any], weights: list[Any]) -> dict[str, float]:
        """The metrics of a whole set, from arrays on the host."""
        return {
            name: metric.of(y_true[i], y_pred[i], weights[i] if weighted else None)
            for name, metric, i, weighted in self.metrics_for(names, y_true, y_pred)
            if isinstance(metric, fk_metrics.OnHost)
        }


# ------------------------------------------------------------------ helpers
def _metrics_by_output(spec: Any, names: list[str], what: str) -> list[list[Any]]:
    if spec is None:
        return [[] for _ in names]
    if isinstance(spec, Mapping) or (len(names) > 1 and isinstance(spec, list | tuple)):
        return [_listed(one) for one in by_output(spec, names, what)]
    if isinstance(spec, list | tuple) and len(spec) == 1 and isinstance(spec[0], list | tuple):
        spec = spec[0]
    return [_listed(spec)] + [[] for _ in names[1:]]


def _listed(one: Any) -> list[Any]:
    return [] if one is None else list(one) if isinstance(one, list | tuple) else [one]


def _unique(name: str, taken: list[str]) -> str:
    count, free = 1, name
    while free in taken:
        free, count = f"{name}_{count}", count + 1
    return free


def _check_target(name: str, y_true: Any, y_pred: Any = None, loss: Any = None) -> None:
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


def _sums() -> Sums:
    return {"total": jnp.zeros((), jnp.float32), "count": jnp.zeros((), jnp.float32)}


def add_to(sums: Sums, total: Any, count: Any) -> Sums:
    """Running sums after one more batch."""
    return {"total": sums["total"] + total, "count": sums["count"] + count}


def sums_of(sums: Mapping[str, Any], name: str) -> Any:
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


def _mean(sums: Sums) -> jax.Array:
    """`total / count`; a total that nothing counts is a sum (a loss with `reduction="sum"`)."""
    return sums["total"] / jnp.where(sums["count"] > 0, sums["count"], 1.0)


def _by_row(weight: Any, valid: Any) -> Any:
    return jnp.asarray(weight, jnp.float32) * valid.astype(jnp.float32).reshape(
        valid.shape + (1,) * (jnp.ndim(weight) - 1)
    )


def targets(y: Any, y_pred: Any, names: list[str], what: str = "y") -> list[Any]:
    """`y` (or sample weights) as one entry for each output leaf.

    Raises:
        ValueError: keys or lengths that do not fit the outputs.
    """
    if y is None:
        return [None] * len(names)
    if len(names) == 1 and not isinstance(y_pred, Mapping):
        if isinstance(y, list | tuple) and len(y) == 1:
            y = y[0]
        if isinstance(y, Mapping) and set(y) == set(names):
            y = y[names[0]]
        return [y]
    if isinstance(y, Mapping):
        if (
            isinstance(y_pred, Mapping)
            and set(y) == set(y_pred)
            and any(isinstance(v, Mapping | list) for v in y.values())
        ):
            return jax.tree.leaves(y)
        return by_output(y, names, what)
    if isinstance(y, list | tuple):
        leaves = jax.tree.leaves(y, is_leaf=lambda v: v is None)
        return by_output(leaves, names, what)
    return [y] * len(names) if what != "y" else by_output([y], names, what)
