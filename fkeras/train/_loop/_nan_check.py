"""fit(check_nans=True): steps that are checked, and none after the first bad one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import Batch, PyTree
from .._batches._sources import Arrays, Stream
from .._step._learner import Learner
from .._step._many_steps import counted_step
from .._step._measurement import with_room_of
from .._step._programs import compiled
from .._step._state import TrainState
from .._step._train_step import has_own_step, logs_after
from ._interrupt import Interruptible
from ._one_by_one import AHEAD, OneByOne


class NotFiniteError(Exception):
    """A step made an infinity or a NaN; the run's state is the one before it."""


class Checked(OneByOne):
    """One dispatch a step; once a step is bad, it and all after it change nothing.

    Whether all is well is a flag on the device that goes from step to step with the state, so that Python looks at it
    once for many steps.

    Attributes:
        bad: the batch of the first bad step, `None` as long as there was none.
    """

    def __init__(self, trainer: Learner, source: Arrays | Stream, seed: np.ndarray | None) -> None:
        super().__init__(compiled(trainer, _checked_step), source, seed)
        self.bad: Any = None

    def argument(self, state: Any) -> Any:
        """What the step takes for a state: the state, and that all is well with it."""
        return state, jnp.bool_(True)

    def advance(self, state: Any, count: int, interruption: Interruptible) -> None:
        """At most `count` steps from a state; fewer when one was bad."""
        carry, logs, made = self.argument(state), None, 0
        self.reached = state, logs, made
        while made < count:
            flags: list[Any] = []
            batches: list[Any] = []
            try:
                while len(flags) < min(AHEAD, count - made):
                    batch = self.draw(made + len(flags), interruption)
                    if batch is None:
                        break
                    carry, logs = self.step(carry, batch)
                    flags.append(carry[1])
                    batches.append(batch)
            finally:  # also where the data raise: what was drawn before is trained on
                good = int(sum(jax.device_get(flags)))
                made += good
                self.reached = carry[0], logs, made
            if good < len(flags):
                self.bad = batches[good]
                break
            if len(flags) < AHEAD:
                break


def _checked_step(trainer: Learner, carry: tuple[Any, jax.Array], batch: Batch) -> tuple[tuple[Any, jax.Array], Any]:
    """`((state, good), batch) -> ((state, good), logs)`: a bad step, and any after it, leave the state as it was."""
    before, good = carry
    after, shown = counted_step(trainer, before, batch)
    before = with_room_of(before, after)
    structures: list[Any] = [jax.tree.structure(tree) for tree in (before, after)]
    if structures[0] != structures[1]:
        raise ValueError(
            explain(
                "check_nans needs a step whose state keeps its structure.",
                received=f"{structures[0]} that became {structures[1]}",
                usually="a module that makes a variable in training which its `init` did not make.",
                write="variables made in `init` too, or fit(..., check_nans=False)",
            )
        )
    good = good & stays_finite(trainer, before, after, shown)
    state = jax.tree.map(lambda new, old: jnp.where(good, new, old), after, before)
    return (state, good), logs_after(trainer, after, shown)


def stays_finite(trainer: Learner, before: TrainState, after: TrainState, shown: PyTree) -> jax.Array:
    """Whether a step left weights, collections and the loss free of infinities and NaNs that it did not find there.

    The optimizer's state is not looked at: some hold an infinity by intention. Nor are gradients: a step that
    overflows and is skipped is a good step.
    """
    flags = [jnp.bool_(True)]
    for old, new in zip(watched(trainer, before), watched(trainer, after), strict=True):
        flags.append((jnp.isfinite(new) | ~jnp.isfinite(old)).all())
    if has_own_step(trainer):
        flags += [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(shown) if is_float(leaf)]
    return jnp.array(flags).all()


def watched(trainer: Learner, state: TrainState) -> list[jax.Array]:
    """The arrays of a state that should be finite."""
    sums = {} if has_own_step(trainer) else {k: v for k, v in state.metrics.items() if k in ("losses", "added")}
    return [leaf for leaf in jax.tree.leaves((state.params, state.model_state, sums)) if is_float(leaf)]


def is_float(leaf: Any) -> bool:
    """Whether an array can hold an infinity or a NaN."""
    return jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
