"""Compilations of a run: the last batch's ahead of time, and a warning when a step is compiled again and again."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import jax

from ...core import explain
from .._batches._sources import Arrays, Stream
from .._step._learner import Learner
from .._step._state import TrainState
from ._driver import Driver


class RecompileGuard:
    """Watches how often the train step is traced, which is how often it is compiled.

    Args:
        trainer: the trainer.
        source: what the run draws batches from; a short last batch is a second shape.
        most: how many compilations are an error; `None` for a warning at the third.
    """

    def __init__(self, trainer: Learner, source: Arrays | Stream, most: int | None) -> None:
        self.trainer, self.source, self.most = trainer, source, most
        self.before = self.seen = len(self._traces())
        self.ahead = False

    def _traces(self) -> list[dict[str, str]]:
        return self.trainer.programs.traces

    def check(self, driver: Driver, state: TrainState) -> None:
        """To be called after each dispatch; the first time, the short last batch's program is begun.

        Raises:
            RuntimeError: more compilations than allowed.
        """
        if not self.ahead:
            self.ahead = True
            self._compile_ahead(driver.step, driver.argument(state))
        if len(self._traces()) == self.seen or self.trainer.run_eagerly:
            return
        self.seen = len(self._traces())
        made = self.seen - self.before
        if made > (2 if self.most is None else self.most):
            text = explain(
                f"The train step was compiled {made} times in this run.",
                received=difference(*self._traces()[-2:]),
                usually="batches of many sizes, or a callback that changed a dtype; each compiles the step again.",
                write="batches of one size (drop_remainder=True), or fit(..., max_compiles=...) to make this an error",
            )
            if self.most is not None:
                raise RuntimeError(text)
            warnings.warn(text, RuntimeWarning, stacklevel=4)

    def _compile_ahead(self, step: Any, state: TrainState) -> None:
        """Compile the step for a short last batch while the first steps run."""
        if not isinstance(self.source, Arrays) or self.trainer.run_eagerly:
            return
        data = self.source.data
        short = data.count % data.batch_size
        if not short or self.source.steps < data.steps:
            return
        like, batch = jax.eval_shape(lambda s: s, state), data.spec(short)
        if (where := self.trainer.distribution) is not None:  # part of what the program is compiled for
            like = jax.tree.map(lambda a, b: _there(a, b.sharding), like, state)
            batch = jax.tree.map(lambda a: _there(a, where.rows(a)), batch)
        lowered = step.trace(like, batch).lower()
        # a process that ends waits for it: one that ends while XLA compiles aborts
        threading.Thread(target=lowered.compile, name="fkeras-compile").start()


def _there(leaf: jax.ShapeDtypeStruct, where: jax.sharding.Sharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where)


def difference(before: dict[str, str], now: dict[str, str]) -> str:
    """What changed between two traces, array by array.

    >>> difference({"1/0": "float32(8, 4)"}, {"1/0": "float32(2, 4)"})
    '1/0 was float32(8, 4), is float32(2, 4)'
    """
    changed = [f"{k} was {before.get(k, 'absent')}, is {v}" for k, v in now.items() if before.get(k) != v]
    changed += [f"{k} was {v}, is absent" for k, v in before.items() if k not in now]
    return "; ".join(changed[:4]) or "a static part of the arguments"
