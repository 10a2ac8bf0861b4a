"""Activations that stand behind a layer in one model, where the other has them among the layer's fields."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from ..core import Layer
from ..core.typing import PyTree
from ._equal import Tolerance, arrays_of, distance, numbers
from ._layouts import Pairs
from ._record import Call, Trace


def activated_behind(pairs: Pairs, reference: Trace, running: Trace) -> set[object]:
    """Calls with an activation of their own behind them that the other model has not: by `id`, or where they run.

    The activation is a layer, or a line of a model's own code: what the call gives reaches no layer as it is, and what
    its partner's activation makes of it reaches one.
    """
    found: set[object] = set()
    last: dict[int, Call] = {}
    for pair in pairs:
        for side, call in enumerate(pair):
            if call is not None and call.kind == "activation" and pair[1 - side] is None and side in last:
                found.add(last[side].place if side else id(last[side]))
            elif call is not None:
                last[side] = call
    for known, run in pairs:
        if known is not None and run is not None and has_activation(known) and has_activation(run):
            found |= {id(known)} if _is_activated(known, run, reference) else set()
            found |= {run.place} if _is_activated(run, known, running) else set()
    return found


def has_activation(call: Call) -> bool:
    """Whether a layer has an activation of its own among its fields; of a recorded one nobody knows."""
    return isinstance(call.module, Layer) and callable(getattr(call.module, "activation", None))


def _is_activated(call: Call, partner: Call, trace: Trace) -> bool:
    """Whether what runs after a call takes its output through the activation that its partner has and it has not."""
    own, other = call.module.activation, partner.module.activation  # type: ignore[union-attr]
    output = arrays_of(call.output)[0]
    if own is other or call.kind in ("activation", "recurrent") or not np.array_equal(own(output), output):
        return False
    given, made = numbers(output), numbers(jnp.asarray(other(output)))
    near = Tolerance().allowed(made, call.rounding)
    if given.shape != made.shape or distance(given, made) <= near:
        return False
    after = [numbers(leaf) for leaf in _after(call, trace)]
    return any(distance(taken, made) <= near for taken in after) and not any(
        distance(taken, given) <= near for taken in after
    )


def _after(call: Call, trace: Trace) -> Iterator[jax.Array]:
    """The arrays that later calls of a trace take, and those that its model gives."""
    later = [other.place for other in trace.calls].index(call.place) + 1
    taken: list[PyTree] = [other.inputs or () for other in trace.calls[later:]]
    for leaf in arrays_of([*taken, trace.output]):
        if leaf.shape == jnp.shape(call.output):
            yield leaf
