"""`fk.ops`: jax.numpy and jax.nn, lifted onto symbolic tensors, under the names Keras users type.

On arrays each is the function it is named after; on a symbolic tensor it records a node. `ops.pyi` says what there is.

>>> import fkeras as fk, jax.numpy as jnp
>>> fk.ops.mean(jnp.array([1.0, 3.0]))
Array(2., dtype=float32)
>>> fk.ops.mean(fk.Input((4, 8)), axis=1).shape
(None, 8)
"""

from __future__ import annotations

from ._ops._table import NAMESPACES as _NAMESPACES
from ._ops._table import OPS as _OPS

globals().update(_OPS)
globals().update(_NAMESPACES)


def __dir__() -> list[str]:
    return sorted([*_OPS, *_NAMESPACES])
