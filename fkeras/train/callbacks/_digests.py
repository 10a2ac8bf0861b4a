"""Digests: a number for the whole state, every so many steps."""

from __future__ import annotations

import numpy as np

from ...core import explain
from ._base import Callback


class Digests(Callback):
    """Notes a digest of the whole state every so many steps, in `history.digests`: `{step: digest}`.

    Two runs are one as long as their digests are equal; `fk.train.first_difference(history, other)` tells where they
    parted. A digest is that of `fk.train.digest`, of the state as a step leaves it, before callbacks change it. It is
    computed on the device, and costs about one pass over the state.

    Args:
        every: after every how many steps of the run; 1 compares each step.

    Raises:
        ValueError: `every` is no positive integer.

    >>> import fkeras as fk, numpy as np
    >>> trainer = fk.Sequential([fk.Input((3,)), fk.nn.Dense(1)]).compile("sgd", "mse")
    >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    >>> asked = dict(batch_size=2, callbacks=fk.callbacks.Digests(every=2), verbose=0)
    >>> state, history = trainer.fit(trainer.init(0), x, y, **asked)
    >>> list(history.digests), history.digests[4] == int(fk.train.digest(state))
    ([2, 4], True)

    Keras has no such callback.
    """

    def __init__(self, every: int = 100) -> None:
        if isinstance(every, bool) or not isinstance(every, int | np.integer) or every < 1:
            raise ValueError(
                explain("Digests: `every` is a number of steps.", received=f"every={every!r}", write="every=100")
            )
        self.every = int(every)
