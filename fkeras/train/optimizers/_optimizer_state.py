"""What an optimizer remembers between updates."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp

from ...core import explain
from ...core.typing import PyTree


class _StateFields(NamedTuple):
    iterations: jax.Array
    learning_rate: jax.Array
    inner: PyTree
    accumulator: PyTree = None
    ema: PyTree = None


class OptimizerState(_StateFields):
    """All that an optimizer remembers, as one pytree.

    Attributes:
        iterations: int32, the number of `update` calls so far (with accumulation, also the ones that only add).
        learning_rate: float32, used by the next update; under a schedule, the one that the last update used.
        inner: the state of the rule: momenta, accumulators.
        accumulator: the sum of gradients since the last move, with `gradient_accumulation_steps`; else `None`.
        ema: the moving average of the parameters, with `use_ema`; else `None`.
    """

    __slots__ = ()

    def _replace(self, **changes: Any) -> Self:
        # optax.tree.set(state, learning_rate=1e-4) arrives here with a Python float, whose weak type would
        # make the next jitted update compile again.
        if "learning_rate" in changes:
            changes["learning_rate"] = jnp.asarray(changes["learning_rate"], jnp.float32)
        return super()._replace(**changes)


class ScheduledState(OptimizerState):
    """The state of an optimizer whose learning rate follows a schedule: the rate in it is the last one used.

    It is a type of its own so that whoever holds the state can tell, also where the optimizer is inside an
    `optax.chain`, and so that a rate put into it, which no step would use, is refused.
    """

    __slots__ = ()

    def _replace(self, **changes: Any) -> Self:
        # optax.tree.set passes every field, also those that it does not change
        if changes.get("learning_rate", self.learning_rate) is not self.learning_rate:
            raise TypeError(
                explain(
                    "The learning rate of this state follows a schedule, so it cannot be set.",
                    received=f"learning_rate={changes['learning_rate']!r}",
                    write="fk.optimizers.Adam(1e-3)   # with a number, which the state then keeps",
                )
            )
        return super()._replace(**changes)
