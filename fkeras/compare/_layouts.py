"""Recordings of a framework whose channels stand before height and width: their arrays as the other model has them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import jax
import numpy as np

from ._record import Call, Trace

#: Pairs of `(reference, running)` in the order in which they run.
Pairs = list[tuple[Call | None, Call | None]]


def in_one_layout(pairs: Pairs, reference: Trace) -> tuple[Pairs, Trace]:
    """The pairs and the trace with channels where the running model has them.

    The shapes of all pairs decide together: where channels are as many as rows, one array's shape does not tell.
    """
    votes = 0
    for known, run in pairs:
        if known is None or run is None or known.args is not None:
            continue
        array, like = known.results[0], run.results[0]
        if array.ndim == like.ndim > 3:
            votes += int(np.moveaxis(array, 1, -1).shape == like.shape) - int(array.shape == like.shape)
    if votes <= 0:
        return pairs, reference
    moved = {id(call): _moved(call) for call in reference.calls}
    calls = tuple(moved[id(call)] for call in reference.calls)
    return [(moved[id(k)] if k is not None else None, run) for k, run in pairs], dataclasses.replace(
        reference, calls=calls
    )


def _moved(call: Call) -> Call:
    leaves = jax.tree.leaves(call.output)
    if all(np.ndim(leaf) < 4 for leaf in leaves):
        return call
    output = jax.tree.map(lambda leaf: np.moveaxis(leaf, 1, -1) if np.ndim(leaf) > 3 else leaf, call.output)
    return dataclasses.replace(call, output=output, note="channels stand on another axis")


def flattened_otherwise(
    array: np.ndarray, shape: tuple[int, ...], shapes: Iterable[Sequence[int]]
) -> Iterator[np.ndarray]:
    """A flattened array as it would be if one of these shapes had been flattened in another order of its axes."""
    if array.ndim != 2 or array.shape != shape:
        return
    for inner in sorted({tuple(s[1:]) for s in shapes if len(s) > 2 and math.prod(s[1:]) == array.shape[1]}):
        for order in itertools.permutations(range(len(inner))):
            if order != tuple(range(len(inner))):
                taken = np.arange(array.shape[1]).reshape(inner).transpose(order).reshape(-1)
                yield array[:, taken]
                yield array[:, np.argsort(taken)]
