"""A loop over steps whose bounds are known only at run time, in stretches whose length the program knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Carry = TypeVar("Carry")


#: The first step's number and the one after the last, int32 of shape (2,).
Bounds: TypeAlias = jax.Array
#: Their shape and dtype.
BOUNDS = jax.ShapeDtypeStruct((2,), np.int32)


def bounds_of(start: int, stop: int) -> Bounds:
    """Bounds on the device, copied there because it was asked for: two scalars take three times as long."""
    found: Bounds = jax.device_put(np.array([start, stop], np.int32))
    return found


def over_steps(body: Callable[[jax.Array, Carry], Carry], bounds: Bounds, carry: Carry, unrolled: int = 0) -> Carry:
    """`body(stop - 1, … body(start, carry))`, with `start, stop = bounds`.

    A loop whose trip count is a number in the program's input makes a GPU ask its host after each round whether to go
    on. With `unrolled` the host is asked once for so many steps, which are written out one after another. They are
    always the same ones: those from `k unrolled` to `(k + 1) unrolled`. What lies outside of the bounds is computed
    and not kept. So each step is made by the same place in the same program, wherever a run is cut.

    Args:
        body: one step, `(its number, carry) -> carry`, without side effects where steps are unrolled.
        bounds: int32 of shape (2,), the first step's number and the one after the last.
        carry: what goes from step to step.
        unrolled: how many steps are written out; 0 asks before each.

    Returns:
        The carry after the last step.

    >>> over_steps(lambda i, total: total + i, bounds_of(2, 5), jnp.int32(0), unrolled=4)
    Array(9, dtype=int32)
    """
    start, stop = bounds[0], bounds[1]
    if not unrolled:
        found: Carry = lax.fori_loop(start, stop, body, carry)
        return found

    def stretch(k: jax.Array, carry: Carry) -> Carry:
        for place in range(unrolled):
            i = k * unrolled + place
            new, keep = body(i, carry), (start <= i) & (i < stop)
            carry = jax.tree.map(lambda n, o, keep=keep: n if n is o else jnp.where(keep, n, o), new, carry)
        return carry

    whole: Carry = lax.fori_loop(start // unrolled, -(-stop // unrolled), stretch, carry)
    return whole
