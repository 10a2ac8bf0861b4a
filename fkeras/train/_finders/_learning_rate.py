"""find_learning_rate: the same short run at many rates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ...core import explain
from ...core.typing import ArrayLike, Batch, PyTree
from .._batches._given_data import training_source
from .._batches._sources import Arrays, Position
from .._loop._pure_run import run
from .._loop._run_arguments import check_counts, named
from .._step._batch import rows as rows_of
from .._step._checked_state import check_optimizer
from .._step._learner import Learner
from .._step._state import TrainState, check_state
from ._rate_curve import LearningRates

# Rates that are tried where none are given: three in each power of ten.
_LOWEST, _HIGHEST, _IN_TEN = 1e-6, 10.0, 3
# The part of a run whose losses count.
_COUNTED = 0.25
# A run is too high a rate's where its loss has grown so much; after so many of them, one after another, no higher rate
# is tried.
_GROWN, _IN_VAIN = 4.0, 2
_NAME = "learning_rate"


@named
def find_learning_rate(
    trainer: Learner,
    state: TrainState,
    x: PyTree,
    y: PyTree = None,
    *,
    sample_weight: PyTree = None,
    batch_size: int | None = None,
    rates: Sequence[float] | None = None,
    steps: int = 100,
) -> LearningRates:
    """The learning rate with which a short run learns most: one run for each rate, from the same state.

    All runs are one compiled program, see the same batches in the same order, and differ in the rate alone. The loss of
    a rate is the mean over the last quarter of its steps. Other than a range test, in which one run goes through all
    rates and each of them starts with what the others did, each rate has its own run; that is what a sweep would say.

    Args:
        trainer: the trainer. Its own learning rate does not matter, so it must not be a schedule.
        state: where each run starts; it stays as it is.
        x, y, sample_weight: arrays or pytrees of arrays, or `x` alone, something that yields batches, as for `fit`. Of
            what yields batches the first `steps` are drawn.
        batch_size: rows in a batch of arrays.
        rates: the rates, from low to high; three in each power of ten from 1e-6 to 10 by default.
        steps: how many steps each run has.

    Returns:
        `LearningRates`: `best`, and `rates` and `losses` as arrays; a notebook shows the curve, `plot()` draws it.
        Where losses grow at two rates one after another, higher ones are not tried.

    Raises:
        TypeError: an optimizer whose rate follows from a schedule.
        ValueError: rates that are no positive numbers; an optimizer whose rate is not in its state; no rate at which
            the loss stays finite.

    >>> import fkeras as fk
    >>> trainer = fk.Sequential([fk.Input((1,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
    >>> found = trainer.find_learning_rate(trainer.init(0), x, 3 * x, rates=[0.001, 0.01, 0.1, 1.0, 10.0], steps=20)
    >>> found.best, found.losses.shape
    (1.0, (5,))

    Keras has none. The range test: Smith, 2017, [Cyclical learning rates](https://arxiv.org/abs/1506.01186).
    """
    check_state(state, "find_learning_rate", "state, x, y", (x, y))
    check_optimizer(trainer, state)
    check_counts(steps=steps)
    tried = _checked_rates(rates)
    source, _ = training_source(trainer, state, x, y, sample_weight, None, batch_size, 0.0, None)
    if isinstance(source, Arrays):
        data, size = source.data.tree, source.size
    else:
        data, size = _joined(list(itertools.islice(source.epoch(None, Position(0, 0)), steps)))
    program = jax.jit(lambda state, data, rate: _losses(trainer, state, data, rate, steps, size))
    data = jax.tree.map(jnp.asarray, data)
    losses: list[float] = []
    for rate in tried:
        losses.append(float(program(state, data, jnp.float32(rate))))
        high = [not loss < _GROWN * min(losses) for loss in losses[-_IN_VAIN:]]
        if rates is None and len(high) == _IN_VAIN and all(high) and len(losses) > _IN_TEN:
            break
    found = np.asarray(losses)
    if not np.isfinite(found).any():
        raise ValueError(
            explain(
                "At no rate did the loss stay finite.",
                received=f"rates from {tried[0]:g} to {tried[-1]:g}",
                usually="numbers in the data that are not finite or very large, or weights that are.",
                write="trainer.fit(state, x, y, check_nans=True), which names the batch",
            )
        )
    return LearningRates(np.asarray(tried[: len(losses)]), np.where(np.isfinite(found), found, np.inf), steps)


def _losses(trainer: Learner, state: TrainState, data: Batch, rate: ArrayLike, steps: int, size: int) -> jax.Array:
    """The mean loss of the last steps of a run at a rate."""
    _, logs = run(trainer, state, data, steps, batch_size=size, hyperparameters={_NAME: rate})
    count = rows_of(data[0])
    sizes = [min(size, count - at) for at in range(0, count, size)]  # of the batches of an epoch
    weights = jnp.asarray(np.asarray(sizes)[np.arange(steps) % len(sizes)], jnp.float32)
    places = np.arange(steps) % len(sizes)
    seen = jnp.asarray(np.cumsum(sizes)[places], jnp.float32)
    # the log of a step is the mean since its epoch began
    sums = logs["loss"] * seen
    before = jnp.where(places == 0, 0.0, jnp.roll(sums, 1))
    last = max(1, int(steps * _COUNTED))
    return jnp.sum((sums - before)[-last:]) / jnp.sum(weights[-last:])


def _joined(batches: Sequence[Batch]) -> tuple[Batch, int]:
    """Batches as arrays, and the rows of a batch."""
    if not batches:
        raise ValueError(explain("The data yielded no batch.", usually="a generator that was read before."))
    sizes = [rows_of(batch[0]) for batch in batches]
    whole = [batch for batch, size in zip(batches, sizes, strict=True) if size == sizes[0]]
    joined: Batch = jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves]), *whole)
    return joined, sizes[0]


def _checked_rates(given: Sequence[float] | None) -> list[float]:
    if given is None:
        powers = round(np.log10(_HIGHEST / _LOWEST))
        return [float(rate) for rate in np.geomspace(_LOWEST, _HIGHEST, powers * _IN_TEN + 1)]
    found = np.asarray(given, float).ravel()
    if found.size < 2 or not (np.isfinite(found).all() and (found > 0).all() and (np.diff(found) > 0).all()):
        raise ValueError(
            explain(
                "rates are at least two positive numbers, from low to high.",
                received=repr(given)[:80],
                write="rates=numpy.geomspace(1e-5, 1, 16)",
            )
        )
    return found.tolist()
