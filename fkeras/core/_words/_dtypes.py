"""Dtype policies: which dtype a layer computes in, and which it stores its weights in."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..typing import Config, DTypeLike
from ._config import register
from ._configured import Configured
from ._errors import explain

# Text has a dtype on the host only: such inputs and tensors describe a graph, and no device ever holds them.
_STRING: np.dtype = np.dtypes.StringDType()


def dtype_of(name: DTypeLike) -> np.dtype:
    """A dtype by name; `"string"` is numpy's.

    >>> dtype_of("string").kind
    'T'
    """
    return _STRING if is_string(name) else jnp.dtype(name)


def dtype_name(dtype: Any) -> str:
    """The inverse of `dtype_of`.

    >>> dtype_name(jnp.float32), dtype_name(np.dtype("U3"))
    ('float32', 'string')
    """
    return "string" if is_string(dtype) else jnp.dtype(dtype).name


def is_string(dtype: object) -> bool:
    """Whether a dtype is one of text: numpy's `U`, `S`, `O` or `StringDType`, or the name `"string"`."""
    return dtype == "string" if isinstance(dtype, str) else getattr(dtype, "kind", None) in ("O", "S", "U", "T")


@register("keras", aliases=("FloatDTypePolicy",))
@dataclasses.dataclass(frozen=True)
class DTypePolicy(Configured):
    """A named dtype policy, as Keras's.

    `"float32"` (or any dtype's name) computes and stores in that dtype; `"mixed_bfloat16"` and
    `"mixed_float16"` compute in the half type and store weights in float32.

    Args:
        name: a dtype's name or `mixed_` and a half type's name.

    Raises:
        ValueError: a name that is neither.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')

    Reference: https://keras.io/api/mixed_precision/policy/
    Unlike Keras there is no global policy: a layer without a policy is float32.
    """

    name: str = "float32"

    def __post_init__(self) -> None:
        if self.name in ("mixed_bfloat16", "mixed_float16", "string"):
            return
        if not isinstance(self.name, str) or not _is_of_numbers(self.name):
            raise ValueError(
                explain(
                    f"Unknown dtype policy {self.name!r}.",
                    received=repr(self.name),
                    usually="a misspelt dtype.",
                    write='dtype="float32", dtype="bfloat16" or dtype="mixed_bfloat16"',
                )
            )

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are kept in few bits; `None` for floats."""
        return None

    @property
    def compute_dtype(self) -> str:
        """The dtype of the arithmetic and of the outputs."""
        return self.name.removeprefix("mixed_")

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return "float32" if self.name.startswith("mixed_") else self.name


def _is_of_numbers(name: str) -> bool:
    try:
        return jnp.dtype(name).kind == "b" or jnp.issubdtype(jnp.dtype(name), jnp.number)
    except TypeError:
        return False


def name_of_record(record: Config) -> str:
    """The policy's name in a config that was not deserialised yet.

    Raises:
        ValueError: a record of something else.

    >>> name_of_record({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "bfloat16"}})
    'bfloat16'
    """
    inner = record.get("config")
    if (
        record.get("class_name") in ("DTypePolicy", "FloatDTypePolicy")
        and isinstance(inner, dict)
        and set(inner) == {"name"}
    ):
        return DTypePolicy(inner["name"]).name
    raise ValueError(
        explain(
            "This is no dtype policy.",
            received=repr(record)[:80],
            usually="a damaged config.",
            write='{"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}',
        )
    )


def policy_name(dtype: DTypeLike | DTypePolicy | Config | None) -> str:
    """The policy's name for whatever a user may pass as `dtype=`; `None` is float32.

    >>> policy_name(None), policy_name(jnp.bfloat16), policy_name(DTypePolicy("mixed_float16"))
    ('float32', 'bfloat16', 'mixed_float16')
    """
    if dtype is None:
        return "float32"
    if isinstance(dtype, DTypePolicy):
        return dtype.name
    if isinstance(dtype, dict):
        return name_of_record(dtype)
    if isinstance(dtype, str):
        return DTypePolicy(dtype).name
    return jnp.dtype(dtype).name
