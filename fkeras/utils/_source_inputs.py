"""The inputs that a tensor of a graph depends on."""

from __future__ import annotations

from ..core import SymbolicTensor, describe, explain


def get_source_inputs(tensor: SymbolicTensor) -> list[SymbolicTensor]:
    """The tensors of `fk.Input` from which a tensor is computed.

    Args:
        tensor: a symbolic tensor.

    Returns:
        Each input once, in the order in which they are met on the way back.

    Raises:
        TypeError: something else.

    >>> import fkeras as fk
    >>> a, b = fk.Input((3,), name="a"), fk.Input((3,), name="b")
    >>> [found.name for found in get_source_inputs(fk.nn.Dense(2)(a) + fk.nn.Dense(2)(b))]
    ['a', 'b']
    """
    if not isinstance(tensor, SymbolicTensor):
        raise TypeError(
            explain(
                "fk.utils.get_source_inputs takes a symbolic tensor.",
                received=describe(tensor),
                usually="an array, which has no history.",
                write="fk.utils.get_source_inputs(model.output)",
            )
        )
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        here = waiting.pop()
        if not here.node.inputs:
            found.setdefault(id(here), here)
        elif id(here.node) not in seen:
            seen.add(id(here.node))
            waiting.extend(reversed(here.node.inputs))
    return list(found.values())
