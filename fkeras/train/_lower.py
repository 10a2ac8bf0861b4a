"""lower: the programs of a run, compiled from shapes alone, before there is data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core import describe, did_you_mean, explain
from ..core.typing import Batch
from ._batches._arrays import ArrayData
from ._batches._as_arrays import as_arrays
from ._batches._fixed_batch_sizes import check_batch_size, fixed_batch_size
from ._batches._sources import Arrays
from ._loop import _evaluate, _predict
from ._loop._on_device import runs_on_device
from ._loop._run_arguments import check_counts, named
from ._loop._stacked import stack_of
from ._loop._step_inspection import steps_in_a_row
from ._lowered import Lowered
from ._step._batch import as_given, unpack
from ._step._batch import rows as rows_of
from ._step._checked_state import check_optimizer
from ._step._learner import Learner
from ._step._many_steps import many_steps, one_step
from ._step._own_loss import room_for_logs
from ._step._placed import copies_everywhere, rows_in_place, state_in_place
from ._step._private_copy import private
from ._step._programs import compiled
from ._step._state import TrainState, check_state
from ._step._step_loop import BOUNDS
from ._step._train_step import has_own_loss

VERBS = ("fit", "evaluate", "predict", "init", "train_step", "eval_step", "predict_step")
#: A seed in a program's input.
SEED = jax.ShapeDtypeStruct((), np.int32)


@named
def lower(
    trainer: Learner,
    batch: Batch,
    rows: int | None = None,
    verbs: Sequence[str] = ("fit", "evaluate", "predict"),
    state: Any = None,
) -> Lowered:
    """Compile every program of a run before there is data; the run then finds them compiled.

    Args:
        trainer: the trainer.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)` of one batch: pytrees of arrays, or of
            `jax.ShapeDtypeStruct`.
        rows: how many rows the arrays of the run will have. It decides the size of a short last batch and whether
            epochs run on the device; leave it out for runs over streams of batches.
        verbs: for which of the trainer's methods: `"fit"`, `"evaluate"`, `"predict"`; for loops of your own also
            `"init"` (a function of a seed, `np.int32`), `"train_step"`, `"eval_step"`, `"predict_step"`.
        state: a state, or its shapes; what `init` makes by default.

    Returns:
        The compiled programs by name. Each has `cost_analysis()`, `memory_analysis()` and `as_text()`. Their
        `save(directory)` writes them for another process: `fk.train.load_lowered`.

    Raises:
        ValueError: an unknown verb; a trainer that runs eagerly.

    >>> import fkeras as fk, jax
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = jax.ShapeDtypeStruct((8, 3), "float32"), jax.ShapeDtypeStruct((8, 1), "float32")
    >>> sorted(trainer.lower((x, y), rows=100))
    ['evaluate', 'fit', 'fit, last batch', 'predict']
    """
    verbs = (verbs,) if isinstance(verbs, str) else tuple(verbs)
    for verb in verbs:
        if verb not in VERBS:
            usually = did_you_mean(verb, VERBS)
            raise ValueError(explain(f"lower: unknown verb {verb!r}.", received=repr(list(verbs)), usually=usually))
    if trainer.run_eagerly:
        raise ValueError(
            explain(
                "There is nothing to compile: this trainer runs eagerly.",
                received="run_eagerly=True",
                write="trainer.replace(run_eagerly=False).lower(batch)",
            )
        )
    state, source = shapes_of_a_run(trainer, batch, rows, state)
    lowered: dict[str, Any] = {}
    for verb in verbs:
        lowered |= _LOWERED[verb](trainer, state, source, rows is None)
    with ThreadPoolExecutor() as pool:  # XLA compiles without holding Python's lock
        programs = pool.map(lambda program: program.compile(), lowered.values())
        return Lowered(dict(zip(lowered, programs, strict=True)), lowered)


def shapes_of_a_run(trainer: Learner, batch: Batch, rows: int | None, state: Any) -> tuple[TrainState, Arrays]:
    """The state and the data of a run as shapes.

    Args:
        trainer: the trainer.
        batch: one batch, arrays or shapes.
        rows: how many rows the arrays of the run have; `None` for those of one batch.
        state: a state, its shapes, or `None` for what `init` makes.

    Raises:
        TypeError, ValueError: no batch, or one that the trainer cannot take.
    """
    x, y, weight = unpack(batch)
    arrays = as_arrays(x), as_arrays(y, "y"), as_arrays(weight, "sample_weight")
    if not jax.tree.leaves(arrays[0]):
        raise TypeError(
            explain(
                "lower needs the shapes of a batch.",
                received=describe(batch),
                write='trainer.lower((jax.ShapeDtypeStruct((32, 8), "float32"), y))',
            )
        )
    x, y, weight = jax.tree.map(_struct, arrays)
    check_counts(rows=rows)
    data = ArrayData(x, y, weight, rows_of(x))
    if rows is not None:
        whole = data.spec(rows)
        data = ArrayData(*whole, batch_size=min(data.batch_size, rows))
    if state is not None:
        check_optimizer(trainer, check_state(state, "lower", "batch, state=state"))
    state = jax.eval_shape(lambda x: trainer.init(0, x), x) if state is None else state
    state = jax.eval_shape(private, jax.tree.map(_struct, state))
    fixed = fixed_batch_size(trainer.model, state.variables)
    check_batch_size(data.batch_size, fixed)
    return state, Arrays(data, fixed=fixed)


def _struct(leaf: Any) -> jax.ShapeDtypeStruct:
    weak = getattr(leaf, "weak_type", False)
    return jax.ShapeDtypeStruct(
        leaf.shape, jax.dtypes.canonicalize_dtype(leaf.dtype, allow_extended_dtype=True), weak_type=weak
    )


def lower_fit(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> dict[str, jax.stages.Lowered]:
    """The programs of `fit`, for shapes of a state and of data, each of which lies where the run will put it.

    Args:
        trainer: the trainer.
        state: the shapes of a state.
        source: the shapes of the data.
        stream: whether batches come from elsewhere than from arrays of a known number of rows.
    """
    data = source.data
    step, many = one_step(trainer, True), many_steps(trainer, True)
    batch = data.spec(data.batch_size)
    if has_own_loss(trainer):
        sums = jax.eval_shape(lambda m: room_for_logs(trainer, m, state, batch, training=True), state.metrics)
        state = state.replace(metrics=sums)
    lying = state_in_place(trainer, state)
    if not stream and runs_on_device(trainer, source, step, state):
        order = jax.ShapeDtypeStruct((data.count,), np.int32)
        unrolled = steps_in_a_row(trainer, step, state, batch)
        whole, order = copies_everywhere(trainer, (data.tree, order))
        found = {"fit": many.lower(lying, whole, order, BOUNDS, data.batch_size, unrolled)}
    elif count := stack_of(trainer, step, state, batch):
        stack = rows_in_place(trainer, data.spec(count * data.batch_size))
        found = {"fit": many.lower(lying, stack, None, BOUNDS, data.batch_size, 0)}
    else:
        found = {"fit": step.lower(lying, rows_in_place(trainer, batch))}
    if not stream and data.count % data.batch_size:
        short = rows_in_place(trainer, data.spec(data.count % data.batch_size))
        found["fit, last batch"] = step.lower(lying, short)
    return found


def _evaluation(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> dict[str, Any]:
    return {"evaluate": _evaluate.lower_evaluate(trainer, state, source, stream)}


def _prediction(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> dict[str, Any]:
    return {"predict": _predict.lower_predict(trainer, state.variables, source, stream)}


def _init(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> dict[str, Any]:
    program: Any = compiled(trainer, initial_state, static=(1,))
    return {"init": program.lower(SEED, state.example_spec)}


def initial_state(trainer: Learner, seed: jax.Array, spec: Any) -> TrainState:
    """`trainer.init` of a seed that is a number in the program's input, and of the example that a model needs."""
    example = None if spec is None else jax.tree.unflatten(spec[0], [jnp.zeros(s.shape, s.dtype) for s in spec[1]])
    return trainer.init(jax.random.key(seed), example)


def _own(name: str) -> Callable[..., dict[str, Any]]:
    """A step that the user calls."""

    def of(trainer: Learner, state: TrainState, source: Arrays, stream: bool) -> dict[str, Any]:
        batch = source.data.spec(source.data.batch_size)
        args = (state.variables, batch[0]) if name == "predict_step" else (state, as_given(batch))
        return {name: getattr(trainer, name).lower(*args)}

    return of


_LOWERED = {
    "fit": lower_fit, "evaluate": _evaluation, "predict": _prediction,
    "init": _init,
    "train_step": _own("train_step"), "eval_step": _own("eval_step"), "predict_step": _own("predict_step"),
}  # fmt: skip
