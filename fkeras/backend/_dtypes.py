"""Facts about dtypes, by Keras's names for them."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from ..config import floatx
from ..core import dtype_name, explain
from ..core.typing import DTypeLike

# What Python's own types are, as arrays of one.
_PYTHON = {bool: "bool", int: "int32", float: "float32", complex: "complex64", str: "string", "int": "int32"}


def standardize_dtype(dtype: DTypeLike | str | type | None) -> str:
    """The name of a dtype.

    Args:
        dtype: a dtype of numpy or JAX, its name, or a type of Python's; `None` is float32.

    Returns:
        The name.

    Raises:
        ValueError: something else.

    >>> standardize_dtype(None), standardize_dtype(jnp.bfloat16), standardize_dtype(int)
    ('float32', 'bfloat16', 'int32')

    Reference: https://keras.io/api/utils/backend_utils/
    """
    if dtype is None:
        return floatx()
    known = _PYTHON.get(dtype) if isinstance(dtype, str | type) else None
    if known is not None or (isinstance(dtype, str) and dtype == "string"):
        return known or "string"
    try:
        return dtype_name(dtype)
    except (TypeError, ValueError):
        raise ValueError(
            explain(
                "This is no dtype.",
                received=repr(dtype)[:80],
                usually="a misspelt name.",
                write='"float32", "bfloat16", "int32", jnp.float32',
            )
        ) from None


def is_float_dtype(dtype: DTypeLike | str | type | None) -> bool:
    """Whether a dtype is of real numbers with a fraction.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int8")
    (True, False)
    """
    name = standardize_dtype(dtype)
    return name != "string" and bool(jnp.issubdtype(name, jnp.floating))


def is_int_dtype(dtype: DTypeLike | str | type | None) -> bool:
    """Whether a dtype is of whole numbers.

    >>> is_int_dtype("uint8"), is_int_dtype("float32"), is_int_dtype(bool)
    (True, False, False)
    """
    name = standardize_dtype(dtype)
    return name != "string" and bool(jnp.issubdtype(name, jnp.integer))


def result_type(*dtypes: DTypeLike | str | type | None) -> str:
    """The dtype of what is computed from arrays of some dtypes, by JAX's lattice; of 32 bits where JAX has no more.

    Args:
        *dtypes: dtypes, and types of Python's, which are weak: they do not widen.

    Returns:
        The name of the dtype.

    Raises:
        ValueError: a dtype of eight-bit floats among others, which promotes to none.

    >>> result_type("bfloat16", int), result_type("int32", "float32"), result_type()
    ('bfloat16', 'float32', 'float32')

    Reference: https://docs.jax.dev/en/latest/type_promotion.html
    """
    weak = (bool, int, float, complex)
    kinds: list[Any] = [d if isinstance(d, type) and d in weak else standardize_dtype(d) for d in dtypes or (None,)]
    if any(isinstance(kind, str) and kind.startswith("float8") for kind in kinds):
        raise ValueError(
            explain(
                "Floats of eight bits promote to no other dtype.",
                received=", ".join(map(str, kinds)),
                usually="a product of quantised arrays.",
                write='x.astype("float32")',
            )
        )
    with jax.numpy_dtype_promotion("standard"):
        first, *others = kinds
        found: Any = functools.reduce(lambda a, b: jnp.promote_types(a, b), others, first)
    return standardize_dtype(jax.dtypes.canonicalize_dtype(found))
