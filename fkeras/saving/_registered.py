"""Classes and functions of a user's own that files know by a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..core import own_name_of, own_named, register_own
from ..core.typing import CustomObjects

T = TypeVar("T", bound=Callable[..., Any])


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator: files know a class or function as `package>name`, and are read without `custom_objects`.

    Args:
        package: what it belongs to.
        name: its name; the object's own by default.

    Returns:
        A decorator that returns the object unchanged.

    Raises:
        TypeError: the decorator is used without parentheses.
        ValueError: a class without `get_config`.

    >>> import fkeras as fk
    >>> @register_keras_serializable("shop")
    ... class Halve(fk.nn.Layer):
    ...     def call(self, inputs):
    ...         return inputs / 2
    >>> get_registered_name(Halve)
    'shop>Halve'
    >>> type(fk.saving.deserialize_keras_object(fk.saving.serialize_keras_object(Halve()))).__name__
    'Halve'

    Reference: https://keras.io/api/models/model_saving_apis/serialization_utils/
    What `custom_objects` says comes first, where Keras's registered names do.
    """
    return register_own(package, name)


def get_registered_name(obj: Any) -> str:
    """The name under which files know a class or function: `package>name`, or its own.

    >>> import fkeras as fk
    >>> get_registered_name(fk.nn.Dense)
    'Dense'
    """
    return own_name_of(obj) or str(obj.__name__)


def get_registered_object(
    name: str, custom_objects: CustomObjects | None = None, module_objects: CustomObjects | None = None
) -> Any:
    """The class or function that is known by a name; `None` where there is none.

    Args:
        name: `package>name`, or a name in one of the dicts.
        custom_objects, module_objects: where else to look.

    Returns:
        The class or function, or `None`.

    >>> get_registered_object("shop>Nothing") is None
    True
    """
    for known in (custom_objects, module_objects):
        if known and name in known:
            return known[name]
    return own_named(name)
