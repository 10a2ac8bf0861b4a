"""Values in few words: how a repr shows the arguments of an object."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from flax import linen

from ._array_differences import show_spec
from ._config import address_of


class _Short(reprlib.Repr):
    """Python's reprs, of which the long ones are cut: an array is its dtype and shape, a function its name."""

    def __init__(self) -> None:
        super().__init__()
        self.fillvalue = "…"
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 8
        self.maxstring, self.maxother, self.maxlong = 80, 2000, 40

    def repr1(self, x: object, level: int) -> str:
        if hasattr(x, "dtype") and hasattr(x, "shape") and not isinstance(x, type) and not _says_itself(x):
            return f"<{show_spec((x.shape, str(x.dtype)))}>"
        if inspect.isroutine(x) or isinstance(x, type | np.ufunc) or hasattr(x, "__wrapped__"):
            return _function(x)
        if isinstance(x, functools.partial):
            arguments = [*map(short_repr, x.args), *keyword_texts(x.keywords.items())]
            return f"partial({', '.join([_function(x.func), *arguments])})"
        if isinstance(x, tuple) and type(x).__repr__ is _named_tuple_repr(type(x)):
            return f"{type(x).__name__}({', '.join(keyword_texts(zip(x._fields, x, strict=True)))})"  # type: ignore[attr-defined]
        if isinstance(x, linen.Module) and type(x).__repr__ is linen.Module.__repr__:
            return module_repr(x)
        return super().repr1(x, level)


def _named_tuple_repr(cls: type) -> object:
    """The repr that a class has from being a named tuple; `None` for any other."""
    return next((vars(base).get("__repr__") for base in reversed(cls.__mro__) if "_fields" in vars(base)), None)


def _says_itself(x: object) -> bool:
    """Whether an object with a dtype and a shape is one of ours, or a number of numpy's."""
    return type(x).__module__.startswith("fkeras.") or getattr(x, "shape", None) == ()


def _function(x: object) -> str:
    """A function or class by the name that one would write."""
    name = getattr(x, "__name__", type(x).__name__)
    address = address_of(x)
    if address is not None and not isinstance(x, type):
        return repr(address[1])
    return str(name)


def short_repr(value: object) -> str:
    """A value as an argument in a repr.

    >>> import jax, numpy as np
    >>> short_repr(np.ones((3, 4))), short_repr(jax.nn.relu), short_repr([1, "a"]), short_repr(list(range(100)))
    ('<float64(3, 4)>', "'relu'", "[1, 'a']", '[0, 1, 2, 3, 4, 5, 6, 7, …]')
    """
    return _Short().repr(value)


def keyword_texts(arguments: Iterable[tuple[str, object]]) -> list[str]:
    """Arguments as one writes them, `name=value`."""
    return [f"{name}={short_repr(value)}" for name, value in arguments]


def module_repr(module: linen.Module) -> str:
    """A Linen module with the fields that differ from their defaults, on one line."""
    fields = [f for f in dataclasses.fields(module) if f.init and f.repr and f.name not in ("parent", "name")]
    told = [(f.name, getattr(module, f.name, None), f.default) for f in fields]
    shown = keyword_texts((name, value) for name, value, default in told if not are_same(value, default))
    return f"{type(module).__name__}({', '.join(shown)})"


def are_same(value: object, other: object) -> bool:
    """Whether two values show as one: the same object, or equal ones; arrays by what they hold."""
    if value is other:
        return True
    try:
        return type(value) is type(other) and bool(value == other)
    except Exception:  # of values that do not compare, such as arrays of several numbers
        return False


#: Stands for the default of an argument that has none.
REQUIRED = inspect.Parameter.empty


def differing_arguments(
    make: Callable[..., object] | None, defaults: Mapping[str, object], values: Mapping[str, object]
) -> list[tuple[str, object]]:
    """Which arguments have to be written down to make the same object again.

    A constructor may keep something else than it was given, `3` as `(3, 3)`, or let one argument follow from another.
    So what is no default is left out only where an object that is made without it has the same there.

    Args:
        make: the constructor; `None` where it may not be called for this.
        defaults: its arguments' defaults, `REQUIRED` where there is none.
        values: what the object has for them.

    Returns:
        `(name, value)` of those to be written, in the order of `values`.
    """
    needed = {n for n in values if defaults[n] is REQUIRED}
    unlike = {n for n, value in values.items() if n in needed or not are_same(value, defaults[n])}
    if unlike - needed and make is not None:
        try:
            plain = make(**{n: values[n] for n in needed})
            shown = {n for n in unlike if n in needed or not are_same(values[n], getattr(plain, n, REQUIRED))}
            again = make(**{n: values[n] for n in values if n in shown})
            unlike = shown | {n for n in unlike if not are_same(values[n], getattr(again, n, REQUIRED))}
        except Exception:  # of arguments that do not go together
            pass
    return [(n, value) for n, value in values.items() if n in unlike]


def arguments_repr(value: Any, makes: bool = True) -> str:
    """An object as one would make it, by the constructor's arguments that it has as attributes.

    Args:
        value: the object.
        makes: whether its constructor may be called to see what it makes of its defaults.

    Returns:
        `Name(first, second=...)`.
    """
    cls = type(value)
    parameters = inspect.signature(cls).parameters
    plain = {n: p.default for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    values = {n: getattr(value, n) for n in plain if hasattr(value, n)}
    whole = {n for n, default in plain.items() if default is REQUIRED} <= set(values)
    shown = keyword_texts(differing_arguments(cls if makes and whole else None, plain, values))
    return f"{cls.__name__}({', '.join([*shown, *['…'] * (not whole)])})"
