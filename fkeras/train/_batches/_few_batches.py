"""The first few batches of a source, the same ones in each epoch: can the model learn these by heart?"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from ...core import explain
from ._sources import Arrays, Position, Stream

_WRITE = "overfit_batches=10 for so many batches, or 0.1 for a tenth of them"


def few_batches(source: Arrays | Stream, given: int | float) -> Arrays | Stream:
    """A source of the first batches of another.

    Args:
        source: the batches; of what yields them, the first are drawn and kept in memory.
        given: how many batches; or a fraction of them, a float between 0 and 1.

    Returns:
        A source whose epochs are these batches, in their order.

    Raises:
        ValueError: no such number, a fraction of nobody knows how many, or `steps_per_epoch` beside it.

    >>> import numpy as np
    >>> from fkeras.train._batches._arrays import array_data
    >>> few_batches(Arrays(array_data(np.ones((100, 2)), None, None, 10)), 0.25).data.count
    20
    """
    if source.limit is not None:
        raise ValueError(
            explain(
                "overfit_batches and steps_per_epoch both say how many steps an epoch has.",
                received=f"overfit_batches={given}, steps_per_epoch={source.limit}",
                write=f"overfit_batches={given}",
            )
        )
    count = part_of("overfit_batches", given, source.steps, _WRITE)
    if isinstance(source, Arrays):
        rows = min(count * source.data.batch_size, source.data.count)
        return dataclasses.replace(source, data=source.data.slice(0, rows))
    kept = list(itertools.islice(source.epoch(None, Position(0, 0)), count))
    return Stream(lambda: iter(kept), len(kept), None, origin=kept, fixed=source.fixed)


def part_of(name: str, given: int | float, count: int | None, write: str) -> int:
    """How many batches an argument means that says a number or a fraction.

    Args:
        name: of the argument.
        given: a number of batches, at least 1; or a fraction, a float between 0 and 1.
        count: how many batches there are, where that is known.
        write: the line to write instead.

    Raises:
        ValueError: neither, or a fraction where `count` is not known.
    """
    is_number = isinstance(given, int | np.integer | float | np.floating) and not isinstance(given, bool)
    if is_number and isinstance(given, int | np.integer) and given >= 1:
        return int(given)
    if is_number and isinstance(given, float | np.floating) and 0 < given <= 1:
        if count is None:
            raise ValueError(
                explain(
                    f"{name} is a fraction of nobody knows how many batches.",
                    received=f"{name}={given}, and data without a length",
                    usually="a generator says no length; a number of batches needs none.",
                    write=write,
                )
            )
        return max(1, int(count * given))
    raise ValueError(
        explain(
            f"{name} is a number of batches, or a fraction of them.",
            received=f"{name}={given!r}",
            usually="True, a negative number, or a float above 1: a float is a fraction.",
            write=write,
        )
    )
