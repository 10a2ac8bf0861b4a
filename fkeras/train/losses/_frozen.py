"""Frozen: what losses and metrics have in common: fixed once made, hashable, described by a Keras config."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from typing import Any, TypeAlias

import jax.numpy as jnp

from ...core import Configured, DTypePolicy, explain
from ...core.typing import DTypeLike
from ._exact_key import exact_key

#: What a `dtype=` argument may be: a dtype or its name, the name of a mixed policy, a policy, or nothing.
DTypeSpec: TypeAlias = DTypeLike | DTypePolicy | None


class _Sealing(type):
    """Seals an object once its constructor is through, so that an `__init__` as Keras users write it may set fields."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__call__(*args, **kwargs)
        vars(instance)["_sealed"] = True
        return instance

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's arguments, which the generic `__call__` above would hide."""
        init = inspect.signature(cls.__init__)  # type: ignore[misc]
        return init.replace(parameters=list(init.parameters.values())[1:], return_annotation=cls)


class Frozen(Configured, metaclass=_Sealing):
    """A value: no attribute changes after the constructor, equal fields make equal objects, `hash` and `pickle` work.

    Fields are compared exactly (`exact_key`), since compiled programs are looked up by the values that they hold.

    Subclass it as a frozen dataclass, or with an `__init__` that sets attributes; both hash, so that a loss or a
    metric can be a static argument of `jax.jit`.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if "_sealed" in vars(self):
            raise AttributeError(_frozen_message(type(self).__name__, name))
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(_frozen_message(type(self).__name__, name))

    @property
    def _compute_dtype(self) -> DTypeLike:
        """The dtype that the object computes in."""
        return dtype_name(getattr(self, "dtype", None))

    def _key(self) -> Hashable:
        return (type(self), exact_key({k: v for k, v in vars(self).items() if k != "_sealed"}))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Frozen) and self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())


def _frozen_message(cls: str, name: str) -> str:
    return explain(
        f"{cls} is frozen: its attribute {name!r} cannot be set.",
        usually="code that was written for Keras's objects, which change in place.",
        write=f"{cls}({name}=...)   # a new object",
    )


def set_fields(obj: object, **values: object) -> None:
    """Set fields of a frozen dataclass inside its constructor."""
    for name, value in values.items():
        object.__setattr__(obj, name, value)


def dtype_name(dtype: DTypeSpec, default: str = "float32") -> str:
    """The dtype that a `dtype=` argument computes in: `None`, a name, a dtype or a policy.

    >>> dtype_name(None), dtype_name("mixed_bfloat16"), dtype_name(jnp.float16), dtype_name("int")
    ('float32', 'bfloat16', 'float16', 'int32')
    """
    if dtype is None:
        return default
    if isinstance(dtype, str) and dtype.startswith("mixed_"):
        dtype = DTypePolicy(dtype)
    if hasattr(dtype, "compute_dtype"):
        dtype = dtype.compute_dtype
    return "int32" if dtype == "int" else jnp.dtype(dtype).name
