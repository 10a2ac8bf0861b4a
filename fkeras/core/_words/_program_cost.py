"""What a program costs by XLA's own analysis: operations and bytes, each loop as often as it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core as traced_core

from ..typing import PyTree


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a program does.

    Attributes:
        flops: floating-point operations.
        bytes: bytes that its operations read and write, before the compiler joins any of them.

    >>> Cost(2.0, 8.0) + Cost(1.0, 4.0).times(3)
    Cost(flops=5.0, bytes=20.0)
    """

    flops: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)

    def times(self, count: int) -> Cost:
        """So many programs like this one."""
        return Cost(self.flops * count, self.bytes * count)


def cost_of(function: Callable[..., PyTree], *args: PyTree) -> Cost:
    """The cost of a function of arrays, from their shapes; nothing is compiled and no number is computed.

    `jax.stages.Lowered.cost_analysis` counts the body of a loop once. So the body of each `jax.lax.scan` is analysed by
    itself, and counted as often as it runs. A loop whose number of rounds the program does not know counts once.

    Args:
        function: a pure function.
        *args: pytrees of arrays, or of what has their shapes.

    Returns:
        The cost; zeros where the backend has no analysis.

    >>> import jax.numpy as jnp
    >>> cost_of(lambda a, b: jnp.einsum("ij,jk", a, b), jnp.ones((4, 8)), jnp.ones((8, 2))).flops
    128.0
    """
    return traced_cost(jax.jit(function).trace(*args))


def traced_cost(traced: jax.stages.Traced) -> Cost:
    """The cost of a function that was traced."""
    return _analysed(traced.lower()) + _further_rounds(traced.jaxpr)


def _further_rounds(program: Any) -> Cost:
    """What the loops of a program cost beyond their first round."""
    total = Cost()
    for loop in _scans(program.jaxpr):
        body, rounds = loop.params["jaxpr"], loop.params["length"]
        one = jax.jit(traced_core.jaxpr_as_fun(body)).lower(*map(_shape_of, body.in_avals))
        inside = _further_rounds(body)
        # the analysis of the whole has each body, and the loops in it, once
        total += (_analysed(one) + inside).times(max(0, rounds - 1)) + inside
    return total


def _scans(program: Any) -> Iterator[traced_core.JaxprEqn]:
    """The outermost scans of a program."""
    for equation in program.eqns:
        if equation.primitive.name == "scan":
            yield equation
            continue
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else (value,):
                found = getattr(inner, "jaxpr", inner)
                if hasattr(found, "eqns"):
                    yield from _scans(found)


def _shape_of(aval: jax.core.ShapedArray) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)


def _analysed(lowered: jax.stages.Lowered) -> Cost:
    found = lowered.cost_analysis() or {}
    return Cost(float(found.get("flops", 0.0)), float(found.get("bytes accessed", 0.0)))
