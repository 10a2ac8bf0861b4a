"""How often a program goes over a large array, one time after another: what a normalisation costs where memory is slow.

Sums that do not depend on each other are made while their input is read once. A sum of something that another sum of
the array is in must wait for it, and reads the array again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

_SUMS = ("reduce_sum", "reduce_max", "reduce_min", "argmax", "argmin", "reduce_or", "reduce_and")


def passes(function: Callable[..., Any], *args: Any, size: int, on_cpu: bool = False) -> int:
    """The longest chain of sums over arrays of at least `size` entries; what is made of the last one is not counted.

    Args:
        function: the function.
        *args: what it is called with.
        size: the least number of entries of what counts.
        on_cpu: whether the program of a CPU is asked for, and not that of an accelerator.
    """
    closed = jax.make_jaxpr(function)(*args)
    return max(_depths(closed, [0] * len(closed.jaxpr.invars), size, on_cpu), default=0)


def _depths(closed: ClosedJaxpr, given: Sequence[int], size: int, on_cpu: bool) -> list[int]:
    """How many sums each output waits for."""
    jaxpr = closed.jaxpr
    known = dict(zip(jaxpr.invars, given, strict=True)) | dict.fromkeys(jaxpr.constvars, 0)

    def depth(atom: Any) -> int:
        return 0 if isinstance(atom, Literal) else known[atom]

    for eqn in jaxpr.eqns:
        inputs = [depth(v) for v in eqn.invars]
        inner = _inner(eqn, on_cpu)
        if inner is not None:
            skipped = len(inputs) - len(inner.jaxpr.invars)
            outputs = _depths(inner, inputs[skipped:], size, on_cpu)
        else:
            large = any(np.prod(getattr(v.aval, "shape", ())) >= size for v in eqn.invars)
            step = int(large and eqn.primitive.name in _SUMS)
            outputs = [max(inputs, default=0) + step] * len(eqn.outvars)
        known |= dict(zip(eqn.outvars, outputs, strict=True))
    return [depth(v) for v in jaxpr.outvars]


def _inner(eqn: Any, on_cpu: bool) -> ClosedJaxpr | None:
    """The program inside an equation; of those for several platforms the one that is asked for."""
    if eqn.primitive.name == "cond":
        return eqn.params["branches"][0 if on_cpu else -1]
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if name in eqn.params:
            found = eqn.params[name]
            return found if isinstance(found, ClosedJaxpr) else ClosedJaxpr(found, ())
    return None
