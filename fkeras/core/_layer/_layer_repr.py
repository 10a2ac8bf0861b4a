"""A layer as one would write it: its class, and the arguments that differ from their defaults."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING

from .._words._fields import NO_ARGUMENTS
from .._words._short_repr import REQUIRED, are_same, differing_arguments, keyword_texts, short_repr
from ._axis_names import axes_texts
from ._construct import BASE_ARGUMENTS

if TYPE_CHECKING:
    from ._layer import Layer


def repr_of(layer: Layer, with_name: bool = True) -> str:
    """A layer as it could be written, with the arguments that are not their defaults; a bound one by its place.

    Args:
        layer: the layer.
        with_name: whether its name, if it has one, is among them.
    """
    if layer.scope is not None:
        place = f" {'/'.join(layer.path)!r}" if layer.path else ""
        return f"<{type(layer).__name__}{place}, bound>"
    own = _of_fields(layer) if layer._description is None else _of_init(layer)
    base = [] if layer._description is None else _of_base(layer)
    name = [] if layer.name is None or not with_name else [f"name={layer.name!r}"]
    storage = f".stored_as({short_repr(layer._weights_as)})" if layer._weights_as is not None else ""
    axes = keyword_texts(axes_texts(layer))
    written = f"{type(layer).__name__}({', '.join([*own, *base, *axes, *name])}){storage}"
    return written if layer._remat is None else f"remat({written}, {layer._remat!r})"


def _of_fields(layer: Layer) -> list[str]:
    """The arguments of a layer whose class lists fields, in the order of its constructor."""
    cls, fields = type(layer), {f.name: f for f in dataclasses.fields(layer)}
    names = [n for n in (*cls._positional, *fields) if n[0] != "_" and n not in (*NO_ARGUMENTS, "name")]
    values = {n: getattr(layer, n) for n in names if hasattr(layer, n)}
    defaults = {n: REQUIRED if fields[n].default is dataclasses.MISSING else fields[n].default for n in values}
    return keyword_texts(differing_arguments(functools.partial(cls, parent=None), defaults, values))


def _of_init(layer: Layer) -> list[str]:
    """The arguments of a layer whose class has an `__init__` of its own."""
    description, parameters = layer._description, inspect.signature(type(layer)._user_init).parameters
    assert description is not None
    kinds = [p.kind for p in parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:  # what came before them can only be given by position as well
        before = list(parameters)[1 : kinds.index(inspect.Parameter.VAR_POSITIONAL)]
        listed = [short_repr(value) for value in description.args]
    else:
        before, listed = [], []
    config = {n: v for n, v in description.config.items() if n not in before[: len(listed)]}
    shown = [
        (name, value)
        for name, value in config.items()
        if name not in parameters or not are_same(value, parameters[name].default)
    ]
    return [*listed, *keyword_texts(shown)]


def _of_base(layer: Layer) -> list[str]:
    """What every layer takes, of one whose `__init__` need not name it."""
    defaults = {f.name: f.default for f in dataclasses.fields(layer)}
    values = [(n, getattr(layer, n, defaults[n])) for n in BASE_ARGUMENTS if n != "name"]
    values = [(n, None if (n, value) == ("dtype", "float32") else value) for n, value in values]
    return keyword_texts((name, value) for name, value in values if not are_same(value, defaults[name]))
