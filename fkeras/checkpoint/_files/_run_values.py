"""Values that a run keeps, where it is and what its callbacks remember: plain data, JAX's arrays beside the JSON."""

from __future__ import annotations

import jax
import numpy as np

from ...core import escape_key, explain
from ...core.typing import JSON, Array
from ._json_values import ValueWriter, in_base_64


class RunValues(ValueWriter):
    """Writes numbers, strings, arrays, and lists, tuples and dicts of those.

    Attributes:
        arrays: the arrays of JAX that were met, by the path of the value that they are in.

    >>> values = RunValues()
    >>> values.encode({"best": 0.5, "weights": jax.numpy.zeros(2)}, "memory/0")
    {'dict': [['best', {'float': '0x1.0000000000000p-1'}], ['weights', {'array': 'memory/0/weights'}]]}
    >>> list(values.arrays)
    ['memory/0/weights']
    """

    writes_enums = False

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def inside(self, path: str, key: object) -> str:
        """The path of what is in a container under a key."""
        return f"{path}/{escape_key(str(key))}"

    def array(self, value: np.generic | np.ndarray | Array, path: str) -> JSON:
        """An array of JAX by its path; one of NumPy in the JSON."""
        if isinstance(value, float):  # NumPy's float64 is a subclass of float
            return {"float": value.hex()}
        if isinstance(value, np.generic):
            return {"scalar": [value.dtype.name, self.encode(value.item(), path)]}
        if isinstance(value, jax.Array):
            self.arrays[path] = value
            return {"array": path}
        return in_base_64("numpy", value) if value.dtype.kind in "biuf" else self.other(value, path)

    def other(self, value: object, path: str) -> JSON:
        """A subclass of list or tuple as a list or tuple; nothing else can be written."""
        if isinstance(value, list | tuple):
            return self.items("tuple" if isinstance(value, tuple) else "list", value, path)
        raise TypeError(
            explain(
                "A run's record or a callback's memory holds something that cannot be saved.",
                received=f"{path}: {type(value).__name__}",
                usually="a callback remembers an object of its own.",
                write="numbers, strings, arrays, and lists, tuples and dicts of those",
            )
        )
