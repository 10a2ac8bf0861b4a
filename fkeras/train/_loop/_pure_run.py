"""run: training as a pure function of the state and the data, for `jax.jit`, `vmap` and `grad`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, PyTree
from .._batches._arrays import array_data, order_of
from .._batches._as_arrays import as_arrays
from .._batches._checked_arrays import check_lengths
from .._batches._fixed_batch_sizes import check_batch_size, check_whole, fixed_batch_size
from .._batches._text import read
from .._step._batch import Batch, rows, spec, unpack
from .._step._checked_state import check_optimizer
from .._step._hyperparameters import with_hyperparameters, without_hyperparameters
from .._step._learner import Learner
from .._step._measurement import without_logs
from .._step._own_loss import room_for_logs
from .._step._placed import as_data_lie, put_everywhere, put_state
from .._step._run import Every, Lengths, every_of, run_steps
from .._step._state import TrainState, check_is_state
from .._step._train_step import has_own_loss
from ._run_arguments import check_counts, named


@named
def run(
    trainer: Learner,
    state: TrainState,
    data: PyTree,
    steps: int,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    hyperparameters: Mapping[str, ArrayLike] | None = None,
    checkpoint_every: Every = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Train for so many steps, as a pure function: what `fit` does with arrays, under `jax.jit`, `vmap` and `grad`.

    Args:
        trainer: the trainer.
        state: where to start, at the beginning of an epoch; it stays usable. Its weights may be traced.
        data: `(x, y)` or `(x, y, sample_weight)`, pytrees of arrays that fit on the device, or of tracers.
        steps: how many steps; epochs begin and end as in `fit`, with a short last batch where there is one.
        batch_size: rows in a batch; what the model was described with, or 32, by default.
        shuffle: whether each epoch visits the rows in a new order, the one that `fit` takes. Where the state's key or
            step is traced, the order is asked of the host when the program runs, once for all epochs.
        hyperparameters: numbers of the optimizer by name, `{"learning_rate": 0.1, "weight_decay": decay}`, which may be
            traced; see `fk.train.hyperparameters_of`. One program serves all of them.
        checkpoint_every: what a backward pass keeps of the run. `None`: what each step computed. A number: the state
            after each so many steps; the steps between are computed again. `"sqrt"`: the root of
            `steps`, and once more within those; fewer than twice the root of `steps` states are kept.

    Returns:
        `(state, logs)`: the state that `fit(..., max_steps=steps)` returns, and the logs of each step, stacked: the
        running means since its epoch began, as `train_step` gives them and as callbacks see them.

    Raises:
        TypeError: a step that changes what the state is made of; `steps` that are traced.
        ValueError: arrays that do not fit each other or the model; an unknown hyperparameter; a trainer that runs
            eagerly.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse")
    >>> state, x = trainer.init(0), np.ones((4, 1), "float32")
    >>> def loss_after(rate):
    ...     _, logs = trainer.run(state, (x, x), steps=3, batch_size=4, hyperparameters={"learning_rate": rate})
    ...     return logs["loss"][-1]
    >>> rates = jnp.array([0.0, 0.1])
    >>> jax.vmap(loss_after)(rates), jax.grad(loss_after)(0.1)
    (Array([1.    , 0.1296], dtype=float32), Array(-3.4560003, dtype=float32, weak_type=True))

    Keras has no such function. References: Maclaurin et al., 2015, [Gradient-based hyperparameter optimization through
    reversible learning](https://arxiv.org/abs/1502.03492).
    """
    check_is_state(state, "run", "state, (x, y), steps", (data,))
    for name, count in (("steps", steps), ("batch_size", batch_size)):
        if isinstance(count, jax.core.Tracer):
            raise TypeError(
                explain(
                    f"{name} is traced, and the program follows from it.",
                    received=f"{name} of type {type(count).__name__}",
                    usually="an argument of a function under jax.jit or vmap.",
                    write=f"jax.jit(function, static_argnames={name!r})",
                )
            )
    check_counts(steps=steps, batch_size=batch_size)
    _check_every(checkpoint_every)
    if trainer.run_eagerly:
        raise ValueError(
            explain(
                "`run` is one program on the device, and this trainer runs eagerly.",
                received="run_eagerly=True",
                write="trainer.replace(run_eagerly=False).run(state, data, steps)",
            )
        )
    check_optimizer(trainer, state)
    x, y, sample_weight = unpack(data)
    fixed = fixed_batch_size(trainer.model, state.variables)
    size = check_batch_size(batch_size, fixed) or 32
    data = _checked(read(trainer.model, x), y, sample_weight, size)
    count = rows(data[0])
    check_whole(count, fixed, "training leaves out and adds no rows")
    if not _is_traced((state, data)):
        trainer = as_data_lie(trainer, data)
        data, state = put_everywhere(trainer, data), put_state(trainer, state)
    orders = _orders(state, count, -(-count // size), int(steps)) if shuffle else None
    tuned, state = with_hyperparameters(trainer, state, hyperparameters or {})
    sample = spec(data, min(size, count))
    empty = tuned.reset_metrics(state, sample[0])
    if has_own_loss(tuned):
        empty = room_for_logs(tuned, empty, jax.eval_shape(lambda s: s, state), sample, training=True)
    lengths = Lengths(int(steps), size, every_of(checkpoint_every, int(steps)))
    state, logs = run_steps(tuned, state, data, orders, empty, lengths)
    return trainer.finalize(without_logs(without_hyperparameters(state)), sample[0]), logs


def _is_traced(tree: PyTree) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def _checked(x: PyTree, y: PyTree, sample_weight: PyTree, size: int) -> Batch:
    """The data as arrays of one length; of traced ones only the shapes are looked at."""
    if not _is_traced((x, y, sample_weight)):
        return array_data(x, y, sample_weight, size).tree
    x, y, sample_weight = as_arrays(x), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight")
    check_lengths(*jax.tree.map(lambda leaf: np.broadcast_to(np.int8(0), np.shape(leaf)), (x, y, sample_weight)))
    return jax.tree.map(jnp.asarray, (x, y, sample_weight))  # type: ignore[no-any-return]


def _orders(state: TrainState, count: int, batches: int, steps: int) -> jax.Array:
    """The order of the rows in each epoch, int32 of shape (epochs, rows)."""
    epochs = -(-steps // batches)

    def orders(seed: Any, step: Any) -> np.ndarray:
        first = int(step)
        found = [order_of(np.asarray(seed), first + epoch * batches, count) for epoch in range(epochs)]
        return np.stack(found).astype(np.int32)

    if not _is_traced((state.rng_data, state.step)):
        with jax.ensure_compile_time_eval():
            return jnp.asarray(orders(state.rng_data, state.step))
    shape = jax.ShapeDtypeStruct((epochs, count), jnp.int32)
    found: jax.Array = jax.pure_callback(orders, shape, state.rng_data, state.step, vmap_method="sequential")
    return found


def _check_every(every: Any) -> None:
    if every is None or every == "sqrt":
        return
    if isinstance(every, str | bool) or not hasattr(every, "__index__") or every < 1:
        raise ValueError(
            explain(
                "checkpoint_every is how many steps lie between two states that are kept.",
                received=repr(every),
                usually="a directory, or True: no file is written here, it is for the backward pass.",
                write='checkpoint_every="sqrt", checkpoint_every=16, or None',
            )
        )
