"""Values in a config against the types of a class's fields: JSON knows few types, and a wrong one is often taken."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from flax import linen

from ._errors import explain

_TYPES: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}


def check_types(cls: type, values: Mapping[str, object]) -> None:
    """Refuse a value whose field is of another plain type: a list where a class has `use_bias: bool`.

    Args:
        cls: a dataclass; of what it annotates, `bool`, `int`, `float` and `str` are compared, with or without `None`.
        values: arguments by name, from a config.

    Raises:
        ValueError: naming the argument.
    """
    if not dataclasses.is_dataclass(cls):
        return
    of_layer, name = issubclass(cls, linen.Module), cls.__name__
    for field in dataclasses.fields(cls):
        if field.name not in values or not isinstance(field.type, str):
            continue
        wanted = _TYPES.get(field.type.removesuffix(" | None"))
        value = values[field.name]
        optional = field.type.endswith(" | None") or field.default is None or of_layer
        if wanted is None or (value is None and optional):  # None stands for the default in many configs of layers
            continue
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise ValueError(
                explain(
                    f"{name}: `{field.name}` is a {field.type.removesuffix(' | None')}.",
                    received=f"{field.name}={value!r:.80} in a config",
                    usually="the config is damaged, or was edited.",
                )
            )
