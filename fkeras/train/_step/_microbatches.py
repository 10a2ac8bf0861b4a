"""The gradient of a batch, one part of its rows after the other, so that the activations of one part are in memory.

The loss of a batch is a quotient `sum(n_k) / sum(d_k)` over its parts `k`: of sums and counts for a mean over rows, of
weighted sums and weights for a mean by weights; masked steps count for nothing in either. So the numerators are
differentiated, added up, and divided once. A loss with `reduction="sum"` has no denominators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ...core import explain
from ...core.typing import Batch, PyTree
from .. import losses as fk_losses
from ..losses._base import SUMS
from ._batch import rows, unpack
from ._equations import CONVOLUTION, equations
from ._learner import Learner
from ._measurement import measured, objective_of, outputs_of
from ._outputs import Comparison
from ._placed import spread_rows
from ._running_sums import RunningSums
from ._state import TrainState
from ._step_outputs import Shown


class Share(NamedTuple):
    """What a part of a batch adds to the batch's loss, `numerator / denominator`.

    Attributes:
        numerator: what is differentiated.
        denominator: what the sum of all numerators is divided by, in parts.
        own: the numerator without what layers added.
    """

    numerator: jax.Array
    denominator: jax.Array
    own: jax.Array


class Learnt(NamedTuple):
    """What the rows of a batch say.

    Attributes:
        grads: the gradient of the batch's loss.
        loss: the batch's loss.
        metrics: the running sums after it.
        model_state: the collections after it.
        shown: the numbers that the loss of a user's own logs, and the outputs' structure.
    """

    grads: PyTree
    loss: jax.Array
    metrics: RunningSums
    model_state: Mapping[str, PyTree]
    shown: Shown


#: `(state, batch, rng, share) -> (gradient of the numerator, (share, loss, extras))`.
Gradient = Callable[[TrainState, Batch, jax.Array, Callable[..., Share]], tuple[PyTree, tuple[Share, jax.Array, Any]]]


def share_of(trainer: Learner, batch: Batch, of: int, is_own: bool) -> Callable[[jax.Array, Mapping[str, Any]], Share]:
    """What a part of a batch adds, as a function of its loss and of what `compute_loss` returned beside it.

    Args:
        trainer: the trainer.
        batch: the part.
        of: how many rows the whole batch has.
        is_own: whether the loss is one of the user's, which counts by rows.

    Raises:
        ValueError: a loss that sees the batch as a whole, or several that are divided by different counts.
    """
    x, y, sample_weight = unpack(batch)
    part = jnp.float32(rows(x) / of)
    losses = trainer.objective.given_losses()
    kinds = {loss.reduction for loss in losses if isinstance(loss, fk_losses.Loss)}

    def share(loss: jax.Array, extras: Mapping[str, Any]) -> Share:
        y_pred, masks, added = extras.get("y_pred"), extras.get("masks") or [], extras.get("added")
        added = jnp.float32(0) if added is None else added
        if is_own or y_pred is None or not losses:
            return Share(loss * part, part, (loss - added) * part)
        if not all(fk_losses.is_known(one) for one in losses):
            raise _whole(next(one for one in losses if not fk_losses.is_known(one)))
        if kinds <= set(SUMS):
            return Share(loss - added + part * added, part, loss - added)
        outputs = outputs_of(trainer, y_pred)
        objective = objective_of(trainer, outputs)
        compared = Comparison.of(y_pred, outputs.names, y, sample_weight, list(masks) or [None] * len(outputs.names))
        found = objective.exact_loss(compared, None)
        if len(found) > 1:
            if kinds != {"sum_over_batch_size"} or any(mask is not None for mask in masks):
                raise _mixed(sorted(map(str, kinds)))
            return Share(loss * part, part, (loss - added) * part)
        ((name, (total, count)),) = found.items()
        factor = objective.factors[outputs.names.index(name)]
        return Share(factor * total + count * added, count, total)

    return share


def in_parts(
    trainer: Learner, state: TrainState, batch: Batch, rng: jax.Array, is_own: bool, gradient: Gradient
) -> Learnt:
    """What a batch says, `trainer.accumulate_in_step` parts one after the other.

    Rows that lie `parts` apart are one part, so that each has rows of every device. Collections go from part to part;
    each part draws with a key of its own.

    Args:
        trainer: the trainer.
        state: the state of the run.
        batch: the batch.
        rng: the step's key.
        is_own: whether the loss is one of the user's.
        gradient: of a part.

    Returns:
        The same as for the batch as a whole.
    """
    count = rows(batch[0])
    size = -(-count // trainer.accumulate_in_step)
    full = count // size

    def one(carry: Any, given: tuple[jax.Array, Batch]) -> tuple[Any, Any]:
        grads, share, sums, collections = carry
        number, part = given
        part = spread_rows(trainer, part)
        here = state.replace(model_state=collections)
        of_part = share_of(trainer, part, count, is_own)
        new, (added, loss, extras) = gradient(here, part, jax.random.fold_in(rng, number), of_part)
        learnt = whole(trainer, here.replace(metrics=sums), part, new, loss, extras)
        grads = new if grads is None else jax.tree.map(jnp.add, grads, new)
        share = added if share is None else jax.tree.map(jnp.add, share, added)
        return (grads, share, learnt.metrics, learnt.model_state), learnt.shown

    def cut(leaf: jax.Array) -> jax.Array:
        return jnp.swapaxes(leaf[: size * full].reshape(size, full, *leaf.shape[1:]), 0, 1)

    numbers, parts = jnp.arange(full), jax.tree.map(cut, batch)
    first = jax.tree.map(lambda a: a[0], (numbers, parts))
    start: Any = (None, None, state.metrics, state.model_state)
    traced, made = jax.make_jaxpr(one, return_shape=True)(start, first)
    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), made[0][:2])
    # XLA's CPU backend runs the gradient of a convolution's kernel many times slower inside a loop than outside one
    slow_in_loops = jax.default_backend() == "cpu" and any(e.primitive.name == CONVOLUTION for e in equations(traced))
    carry, shown = lax.scan(one, (*zeros, *start[2:]), (numbers, parts), unroll=full if slow_in_loops else 1)
    last = jax.tree.map(lambda a: a[-1], shown.numbers)
    logged = jax.tree.map(lambda a: a.sum(axis=0) * (size / count), shown.averaged)
    if size * full < count:
        rest = jax.tree.map(lambda a: a[size * full :], batch)
        carry, more = one(carry, (jnp.int32(full), rest))
        part = 1 - size * full / count
        last, logged = more.numbers, jax.tree.map(lambda a, b: a + b * part, logged, more.averaged)
    grads, share, sums, collections = carry
    divisor = jnp.where(share.denominator != 0, share.denominator, 1)
    grads = jax.tree.map(lambda g: (g / divisor).astype(g.dtype), grads)
    sums = _with_exact_loss(state.metrics, sums, share.own / divisor, count)
    return Learnt(grads, share.numerator / divisor, sums, collections, Shown(last, shown.outputs, logged))


def whole(
    trainer: Learner, state: TrainState, batch: Batch, grads: PyTree, loss: jax.Array, extras: Mapping[str, Any]
) -> Learnt:
    """What a batch says that was differentiated as a whole."""
    y_pred = extras.get("y_pred")
    outputs = None if y_pred is None else outputs_of(trainer, y_pred)
    return Learnt(
        grads,
        loss,
        measured(trainer, state.metrics, batch, loss, extras),
        {**state.model_state, **extras.get("model_state", {})},
        Shown(dict(extras.get("last", {})), outputs, dict(extras.get("logs", {}))),
    )


def _with_exact_loss(before: Any, sums: RunningSums, loss: jax.Array, count: int) -> RunningSums:
    """Running sums in which the only loss counts as the batch's, and not as its parts' by their rows."""
    losses = dict(before["losses"])
    if len(losses) != 1:
        return sums
    ((name, old),) = losses.items()
    new = {"total": old["total"] + loss * count, "count": old["count"] + count}
    return RunningSums.of({**sums, "losses": {name: new}})


def _whole(loss: Any) -> ValueError:
    return ValueError(
        explain(
            "A batch cannot be cut into parts for a loss that sees it as a whole.",
            received=f"accumulate_in_step, and the loss {loss!r}"[:160],
            usually="Dice, or a function of one's own that returns one number for a batch.",
            write="a loss with a value for each row; or accumulate_in_step=1",
        )
    )


def _mixed(kinds: list[str]) -> ValueError:
    return ValueError(
        explain(
            "The losses of several outputs are divided by different counts, which parts of a batch do not know.",
            received=f"accumulate_in_step, reductions {', '.join(kinds)}, or masked outputs",
            usually="sequences of several lengths, or reduction='mean_with_sample_weight'.",
            write='reduction="sum_over_batch_size" for each output, or accumulate_in_step=1',
        )
    )
