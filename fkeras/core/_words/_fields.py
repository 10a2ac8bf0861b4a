"""Fields of a layer: Keras's constructor arguments, checked and converted when the layer is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

#: Fields of a layer that are no arguments and in no config: Linen sets them, a copy, or a model's class.
NO_ARGUMENTS = (
    "parent",
    "graph",
    "start",
    "_description",
    "_weights_as",
    "_remat",
    "_weight_axes",
    "_batch_input_shape",
)
#: Fields that tell where a layer stands, or what stands before it, and not what it is.
_PLACE = ("parent", "name", "_description", "_batch_input_shape")


def value_fields(cls: type[Any]) -> tuple[str, ...]:
    """The fields that tell what a layer of a class is; name, parent and what is before it tell where it stands.

    What a Keras-style layer is made of is in its `Description` besides.
    """
    return tuple(f.name for f in dataclasses.fields(cls) if f.name not in _PLACE)


def field(default: Any = dataclasses.MISSING, convert: Callable[[Any], Any] | None = None) -> Any:
    """A constructor argument of a layer.

    Args:
        default: its default; without one it is required.
        convert: `value -> value`, run once at construction: resolves names (`"relu"`), normalises
            (`3 -> (3, 3)`) and raises on what cannot be right. It must accept what it returned.

    Returns:
        What stands for the field in the class's body; an instance has the argument's value.

    >>> import fkeras as fk
    >>> class Scale(fk.nn.Layer):
    ...     factor: float = fk.nn.field(1.0, convert=float)
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale(2).get_config()
    {'name': None, 'trainable': True, 'dtype': {'module': 'keras', 'class_name': 'DTypePolicy', \
'config': {'name': 'float32'}, 'registered_name': None}, 'factor': 2.0}
    """
    return dataclasses.field(default=default, metadata={"convert": convert} if convert else {})


class ListedField:
    """A field of a dataclass that is kept as a tuple and read as a list, which is the reader's to change.

    >>> @dataclasses.dataclass
    ... class Row:
    ...     parts: Any = ListedField()
    >>> row = Row([1, 2])
    >>> row.parts.append(3)
    >>> row, Row()
    (Row(parts=[1, 2]), Row(parts=[]))

    Reference: https://docs.python.org/3/library/dataclasses.html#descriptor-typed-fields
    """

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        if instance is None:
            return ()  # the field's default
        value = vars(instance).get(self._name, ())
        return list(value) if isinstance(value, tuple) else value

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self._name] = tuple(value) if isinstance(value, list) else value


def converters_of(cls: type[Any]) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a class that have a converter."""
    return tuple(f for f in dataclasses.fields(cls) if "convert" in f.metadata)
