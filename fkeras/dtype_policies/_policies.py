"""Dtype policies from names and configs."""

from __future__ import annotations

from ..backend import standardize_dtype
from ..core import DTypePolicy, explain, policy_of, serialize_object
from ..core import deserialize as deserialize_value
from ..core.typing import Config, CustomObjects, DTypeLike

#: Keras's older name of the class.
FloatDTypePolicy = DTypePolicy

_MODULES = ("keras", "keras.dtype_policies")


def get(identifier: str | DTypePolicy | Config | DTypeLike | None) -> DTypePolicy:
    """A dtype policy by its name, config or dtype; `None` is float32.

    Raises:
        ValueError: something else.

    >>> get("mixed_bfloat16").compute_dtype, get(None).name
    ('bfloat16', 'float32')
    """
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return policy_of(identifier if isinstance(identifier, str) else standardize_dtype(identifier))


def serialize(dtype_policy: DTypePolicy) -> Config:
    """The config of a dtype policy, as Keras writes it.

    >>> serialize(DTypePolicy("mixed_bfloat16"))["config"]
    {'name': 'mixed_bfloat16'}
    """
    return serialize_object(dtype_policy)


def deserialize(config: Config, custom_objects: CustomObjects | None = None) -> DTypePolicy:
    """The dtype policy of a config.

    Raises:
        ValueError: a config of something else.

    >>> deserialize(serialize(DTypePolicy("bfloat16"))).name
    'bfloat16'
    """
    found = deserialize_value(config, custom_objects, _MODULES)
    if isinstance(found, DTypePolicy):
        return found
    raise ValueError(
        explain(
            "This is no config of a dtype policy.",
            received=repr(config)[:80],
            usually="a config of something else.",
            write='{"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}',
        )
    )
