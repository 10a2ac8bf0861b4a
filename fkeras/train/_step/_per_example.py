"""The gradient of each row's loss, and optimizers that ask for it: those of differentially private training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax import contrib

from ...core import explain, plain_path_name
from ...core.typing import Batch, PyTree
from .. import losses as fk_losses
from ..optimizers._accumulate import AccumulateState
from ._batch import rows, unpack
from ._learner import Learner
from ._state import TrainState

#: `(state, batch, rng) -> (gradient, of a batch; what was computed beside it)`.
Gradient = Callable[[TrainState, Batch, jax.Array], tuple[PyTree, Any]]


def by_row(
    trainer: Learner, state: TrainState, batch: Batch, rng: jax.Array, slices: int, is_own: bool, gradient: Gradient
) -> PyTree:
    """The gradient of each row's loss: of the loss of a batch that has this row alone.

    Args:
        trainer: the trainer.
        state: the state of the run.
        batch: the batch.
        rng: the step's key; each row draws with one of its own.
        slices: into how many parts the rows are cut, whose activations are in memory one part after the other.
        is_own: whether the loss is one of the user's.
        gradient: of a batch.

    Returns:
        A pytree as the weights that move, each leaf with an axis of rows before its own.

    Raises:
        ValueError: a loss of the batch that is not made of losses of rows.
    """
    batch = jax.tree.map(jnp.asarray, unpack(batch))
    count = rows(batch[0])
    _check_is_of_rows(trainer, batch, is_own)
    size = -(-count // slices)
    whole = count // size * size

    def of_row(number: jax.Array, row: Batch) -> PyTree:
        alone = jax.tree.map(lambda a: a[None], row)
        return gradient(state, alone, jax.random.fold_in(rng, number))[0]

    def of_rows(first: int, last: int) -> PyTree:
        part = jnp.arange(first, last), jax.tree.map(lambda a: a[first:last], batch)
        return optax.microbatching.micro_vmap(of_row, in_axes=(0, 0), microbatch_size=min(size, last - first))(*part)

    found = of_rows(0, whole)
    if whole == count:
        return found
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), found, of_rows(whole, count))


def asks_for_rows(opt_state: PyTree) -> bool:
    """Whether an optimizer is given the gradient of each row, and not their mean; told by its state.

    Raises:
        ValueError: one that sums up the gradients of batches first, and so gives no row a bound of its own.

    >>> import jax.numpy as jnp
    >>> private = contrib.differentially_private_aggregate(1.0, 0.5, key=0)
    >>> asks_for_rows(optax.chain(private, optax.sgd(0.1)).init(jnp.ones(2)))
    True
    """

    def is_found(node: object) -> bool:
        return isinstance(node, contrib.DifferentiallyPrivateAggregateState | AccumulateState | optax.MultiStepsState)

    nodes = [node for node in jax.tree.leaves(opt_state, is_leaf=is_found) if is_found(node)]
    for node in nodes:
        inner = getattr(node, "inner", None) or getattr(node, "inner_opt_state", None)
        if inner is not None and asks_for_rows(inner):
            raise ValueError(
                explain(
                    "A differentially private optimizer cannot accumulate batches: it bounds what each row adds.",
                    received=f"a {type(node).__name__} around a {contrib.DifferentiallyPrivateAggregateState.__name__}",
                    usually="several batches in one move, for a larger batch than memory holds.",
                    write="compile(..., accumulate_in_step=4), which makes the rows' gradients part by part",
                )
            )
    return any(isinstance(node, contrib.DifferentiallyPrivateAggregateState) for node in nodes)


def check_rows_are_apart(before: PyTree, after: PyTree) -> None:
    """Refuse a model that changes a collection in training, as BatchNormalization does with statistics of a batch.

    Args:
        before: the collections that a step was traced with.
        after: those after it; what did not change is the same array.

    Raises:
        ValueError: naming what changed.
    """
    old = {plain_path_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(before)}
    changed = [
        name
        for path, leaf in jax.tree_util.tree_leaves_with_path(after)
        if old.get(name := plain_path_name(path)) is not leaf
    ]
    if changed:
        raise ValueError(
            explain(
                "The loss of this model is not a sum over rows: in training it looks at the batch as a whole.",
                received=f"{', '.join(changed[:4])} change in each step",
                usually="BatchNormalization, which takes each row off the mean of all.",
                write="fk.nn.GroupNormalization() or LayerNormalization(); or model.freeze('.*batch_normalization')",
            )
        )


def _check_is_of_rows(trainer: Learner, batch: Batch, is_own: bool) -> None:
    """Refuse losses that see a batch as a whole, or divide by the weights of all its rows."""
    if is_own:
        return
    for loss in trainer.objective.given_losses():
        if not fk_losses.is_known(loss):
            raise _not_of_rows(loss, "Dice, or a function of one's own that returns one number for a batch.")
        reduction = getattr(loss, "reduction", None)
        if reduction == "mean_with_sample_weight" and unpack(batch)[2] is not None:
            raise _not_of_rows(loss, "a mean by weights, which divides each row by the weights of all.")


def _not_of_rows(loss: Any, usually: str) -> ValueError:
    return ValueError(
        explain(
            "The loss of a batch is not a sum over its rows, so no row has a gradient of its own.",
            received=repr(loss)[:120],
            usually=usually,
            write='a loss with a value for each row, and reduction="sum_over_batch_size"',
        )
    )
