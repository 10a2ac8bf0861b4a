"""Values of the fields of a user's own trainers and states: with objects, and small arrays in the JSON itself."""

from __future__ import annotations

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...core import address_of, serialize_function, serialize_object
from ...core.typing import JSON, Array, Config
from ._json_values import CONTAINERS, ValueWriter, in_base_64

# Arrays of more bytes than this are kept beside the JSON.
_LARGE = 1 << 16


class FieldValues(ValueWriter):
    """Writes numbers, strings, dtypes, arrays, functions, objects with a config, enums, records (dataclasses and named
    tuples), and containers of those.

    Args:
        beside: takes the arrays that are too large for JSON; `None` where there is no place for any.

    >>> from fkeras.checkpoint._files._json_values import decode
    >>> FieldValues().encode((0.5, {"a": 1}))
    {'tuple': [{'float': '0x1.0000000000000p-1'}, {'dict': [['a', 1]]}]}
    >>> decode(FieldValues().encode((0.5, {"a": 1})))
    (0.5, {'a': 1})
    """

    def __init__(self, beside: dict[str, np.ndarray | Array] | None = None) -> None:
        self._beside = beside

    def array(self, value: np.generic | np.ndarray | Array, path: str) -> JSON:
        """An array in the JSON, or, if it is large, beside it under a number."""
        if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            return {"key": [str(jax.random.key_impl(value)), self.array(jax.random.key_data(value), path)]}
        if value.nbytes > _LARGE:
            return self._put_beside(value if isinstance(value, jax.Array) else np.asarray(value))
        if not (jnp.issubdtype(value.dtype, jnp.number) or value.dtype == bool):
            raise TypeError(f"an array of {value.dtype}")
        word = "jax" if isinstance(value, jax.Array) else "scalar" if isinstance(value, np.generic) else "numpy"
        return in_base_64(word, value)

    def _put_beside(self, value: np.ndarray | Array) -> JSON:
        # 64-bit numbers of NumPy would lose half their bits as arrays of JAX
        narrowed = isinstance(value, np.ndarray) and jax.dtypes.canonicalize_dtype(value.dtype) != value.dtype
        if self._beside is None or narrowed:
            raise TypeError(f"an array of {value.nbytes:,} bytes")
        name = f"{len(self._beside)}"
        self._beside[name] = value
        return {"beside": [name, isinstance(value, jax.Array)]}

    def other(self, value: object, path: str) -> JSON:
        """Dtypes, sets, objects with a config, functions and records."""
        if isinstance(value, np.dtype) or (isinstance(value, type) and hasattr(value, "dtype")):
            return {"dtype": jnp.dtype(value).name}
        if type(value) in CONTAINERS.values():
            return self.items(type(value).__name__, sorted(value, key=repr), path)  # type: ignore[call-overload]
        cls = type(value)
        if hasattr(value, "get_config") and hasattr(cls, "from_config"):
            return {"object": serialize_object(value)}
        if (
            callable(value)
            and hasattr(value, "__name__")
            and not isinstance(value, type)
            and not inspect.ismethod(value)
        ):
            module, name = address_of(value) or (None, None)
            registered: Config = {"module": module, "class_name": "function", "config": name}
            return {"function": registered if name else serialize_function(value)}
        closures = isinstance(value, optax.GradientTransformation)
        if isinstance(value, tuple) and hasattr(value, "_fields") and not closures:
            return self._record(value, value._fields, path)
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and not callable(value):
            return self._record(value, [f.name for f in dataclasses.fields(value) if f.init], path)
        raise TypeError(f"{'an optax transformation' if closures else f'a {cls.__name__}'}, which has no config")

    def _record(self, value: object, names: list[str] | tuple[str, ...], path: str) -> JSON:
        fields: list[JSON] = [[name, self.encode(getattr(value, name), path)] for name in names]
        return {"record": [type(value).__name__, fields]}
