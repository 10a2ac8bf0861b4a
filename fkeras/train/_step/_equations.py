"""The operations of a traced program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: The name of a convolution among operations.
CONVOLUTION = "conv_general_dilated"


def equations(program: Any) -> Iterator[Any]:
    """The equations of a program, those of the programs inside it included.

    Args:
        program: a `Jaxpr`, or what has one as its `jaxpr`.

    Yields:
        Each equation.
    """
    for equation in getattr(program, "jaxpr", program).eqns:
        yield equation
        for value in equation.params.values():
            for inner in value if isinstance(value, list | tuple) else (value,):
                if hasattr(getattr(inner, "jaxpr", inner), "eqns"):
                    yield from equations(inner)
