"""TrainState: everything a run is, as one pytree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from flax import struct

from ._running_sums import RunningSums


class TrainState(struct.PyTreeNode):
    """The state of a run; a step takes one and returns the next.

    Attributes:
        step: int32, how many steps were made; the run's only position counter.
        params: the weights that training may move.
        model_state: every other collection of the model (`batch_stats`, …).
        opt_state: the optimizer's state, over the weights that do move.
        metrics: the running sums of loss and metrics since the epoch began.
        rng: a typed key that never advances; step `n` uses `fold_in(rng, n)`.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> state = trainer.init(0)
    >>> state.step, sorted(state.variables)
    (Array(0, dtype=int32), ['params'])
    """

    step: jax.Array
    params: Any
    model_state: Any
    opt_state: Any
    metrics: Any
    rng: jax.Array

    @property
    def variables(self) -> dict[str, Any]:
        """What `model.apply` takes: `{"params": …, "batch_stats": …}`."""
        return {"params": self.params, **self.model_state}

    def unpacked(self) -> TrainState:
        """The state with its sums as plain dicts, which is how files keep it."""
        return self.replace(metrics=self.metrics.tree()) if isinstance(self.metrics, RunningSums) else self

    def packed(self) -> TrainState:
        """The state with its sums as steps want them."""
        return self.replace(metrics=RunningSums.of(self.metrics)) if isinstance(self.metrics, Mapping) else self

    def with_variables(self, variables: Any) -> TrainState:
        """The state with other weights and collections."""
        rest = {k: v for k, v in variables.items() if k != "params"}
        return self.replace(params=variables["params"], model_state={**self.model_state, **rest})
