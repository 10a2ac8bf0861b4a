"""Whether something is a symbolic tensor."""

from __future__ import annotations

from ..core import SymbolicTensor


def is_keras_tensor(x: object) -> bool:
    """Whether `x` is a tensor of a graph, made by `fk.Input` or a layer's call on one.

    >>> import fkeras as fk
    >>> is_keras_tensor(fk.Input((3,))), is_keras_tensor(3.0)
    (True, False)
    """
    return isinstance(x, SymbolicTensor)
