"""evaluate by an evaluation step of the user's own."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence

from ...core import explain
from .._batches._sources import Arrays, Stream, no_batches
from .._step._batch import as_given
from .._step._learner import Learner
from .._step._running_sums import RunningSums
from ..callbacks import CallbackList, Event
from ._progress import Part, Progress
from ._whole_sets import BEGIN, floats


def evaluate_by_own_step(
    trainer: Learner, event: Event, sums: RunningSums, source: Arrays | Stream, steps: int | None,
    progress: Progress | Part, calls: CallbackList, names: Sequence[str],
) -> dict[str, float]:  # fmt: skip
    """The logs of the last of a trainer's own evaluation steps, one for each batch.

    Nothing is padded, as nobody knows what the step makes of a row; what it keeps from batch to batch is in the state.

    Args:
        trainer: the trainer, whose class overrides `eval_step`.
        event: the evaluation, with the state to evaluate.
        sums: the running sums at its beginning.
        source: the batches.
        steps: how many of them at most.
        progress: what shows how far it is.
        calls: the callbacks.
        names: the order of the numbers.
    """
    if trainer.objective.has_on_host():
        warnings.warn(
            explain(
                "evaluate leaves out metrics that need a whole set on the host.",
                received=f"{type(trainer).__name__}.eval_step, whose logs are what is returned",
                usually="fk.metrics.OnHost beside an evaluation step of one's own.",
                write="trainer.predict(state, x), and the function on its result",
            ),
            UserWarning,
            stacklevel=4,
        )
    state, done, logs = event.state.replace(metrics=sums), 0, {}
    for batch in itertools.islice(source.epoch(None, BEGIN), steps):
        calls.call("on_test_batch_begin", event, batch=done)
        state, logs = trainer.eval_step(state, as_given(batch))
        calls.call("on_test_batch_end", event, batch=done, logs=logs)
        done += 1
        progress.step(done, {})
    if not done:
        raise no_batches(0)
    found = floats(logs, names)
    progress.finish(done, found)
    return found
