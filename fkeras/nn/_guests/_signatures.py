"""What classes, functions and methods of guests take, and errors in words where something else is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...core import explain
from ...core.typing import PyTree


def signature_of(factory: Callable[..., object]) -> inspect.Signature:
    """The arguments that make an object: of a class those of its constructor, whatever its metaclass takes."""
    if not isinstance(factory, type):
        return inspect.signature(factory)
    own = inspect.signature(inspect.getattr_static(factory, "__init__"))
    return own.replace(parameters=list(own.parameters.values())[1:])


def takes(factory: Callable[..., object], name: str) -> bool:
    """Whether a class or function has an argument of this name."""
    return name in signature_of(factory).parameters


def name_of(factory: Callable[..., object]) -> str:
    """The name of a class or function."""
    return getattr(factory, "__name__", type(factory).__name__)


def call_text(factory: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A call as it is written."""
    given = [repr(value) for value in args] + [f"{name}={value!r}" for name, value in kwargs.items()]
    return f"{name_of(factory)}({', '.join(given)})"


def check_arguments(
    factory: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], layer: str, key: str
) -> None:
    """Refuse arguments that a class or function does not take, or lacks.

    Args:
        factory: the class or function.
        args, kwargs: its arguments.
        layer: the layer that is made, for the line to write.
        key: the argument that the layer gives by itself.

    Raises:
        TypeError: naming the argument.
    """
    given = {key: None} if takes(factory, key) else {}
    try:
        signature_of(factory).bind(*args, **kwargs, **given)
    except TypeError as error:
        name = name_of(factory)
        raise TypeError(
            explain(
                f"{name} cannot be made of these arguments: {error}.",
                received=f"args={args!r}, kwargs={dict(kwargs)!r}",
                usually=f"a class without the arguments of its constructor, or a key that is not named `{key}`.",
                write=f"fk.nn.{layer}({name}, args=(3, 4)), functools.partial({name}, 3, 4), or an instance",
            )
        ) from None


def check_keywords(name: str, parameters: Mapping[str, inspect.Parameter], kwargs: Mapping[str, PyTree]) -> None:
    """Refuse keyword arguments that a method does not take.

    Raises:
        TypeError: naming the first.
    """
    unknown = [n for n in kwargs if n not in parameters]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise TypeError(
            explain(
                f"{name} has no argument {unknown[0]!r}.",
                received=f"{', '.join(unknown)}; it takes {', '.join([*parameters][1:])}",
                usually="a module that has its mode as attributes, which the layer sets.",
                write="layer(x, training=True), which sets the mode of any module",
            ).complete()
        )


def method_of(module: object, name: str, method: str | None, layer: str) -> Callable[..., PyTree]:
    """A method of a module's class, as a function of the module.

    Raises:
        AttributeError: the class has none of this name.
    """
    function = getattr(type(module), method or "__call__", None)
    if not callable(function):
        raise AttributeError(
            explain(
                f"{name} has no method {method or '__call__'!r}.",
                received=f"method={method!r}",
                usually="the module's class has its forward pass under another name.",
                write=f'fk.nn.{layer}(module, method="encode")',
            ).complete()
        )
    return function
