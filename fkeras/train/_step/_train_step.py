"""The train step: the one place where a loss is differentiated and an optimizer moves the weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import describe, did_you_mean, explain
from ...core.typing import Batch, PyTree
from .. import optimizers as fk_optimizers
from ..distribution._host_memory import fetched
from ..optimizers._per_weight import per_weight
from ._batch import as_given, unpack
from ._breakable import breakable
from ._compiled_method import CompiledMethod, overrides
from ._forward import added_losses, output_masks
from ._learner import Learner
from ._logged_norms import step_numbers
from ._measurement import objective_of, outputs_of, step_logs
from ._microbatches import in_parts, whole
from ._mixed_precision import all_finite, is_dynamic
from ._outputs import Comparison
from ._partition import check_overwrites, merge, warn_that_nothing_trains
from ._per_example import asks_for_rows, by_row, check_rows_are_apart
from ._placed import in_place, keep_in_place
from ._programs import compiled, note_trace
from ._state import TrainState, check_is_state, example_of
from ._step_outputs import Shown

# What a `compute_loss` may return beside the loss.
_EXTRAS = ("y_pred", "model_state", "logs", "last", "parts", "masks", "added")


# ------------------------------------------------------------------ what a trainer does unless its class says otherwise
def compute_loss(trainer: Learner, params: PyTree, state: TrainState, batch: Batch, rng: jax.Array | None) -> Any:
    """The scalar to minimise; override it to train on something else.

    Args:
        trainer: the trainer.
        params: the weights to differentiate with respect to.
        state: the state of the run.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        rng: the step's key; `None` in evaluation.

    Returns:
        The loss, or `(loss, extras)`: a dict with any of `y_pred` (for the metrics), `model_state` (changed
        collections), `logs` (numbers to show, of an epoch their mean over its batches by rows), `last` (numbers of
        which the last step's is shown), and `parts`, `masks` and `added`, which are this method's own.
    """
    _check_is_pair(trainer, batch)
    x, y, sample_weight = unpack(batch)
    training = rng is not None
    y_pred, updates = trainer.forward(params, state, x, state.rng if rng is None else rng, training)
    outputs = outputs_of(trainer, y_pred)
    masks = output_masks(updates, len(outputs.names))
    compared = Comparison.of(y_pred, outputs.names, y, sample_weight, masks)
    with jax.named_scope("loss"):
        total, parts = objective_of(trainer, outputs).batch_loss(compared)
    added = added_losses(updates)
    if total is None and added is None:
        raise ValueError(
            explain(
                "There is no loss to minimise.",
                usually="compile was called without a loss, and no layer adds one.",
                write='model.compile(optimizer="adam", loss="mse")',
            )
        )
    kept = {c: updates[c] for c in state.model_state if c in updates} if training else {}
    extras = {"y_pred": y_pred, "parts": parts, "masks": masks, "added": added, "model_state": kept}
    return (total if total is not None else 0.0) + (added if added is not None else 0.0), extras


def _check_is_pair(trainer: Learner, batch: object) -> None:
    """Refuse a dict in place of `(x, y)`, where targets are needed: a dict is the inputs by name."""
    if isinstance(batch, Mapping) and trainer.objective.given_losses():
        names = [f"batch[{name!r}]" for name in list(batch)[:2]]
        raise TypeError(
            explain(
                "A batch is (x, y), and a dict holds inputs alone: there are no targets for the loss.",
                received=describe(batch),
                usually="a data loader that yields dicts.",
                write=f"trainer.train_step(state, ({', '.join(names if len(names) == 2 else ['x', 'y'])}))",
            )
        )


def train_step(trainer: Learner, state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step: `(state, batch) -> (next state, logs)`, pure and compiled; put it in your own `scan`.

    What layers draw follows from `key = fold_in(state.rng, state.step)`: the stream `dropout` is `fold_in(key, 1)`.

    Args:
        trainer: the trainer.
        state: the state of the run; it stays usable.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Returns:
        The next state, and the logs as device scalars: loss and metrics are means over all steps since the running sums
        in the state began, as `fit` shows them of an epoch. They begin anew with
        `state = state.replace(metrics=trainer.reset_metrics(state))`.
    """
    check_is_state(state, "train_step", "state, batch", (batch,))
    state, shown = _step(trainer, *in_place(trainer, state, batch))
    state = keep_in_place(trainer, state)
    return state, step_logs(trainer, state, shown)


def per_example_gradients(trainer: Learner, state: TrainState, batch: Batch, *, slices: int | None = None) -> PyTree:
    r"""The gradient of each row's loss: $\nabla_\theta L(\{x_i\})$, of the loss of a batch that has row $i$ alone.

    Its mean over the rows is the gradient of the batch's loss, where no steps of sequences are masked: a row's loss is
    a mean over its own steps. Sample weights multiply, and what layers add counts for each row. Rows draw with keys of
    their own where there is dropout.

    Args:
        trainer: the trainer.
        state: the state of the run.
        batch: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        slices: into how many parts the rows are cut; the activations of one part are in memory.

    Returns:
        A pytree as the weights that move, each leaf with an axis of rows before its own.

    Raises:
        ValueError: a model or a loss that looks at the batch as a whole, as BatchNormalization does in training.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1, kernel_initializer="zeros")]).compile("sgd", "mse")
    >>> x = np.array([[1.0], [2.0]], "float32")
    >>> trainer.per_example_gradients(trainer.init(0), (x, x))["dense"]["bias"].ravel()
    Array([-2., -4.], dtype=float32)
    """
    check_is_state(state, "per_example_gradients", "state, batch", (batch,))
    parts = 1 if slices is None else slices
    if isinstance(parts, bool) or not hasattr(parts, "__index__") or parts < 1:
        raise ValueError(
            explain(
                "slices is the number of parts that the rows are cut into.", received=repr(slices), write="slices=4"
            )
        )
    return compiled(trainer, _per_example_gradients, static=(2,))(state, as_given(batch), int(parts))


def _per_example_gradients(trainer: Learner, state: TrainState, batch: Batch, slices: int) -> PyTree:
    rng = jax.random.fold_in(state.rng, state.step)
    moving, resting = trainer.partition(example_of(state, unpack(batch)[0])).split(state.params)

    def gradient(state: TrainState, batch: Batch, rng: jax.Array) -> Any:
        def loss_of(moving: PyTree) -> tuple[jax.Array, Any]:
            loss, extras = loss_and_extras(trainer, merge(moving, resting), state, batch, rng)
            check_rows_are_apart(state.model_state, extras.get("model_state", {}))
            return loss, None

        return jax.grad(loss_of, has_aux=True)(moving)

    return by_row(trainer, state, batch, rng, slices, has_own_loss(trainer), gradient)


def loss_and_extras(
    trainer: Learner, params: PyTree, state: TrainState, batch: Batch, rng: jax.Array | None
) -> tuple[jax.Array, dict[str, Any]]:
    """`trainer.compute_loss` of a batch as it was given, in the longer of the two forms of its result.

    Raises:
        TypeError: it returned something else.
        ValueError: something beside the loss that nothing takes.
    """
    try:
        result = trainer.compute_loss(params, state, as_given(batch), rng)
    except (TypeError, ValueError) as error:
        if rng is None:
            error.add_note(
                f"{type(trainer).__name__}.compute_loss was called by an evaluation, in which `rng` is None. "
                "A loss that draws writes: key = state.rng if rng is None else rng"
            )
        raise
    loss, extras = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    is_number = isinstance(loss, jax.Array | np.ndarray | np.generic | float | int) and np.ndim(loss) == 0
    if not is_number or not isinstance(extras, Mapping):
        raise TypeError(
            explain(
                f"{type(trainer).__name__}.compute_loss must return a number, or a number and a dict.",
                received=f"a loss of shape {loss.shape}" if getattr(loss, "shape", ()) else describe(result),
                usually="a loss of each row that was not averaged, or logs that are not inside a dict of extras.",
                write='return loss.mean(), {"y_pred": y_pred, "logs": {"kl": kl}}',
            )
        )
    unknown = [name for name in extras if name not in _EXTRAS]
    if unknown:
        place, value = ("model_state", "updates") if isinstance(extras[unknown[0]], Mapping) else ("logs", "value")
        raise ValueError(
            explain(
                f"{type(trainer).__name__}.compute_loss returned {unknown[0]!r} beside the loss, and nothing takes it.",
                received=describe(extras),
                usually=did_you_mean(unknown[0], _EXTRAS),
                write=f'return loss, {{"{place}": {{"{unknown[0]}": {value}}}}}',
            )
        )
    return loss, dict(extras)


# ------------------------------------------------------------------ a step as a loop over steps wants it
def has_own_step(trainer: Learner) -> bool:
    """Whether a trainer's class has a train step of its own."""
    return overrides(trainer, "train_step", train_step)


def has_own_loss(trainer: Learner) -> bool:
    """Whether a trainer's class minimises something of its own."""
    return overrides(trainer, "compute_loss", compute_loss)


@breakable(2)
def advance(trainer: Learner, state: TrainState, batch: Batch, last: Any = None) -> tuple[TrainState, Any]:
    """`(next state, what the step shows)`; `logs_after` makes logs of what the last of many steps shows.

    Args:
        trainer: the trainer.
        state: the state of the run.
        batch: a batch.
        last: a boolean on the device: what a step shows is only made where it is true. `None` for true.
    """
    note_trace(trainer, (state, batch))
    if has_own_step(trainer):
        own: CompiledMethod = type(trainer).train_step  # type: ignore[assignment]
        next_state, logs = own.function(trainer, fetched(state), as_given(batch))
        return keep_in_place(trainer, next_state), logs
    state, shown = _step(trainer, state, batch, last)
    return keep_in_place(trainer, state), shown


def logs_after(trainer: Learner, state: TrainState, shown: Any) -> dict[str, jax.Array]:
    """The logs of a step that led to a state and shows this."""
    return dict(shown) if has_own_step(trainer) else step_logs(trainer, state, shown)


def _step(trainer: Learner, state: TrainState, batch: Batch, last: Any = None) -> tuple[TrainState, Shown]:
    """The next state, and what this step alone shows; its numbers are zeros where `last` is false."""
    rng = jax.random.fold_in(state.rng, state.step)
    partition = trainer.partition(example_of(state, unpack(batch)[0]))
    moving, resting = partition.split(state.params)
    overwritten, at_rest = partition.split_overwritten(resting)  # no weights but in layers of float8 and one's own
    if not moving and not overwritten:
        warn_that_nothing_trains(trainer, state)
    optimizer = trainer.optimizer

    scale = getattr(optimizer, "scale_loss", None)

    def gradient(state: TrainState, batch: Batch, rng: jax.Array, share: Any = None) -> Any:
        def loss_of(weights: PyTree) -> tuple[jax.Array, Any]:
            loss, extras = loss_and_extras(trainer, merge(weights, at_rest), state, batch, rng)
            part = None if share is None else share(loss, extras)
            total = loss if part is None else part.numerator
            return (scale(total, state.opt_state) if scale else total), (part, loss, extras)

        return jax.grad(loss_of, has_aux=True)(merge(moving, overwritten))

    of_rows = asks_for_rows(state.opt_state)
    if overwritten:
        check_overwrites(trainer, partition, of_rows)
    if of_rows:
        # the loss and what is measured are the batch's, of a pass forward of its own
        grads = by_row(trainer, state, batch, rng, trainer.accumulate_in_step, has_own_loss(trainer), gradient)
        loss, extras = loss_and_extras(trainer, state.params, state, batch, rng)
        check_rows_are_apart(state.model_state, extras.get("model_state", {}))
        learnt = whole(trainer, state, batch, grads, loss, extras)
    elif trainer.accumulate_in_step > 1:
        learnt = in_parts(trainer, state, batch, rng, has_own_loss(trainer), gradient)
    else:
        grads, (_, loss, extras) = gradient(state, batch, rng)
        learnt = whole(trainer, state, batch, grads, loss, extras)
    grads, written = partition.split(learnt.grads) if overwritten else (learnt.grads, overwritten)

    def value_fn(moving: PyTree, obj_fn: Any = None, batch_weight: Any = None) -> jax.Array:
        # optax's line search hands on what else `update` was given
        return loss_and_extras(trainer, merge(moving, resting), state, batch, rng)[0]

    extra = {"value": learnt.loss, "grad": grads, "value_fn": value_fn, "obj_fn": value_fn}
    extra["batch_weight"] = trainer.objective.weight_of(batch)
    state = fetched(state)  # slots that lie in the host's memory, which nothing before needed
    with jax.named_scope("optimizer"):
        updates, opt_state = fk_optimizers.update(optimizer, grads, state.opt_state, moving, **extra)
        params = merge(partition.constrain(per_weight(optax.apply_updates, moving, updates)), merge(at_rest, written))
    collections = learnt.model_state
    if is_dynamic(optimizer):  # a step that overflows changes nothing
        finite = all_finite(grads)
        params = merge(params, jax.tree.map(lambda a, b: jnp.where(finite, a, b), written, overwritten))
        collections = jax.tree.map(lambda a, b: jnp.where(finite, a, b), collections, state.model_state)

    after = state.replace(
        step=state.step + 1,
        params=params,
        model_state=collections,
        opt_state=opt_state,
        metrics=learnt.metrics,
    )

    def numbers() -> dict[str, jax.Array]:
        shown = jax.tree.map(lambda g: g.mean(axis=0), grads) if of_rows else grads
        return step_numbers(trainer.log, optimizer, shown, updates, after, state.opt_state)

    if last is None:
        shown = numbers()
    else:
        shown = jax.lax.cond(last, numbers, lambda: jax.tree.map(jnp.zeros_like, jax.eval_shape(numbers)))
    return after, dataclasses.replace(learnt.shown, numbers={**shown, **learnt.shown.numbers})
