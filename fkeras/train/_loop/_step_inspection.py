"""What the program of a step says of how it may be dispatched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from ...core.typing import Batch, PyTree, Variables
from .._step._equations import CONVOLUTION, equations
from .._step._learner import Learner
from .._step._programs import exact_shapes_of, structure
from .._step._state import TrainState
from ._device_memory import nbytes, on_cpu

# On a GPU the host is asked before each round of a loop whose trip count the program does not know, which takes some
# 12 microseconds. A step that moves this many bytes, or has this many operations, takes so much longer that it does
# not matter; steps of fewer operations are written out eight or four at a time, as each copy has to be compiled.
_LARGE, _MANY, _FEW = 2**25, 2000, 600


def steps_in_a_row(trainer: Learner, step: Callable[..., Any], *args: Any) -> int:
    """How many steps a loop on an accelerator makes without asking its host; 0 where it asks before each.

    None on a CPU, where asking costs nothing. It follows from shapes and the platform alone, so that each part of a run
    is made by the same program.

    Args:
        trainer: the trainer.
        step: a jitted function: the train step, or the evaluation of a batch.
        *args: its arguments, or `jax.ShapeDtypeStruct`s.
    """
    if on_cpu():
        return 0
    return structure(trainer, small_steps_in_a_row, (step, exact_shapes_of(args)), step, *args)


def small_steps_in_a_row(trainer: Learner, step: Any, *args: Any) -> int:
    """`steps_in_a_row` of an accelerator: 8, 4, or 0 for a step that is large or that Python is called in."""
    if nbytes(args) > _LARGE or _calls_back(trainer, step, *args):
        return 0
    operations = sum(1 for _ in equations(step.trace(*args).jaxpr))
    return 8 if operations <= _FEW else 4 if operations <= _MANY else 0


def loops_well(trainer: Learner, step: Callable[..., Any], state: TrainState, batch: Batch) -> bool:
    """Whether a step may run inside a loop on the device.

    Not where it changes the structure or a dtype of the state; and not, on the CPU, where it holds a convolution:
    XLA's CPU backend runs the gradient of a kernel about 12 times slower inside a loop than outside one. Nor where
    slots lie in the host's memory: the way there and back takes longer than a dispatch, and a loop would carry them.

    Args:
        trainer: the trainer.
        step: a jitted function `(state, batch) -> (state, logs)`.
        state, batch: its arguments, or `jax.ShapeDtypeStruct`s.
    """
    if trainer.distribution is not None and trainer.distribution.offload:
        return False
    return structure(trainer, _loops_well, exact_shapes_of((state, batch)), step, state, batch)


def holds_a_convolution(trainer: Learner, state: TrainState, batch: Batch) -> bool:
    """Whether the model has a convolution; XLA's CPU backend is slow at those of many kernels at once.

    Args:
        trainer: the trainer.
        state: a state, or its shapes.
        batch: a batch, or its shapes.
    """
    return structure(trainer, _convolves, exact_shapes_of((state.variables, batch[0])), state.variables, batch[0])


def _convolves(trainer: Learner, variables: Variables, x: PyTree) -> bool:
    traced = trainer.predict_step.trace(variables, x)
    return any(e.primitive.name == CONVOLUTION for e in equations(traced.jaxpr))


def calls_back(trainer: Learner, step: Callable[..., Any], state: TrainState, batch: Batch) -> bool:
    """Whether a step calls functions in Python while the device runs it (`jax.pure_callback`, `io_callback`).

    Args:
        trainer: the trainer.
        step: a jitted function `(state, batch) -> (state, logs)`.
        state, batch: its arguments, or `jax.ShapeDtypeStruct`s.
    """
    return structure(trainer, _calls_back, exact_shapes_of((state, batch)), step, state, batch)


def _loops_well(trainer: Learner, step: Any, *args: Any) -> bool:
    traced = step.trace(*args)
    before, after = jax.eval_shape(lambda s: s, args[0]), traced.out_info[0]
    structures: list[Any] = [jax.tree.structure(tree) for tree in (before, after)]
    if structures[0] != structures[1]:
        return False
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in pairs):
        return False
    return not (on_cpu() and any(e.primitive.name == CONVOLUTION for e in equations(traced.jaxpr)))


def _calls_back(trainer: Learner, step: Any, *args: Any) -> bool:
    return any(e.primitive.name.endswith("_callback") for e in equations(step.trace(*args).jaxpr))
